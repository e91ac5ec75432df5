/*
 * points.c: see points.h.
 *
 * All points grow at once. There is a queue for each level of difference to the
 * point, first in, first out, and queues are emptied from the smallest to the largest.
 * A pixel that has neighbours of a larger difference waits in that queue and goes on
 * from there later: until then another point may take them.
 */
#include "infer/points.h"

#include <stdlib.h>
#include <string.h>

#define LEVELS 16
#define VALUES_PER_LEVEL (256 / LEVELS)
#define SEEDS_MAX (2 * OPTION_POINTS_MAX)
#define REACH 2					/* of a point on the wrong side of the mask's edge, in distances to it */
#define MASK_ALONE 256			/* a floor that no value reaches */
#define LEAST_VALUE 5			/* of a point inside, of 255: 0.02 */
#define FLOOR_NUMERATOR 3		/* around it, the share of its value that belongs to it */
#define FLOOR_DENOMINATOR 4
#define STEPS_PER_POLL 65536
#define NONE (-1)

/* A point on its way through the mask. */
typedef struct Seed
{
	int			place;			/* in the mask */
	int			floor;			/* it enters the mask, and pixels of at least this value */
	int64_t		reach;			/* how far it grows, in pixels, squared */
	bool		inside;
	bool		still;			/* it is in no part, and stays where it is */
} Seed;

typedef struct Queue
{
	int32_t		first;			/* NONE: it is empty */
	int32_t		last;
} Queue;

typedef struct Growth
{
	const Call *call;
	const uint8_t *values;
	const Image *mask;
	Seed		seeds[SEEDS_MAX];
	int			count;
	uint8_t    *owners;			/* of each pixel: 1 + its seed; 0 = none */
	int32_t    *next;			/* of each pixel: who waits behind it */
	Queue		queues[LEVELS];
	long		steps;
} Growth;

bool
points_exist(const PointHints *hints)
{
	return hints->inside->count + hints->outside->count > 0;
}

/* Refuse a point beyond the image. */
static Status
check_within(const PointHints *hints, const char *name, const OptionPoints *points)
{
	for (int i = 0; i < points->count; i++)
		if (points->at[i][0] >= hints->image_width || points->at[i][1] >= hints->image_height)
			return status_with_hint(status_error(LS_INVALID_ARGUMENT,
												 "%s [%d, %d] is not within the image of %d x %d pixels", name,
												 points->at[i][0], points->at[i][1], hints->image_width,
												 hints->image_height),
									"A point is [x, y] in pixels from the upper left corner.");
	return status_ok();
}

Status
points_check(const PointHints *hints)
{
	TRY(check_within(hints, "inside", hints->inside));
	TRY(check_within(hints, "outside", hints->outside));
	for (int i = 0; i < hints->inside->count; i++)
		for (int o = 0; o < hints->outside->count; o++)
			if (memcmp(hints->inside->at[i], hints->outside->at[o], sizeof hints->inside->at[i]) == 0)
				return status_error(LS_INVALID_ARGUMENT, "[%d, %d] is both inside and outside",
									hints->inside->at[i][0], hints->inside->at[i][1]);
	return status_ok();
}

/* The pixel of the mask that a point of the image is in. */
static int
place_of(const PointHints *hints, const int point[2], const Image *mask)
{
	int			x = (int) ((2 * (int64_t) point[0] + 1) * mask->width / (2 * (int64_t) hints->image_width));
	int			y = (int) ((2 * (int64_t) point[1] + 1) * mask->height / (2 * (int64_t) hints->image_height));

	return y * mask->width + x;
}

/* The squared distance of two pixels. */
static int64_t
squared_distance(const Image *mask, int one, int other)
{
	int64_t		across = one % mask->width - other % mask->width;
	int64_t		down = one / mask->width - other / mask->width;

	return across * across + down * down;
}

/* How far a point grows that is on the wrong side of the mask's edge: what it means is about as thick as the
 * way to that edge. */
static Status
find_reach(const Growth *growth, int place, int64_t *reach)
{
	const Image *mask = growth->mask;
	int			x = place % mask->width;
	int			y = place / mask->width;
	int64_t		nearest = INT64_MAX / (REACH * REACH);

	for (int v = 0; v < mask->height; v++)
	{
		const uint8_t *row = mask->pixels + (size_t) v * (size_t) mask->width;
		int64_t		down = (int64_t) (v - y) * (v - y);

		if (v % POLL_ROWS == 0)
			TRY(call_poll(growth->call));
		for (int u = 0; down < nearest && u < mask->width; u++)
		{
			int64_t		distance = down + (int64_t) (u - x) * (u - x);

			if (row[u] != mask->pixels[place] && distance < nearest)
				nearest = distance;
		}
	}
	*reach = nearest * REACH * REACH;
	return status_ok();
}

/* How likely a pixel beyond the mask must be for a point inside that stands there. */
static Status
find_floor(const int point[2], int value, int *floor)
{
	if (value < LEAST_VALUE)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT,
											 "nothing looks like a lesion at inside [%d, %d]: its probability is %.3f",
											 point[0], point[1], value / 255.0),
								"Draw a box around the lesion instead: options => "
								"'{\"box\": [x, y, width, height]}'.");
	*floor = (value * FLOOR_NUMERATOR + FLOOR_DENOMINATOR - 1) / FLOOR_DENOMINATOR;
	return status_ok();
}

/* Add the points inside; *lowest is the lowest of their floors. */
static Status
add_inside(Growth *growth, const PointHints *hints, int *lowest)
{
	for (int i = 0; i < hints->inside->count; i++)
	{
		const int  *point = hints->inside->at[i];
		int			place = place_of(hints, point, growth->mask);
		Seed		seed = {.place = place,.floor = MASK_ALONE,.reach = INT64_MAX,.inside = true};

		if (growth->mask->pixels[place] == 0)
		{
			if (growth->values[place] >= LEAST_VALUE || !hints->coarse)
				TRY(find_floor(point, growth->values[place], &seed.floor));
			TRY(find_reach(growth, place, &seed.reach));
		}
		*lowest = seed.floor < *lowest ? seed.floor : *lowest;
		growth->seeds[growth->count++] = seed;
	}
	return status_ok();
}

/* Add the points outside. */
static Status
add_outside(Growth *growth, const PointHints *hints, int floor)
{
	for (int i = 0; i < hints->outside->count; i++)
	{
		int			place = place_of(hints, hints->outside->at[i], growth->mask);
		Seed		seed = {.place = place,.floor = floor,.reach = INT64_MAX};

		seed.still = growth->mask->pixels[place] == 0 && growth->values[place] < floor;
		if (hints->inside->count > 0 && !seed.still)
			TRY(find_reach(growth, place, &seed.reach));
		growth->seeds[growth->count++] = seed;
	}
	return status_ok();
}

/* Have a pixel go on at a level. */
static void
put_in_queue(Growth *growth, int place, int level)
{
	Queue	   *queue = &growth->queues[level];

	growth->next[place] = NONE;
	if (queue->first == NONE)
		queue->first = place;
	else
		growth->next[queue->last] = place;
	queue->last = place;
}

/* May a seed enter a pixel? */
static bool
may_enter(const Growth *growth, const Seed *seed, int place)
{
	bool		in_mask = growth->mask->pixels[place] != 0;

	if (growth->owners[place] != 0 || (!in_mask && growth->values[place] < seed->floor))
		return false;
	return (seed->inside && in_mask) || squared_distance(growth->mask, seed->place, place) <= seed->reach;
}

/* Go on from a pixel to its neighbours of that level, and wait for the next that has any. */
static void
spread(Growth *growth, int place, int level)
{
	int			width = growth->mask->width;
	int			x = place % width;
	int			y = place / width;
	const Seed *seed = &growth->seeds[growth->owners[place] - 1];
	int			own_value = growth->values[seed->place];
	int			later = LEVELS;

	for (int v = y > 0 ? y - 1 : 0; v <= y + 1 && v < growth->mask->height; v++)
		for (int u = x > 0 ? x - 1 : 0; u <= x + 1 && u < width; u++)
		{
			int			near = v * width + u;
			int			difference = abs(growth->values[near] - own_value) / VALUES_PER_LEVEL;

			if (!may_enter(growth, seed, near))
				continue;
			if (difference <= level)
			{
				growth->owners[near] = growth->owners[place];
				put_in_queue(growth, near, level);
			}
			else if (difference < later)
				later = difference;
		}
	if (later < LEVELS)
		put_in_queue(growth, place, later);
}

/* Let all points grow. */
static Status
grow_all(Growth *growth)
{
	for (int level = 0; level < LEVELS; level++)
		growth->queues[level].first = NONE;
	for (int i = 0; i < growth->count; i++)
	{
		const Seed *seed = &growth->seeds[i];

		/* Where a small mask has both in one pixel, the first, a point inside, has it. */
		if (growth->owners[seed->place] != 0)
			continue;
		growth->owners[seed->place] = (uint8_t) (i + 1);
		if (!seed->still)
			put_in_queue(growth, seed->place, 0);
	}
	for (int level = 0; level < LEVELS; level++)
		while (growth->queues[level].first != NONE)
		{
			int			place = growth->queues[level].first;

			if (growth->steps++ % STEPS_PER_POLL == 0)
				TRY(call_poll(growth->call));
			growth->queues[level].first = growth->next[place];
			spread(growth, place, level);
		}
	return status_ok();
}

/* Keep what is inside. */
static Status
keep_inside(const Growth *growth, bool any_inside, Image *mask)
{
	size_t		pixels = (size_t) mask->width * (size_t) mask->height;

	for (size_t i = 0; i < pixels; i++)
	{
		int			owner = growth->owners[i];

		if (i % STEPS_PER_POLL == 0)
			TRY(call_poll(growth->call));
		if (owner == 0 ? any_inside : !growth->seeds[owner - 1].inside)
			mask->pixels[i] = 0;
		else if (owner != 0)
			mask->pixels[i] = 255;
	}
	return status_ok();
}

Status
points_bind(const Call *call, const PointHints *hints, const Image *map, Image *mask)
{
	size_t		pixels = (size_t) mask->width * (size_t) mask->height;
	Growth		growth = {.call = call,.values = map->pixels,.mask = mask};
	int			lowest = MASK_ALONE;
	void	   *memory;
	Status		status;

	TRY(add_inside(&growth, hints, &lowest));
	TRY(add_outside(&growth, hints, lowest));
	TRY(call_alloc_array(call, pixels, sizeof(int32_t) + 1, &memory));
	growth.next = memory;
	growth.owners = (uint8_t *) (growth.next + pixels);
	status = grow_all(&growth);
	if (status.code == LS_OK)
		status = keep_inside(&growth, hints->inside->count > 0, mask);
	call_free(call, memory);
	return status;
}
