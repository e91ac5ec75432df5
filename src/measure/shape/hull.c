/*
 * hull.c: see hull.h. Only the outermost pixels of each row matter. Andrew's
 * monotone chain runs down their left side and down their right side.
 */
#include "measure/shape/hull.h"

#include <math.h>
#include <string.h>

/* Above 0 if c is to the left of the line from a to b. */
static double
turn(const HullPoint *a, const HullPoint *b, const HullPoint *c)
{
	return (b->x - a->x) * (c->y - a->y) - (b->y - a->y) * (c->x - a->x);
}

/* Add a point to one side of the hull, and remove points that no longer bend
 * it outwards. */
static int
push(HullPoint *side, int count, double x, double y, double sign)
{
	HullPoint	point = {x, y};

	while (count >= 2 && sign * turn(&side[count - 2], &side[count - 1], &point) <= 0)
		count--;
	side[count] = point;
	return count + 1;
}

/* Find the first and the last pixel of a row that are not 0. */
static bool
row_ends(const uint8_t *row, int width, int *first, int *last)
{
	int			left = 0;
	int			right = width - 1;

	while (left < width && row[left] == 0)
		left++;
	if (left == width)
		return false;
	while (row[right] == 0)
		right--;
	*first = left;
	*last = right;
	return true;
}

Status
hull_make(const Call *call, const Image *mask, PixelSpacing spacing, HullOf of, Hull *hull)
{
	size_t		room = 2 * ((size_t) mask->height + 1);
	double		inset = of == HULL_CENTRES ? 0.5 : 0;
	HullPoint  *right;
	int			lefts = 0;
	int			rights = 0;
	Status		status = status_ok();
	void	   *memory;

	TRY(call_alloc_array(call, 2 * room, sizeof(HullPoint), &memory));
	hull->points = memory;
	right = hull->points + room;
	for (int y = 0; y < mask->height && status.code == LS_OK; y++)
	{
		int			first;
		int			last;

		if (y % POLL_ROWS == 0)
			status = call_poll(call);
		if (!row_ends(mask->pixels + (size_t) y * (size_t) mask->width, mask->width, &first, &last))
			continue;
		for (double edge = inset; edge <= 1 - inset; edge += 1)
		{
			lefts = push(hull->points, lefts, (first + inset) * spacing.across, (y + edge) * spacing.down, -1);
			rights = push(right, rights, (last + 1 - inset) * spacing.across, (y + edge) * spacing.down, 1);
		}
	}
	for (int i = 0; i < rights / 2; i++)	/* the right side goes up again */
	{
		HullPoint	swap = right[i];

		right[i] = right[rights - 1 - i];
		right[rights - 1 - i] = swap;
	}
	memmove(hull->points + lefts, right, (size_t) rights * sizeof(HullPoint));
	hull->count = lefts + rights;
	if (status.code != LS_OK)
		hull_free(call, hull);
	return status;
}

void
hull_free(const Call *call, Hull *hull)
{
	call_free(call, hull->points);
	memset(hull, 0, sizeof *hull);
}

/* The corner after corner i. */
static const HullPoint *
next_of(const Hull *hull, int i)
{
	return &hull->points[i + 1 < hull->count ? i + 1 : 0];
}

double
hull_area(const Hull *hull)
{
	double		twice = 0;

	for (int i = 0; i < hull->count; i++)
	{
		const HullPoint *a = &hull->points[i];
		const HullPoint *b = next_of(hull, i);

		twice += a->x * b->y - b->x * a->y;
	}
	return fabs(twice) / 2;
}

double
hull_perimeter(const Hull *hull)
{
	double		length = 0;

	for (int i = 0; i < hull->count; i++)
	{
		const HullPoint *a = &hull->points[i];
		const HullPoint *b = next_of(hull, i);

		length += hypot(b->x - a->x, b->y - a->y);
	}
	return length;
}

Status
hull_longest(const Call *call, const Hull *hull, double *longest, HullPoint *along)
{
	*longest = 0;
	*along = (HullPoint) {0, 0};
	for (int i = 0; i < hull->count; i++)
	{
		if (i % POLL_ROWS == 0)
			TRY(call_poll(call));
		for (int j = 0; j < i; j++)
		{
			double		x = hull->points[i].x - hull->points[j].x;
			double		y = hull->points[i].y - hull->points[j].y;
			double		distance = hypot(x, y);

			if (distance <= *longest)
				continue;
			*longest = distance;
			*along = (HullPoint) {x / distance, y / distance};
		}
	}
	return status_ok();
}

double
hull_across(const Hull *hull, HullPoint along)
{
	double		least = INFINITY;
	double		most = -INFINITY;

	for (int i = 0; i < hull->count; i++)
	{
		double		position = hull->points[i].y * along.x - hull->points[i].x * along.y;

		least = fmin(least, position);
		most = fmax(most, position);
	}
	return hull->count > 0 ? most - least : 0;
}

/* The narrowest extent is at right angles to one of the edges. */
Status
hull_narrowest(const Call *call, const Hull *hull, double *narrowest)
{
	double		least = INFINITY;

	for (int i = 0; i < hull->count; i++)
	{
		const HullPoint *a = &hull->points[i];
		const HullPoint *b = next_of(hull, i);
		double		length = hypot(b->x - a->x, b->y - a->y);

		if (i % POLL_ROWS == 0)
			TRY(call_poll(call));
		if (length > 0)
			least = fmin(least, hull_across(hull, (HullPoint) {(b->x - a->x) / length, (b->y - a->y) / length}));
	}
	*narrowest = isfinite(least) ? least : 0;
	return status_ok();
}
