/*
 * register.c: see register.h.
 */
#include "measure/follow/register.h"

#include <math.h>

#include "measure/follow/levels.h"
#include "measure/follow/refine.h"
#include "measure/follow/rings.h"
#include "measure/follow/shifts.h"

#define CHOICE 2				/* the level at which candidates are compared */
#define FIRST_STEPS 20			/* of each candidate */
#define STEPS 20
#define GOOD_START 0.5			/* with this agreement no other start is tried */
#define SURE 0.4				/* confidence from which a registration counts as right, */
#define SURE_WHERE_FAR 0.5		/* and of a map beyond either of these */
#define FAR_DEGREES 60
#define FAR_SCALE 1.3
#define BORDER 0.08				/* of the lesion's diameter: counts for less near its border */

bool
registration_is_sure(double confidence, const Similarity *map)
{
	double		degrees = atan2(map->b, map->a) * 180 / M_PI;
	double		scale = hypot(map->a, map->b);
	bool		is_far = fabs(degrees) > FAR_DEGREES || scale > FAR_SCALE || scale < 1 / FAR_SCALE;

	return confidence >= (is_far ? SURE_WHERE_FAR : SURE);
}

Similarity
similarity_rescale(const Similarity *map, double before, double after)
{
	return (Similarity) {map->a * after / before, map->b * after / before, map->x0 * after, map->y0 * after};
}

/* Convert a map between levels `from` to one between levels `to`. */
static Similarity
between_levels(const Similarity *map, const Levels *before, const Levels *after, int from, int to)
{
	return similarity_rescale(map, before->levels[to].scale / before->levels[from].scale,
							  after->levels[to].scale / after->levels[from].scale);
}

/* The best map so far, between levels CHOICE. */
typedef struct Best
{
	Similarity	map;
	double		score;
} Best;

/* Refine a candidate between levels `level`, and keep it if it is the best. */
static Status
try_candidate(const Call *call, const Levels *before, const Levels *after, Similarity candidate, int level,
			  Best *best)
{
	double		score;

	for (; level >= CHOICE; level--)
	{
		TRY(refine_map(call, &before->levels[level], &after->levels[level], FIRST_STEPS, 0, &candidate));
		if (level > CHOICE)
			candidate = between_levels(&candidate, before, after, level, level - 1);
	}
	TRY(refine_score(call, &before->levels[CHOICE], &after->levels[CHOICE], &candidate, &score));
	if (score > best->score)
		*best = (Best) {candidate, score};
	return status_ok();
}

/* Find a start: from the lesions' centroids or, if that fails, from all
 * shifts. */
static Status
find_start(const Call *call, const Levels *before, const Levels *after, Similarity *map)
{
	Best		best = {.score = -INFINITY};
	Similarity	candidates[RINGS_BEST > SHIFTS_BEST ? RINGS_BEST : SHIFTS_BEST];
	int			count;

	TRY(rings_match(call, &before->levels[1], &after->levels[1], candidates, &count));
	for (int i = 0; i < count; i++)
		TRY(try_candidate(call, before, after, between_levels(&candidates[i], before, after, 1, CHOICE), CHOICE,
						  &best));
	if (best.score < GOOD_START)
	{
		TRY(shifts_match(call, &before->levels[LEVELS - 1], &after->levels[LEVELS - 1], candidates, &count));
		for (int i = 0; i < count; i++)
			TRY(try_candidate(call, before, after, candidates[i], LEVELS - 1, &best));
	}
	*map = best.map;
	return status_ok();
}

/* Register two sets of levels. */
static Status
register_levels(const Call *call, const Levels *before, const Levels *after, Registration *registration)
{
	Similarity	map;
	double		score;

	TRY(find_start(call, before, after, &map));
	for (int level = CHOICE; level >= 0; level--)
	{
		const Level *first = &before->levels[level];

		TRY(refine_map(call, first, &after->levels[level], STEPS, BORDER * first->diameter, &map));
		if (level > 0)
			map = between_levels(&map, before, after, level, level - 1);
	}
	map = between_levels(&map, before, after, 0, 1);
	TRY(refine_score(call, &before->levels[1], &after->levels[1], &map, &score));
	registration->confidence = fmax(score, 0);
	registration->sure = registration_is_sure(registration->confidence, &map);
	registration->to_after = similarity_rescale(&map, 1 / before->levels[1].scale, 1 / after->levels[1].scale);
	return status_ok();
}

Status
register_images(const Call *call, const Image *before, const Image *mask_before, const Image *after,
				const Image *mask_after, Registration *registration)
{
	Levels		first = {0};
	Levels		second = {0};
	double		scale = (double) after->width / before->width;
	Status		status = levels_make(call, before, mask_before, &first);

	*registration = (Registration) {
		{scale, 0, 0, (after->height - scale * before->height) / 2}, 0, false
	};
	if (status.code == LS_OK)
		status = levels_make(call, after, mask_after, &second);
	if (status.code == LS_OK && first.has_lesion && second.has_lesion)
		status = register_levels(call, &first, &second, registration);
	levels_free(call, &first);
	levels_free(call, &second);
	return status;
}
