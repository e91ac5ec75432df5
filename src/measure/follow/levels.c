/*
 * levels.c: see levels.h.
 */
#include "measure/follow/levels.h"

#include <math.h>
#include <string.h>

#include "measure/distance.h"

#define REACH 8					/* reach of the square for mean and variance, at every level */
#define LEAST_STDDEV 2.0f		/* grey levels: noise of even skin stays small */

static int
clamp(int i, int count)
{
	return i < 0 ? 0 : i >= count ? count - 1 : i;
}

/* Means over 2 reach + 1 values along a line of that stride; edges are
 * extended. */
static void
mean_line(const float *in, int count, size_t stride, int reach, float *out)
{
	float		sum = 0;

	for (int i = -reach; i <= reach; i++)
		sum += in[(size_t) clamp(i, count) * stride];
	for (int i = 0; i < count; i++)
	{
		out[(size_t) i * stride] = sum / (float) (2 * reach + 1);
		sum += in[(size_t) clamp(i + reach + 1, count) * stride] - in[(size_t) clamp(i - reach, count) * stride];
	}
}

/* Means over squares: out and between are planes of the size. */
static Status
mean_plane(const Call *call, const float *in, int width, int height, int reach, float *between, float *out)
{
	for (int y = 0; y < height; y++)
	{
		if (y % POLL_ROWS == 0)
			TRY(call_poll(call));
		mean_line(in + (size_t) y * (size_t) width, width, 1, reach, between + (size_t) y * (size_t) width);
	}
	for (int x = 0; x < width; x++)
	{
		if (x % POLL_ROWS == 0)
			TRY(call_poll(call));
		mean_line(between + x, height, (size_t) width, reach, out + x);
	}
	return status_ok();
}

/* Normalise values in place: mean 0 and variance 1 around each pixel. */
static Status
make_alike(const Call *call, int width, int height, float *values)
{
	size_t		count = (size_t) width * (size_t) height;
	float	   *planes;
	void	   *memory;
	Status		status;

	TRY(call_alloc_array(call, 3 * count, sizeof(float), &memory));
	planes = memory;
	status = mean_plane(call, values, width, height, 1, planes, planes + count);
	memcpy(values, planes + count, count * sizeof(float));
	if (status.code == LS_OK)
		status = mean_plane(call, values, width, height, REACH, planes, planes + count);
	for (size_t i = 0; i < count; i++)
	{
		values[i] -= planes[count + i];
		planes[2 * count + i] = values[i] * values[i];
	}
	if (status.code == LS_OK)
		status = mean_plane(call, planes + 2 * count, width, height, REACH, planes, planes + count);
	for (size_t i = 0; i < count; i++)
		values[i] /= sqrtf(fmaxf(planes[count + i], 0)) + LEAST_STDDEV;
	call_free(call, memory);
	return status;
}

/* Luma of a reduced image. */
static void
set_luma(const Image *image, float *values)
{
	size_t		count = (size_t) image->width * (size_t) image->height;

	for (size_t i = 0; i < count; i++)
	{
		const uint8_t *pixel = image->pixels + i * (size_t) image->channels;

		values[i] = image->channels == 1 ? (float) pixel[0] :
			0.299f * (float) pixel[0] + 0.587f * (float) pixel[1] + 0.114f * (float) pixel[2];
	}
}

/* Set centroid, size and the distances to the border. */
static Status
set_lesion(const Call *call, const Image *mask, Level *level)
{
	size_t		count = (size_t) mask->width * (size_t) mask->height;
	uint8_t    *edge;
	double		n = 0;
	void	   *memory;
	Status		status;

	TRY(call_alloc_array(call, count, 1, &memory));
	edge = memory;
	for (int y = 0; y < mask->height; y++)
		for (int x = 0; x < mask->width; x++)
		{
			size_t		i = (size_t) y * (size_t) mask->width + (size_t) x;
			bool		lesion = mask->pixels[i] >= 128;

			edge[i] = (x > 0 && lesion != (mask->pixels[i - 1] >= 128)) ||
				(y > 0 && lesion != (mask->pixels[i - (size_t) mask->width] >= 128));
			if (!lesion)
				continue;
			n++;
			level->x += x + 0.5;
			level->y += y + 0.5;
		}
	level->x = n > 0 ? level->x / n : mask->width / 2.0;
	level->y = n > 0 ? level->y / n : mask->height / 2.0;
	level->diameter = sqrt(4 * n / M_PI);
	status = distance_map(call, edge, mask->width, mask->height, (PixelSpacing) {1, 1}, level->border);
	call_free(call, memory);
	return status;
}

/* Make one level of an image and a mask of any size. */
static Status
make_level(const Call *call, const Image *image, const Image *mask, Level *level)
{
	size_t		count = (size_t) level->width * (size_t) level->height;
	Image		small;
	void	   *memory;
	Status		status;

	TRY(call_alloc_array(call, count, sizeof(float), &memory));
	level->values = memory;
	TRY(call_alloc_array(call, count, sizeof(float), &memory));
	level->border = memory;
	TRY(image_resize(call, image, level->width, level->height, &small));
	set_luma(&small, level->values);
	image_free(call, &small);
	TRY(make_alike(call, level->width, level->height, level->values));
	TRY(image_resize(call, mask, level->width, level->height, &small));
	status = set_lesion(call, &small, level);
	image_free(call, &small);
	return status;
}

Status
levels_make(const Call *call, const Image *image, const Image *mask, Levels *levels)
{
	int			shorter = image->width < image->height ? image->width : image->height;
	double		scale = shorter > LEVEL_SIDE ? (double) LEVEL_SIDE / shorter : 1;

	memset(levels, 0, sizeof *levels);
	for (int i = 0; i < LEVELS; i++, scale /= 2)
	{
		Level	   *level = &levels->levels[i];

		level->scale = scale;
		level->width = (int) fmax(round(image->width * scale), 1);
		level->height = (int) fmax(round(image->height * scale), 1);
		if (level->width > 16 * LEVEL_SIDE || level->height > 16 * LEVEL_SIDE)
			return status_with_hint(status_error(LS_INVALID_IMAGE, "an image of %d x %d pixels is too narrow",
												 image->width, image->height),
									"A side may be 16 times as long as the other, at most.");
		TRY(make_level(call, image, mask, level));
	}
	levels->has_lesion = levels->levels[0].diameter > 0;
	return status_ok();
}

void
levels_free(const Call *call, Levels *levels)
{
	for (int i = 0; i < LEVELS; i++)
	{
		call_free(call, levels->levels[i].values);
		call_free(call, levels->levels[i].border);
	}
	memset(levels, 0, sizeof *levels);
}
