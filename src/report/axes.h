/*
 * axes.h: the frame of all charts. Private to this folder.
 *
 * Charts are CHART_WIDTH units wide, about as many pixels as a telephone has, so that
 * letters keep their size; wide screens show several beside each other.
 */
#ifndef LESIONSEG_REPORT_AXES_H
#define LESIONSEG_REPORT_AXES_H

#include "report/markup.h"

#define CHART_WIDTH 360
#define CHART_HEIGHT 220

/* From figures to places along one axis, with ticks at round figures. */
typedef struct Axis
{
	double		low;			/* figures at the ends */
	double		high;
	double		from;			/* their places */
	double		to;
	double		step;			/* between ticks */
	int			decimals;		/* of a tick's figure */
} Axis;

/* Make an axis over [low, high], widened to round figures. low and high may be
 * equal, or not finite. */
Axis		axis_make(double low, double high, double from, double to);

/* The place of a figure. */
double		axis_place(const Axis *axis, double figure);

/* Begin a figure: its title, and the svg element, which page readers know by `described`. */
void		chart_begin(Markup *page, const char *title, const char *described, int height);

/* Draw horizontal lines, y's figures and both titles; places of x are between left and right. */
void		chart_frame(Markup *page, const Axis *y, double left, double right, const char *x_title,
						const char *y_title);

/* Write data at a place; anchor is start, middle or end. */
void		chart_text(Markup *page, double x, double y, const char *anchor, const char *data);

/* Write a figure of an axis at a place. */
void		chart_figure(Markup *page, const Axis *axis, double x, double y, const char *anchor, double figure);

#endif
