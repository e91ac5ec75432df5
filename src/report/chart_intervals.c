/*
 * chart_intervals.c: figures with their intervals, one below another. Short
 * names stand left of their lines. Where one is longer, all stand above them:
 * names of evaluations differ at their ends.
 */
#include "report/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/axes.h"

#define RIGHT (CHART_WIDTH - 20)	/* half a figure of three decimals fits beside it */
#define TOP 18
#define LETTERS_ABOVE 54		/* of a name that fit above its line; the chart's words and tables have all of it */

/* Where names and lines stand. */
typedef struct Layout
{
	bool		above;			/* names stand above their lines */
	int			letters;		/* of a name that have room */
	int			left;			/* lines are right of it */
	int			pitch;			/* from line to line */
} Layout;

static const Layout names_beside = {false, 19, 118, 19};
static const Layout names_above = {true, LETTERS_ABOVE, 20, 34};

/* Copy the beginning of a name, without cutting a character of UTF-8. */
static const char *
short_name(const char *name, int most, char room[4 * LETTERS_ABOVE + 3])
{
	int			letters = 0;
	int			i = 0;

	while (name[i] != '\0' && i < 4 * most)
	{
		if (((unsigned char) name[i] & 0xC0) != 0x80 && ++letters > most)
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

/* Where names and lines of these intervals stand. */
static const Layout *
choose_layout(const ChartInterval *intervals, int count)
{
	char		room[4 * LETTERS_ABOVE + 3];

	for (int i = 0; i < count; i++)
		if (strcmp(short_name(intervals[i].name, names_beside.letters, room), intervals[i].name) != 0)
			return &names_above;
	return &names_beside;
}

/* Draw one line. */
static void
draw_interval(Markup *page, const ChartInterval *interval, const Layout *layout, const Axis *x, double y)
{
	char		room[4 * LETTERS_ABOVE + 3];
	const char *name = short_name(interval->name, layout->letters, room);
	double		low = axis_place(x, interval->low);
	double		high = axis_place(x, interval->high);

	if (layout->above)
		chart_text(page, 0, y - 11, "start", name);
	else
		chart_text(page, layout->left - 8, y + 4, "end", name);
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
	const Layout *layout = choose_layout(intervals, count);
	double		bottom = TOP + count * layout->pitch;

	for (int i = 0; i < count; i++)
	{
		low = fmin(low, fmin(intervals[i].low, intervals[i].value));
		high = fmax(high, fmax(intervals[i].high, intervals[i].value));
	}
	buffer_init(&words, page->call);
	describe(&words, title, intervals, count);
	if (words.status.code != LS_OK)
		page->status = words.status;
	x = axis_make(low, high, layout->left, RIGHT);
	chart_begin(page, title, words.text != NULL ? words.text : "", (int) bottom + 32);
	buffer_free(&words);
	for (double at = x.low; at <= x.high + x.step / 2; at += x.step)
	{
		buffer_printf(page, "<path class=\"grid\" d=\"M%.1f %dV%.1f\"/>\n", axis_place(&x, at), TOP - 6, bottom);
		chart_figure(page, &x, axis_place(&x, at), bottom + 13, "middle", at);
	}
	for (int i = 0; i < count; i++)
		draw_interval(page, &intervals[i], layout, &x,
					  TOP + layout->pitch * (i + (layout->above ? 0.75 : 0.5)));
	chart_text(page, RIGHT, bottom + 28, "end", x_title);
	buffer_add_text(page, "</svg></figure>\n");
}
