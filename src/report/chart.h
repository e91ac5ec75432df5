/*
 * chart.h: charts as SVG in a page.
 *
 * Series differ by colour (Okabe and Ito's palette, for every kind of colour
 * vision), dash and marker, and are named below the chart. A sentence made of
 * the figures replaces the chart for those who cannot see it.
 */
#ifndef LESIONSEG_REPORT_CHART_H
#define LESIONSEG_REPORT_CHART_H

#include <stdbool.h>

#include "report/markup.h"

#define CHART_SERIES 6			/* most series of one chart; it says how many more are left out */

/* The points of a series stand together, in the order of x. */
typedef struct ChartPoint
{
	const char *series;
	double		x;
	double		y;				/* NaN: a gap */
	const char *x_name;			/* NULL: x as a number */
} ChartPoint;

typedef struct LineChart
{
	const char *title;
	const char *x_title;
	const char *y_title;
	const ChartPoint *points;
	int			count;			/* > 0 */
	bool		unit_square;	/* both axes from 0 to 1, with the diagonal */
	bool		from_zero;		/* the y axis begins at 0 */
} LineChart;

void		chart_lines(Markup *page, const LineChart *chart);

/* A figure with its interval, one a line: a dot with whiskers. */
typedef struct ChartInterval
{
	const char *name;
	double		value;
	double		low;			/* NaN = none, as for high */
	double		high;
	bool		faint;			/* too few images to judge */
} ChartInterval;

void		chart_intervals(Markup *page, const char *title, const char *x_title, const ChartInterval *intervals,
							int count);

/* Bars of counts, with all or some of their names below. */
void		chart_bars(Markup *page, const char *title, const char *x_title, const char *const *names,
					   const double *counts, int count);

/* A table of figures (rows, columns): the larger the figure, the darker its
 * cell; NaN = none. */
void		chart_heat(Markup *page, const char *title, const char *const *row_names, int rows,
					   const char *const *column_names, int columns, const double *cells, double worst);

#endif
