/*
 * rings.c: see rings.h. Values are sampled at RINGS radii, each larger than
 * the one before by a constant factor, in ANGLES directions. A rotation then
 * shifts them along the directions, and a change of scale along the radii.
 */
#include "measure/follow/rings.h"

#include <math.h>
#include <stdlib.h>

#define ANGLES 120
#define RINGS 40
#define INNER 0.12				/* of the lesion's diameter */
#define OUTER 1.6
#define MOST_SCALE 1.45			/* either way */
#define LEAST_SHARE 0.25		/* of the samples that both must have */

typedef struct RingMap
{
	float		values[RINGS][ANGLES];
	float		known[RINGS][ANGLES];	/* 0 outside of the image, else 1 */
} RingMap;

static double
ring_step(void)
{
	return log(OUTER / INNER) / (RINGS - 1);
}

/* Radii are shares of `diameter`, which is one length for both images. */
static void
ring_map_make(const Level *level, double diameter, RingMap *map)
{
	for (int ring = 0; ring < RINGS; ring++)
		for (int angle = 0; angle < ANGLES; angle++)
		{
			double		radius = INNER * diameter * exp(ring * ring_step());
			double		direction = 2 * M_PI * angle / ANGLES;
			float		value = 0;

			map->known[ring][angle] = level_sample(level, level->values, level->x + radius * cos(direction),
												   level->y + radius * sin(direction), &value);
			map->values[ring][angle] = value;
		}
}

/*
 * The agreement of two maps when the second is shifted: a correlation,
 * weighted by the radius, times the square root of the share that both show.
 */
static double
ring_score(const RingMap *before, const RingMap *after, int rings, int angles)
{
	double		product = 0;
	double		square_a = 1e-9;
	double		square_b = 1e-9;
	double		known = 0;
	double		all = 0;

	for (int ring = 0; ring < RINGS; ring++)
	{
		int			other = ring + rings;
		float		sums[4] = {0};
		float		weight = expf((float) ring / RINGS);

		all += ANGLES * weight;
		if (other < 0 || other >= RINGS)
			continue;
		for (int angle = 0; angle < ANGLES; angle++)
		{
			int			turned = angle + angles < ANGLES ? angle + angles : angle + angles - ANGLES;
			float		both = before->known[ring][angle] * after->known[other][turned];
			float		a = before->values[ring][angle] * both;
			float		b = after->values[other][turned] * both;

			sums[0] += a * b;
			sums[1] += a * a;
			sums[2] += b * b;
			sums[3] += both;
		}
		product += weight * sums[0];
		square_a += weight * sums[1];
		square_b += weight * sums[2];
		known += weight * sums[3];
	}
	return known < LEAST_SHARE * all ? -1 : product / sqrt(square_a * square_b) * sqrt(known / all);
}

/* The map that takes one centroid to the other. */
static Similarity
map_of(const Level *before, const Level *after, double scale, double angle)
{
	double		a = scale * cos(angle);
	double		b = scale * sin(angle);

	return (Similarity) {
		a, b, after->x - a * before->x + b * before->y, after->y - b * before->x - a * before->y
	};
}

/* A shift of the rings and its score. */
typedef struct Candidate
{
	int			rings;
	int			angles;
	double		score;
} Candidate;

/* Candidates, the best first. */
typedef struct CandidateList
{
	Candidate	items[RINGS_BEST];
	int			count;
} CandidateList;

/* Are two shifts near each other? */
static bool
are_neighbours(const Candidate *a, const Candidate *b)
{
	int			turn = abs(a->angles - b->angles);

	return (turn <= 3 || turn >= ANGLES - 3) && abs(a->rings - b->rings) <= 2;
}

/* Put a candidate into the list, unless a near one is better; near ones that
 * are worse are removed. */
static void
keep_candidate(const Candidate *candidate, CandidateList *list)
{
	int			kept = 0;
	int			at;

	for (int i = 0; i < list->count; i++)
		if (are_neighbours(&list->items[i], candidate) && list->items[i].score >= candidate->score)
			return;
	for (int i = 0; i < list->count; i++)
		if (!are_neighbours(&list->items[i], candidate))
			list->items[kept++] = list->items[i];
	list->count = kept;
	if (list->count == RINGS_BEST && list->items[RINGS_BEST - 1].score >= candidate->score)
		return;
	if (list->count < RINGS_BEST)
		list->count++;
	for (at = list->count - 1; at > 0 && list->items[at - 1].score < candidate->score; at--)
		list->items[at] = list->items[at - 1];
	list->items[at] = *candidate;
}

Status
rings_match(const Call *call, const Level *before, const Level *after, Similarity *best, int *count)
{
	int			most = (int) ceil(log(MOST_SCALE) / ring_step());
	double		diameter = sqrt(before->diameter * after->diameter);
	CandidateList list = {.count = 0};
	RingMap    *maps;
	void	   *memory;
	Status		status = status_ok();

	TRY(call_alloc_array(call, 2, sizeof(RingMap), &memory));
	maps = memory;
	ring_map_make(before, diameter, &maps[0]);
	ring_map_make(after, diameter, &maps[1]);
	for (int angles = 0; angles < ANGLES && status.code == LS_OK; angles++)
	{
		status = call_poll(call);
		for (int rings = -most; rings <= most; rings++)
		{
			const Candidate candidate = {rings, angles, ring_score(&maps[0], &maps[1], rings, angles)};

			keep_candidate(&candidate, &list);
		}
	}
	for (int i = 0; i < list.count; i++)
		best[i] = map_of(before, after, exp(list.items[i].rings * ring_step()),
						 2 * M_PI * list.items[i].angles / ANGLES);
	*count = list.count;
	call_free(call, memory);
	return status;
}
