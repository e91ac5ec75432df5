/*
 * diameters.c: see diameters.h. The two points that lie farthest apart are
 * corners of the convex hull (Feret's maximum diameter), and the hull is made
 * of each row's outermost corners (Andrew's monotone chain).
 */
#include "measure/diameters.h"

#include <math.h>
#include <string.h>

#define POLL_ROWS 64

typedef struct Point
{
	double		x;
	double		y;
} Point;

/* Above 0 where c lies on the left of the way from a to b. */
static double
turn(const Point *a, const Point *b, const Point *c)
{
	return (b->x - a->x) * (c->y - a->y) - (b->y - a->y) * (c->x - a->x);
}

/* Add a point to one side of the hull; points that no longer bend it outwards
 * go. */
static int
push(Point *side, int count, Point point, double sign)
{
	while (count >= 2 && sign * turn(&side[count - 2], &side[count - 1], &point) <= 0)
		count--;
	side[count] = point;
	return count + 1;
}

/* The hull's left and right side, top to bottom, in *hull, whose room is
 * 4 (height + 1) points; *count of them. */
static Status
make_hull(const Call *call, const Image *mask, double width, double height, Point *hull, int *count,
		  double *area)
{
	Point	   *right = hull + 2 * (mask->height + 1);
	int			lefts = 0;
	int			rights = 0;
	size_t		pixels = 0;

	for (int y = 0; y < mask->height; y++)
	{
		const uint8_t *row = mask->pixels + (size_t) y * (size_t) mask->width;
		int			first = -1;
		int			last = -1;

		if (y % POLL_ROWS == 0)
			TRY(call_poll(call));
		for (int x = 0; x < mask->width; x++)
		{
			if (row[x] == 0)
				continue;
			first = first < 0 ? x : first;
			last = x;
			pixels++;
		}
		for (int edge = 0; first >= 0 && edge <= 1; edge++)
		{
			lefts = push(hull, lefts, (Point) {first * width, (y + edge) * height}, -1);
			rights = push(right, rights, (Point) {(last + 1) * width, (y + edge) * height}, 1);
		}
	}
	memmove(hull + lefts, right, (size_t) rights * sizeof(Point));
	*count = lefts + rights;
	*area = (double) pixels * width * height;
	return status_ok();
}

Status
diameters_measure(const Call *call, const Image *mask, double width, double height, Diameters *diameters)
{
	void	   *memory;
	Point	   *hull;
	int			count = 0;
	Point		along = {0, 0};
	double		least = INFINITY;
	double		most = -INFINITY;
	Status		status;

	memset(diameters, 0, sizeof *diameters);
	TRY(call_alloc_array(call, 4 * ((size_t) mask->height + 1), sizeof(Point), &memory));
	hull = memory;
	status = make_hull(call, mask, width, height, hull, &count, &diameters->area);
	for (int i = 0; status.code == LS_OK && i < count; i++)
	{
		if (i % POLL_ROWS == 0)
			status = call_poll(call);
		for (int j = 0; j < i; j++)
		{
			double		distance = hypot(hull[i].x - hull[j].x, hull[i].y - hull[j].y);

			if (distance <= diameters->longest)
				continue;
			diameters->longest = distance;
			along = (Point) {(hull[i].x - hull[j].x) / distance, (hull[i].y - hull[j].y) / distance};
		}
	}
	for (int i = 0; i < count; i++)
	{
		double		position = hull[i].y * along.x - hull[i].x * along.y;

		least = fmin(least, position);
		most = fmax(most, position);
	}
	if (count > 0)
		diameters->across = most - least;
	call_free(call, memory);
	return status;
}
