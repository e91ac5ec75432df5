/*
 * chart_intervals.c: figures with their intervals, one below another.
 */
#include "report/chart.h"

#include <math.h>
#include <stdio.h>

#include "report/axes.h"

#define LEFT 118				/* names are left of it */
#define RIGHT (CHART_WIDTH - 20)	/* half a figure of three decimals fits beside it */
#define TOP 18
#define PITCH 19				/* from line to line */
#define NAME_LETTERS 19			/* of a name that are drawn; the chart's words and tables have all of it */

/* Copy the beginning of a name, without cutting a character of UTF-8. */
static const char *
short_name(const char *name, char *room)
{
	int			letters = 0;
	int			i = 0;

	while (name[i] != '\0' && i < 4 * NAME_LETTERS)
	{
		if (((unsigned char) name[i] & 0xC0) != 0x80 && ++letters > NAME_LETTERS)
		{
			room[i++] = '.';
			room[i++] = '.';
			break;
		}
		room[i] = name[i];
		i++;
	}
	room[i] = '\0';
	return room;
}

/* Draw one line. */
static void
draw_interval(Markup *page, const ChartInterval *interval, const Axis *x, double y)
{
	char		room[4 * NAME_LETTERS + 3];
	double		low = axis_place(x, interval->low);
	double		high = axis_place(x, interval->high);

	chart_text(page, LEFT - 8, y + 4, "end", short_name(interval->name, room));
	if (isnan(interval->value))
		return;
	buffer_printf(page, "<g class=\"c0%s\">", interval->faint ? " faint" : "");
	if (!isnan(interval->low))
		buffer_printf(page, "<path class=\"line c0\" d=\"M%.1f %.1fH%.1fM%.1f %.1fv8M%.1f %.1fv8\"/>", low, y, high,
					  low, y - 4,
					high, y - 4);
	buffer_printf(page, "<circle class=\"mark\" cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\"/></g>\n",
				  axis_place(x, interval->value), y);
}

/* The chart in words. */
static void
describe(Markup *words, const char *title, const ChartInterval *intervals, int count)
{
	char		figures[96];

	buffer_add_text(words, title);
	buffer_add_text(words, ". ");
	for (int i = 0; i < count; i++)
	{
		if (isnan(intervals[i].value))
			continue;
		buffer_add_text(words, intervals[i].name);
		snprintf(figures, sizeof figures, isnan(intervals[i].low) ? ": %.3f. " : ": %.3f, from %.3f to %.3f. ",
				 intervals[i].value, intervals[i].low, intervals[i].high);
		buffer_add_text(words, figures);
	}
}

void
chart_intervals(Markup *page, const char *title, const char *x_title, const ChartInterval *intervals, int count)
{
	Markup		words;
	Axis		x;
	double		low = INFINITY;
	double		high = -INFINITY;
	double		bottom = TOP + count * PITCH;

	for (int i = 0; i < count; i++)
	{
		low = fmin(low, fmin(intervals[i].low, intervals[i].value));
		high = fmax(high, fmax(intervals[i].high, intervals[i].value));
	}
	buffer_init(&words, page->call);
	describe(&words, title, intervals, count);
	if (words.status.code != LS_OK)
		page->status = words.status;
	x = axis_make(low, high, LEFT, RIGHT);
	chart_begin(page, title, words.text != NULL ? words.text : "", (int) bottom + 32);
	buffer_free(&words);
	for (double at = x.low; at <= x.high + x.step / 2; at += x.step)
	{
		buffer_printf(page, "<path class=\"grid\" d=\"M%.1f %dV%.1f\"/>\n", axis_place(&x, at), TOP - 6, bottom);
		chart_figure(page, &x, axis_place(&x, at), bottom + 13, "middle", at);
	}
	for (int i = 0; i < count; i++)
		draw_interval(page, &intervals[i], &x, TOP + PITCH * (i + 0.5));
	chart_text(page, RIGHT, bottom + 28, "end", x_title);
	buffer_add_text(page, "</svg></figure>\n");
}
