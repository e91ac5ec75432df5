/*
 * geometry.c: see geometry.h.
 */
#include "measure/shape/geometry.h"

#include <math.h>
#include <string.h>

#include "measure/shape/hull.h"
#include "measure/shape/outline.h"

/* The outline encloses the lesion's area but for less than this share. */
#define OUTLINE_OFF 0.25

/* Sums over pixels, of their columns and rows. */
typedef struct Moments
{
	double		n;
	double		x;
	double		y;
	double		xx;
	double		xy;
	double		yy;
} Moments;

/* The sum of the squares below k. */
static double
squares_below(double k)
{
	return (k - 1) * k * (2 * k - 1) / 6;
}

/* Add the pixels [begin, end) of row y. */
static void
add_run(Moments *moments, double begin, double end, double y)
{
	double		n = end - begin;
	double		x = (begin + end - 1) * n / 2;

	moments->n += n;
	moments->x += x;
	moments->y += y * n;
	moments->xx += squares_below(end) - squares_below(begin);
	moments->xy += x * y;
	moments->yy += y * y * n;
}

/* Add up all lesion pixels. */
static Status
sum_moments(const Call *call, const Image *mask, Moments *moments)
{
	size_t		width = (size_t) mask->width;

	memset(moments, 0, sizeof *moments);
	for (int y = 0; y < mask->height; y++)
	{
		const uint8_t *row = mask->pixels + (size_t) y * width;
		const uint8_t *begin = row;

		if (y % POLL_ROWS == 0)
			TRY(call_poll(call));
		while ((begin = memchr(begin, 255, width - (size_t) (begin - row))) != NULL)
		{
			const uint8_t *end = memchr(begin, 0, width - (size_t) (begin - row));

			if (end == NULL)
				end = row + width;
			add_run(moments, (double) (begin - row), (double) (end - row), y);
			begin = end;
		}
	}
	return status_ok();
}

/* Set the fields that follow from the moments. */
static void
set_ellipse(const Moments *moments, PixelSpacing spacing, Geometry *geometry)
{
	double		x = moments->x / moments->n;
	double		y = moments->y / moments->n;
	double		xx = (moments->xx / moments->n - x * x + 1.0 / 12) * spacing.across * spacing.across;
	double		yy = (moments->yy / moments->n - y * y + 1.0 / 12) * spacing.down * spacing.down;
	double		xy = (moments->xy / moments->n - x * y) * spacing.across * spacing.down;
	double		middle = (xx + yy) / 2;
	double		half = hypot((xx - yy) / 2, xy);
	double		degrees = atan2(2 * xy, xx - yy) / 2 * 180 / M_PI;

	geometry->centroid_x = x + 0.5;
	geometry->centroid_y = y + 0.5;
	geometry->major_axis = 4 * sqrt(middle + half);
	geometry->minor_axis = 4 * sqrt(fmax(middle - half, 0));
	geometry->orientation = degrees == 90 ? 90 : 0 - degrees;	/* y points down; 0 - x avoids -0 */
	geometry->eccentricity = sqrt(2 * half / (middle + half));
}

/* Set the fields that follow from the hull. The outline is at least as long as
 * the hull's perimeter. */
static Status
set_hull(const Call *call, const Image *mask, PixelSpacing spacing, Geometry *geometry)
{
	double		pixel = sqrt(spacing.down * spacing.across);
	double		perimeter;
	double		area;
	HullPoint	along;
	Hull		hull;
	Status		status;

	TRY(hull_make(call, mask, spacing, HULL_CENTRES, &hull));
	perimeter = hull_perimeter(&hull);
	area = hull_area(&hull) + perimeter * pixel / 2 + M_PI * pixel * pixel / 4;
	perimeter += M_PI * pixel;
	status = hull_longest(call, &hull, &geometry->largest_diameter, &along);
	geometry->largest_diameter += pixel;
	if (status.code == LS_OK)
		status = hull_narrowest(call, &hull, &geometry->smallest_diameter);
	geometry->smallest_diameter += pixel;
	hull_free(call, &hull);
	geometry->perimeter = fmax(geometry->perimeter, perimeter);
	geometry->irregularity = 1 - perimeter / geometry->perimeter;
	geometry->solidity = fmin(geometry->area / area, 1);
	return status;
}

Status
geometry_measure(const Call *call, const Image *mask, PixelSpacing spacing, Geometry *geometry)
{
	Moments		moments;
	int64_t		enclosed;

	memset(geometry, 0, sizeof *geometry);
	TRY(sum_moments(call, mask, &moments));
	set_ellipse(&moments, spacing, geometry);
	geometry->area = moments.n * spacing.down * spacing.across;
	geometry->equivalent_diameter = sqrt(4 * geometry->area / M_PI);
	TRY(outline_length(call, mask, spacing, &geometry->perimeter, &enclosed));
	TRY(set_hull(call, mask, spacing, geometry));
	if (fabs((double) enclosed - moments.n) > OUTLINE_OFF * moments.n)
		geometry->irregularity = NAN;
	geometry->circularity = fmin(4 * M_PI * geometry->area / (geometry->perimeter * geometry->perimeter), 1);
	return status_ok();
}

Geometry
geometry_scale(const Geometry *in_pixels, double spacing)
{
	Geometry	geometry = *in_pixels;

	geometry.area *= spacing * spacing;
	geometry.perimeter *= spacing;
	geometry.equivalent_diameter *= spacing;
	geometry.largest_diameter *= spacing;
	geometry.smallest_diameter *= spacing;
	geometry.major_axis *= spacing;
	geometry.minor_axis *= spacing;
	return geometry;
}
