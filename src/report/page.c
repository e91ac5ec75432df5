/*
 * page.c: see page.h.
 */
#include "report/page.h"

#include "report/style.h"

/* Add an element with data in it; open and close are markup. */
static void
add_element(Markup *page, const char *open, const char *data, const char *close)
{
	buffer_add_text(page, open);
	markup_data(page, data);
	buffer_add_text(page, close);
}

void
page_begin(Markup *page, const char *title, const char *facts)
{
	buffer_add_text(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
					 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
					 "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
					 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
					 "<meta name=\"referrer\" content=\"no-referrer\">\n<link rel=\"icon\" href=\"data:,\">\n");
	add_element(page, "<title>", title, "</title>\n<style>");
	buffer_add_text(page, page_style);
	buffer_add_text(page, "</style>\n</head>\n<body>\n<header>\n"
					"<a class=\"skip\" href=\"#content\">To the content</a>\n");
	add_element(page, "<h1>", title, "</h1>\n");
	add_element(page, "<p class=\"facts\">", facts, "</p>\n</header>\n<main id=\"content\">\n<ul class=\"tiles\">\n");
}

void
page_tile(Markup *page, Finding finding, const char *name, const char *figure, const char *sentence,
		  const char *section)
{
	static const char *const classes[] = {"unknown", "good", "look", "plain"};
	static const char *const words[] = {"Not known", "&#10003; Good", "&#9888; Look", ""};

	buffer_printf(page, "<li class=\"%s\">", classes[finding]);
	if (words[finding][0] != '\0')
		buffer_printf(page, "<span class=\"state\">%s</span>", words[finding]);
	buffer_printf(page, "<h2><a href=\"#%s\">", section);
	add_element(page, "", name, "</a></h2>\n");
	add_element(page, "<p class=\"figure\">", figure, "</p>\n");
	add_element(page, "<p>", sentence, "</p></li>\n");
}

void
page_contents(Markup *page, const char *const *sections)
{
	buffer_add_text(page, "</ul>\n<nav aria-label=\"Sections\">\n<ul>\n");
	for (; sections[0] != NULL; sections += 2)
	{
		buffer_printf(page, "<li><a href=\"#%s\">", sections[0]);
		add_element(page, "", sections[1], "</a></li>\n");
	}
	buffer_add_text(page, "</ul>\n</nav>\n");
}

void
page_section(Markup *page, const char *id, const char *heading, const char *lead)
{
	buffer_printf(page, "<h2 id=\"%s\">", id);
	add_element(page, "", heading, "</h2>\n");
	add_element(page, "<p class=\"lead\">", lead, "</p>\n");
}

void
page_heading(Markup *page, const char *heading)
{
	add_element(page, "<h3>", heading, "</h3>\n");
}

void
page_paragraph(Markup *page, const char *sentence)
{
	add_element(page, "<p>", sentence, "</p>\n");
}

void
page_nothing(Markup *page, const char *sentence)
{
	add_element(page, "<p class=\"nothing\">", sentence, "</p>\n");
}

/* One row of a table's body. */
static void
add_row(Markup *page, const Table *table, const char *const *cells)
{
	static const char *const classes[] = {"words", "number", "time", "code"};

	buffer_add_text(page, "<tr>");
	for (int c = 0; c < table->columns; c++)
	{
		const char *cell = cells[c] != NULL && cells[c][0] != '\0' ? cells[c] : NULL;

		if (c == 0)
			buffer_printf(page, "<th scope=\"row\" class=\"%s\">", classes[table->kinds[c]]);
		else
			buffer_printf(page, "<td class=\"%s\">", classes[table->kinds[c]]);
		if (cell != NULL)
			markup_data(page, cell);
		else
			buffer_add_text(page, "&ndash;");
		buffer_add_text(page, c == 0 ? "</th>" : "</td>");
	}
	buffer_add_text(page, "</tr>\n");
}

void
page_table(Markup *page, const Table *table)
{
	add_element(page, "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"", table->caption, "\">\n");
	add_element(page, "<table><caption>", table->caption, "</caption>\n<thead><tr>");
	for (int c = 0; c < table->columns; c++)
		add_element(page, table->kinds[c] == CELL_NUMBER ? "<th scope=\"col\" class=\"number\">" : "<th scope=\"col\">",
					table->headings[c], "</th>");
	buffer_add_text(page, "</tr></thead>\n<tbody>\n");
	for (long r = 0; r < table->rows; r++)
		add_row(page, table, table->cells + r * table->columns);
	buffer_add_text(page, "</tbody></table></div>\n");
}

void
page_figures_begin(Markup *page)
{
	buffer_add_text(page, "<div class=\"figures\">\n");
}

void
page_figures_end(Markup *page)
{
	buffer_add_text(page, "</div>\n");
}

void
page_picture(Markup *page, const uint8_t *jpeg, size_t size, const char *alternative, const char *caption)
{
	buffer_add_text(page, "<figure><img src=\"data:image/jpeg;base64,");
	markup_base64(page, jpeg, size);
	add_element(page, "\" alt=\"", alternative, "\">");
	add_element(page, "<figcaption>", caption, "</figcaption></figure>\n");
}

void
page_pictures_begin(Markup *page, bool with_truth)
{
	static const char *const lines[][2] = {
		{"#f0e442", "outline of the mask"},
		{"#56b4e9", "outline of the truth"},
		{"#fff", "where both run"}
	};

	buffer_add_text(page, "<ul class=\"legend\">\n");
	for (int i = 0; i < (with_truth ? 3 : 1); i++)
		buffer_printf(page, "<li><svg viewBox=\"0 0 35 14\" aria-hidden=\"true\"><rect width=\"35\" height=\"14\" "
					"fill=\"#6b4a3a\"/><path d=\"M0 7H35\" stroke=\"%s\" stroke-width=\"4\"/></svg>%s</li>\n",
					lines[i][0],
					lines[i][1]);
	buffer_add_text(page, "</ul>\n<div class=\"figures pictures\">\n");
}

void
page_end(Markup *page, const char *last_line)
{
	buffer_add_text(page, "</main>\n<footer>\n");
	add_element(page, "<p>", last_line, "</p>\n</footer>\n</body>\n</html>\n");
}
