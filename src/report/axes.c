/*
 * axes.c: see axes.h.
 */
#include "report/axes.h"

#include <math.h>
#include <stdio.h>

#define TICKS 5					/* about so many ticks */

Axis
axis_make(double low, double high, double from, double to)
{
	Axis		axis = {.from = from, .to = to};
	double		power;
	double		steps;

	if (!isfinite(low) || !isfinite(high) || fabs(low) > 1e15 || fabs(high) > 1e15)
		low = 0, high = 1;
	if (high - low < 1e-9 * fmax(1, fabs(high)))
		low -= fmax(0.005, fabs(low) * 0.05), high += fmax(0.005, fabs(high) * 0.05);
	power = pow(10, floor(log10((high - low) / TICKS)));
	steps = (high - low) / TICKS / power;
	axis.step = power * (steps <= 1 ? 1 : steps <= 2 ? 2 : steps <= 5 ? 5 : 10);
	axis.low = floor(low / axis.step + 1e-9) * axis.step;
	axis.high = ceil(high / axis.step - 1e-9) * axis.step;
	axis.decimals = axis.step >= 1 ? 0 : (int) ceil(-log10(axis.step) - 1e-9);
	return axis;
}

double
axis_place(const Axis *axis, double figure)
{
	double		share = (figure - axis->low) / (axis->high - axis->low);

	return axis->from + fmin(1, fmax(0, share)) * (axis->to - axis->from);
}

void
chart_begin(Markup *page, const char *title, const char *described, int height)
{
	buffer_add_text(page, "<figure><figcaption>");
	markup_data(page, title);
	buffer_printf(page, "</figcaption>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", CHART_WIDTH, height);
	markup_data(page, described);
	buffer_add_text(page, "\">\n");
}

void
chart_text(Markup *page, double x, double y, const char *anchor, const char *data)
{
	buffer_printf(page, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
	markup_data(page, data);
	buffer_add_text(page, "</text>\n");
}

void
chart_figure(Markup *page, const Axis *axis, double x, double y, const char *anchor, double figure)
{
	char		number[32];

	/* No -0.0. */
	snprintf(number, sizeof number, "%.*f", axis->decimals, fabs(figure) < axis->step / 2 ? 0 : figure);
	chart_text(page, x, y, anchor, number);
}

void
chart_frame(Markup *page, const Axis *y, double left, double right, const char *x_title, const char *y_title)
{
	int			ticks = (int) floor((y->high - y->low) / y->step + 0.5);

	for (int i = 0; i <= ticks; i++)
	{
		double		place = axis_place(y, y->low + i * y->step);

		buffer_printf(page, "<path class=\"%s\" d=\"M%.1f %.1fH%.1f\"/>\n", i == 0 ? "axis" : "grid", left, place,
					  right);
		chart_figure(page, y, left - 5, place + 4, "end", y->low + i * y->step);
	}
	chart_text(page, 0, 11, "start", y_title);
	chart_text(page, right, CHART_HEIGHT - 3, "end", x_title);
}
