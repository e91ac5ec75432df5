/*
 * report_page.c: what comes of a database cannot leave its place on the page;
 * charts stand odd figures.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "report/axes.h"
#include "report/chart.h"
#include "report/page.h"
#include "report/style.h"

static const char attack[] = "</script><script>alert(1)</script><!-- \"' onload=`x` --> & \xC3\xA9 \xE2\x80\xA8 \x01";

/* The same with nothing in it that ends anything. */
static const char harmless[] = "&#60;/script&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#60;!-- &#34;&#39; "
	"onload&#61;&#96;x"
"&#96; --&#62; &#38; &#233; &#8232; &#65533;";

static void
check(Markup *page, const char *expected)
{
	assert_int_equal(page->status.code, LS_OK);
	assert_string_equal(page->text, expected);
	buffer_free(page);
}

static void
test_data(void **state)
{
	Markup		page;

	(void) state;
	buffer_init(&page, call_standalone());
	markup_data(&page, attack);
	check(&page, harmless);

	/* Cut, overlong and impossible UTF-8, a surrogate, what is above Unicode. */
	markup_data(&page, "a\xC3");
	markup_data(&page, "\xC0\xBC\xE0\x80\xBC");
	markup_data(&page, "\xED\xA0\x80z\xF4\x90\x80\x80\xFF");
	assert_null(strpbrk(page.text, "<\xC3\xC0"));
	assert_ptr_equal(strstr(page.text, "a&#65533;"), page.text);
	assert_non_null(strstr(page.text, ";z&#65533;"));
	buffer_free(&page);
	markup_data(&page, "\xF0\x9F\x98\x80");
	check(&page, "&#128512;");
}

/* Stop at the second poll. */
static bool
poll_twice(void *user)
{
	return ++*(int *) user >= 2;
}

/* Long data is written whole, and polled. */
static void
test_long_data(void **state)
{
	static char data[300001];
	static char expected[5 * sizeof data];
	Call		call = *call_standalone();
	int			polls = -100;
	Markup		page;

	(void) state;
	for (size_t i = 0; i + 1 < sizeof data; i++)
	{
		data[i] = i % 3 == 0 ? '<' : 'a';
		strcat(expected + (i / 3 * 7), i % 3 == 0 ? "&#60;" : "a");
	}
	call.poll = poll_twice;
	call.user = &polls;
	buffer_init(&page, &call);
	markup_data(&page, data);
	check(&page, expected);
	assert_int_equal(polls, -96);

	polls = 0;
	markup_data(&page, data);
	assert_int_equal(page.status.code, LS_CANCELLED);
	assert_int_equal(polls, 2);
	buffer_free(&page);
}

static void
test_base64(void **state)
{
	static const char *const expected[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
	Markup		page;

	(void) state;
	buffer_init(&page, call_standalone());
	for (size_t size = 1; size <= 6; size++)
	{
		markup_base64(&page, (const uint8_t *) "foobar", size);
		check(&page, expected[size]);
	}
}

/* Refuse all memory. */
static void *
no_memory(void *user, size_t size)
{
	(void) user;
	(void) size;
	return NULL;
}

static void
test_no_memory(void **state)
{
	Call		call = *call_standalone();
	Markup		page;

	(void) state;
	call.host.alloc = no_memory;
	buffer_init(&page, &call);
	buffer_add_text(&page, "<p>");
	buffer_printf(&page, "%d", 7);
	assert_int_equal(page.status.code, LS_OUT_OF_MEMORY);
	assert_null(page.text);
}

/* How often a text stands in another. */
static int
count_of(const char *page, const char *part)
{
	int			count = 0;

	while ((page = strstr(page, part)) != NULL)
	{
		page += strlen(part);
		count++;
	}
	return count;
}

/* Every place of the page takes the attack; every element ends. */
static void
test_page(void **state)
{
	static const char *const contents[] = {"one", attack, NULL};
	static const char *const headings[] = {attack, attack};
	static const CellKind kinds[] = {CELL_WORDS, CELL_NUMBER};
	static const char *const cells[] = {attack, NULL, "", attack};
	static const char *const elements[] = {"div", "figure", "svg", "table", "tbody", "tr", "td", "th", "ul", "li",
		"p", "text",
		"h1", "h2", "h3", "main", "html"};
	static const double figures[] = {1, NAN, -INFINITY, 1e300};
	static const ChartPoint points[] = {{attack, 0, 1, attack}, {attack, 1, NAN, attack}, {attack, 2, 1e300, attack}};
	static const ChartInterval intervals[] = {{attack, 0.5, 0.4, 0.6, false}, {attack, NAN, NAN, NAN, true}};
	Table		table = {attack, 2, 2, headings, kinds, cells};
	LineChart	chart = {.title = attack,.x_title = attack,.y_title = attack,.points = points,.count = 3};
	Markup		page;

	(void) state;
	buffer_init(&page, call_standalone());
	page_begin(&page, attack, attack);
	page_tile(&page, FINDING_LOOK, attack, attack, attack, "one");
	page_contents(&page, contents);
	page_section(&page, "one", attack, attack);
	page_heading(&page, attack);
	page_paragraph(&page, attack);
	page_nothing(&page, attack);
	page_table(&page, &table);
	page_figures_begin(&page);
	chart_lines(&page, &chart);
	chart_intervals(&page, attack, attack, intervals, 2);
	chart_bars(&page, attack, attack, headings, figures, 2);
	chart_heat(&page, attack, headings, 2, headings, 2, figures, 10);
	page_figures_end(&page);
	page_pictures_begin(&page, true);
	page_picture(&page, (const uint8_t *) "jpeg", 4, attack, attack);
	page_figures_end(&page);
	page_end(&page, attack);
	assert_int_equal(page.status.code, LS_OK);

	assert_null(strstr(page.text, "<script"));
	assert_null(strstr(page.text, "<!--"));
	assert_null(strstr(page.text, "nan"));
	assert_null(strstr(page.text, "inf"));
	/* Of intervals, two names are drawn, and cut. */
	assert_int_equal(count_of(page.text, harmless) + 2, count_of(page.text, "alert(1)"));
	assert_true(count_of(page.text, harmless) >= 30);
	for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++)
	{
		char		open[2][16];
		char		end[16];

		snprintf(open[0], sizeof open[0], "<%s>", elements[i]);
		snprintf(open[1], sizeof open[1], "<%s ", elements[i]);
		snprintf(end, sizeof end, "</%s>", elements[i]);
		assert_int_equal(count_of(page.text, open[0]) + count_of(page.text, open[1]), count_of(page.text, end));
	}
	for (size_t i = 0; i < page.size; i++)
		assert_true((unsigned char) page.text[i] < 0x7F);
	buffer_free(&page);
}

/* A figure stands where it belongs: a half is in the middle of a chart of 0 to 1. */
static void
test_places(void **state)
{
	static const ChartPoint points[] = {{"a", 0, 0, NULL}, {"a", 0.5, 0.5, NULL}, {"a", 1, 1, NULL}};
	LineChart	chart = {.title = "t",.x_title = "x",.y_title = "y",.points = points,.count = 3,.unit_square = true};
	static const char *const names[] = {"n"};
	static const double counts[] = {3};
	Markup		page;

	(void) state;
	buffer_init(&page, call_standalone());
	chart_lines(&page, &chart);
	assert_non_null(strstr(page.text, "d=\"M40.0 188.0L195.0 105.0L350.0 22.0\""));
	assert_non_null(strstr(page.text, "a begins at 0 and ends at 1, lowest 0, highest 1."));
	buffer_free(&page);
	chart_bars(&page, "t", "x", names, counts, 1);
	assert_non_null(strstr(page.text, "aria-label=\"t. n: 3\""));
	assert_non_null(strstr(page.text, "y=\"22.0\" width=\"306.0\" height=\"166.0\""));
	buffer_free(&page);
}

/* The last figure below intervals is not cut: five letters of 11 pixels are up to 32 wide. */
static void
test_last_figure(void **state)
{
	static const ChartInterval interval = {"n", 0.904, 0.894, 0.914, false};
	Markup		page;
	const char *figure;
	double		x;

	(void) state;
	buffer_init(&page, call_standalone());
	chart_intervals(&page, "t", "Dice", &interval, 1);
	figure = strstr(page.text, ">0.915</text>");
	assert_non_null(figure);
	while (*figure != '<')
		figure--;
	assert_int_equal(sscanf(figure, "<text x=\"%lf\"", &x), 1);
	assert_true(x + 16 <= CHART_WIDTH);
	buffer_free(&page);
}

/* The name of an evaluation is drawn whole, above its line; a long one is cut at a whole character. */
static void
test_names(void **state)
{
	static const ChartInterval two[] = {{"linknet 0, public.ham (all)", 0.9, 0.8, 0.95, false},
	{"linknet 0, public.ham (test)", 0.8, 0.7, 0.9, false}};
	ChartInterval one = {"back", 0.9, 0.8, 0.95, false};
	char		longer[200];
	Markup		page;

	(void) state;
	buffer_init(&page, call_standalone());
	chart_intervals(&page, "t", "Dice", two, 2);
	assert_non_null(strstr(page.text, "text-anchor=\"start\">linknet 0, public.ham (all)</text>"));
	assert_non_null(strstr(page.text, "text-anchor=\"start\">linknet 0, public.ham (test)</text>"));
	buffer_free(&page);
	chart_intervals(&page, "t", "Dice", &one, 1);
	assert_non_null(strstr(page.text, "text-anchor=\"end\">back</text>"));
	buffer_free(&page);
	for (int i = 0; i < 60; i++)
		memcpy(longer + 2 * i, "\xC3\xA9", 3);
	one.name = longer;
	chart_intervals(&page, "t", "Dice", &one, 1);
	assert_int_equal(count_of(page.text, "&#233;"), 60 + 54);
	assert_non_null(strstr(page.text, "&#233;..</text>"));
	buffer_free(&page);
}

/* A time is not broken. */
static void
test_times(void **state)
{
	static const char *const headings[] = {"Made (UTC)"};
	static const CellKind kinds[] = {CELL_TIME};
	static const char *const cells[] = {"2026-03-31"};
	Table		table = {"t", 1, 1, headings, kinds, cells};
	Markup		page;

	(void) state;
	buffer_init(&page, call_standalone());
	page_table(&page, &table);
	assert_non_null(strstr(page.text, "class=\"time\">2026-03-31</th>"));
	assert_non_null(strstr(page_style, ".time{white-space:nowrap}"));
	buffer_free(&page);
}

/* More series than one can tell apart are left out, and that is said. */
static void
test_many_series(void **state)
{
	ChartPoint	points[8];
	char		names[8][2];
	LineChart	chart = {.title = "t",.x_title = "x",.y_title = "y",.points = points,.count = 8};
	Markup		page;

	(void) state;
	for (int i = 0; i < 8; i++)
	{
		names[i][0] = (char) ('a' + i);
		names[i][1] = '\0';
		points[i] = (ChartPoint) {names[i], 0, i, NULL};
	}
	buffer_init(&page, call_standalone());
	chart_lines(&page, &chart);
	assert_non_null(strstr(page.text, "and 2 more, not drawn"));
	assert_int_equal(count_of(page.text, "<circle"), CHART_SERIES);
	buffer_free(&page);
}

/* Figures that no axis is made for: the chart comes to an end. */
static void
test_far_figures(void **state)
{
	static const ChartPoint points[] = {{"a", 0, 0, NULL}, {"a", 1e17, 0.5, NULL}, {"a", 1e18, 1, NULL}};
	LineChart	chart = {.title = "t",.x_title = "x",.y_title = "y",.points = points,.count = 3};
	Markup		page;

	(void) state;
	buffer_init(&page, call_standalone());
	chart_lines(&page, &chart);
	assert_non_null(strstr(page.text, "</svg>"));
	assert_true(page.size < 10000);
	buffer_free(&page);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_long_data),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_far_figures),
		cmocka_unit_test(test_last_figure),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_many_series),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
