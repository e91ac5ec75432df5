/*
 * refine.c: see refine.h. Each row has its own sums, so that the result does
 * not depend on the number of threads.
 */
#include "measure/follow/refine.h"

#include <math.h>
#include <string.h>

#include "core/threads.h"

#define PARAMETERS 4			/* a, b and the shift */
#define SUMS (PARAMETERS * (PARAMETERS + 1) / 2 + PARAMETERS)
#define LEAST_SHARE 0.25
#define CAUCHY 0.8f				/* difference at which a pixel's weight is half */
#define AT_BORDER 0.05f			/* weight on the border */
#define ROWS_PER_BLOCK 256
#define STILL 1e-4

/* Arguments and results of the work on rows. */
typedef struct RefineTask
{
	const Level *before;
	const Level *after;
	Similarity	map;
	double		border;
	double	   *sums;			/* (height, SUMS) */
} RefineTask;

/* The weight of a pixel by its distance to the nearer border. */
static inline float
border_weight(const RefineTask *task, size_t i, double x, double y)
{
	float		other = 0;
	float		distance = task->before->border[i];

	if (task->border <= 0)
		return 1;
	if (level_sample(task->after, task->after->border, x, y, &other) && other < distance)
		distance = other;
	distance /= (float) task->border;
	return distance >= 1 ? 1 : AT_BORDER + (1 - AT_BORDER) * distance * distance;
}

/* Add a pixel's equations. */
static inline void
add_pixel(double *sums, const float *gradient, float difference, float weight)
{
	int			at = 0;

	for (int i = 0; i < PARAMETERS; i++)
		for (int j = 0; j <= i; j++)
			sums[at++] += weight * gradient[i] * gradient[j];
	for (int i = 0; i < PARAMETERS; i++)
		sums[at++] += weight * gradient[i] * difference;
}

/* Sum up the equations of rows [begin, end). */
static void
sum_rows(void *data, int worker, long begin, long end)
{
	const RefineTask *task = data;
	const Level *before = task->before;
	const Level *after = task->after;
	const Similarity *map = &task->map;

	(void) worker;
	for (long row = begin; row < end; row++)
	{
		double	   *sums = task->sums + row * SUMS;

		memset(sums, 0, SUMS * sizeof *sums);
		for (int column = 0; column < before->width; column++)
		{
			size_t		i = (size_t) row * (size_t) before->width + (size_t) column;
			double		px = column + 0.5;
			double		py = (double) row + 0.5;
			double		x = map->a * px - map->b * py + map->x0;
			double		y = map->b * px + map->a * py + map->y0;
			float		value;
			float		sides[4];
			float		gradient[PARAMETERS];
			float		difference;

			if (!level_sample(after, after->values, x, y, &value) ||
				!level_sample(after, after->values, x - 0.5, y, &sides[0]) ||
				!level_sample(after, after->values, x + 0.5, y, &sides[1]) ||
				!level_sample(after, after->values, x, y - 0.5, &sides[2]) ||
				!level_sample(after, after->values, x, y + 0.5, &sides[3]))
				continue;
			px -= before->x;
			py -= before->y;
			gradient[2] = sides[1] - sides[0];
			gradient[3] = sides[3] - sides[2];
			gradient[0] = gradient[2] * (float) px + gradient[3] * (float) py;
			gradient[1] = gradient[3] * (float) px - gradient[2] * (float) py;
			difference = before->values[i] - value;
			add_pixel(sums, gradient, difference, border_weight(task, i, x, y) /
					  (1 + difference * difference / (CAUCHY * CAUCHY)));
		}
	}
}

/* Solve the equations by Gauss' elimination; false if they are singular. */
static bool
solve(const double *sums, double *solution)
{
	double		rows[PARAMETERS][PARAMETERS + 1];
	int			at = 0;

	for (int i = 0; i < PARAMETERS; i++)
		for (int j = 0; j <= i; j++)
			rows[i][j] = rows[j][i] = sums[at++];
	for (int i = 0; i < PARAMETERS; i++)
	{
		rows[i][PARAMETERS] = sums[at++];
		rows[i][i] *= 1 + 1e-6;
	}
	for (int i = 0; i < PARAMETERS; i++)
	{
		if (!(rows[i][i] > 1e-9))
			return false;
		for (int j = i + 1; j < PARAMETERS; j++)
		{
			double		factor = rows[j][i] / rows[i][i];

			for (int k = i; k <= PARAMETERS; k++)
				rows[j][k] -= factor * rows[i][k];
		}
	}
	for (int i = PARAMETERS - 1; i >= 0; i--)
	{
		solution[i] = rows[i][PARAMETERS];
		for (int k = i + 1; k < PARAMETERS; k++)
			solution[i] -= rows[i][k] * solution[k];
		solution[i] /= rows[i][i];
	}
	return true;
}

/* Change the map: a and b about the first lesion's centroid, then the shift. */
static void
change_map(const Level *before, const double *step, Similarity *map)
{
	map->a += step[0];
	map->b += step[1];
	map->x0 += step[2] - step[0] * before->x + step[1] * before->y;
	map->y0 += step[3] - step[1] * before->x - step[0] * before->y;
}

Status
refine_map(const Call *call, const Level *before, const Level *after, int steps, double border, Similarity *map)
{
	RefineTask	task = {before, after, *map, border, NULL};
	void	   *memory;
	Status		status = status_ok();

	TRY(call_alloc_array(call, (size_t) before->height * SUMS, sizeof(double), &memory));
	task.sums = memory;
	for (int i = 0; i < steps && status.code == LS_OK; i++)
	{
		double		all[SUMS] = {0};
		double		step[PARAMETERS];

		status = threads_run_polled(call, before->height, ROWS_PER_BLOCK, sum_rows, &task);
		for (int row = 0; row < before->height; row++)
			for (int s = 0; s < SUMS; s++)
				all[s] += task.sums[(size_t) row * SUMS + (size_t) s];
		if (!solve(all, step))
			break;
		change_map(before, step, &task.map);
		if (fabs(step[2]) + fabs(step[3]) + before->diameter * (fabs(step[0]) + fabs(step[1])) < STILL * before->width)
			break;
	}
	call_free(call, memory);
	*map = task.map;
	return status;
}

Status
refine_score(const Call *call, const Level *before, const Level *after, const Similarity *map, double *score)
{
	double		product = 0;
	double		square_a = 1e-9;
	double		square_b = 1e-9;
	double		known = 0;
	double		of_after = (double) after->width * after->height / (map->a * map->a + map->b * map->b);
	size_t		i = 0;

	for (int row = 0; row < before->height; row++)
	{
		TRY(call_poll(call));
		for (int column = 0; column < before->width; column++, i++)
		{
			double		px = column + 0.5;
			double		py = row + 0.5;
			float		value;

			if (!level_sample(after, after->values, map->a * px - map->b * py + map->x0,
							  map->b * px + map->a * py + map->y0, &value))
				continue;
			known++;
			product += before->values[i] * value;
			square_a += before->values[i] * before->values[i];
			square_b += value * value;
		}
	}
	*score = !(known >= LEAST_SHARE * fmin((double) i, of_after)) ? -1 : product / sqrt(square_a * square_b);
	return status_ok();
}
