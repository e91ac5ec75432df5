/*
 * shifts.c: see shifts.h. For each rotation and scale the best shift is kept.
 */
#include "measure/follow/shifts.h"

#include <math.h>
#include <string.h>

#include "core/threads.h"

#define TURNS 9					/* -60 to 60 degrees */
#define TURN_STEP (M_PI / 12)
#define SCALES 5				/* 0.75 to 1.35 */
#define SCALE_STEP 1.16
#define TRIALS (TURNS * SCALES)
#define LEAST_SHARE 0.33
#define SIDE_MOST 128			/* pixels; with a longer side, trying all shifts takes too long */

typedef struct Trial
{
	double		scale;
	double		angle;
	double		score;
	int			dx;
	int			dy;
} Trial;

/* What the trials of all threads work on. */
typedef struct ShiftTask
{
	const Level *before;
	const Level *after;
	float	   *turned;			/* one (height, width) of `after` for each thread */
	float	   *known;			/* likewise */
	Trial	   *trials;
} ShiftTask;

/* The first photograph, turned and scaled about its middle, in a plane of the
 * second's size. */
static void
turn_before(const ShiftTask *task, const Trial *trial, float *turned, float *known)
{
	const Level *before = task->before;
	const Level *after = task->after;
	double		a = cos(trial->angle) / trial->scale;
	double		b = sin(trial->angle) / trial->scale;
	size_t		i = 0;

	for (int y = 0; y < after->height; y++)
		for (int x = 0; x < after->width; x++, i++)
		{
			double		dx = x + 0.5 - after->width / 2.0;
			double		dy = y + 0.5 - after->height / 2.0;
			float		value = 0;

			known[i] = level_sample(before, before->values, before->width / 2.0 + a * dx + b * dy,
									before->height / 2.0 - b * dx + a * dy, &value);
			turned[i] = value;
		}
}

/* The agreement of the turned plane with the second photograph at a shift. */
static double
shift_score(const Level *after, const float *turned, const float *known, int dx, int dy)
{
	float		product = 0;
	float		square_a = 1e-6f;
	float		square_b = 1e-6f;
	float		both = 0;
	int			left = dx > 0 ? dx : 0;
	int			right = dx < 0 ? after->width + dx : after->width;

	for (int y = dy > 0 ? dy : 0; y < (dy < 0 ? after->height + dy : after->height); y++)
	{
		const float *value = after->values + (size_t) y * (size_t) after->width;
		size_t		row = (size_t) (y - dy) * (size_t) after->width;

		for (int x = left; x < right; x++)
		{
			float		other = value[x] * known[row + (size_t) (x - dx)];

			product += other * turned[row + (size_t) (x - dx)];
			square_a += other * other;
			square_b += turned[row + (size_t) (x - dx)] * turned[row + (size_t) (x - dx)];
			both += known[row + (size_t) (x - dx)];
		}
	}
	if (both < (float) LEAST_SHARE * (float) after->width * (float) after->height)
		return -1;
	return product / sqrtf(square_a * square_b) * sqrtf(both / (float) (after->width * after->height));
}

/* Trials [begin, end). */
static void
run_trials(void *data, int worker, long begin, long end)
{
	const ShiftTask *task = data;
	const Level *after = task->after;
	size_t		count = (size_t) after->width * (size_t) after->height;
	float	   *turned = task->turned + (size_t) worker * count;
	float	   *known = task->known + (size_t) worker * count;

	for (long i = begin; i < end; i++)
	{
		Trial	   *trial = &task->trials[i];
		int			most_x = after->width / 2;
		int			most_y = after->height / 2;

		turn_before(task, trial, turned, known);
		for (int dy = -most_y; dy <= most_y; dy++)
			for (int dx = -most_x; dx <= most_x; dx++)
			{
				double		score = shift_score(after, turned, known, dx, dy);

				if (score <= trial->score)
					continue;
				trial->score = score;
				trial->dx = dx;
				trial->dy = dy;
			}
	}
}

/* The map of a trial. */
static Similarity
map_of(const ShiftTask *task, const Trial *trial)
{
	double		a = trial->scale * cos(trial->angle);
	double		b = trial->scale * sin(trial->angle);
	double		x = task->before->width / 2.0;
	double		y = task->before->height / 2.0;

	return (Similarity) {
		a, b, task->after->width / 2.0 + trial->dx - a * x + b * y,
		task->after->height / 2.0 + trial->dy - b * x - a * y
	};
}

/* Select the best trials, one after the other. */
static void
choose_best(const ShiftTask *task, Similarity *best, int *count)
{
	for (*count = 0; *count < SHIFTS_BEST; (*count)++)
	{
		Trial	   *chosen = &task->trials[0];

		for (int i = 1; i < TRIALS; i++)
			if (task->trials[i].score > chosen->score)
				chosen = &task->trials[i];
		if (chosen->score <= 0)
			return;
		best[*count] = map_of(task, chosen);
		chosen->score = -1;
	}
}

Status
shifts_match(const Call *call, const Level *before, const Level *after, Similarity *best, int *count)
{
	size_t		pixels = (size_t) after->width * (size_t) after->height;
	Trial		trials[TRIALS] = {{0}};
	ShiftTask	task = {before, after, NULL, NULL, trials};
	void	   *memory;
	Status		status;

	*count = 0;
	if (after->width > SIDE_MOST || after->height > SIDE_MOST)
		return status_ok();
	TRY(call_alloc_array(call, 2 * (size_t) call->threads * pixels, sizeof(float), &memory));
	task.turned = memory;
	task.known = task.turned + (size_t) call->threads * pixels;
	for (int i = 0; i < TRIALS; i++)
	{
		trials[i].angle = (i % TURNS - TURNS / 2) * TURN_STEP;
		trials[i].scale = pow(SCALE_STEP, i / TURNS - SCALES / 2);
		trials[i].score = -1;
	}
	status = threads_run_polled(call, TRIALS, call->threads, run_trials, &task);
	if (status.code == LS_OK)
		choose_best(&task, best, count);
	call_free(call, memory);
	return status;
}
