/*
 * chart_bars.c: counts as bars, and figures as a shaded table.
 */
#include "report/chart.h"

#include <math.h>
#include <stdio.h>

#include "report/axes.h"

#define LEFT 44
#define RIGHT (CHART_WIDTH - 8)
#define TOP 22
#define BOTTOM (CHART_HEIGHT - 32)
#define NAMES 5					/* about so many names stand below the bars */
#define SHADES 10

void
chart_bars(Markup *page, const char *title, const char *x_title, const char *const *names, const double *counts,
		   int count)
{
	Markup		words;
	Axis		y;
	double		most = 1;
	double		pitch = (double) (RIGHT - LEFT) / (count > 0 ? count : 1);
	int			every = count <= NAMES + 2 ? 1 : (count + NAMES - 1) / NAMES;
	char		number[40];

	buffer_init(&words, page->call);
	buffer_add_text(&words, title);
	for (int i = 0; i < count; i++)
	{
		most = isfinite(counts[i]) ? fmax(most, counts[i]) : most;
		buffer_add_text(&words, i == 0 ? ". " : ", ");
		buffer_add_text(&words, names[i]);
		snprintf(number, sizeof number, isfinite(counts[i]) ? ": %.0f" : ": not known", counts[i]);
		buffer_add_text(&words, number);
	}
	if (words.status.code != LS_OK)
		page->status = words.status;
	y = axis_make(0, most, BOTTOM, TOP);
	if (y.step < 1)
		y.step = 1, y.decimals = 0, y.high = ceil(most);
	chart_begin(page, title, words.text != NULL ? words.text : "", CHART_HEIGHT);
	buffer_free(&words);
	chart_frame(page, &y, LEFT, RIGHT, x_title, "Images");
	for (int i = 0; i < count; i++)
	{
		double		top = axis_place(&y, counts[i]);

		if (isfinite(counts[i]) && counts[i] > 0)
			buffer_printf(page, "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
						LEFT + pitch * i + fmin(1, pitch / 10), top, pitch - 2 * fmin(1, pitch / 10), BOTTOM - top);
		if (i % every == 0)
			chart_text(page, LEFT + pitch * (i + 0.5), BOTTOM + 14, "middle", names[i]);
	}
	buffer_add_text(page, "</svg></figure>\n");
}

void
chart_heat(Markup *page, const char *title, const char *const *row_names, int rows, const char *const *column_names,
		   int columns, const double *cells, double worst)
{
	buffer_add_text(page, "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"");
	markup_data(page, title);
	buffer_add_text(page, "\"><table class=\"heat\"><caption>");
	markup_data(page, title);
	buffer_add_text(page, "</caption>\n<thead><tr><td></td>");
	for (int c = 0; c < columns; c++)
	{
		buffer_add_text(page, "<th scope=\"col\">");
		markup_data(page, column_names[c]);
		buffer_add_text(page, "</th>");
	}
	buffer_add_text(page, "</tr></thead>\n<tbody>\n");
	for (int r = 0; r < rows; r++)
	{
		buffer_add_text(page, "<tr><th scope=\"row\">");
		markup_data(page, row_names[r]);
		buffer_add_text(page, "</th>");
		for (int c = 0; c < columns; c++)
		{
			double		cell = cells[r * columns + c];
			int			shade = worst > 0 && cell > 0 ? (int) (fmin(1, cell / worst) * (SHADES - 1) + 0.5) : 0;

			if (!isfinite(cell))
				buffer_add_text(page, "<td class=\"none\">&ndash;</td>");
			else
				buffer_printf(page, "<td class=\"h%d\">%.1f</td>", shade, fabs(cell) < 0.05 ? 0 : cell);
		}
		buffer_add_text(page, "</tr>\n");
	}
	buffer_add_text(page, "</tbody></table></div>\n");
}
