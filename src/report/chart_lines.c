/*
 * chart_lines.c: lines of several series over one axis.
 */
#include "report/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/axes.h"

#define LEFT 40
#define RIGHT (CHART_WIDTH - 10)
#define TOP 22
#define BOTTOM (CHART_HEIGHT - 32)
#define MARKS 20				/* a line of more points has no marks */
#define MOST_TICKS 50			/* of an axis that was made for its figures */

/* The number of points of the series that begins at point i. */
static int
series_length(const LineChart *chart, int i)
{
	int			end = i;

	while (end < chart->count && strcmp(chart->points[end].series, chart->points[i].series) == 0)
		end++;
	return end - i;
}

/* Describe a series in words, for those who cannot see the chart. */
static void
describe_series(Markup *words, const ChartPoint *points, int count)
{
	double		low = INFINITY;
	double		high = -INFINITY;
	double		first = NAN;
	double		last = NAN;
	char		figures[160];

	for (int i = 0; i < count; i++)
	{
		if (isnan(points[i].y))
			continue;
		first = isnan(first) ? points[i].y : first;
		last = points[i].y;
		low = fmin(low, points[i].y);
		high = fmax(high, points[i].y);
	}
	buffer_add_text(words, points[0].series);
	if (isnan(first))
		snprintf(figures, sizeof figures, " has no figures. ");
	else
		snprintf(figures, sizeof figures, " begins at %.3g and ends at %.3g, lowest %.3g, highest %.3g. ", first,
				 last, low,
				 high);
	buffer_add_text(words, figures);
}

/* The axes around all points. */
static void
make_axes(const LineChart *chart, Axis *x, Axis *y)
{
	double		ends[4] = {INFINITY, -INFINITY, chart->from_zero ? 0 : INFINITY, -INFINITY};

	for (int i = 0; i < chart->count; i++)
	{
		ends[0] = fmin(ends[0], chart->points[i].x);
		ends[1] = fmax(ends[1], chart->points[i].x);
		ends[2] = fmin(ends[2], chart->points[i].y);
		ends[3] = fmax(ends[3], chart->points[i].y);
	}
	*y = chart->unit_square ? axis_make(0, 1, BOTTOM, TOP) : axis_make(ends[2], ends[3], BOTTOM, TOP);
	*x = chart->unit_square ? axis_make(0, 1, LEFT, RIGHT) : axis_make(ends[0], ends[1], LEFT, RIGHT);
	if (!chart->unit_square && ends[1] > ends[0])
		x->low = ends[0], x->high = ends[1];
}

/* Write the ends of x and, for numbers, figures between them. */
static void
draw_x(Markup *page, const LineChart *chart, const Axis *x)
{
	const ChartPoint *first = &chart->points[0];
	const ChartPoint *last = &chart->points[0];

	for (int i = 1; i < chart->count; i++)
	{
		first = chart->points[i].x < first->x ? &chart->points[i] : first;
		last = chart->points[i].x > last->x ? &chart->points[i] : last;
	}
	if (first->x_name == NULL)
	{
		if (!(x->high - x->low <= MOST_TICKS * x->step))	/* figures that the axis could not be made for */
			return;
		for (double at = ceil(x->low / x->step - 1e-9) * x->step; at <= x->high + x->step * 1e-6; at += x->step)
			chart_figure(page, x, axis_place(x, at), BOTTOM + 14, "middle", at);
		return;
	}
	chart_text(page, axis_place(x, first->x), BOTTOM + 14, "start", first->x_name);
	if (last->x > first->x)
		chart_text(page, axis_place(x, last->x), BOTTOM + 14, "end", last->x_name);
}

/* Draw a series as its line and marks. */
static void
draw_series(Markup *page, const ChartPoint *points, int count, int colour, const Axis *x, const Axis *y)
{
	bool		begun = false;

	buffer_printf(page, "<path class=\"line c%d\" d=\"", colour);
	for (int i = 0; i < count; i++)
	{
		if (!isnan(points[i].y))
			buffer_printf(page, "%c%.1f %.1f", begun ? 'L' : 'M', axis_place(x, points[i].x), axis_place(y,
																										 points[i].y));
		begun = !isnan(points[i].y);
	}
	buffer_add_text(page, "\"/>\n");
	for (int i = 0; count <= MARKS && i < count; i++)
		if (!isnan(points[i].y))
			buffer_printf(page, "<circle class=\"mark c%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>\n", colour,
						axis_place(x, points[i].x), axis_place(y, points[i].y));
}

/* Name the series below the chart. */
static void
add_legend(Markup *page, const LineChart *chart)
{
	int			colour = 0;
	int			left_out = 0;

	buffer_add_text(page, "<ul class=\"legend\">");
	for (int i = 0; i < chart->count; i += series_length(chart, i), colour++)
	{
		if (colour >= CHART_SERIES)
		{
			left_out++;
			continue;
		}
		buffer_printf(page, "<li><svg viewBox=\"0 0 35 14\" aria-hidden=\"true\"><path class=\"line c%d\" d=\"M0 "
					  "7H35\"/></svg>",
					colour);
		markup_data(page, chart->points[i].series);
		buffer_add_text(page, "</li>");
	}
	if (left_out > 0)
		buffer_printf(page, "<li>and %d more, not drawn</li>", left_out);
	if (chart->unit_square)
		buffer_add_text(page, "<li><svg viewBox=\"0 0 35 14\" aria-hidden=\"true\"><path class=\"axis\" "
						 "stroke-dasharray=\"4 3\" d=\"M0 7H35\"/></svg>as promised</li>");
	buffer_add_text(page, "</ul>");
}

void
chart_lines(Markup *page, const LineChart *chart)
{
	Markup		words;
	Axis		x;
	Axis		y;
	int			colour = 0;

	buffer_init(&words, page->call);
	buffer_add_text(&words, chart->title);
	buffer_add_text(&words, ". ");
	for (int i = 0; i < chart->count; i += series_length(chart, i))
		describe_series(&words, &chart->points[i], series_length(chart, i));
	if (words.status.code != LS_OK)
		page->status = words.status;
	make_axes(chart, &x, &y);
	chart_begin(page, chart->title, words.text != NULL ? words.text : "", CHART_HEIGHT);
	buffer_free(&words);
	chart_frame(page, &y, LEFT, RIGHT, chart->x_title, chart->y_title);
	draw_x(page, chart, &x);
	if (chart->unit_square)
		buffer_printf(page, "<path class=\"axis\" stroke-dasharray=\"4 3\" d=\"M%d %dL%d %d\"/>\n", LEFT, BOTTOM,
					  RIGHT, TOP);
	for (int i = 0; i < chart->count && colour < CHART_SERIES; i += series_length(chart, i))
		draw_series(page, &chart->points[i], series_length(chart, i), colour++, &x, &y);
	buffer_add_text(page, "</svg>\n");
	add_legend(page, chart);
	buffer_add_text(page, "</figure>\n");
}
