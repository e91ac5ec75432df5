/*
 * inpaint.c: push and pull, then a membrane.
 *
 * Push: the image is halved again and again, until no pixel is hidden; a pixel
 * is the mean of those of its four that are not hidden. Pull: from the smallest
 * level back, hidden pixels are interpolated from the level above. Then, at each
 * level, a few rounds of averaging with the four neighbours bring the hidden
 * pixels close to the membrane that the known ones span (Laplace's equation).
 * The order is red-black, so that the result does not depend on the threads.
 * Each level has a quarter of the pixels of the one before, so time grows
 * linearly with the image, and the levels take a third of its memory.
 */
#include "enhance/steps/inpaint.h"

#include <string.h>

#include "core/threads.h"
#include "enhance/steps/steps.h"

#define LEVELS_MAX 32
#define ROUNDS 6				/* rounds of averaging, each over red and black pixels */

/* One level; the first is the image itself. */
typedef struct InpaintLevel
{
	Image		image;
	const uint8_t *hidden;
	uint8_t    *owned;			/* the plane `hidden`, if this level allocated it */
} InpaintLevel;

/* Arguments of work on two neighbouring levels. */
typedef struct InpaintTask
{
	InpaintLevel *fine;
	InpaintLevel *coarse;
	int			parity;			/* colour of the pixels to average: red or black */
} InpaintTask;

/* Compute rows of the coarse level from the fine one. */
static void
push_rows(void *data, int worker, long begin, long end)
{
	InpaintTask *task = data;
	const Image *fine = &task->fine->image;
	Image	   *coarse = &task->coarse->image;
	int			channels = fine->channels;

	(void) worker;
	for (long y = begin; y < end; y++)
	{
		long		below = 2 * y + 1 < fine->height ? 1 : 0;

		for (int x = 0; x < coarse->width; x++)
		{
			int			right = 2 * x + 1 < fine->width ? 1 : 0;
			int			sums[3] = {0};
			int			known = 0;

			for (long dy = 0; dy <= below; dy++)
			{
				for (int dx = 0; dx <= right; dx++)
				{
					size_t		at = (size_t) (2 * y + dy) * (size_t) fine->width + (size_t) (2 * x + dx);

					if (task->fine->hidden[at] != 0)
						continue;
					known++;
					for (int c = 0; c < channels; c++)
						sums[c] += fine->pixels[at * (size_t) channels + (size_t) c];
				}
			}
			task->coarse->owned[(size_t) y * (size_t) coarse->width + (size_t) x] = known == 0;
			for (int c = 0; c < channels && known > 0; c++)
				image_row(coarse, y)[x * channels + c] = (uint8_t) ((sums[c] + known / 2) / known);
		}
	}
}

/* Fill hidden pixels of the fine level from the four nearest of the coarse
 * one. */
static void
pull_rows(void *data, int worker, long begin, long end)
{
	InpaintTask *task = data;
	Image	   *fine = &task->fine->image;
	Image	   *coarse = &task->coarse->image;
	int			channels = fine->channels;

	(void) worker;
	for (long y = begin; y < end; y++)
	{
		const uint8_t *hidden = task->fine->hidden + (size_t) y * (size_t) fine->width;
		long		other_y = y % 2 == 0 ? y / 2 - 1 : y / 2 + 1;
		const uint8_t *near = image_row(coarse, y / 2);
		const uint8_t *far = image_row(coarse, other_y < 0 ? 0 : other_y >= coarse->height ? coarse->height - 1 :
									   other_y);

		for (int x = 0; x < fine->width; x++)
		{
			int			other = x % 2 == 0 ? x / 2 - 1 : x / 2 + 1;
			int			at = x / 2 * channels;

			if (hidden[x] == 0)
				continue;
			other = (other < 0 ? 0 : other >= coarse->width ? coarse->width - 1 : other) * channels;
			for (int c = 0; c < channels; c++)
				image_row(fine, y)[x * channels + c] =
					(uint8_t) ((9 * near[at + c] + 3 * near[other + c] + 3 * far[at + c] + far[other + c] + 8) / 16);
		}
	}
}

/* Average the hidden pixels of one parity with their four neighbours. */
static void
average_rows(void *data, int worker, long begin, long end)
{
	InpaintTask *task = data;
	Image	   *image = &task->fine->image;
	int			channels = image->channels;

	(void) worker;
	for (long y = begin; y < end; y++)
	{
		const uint8_t *hidden = task->fine->hidden + (size_t) y * (size_t) image->width;
		uint8_t    *row = image_row(image, y);
		const uint8_t *above = image_row(image, y > 0 ? y - 1 : y);
		const uint8_t *below = image_row(image, y + 1 < image->height ? y + 1 : y);

		for (int x = (int) (y + task->parity) & 1; x < image->width; x += 2)
		{
			int			at = x * channels;
			int			left = x > 0 ? at - channels : at;
			int			right = x + 1 < image->width ? at + channels : at;

			if (hidden[x] == 0)
				continue;
			for (int c = 0; c < channels; c++)
				row[at + c] = (uint8_t) ((above[at + c] + below[at + c] + row[left + c] + row[right + c] + 2) / 4);
		}
	}
}

/* Is any pixel of a level hidden? */
static bool
any_hidden(const InpaintLevel *level)
{
	return memchr(level->hidden, 1, (size_t) level->image.width * (size_t) level->image.height) != NULL;
}

/* Make the level above. */
static Status
halve_level(const Call *call, InpaintLevel *fine, InpaintLevel *coarse)
{
	InpaintTask task = {.fine = fine, .coarse = coarse};
	int			width = (fine->image.width + 1) / 2;
	int			height = (fine->image.height + 1) / 2;
	void	   *memory;

	TRY(image_create(call, width, height, fine->image.channels, &coarse->image));
	TRY(call_alloc_array(call, (size_t) width, (size_t) height, &memory));
	coarse->owned = memory;
	coarse->hidden = memory;
	return threads_run_polled(call, height, rows_between_polls(&coarse->image), push_rows, &task);
}

/* Fill a level from the one above. */
static Status
fill_level(const Call *call, InpaintLevel *coarse, InpaintLevel *fine)
{
	InpaintTask task = {.fine = fine, .coarse = coarse};
	long		block = rows_between_polls(&fine->image);

	TRY(threads_run_polled(call, fine->image.height, block, pull_rows, &task));
	for (int round = 0; round < 2 * ROUNDS; round++)
	{
		task.parity = round % 2;
		TRY(threads_run_polled(call, fine->image.height, block, average_rows, &task));
	}
	return status_ok();
}

Status
inpaint(const Call *call, const uint8_t *hidden, Image *image)
{
	InpaintLevel levels[LEVELS_MAX];
	int			count = 1;
	Status		status = status_ok();

	memset(levels, 0, sizeof levels);
	levels[0].image = *image;
	levels[0].hidden = hidden;
	while (status.code == LS_OK && any_hidden(&levels[count - 1]))
	{
		if (levels[count - 1].image.width == 1 && levels[count - 1].image.height == 1)
		{
			count = 1;			/* all is hidden: nothing to fill from */
			break;
		}
		status = halve_level(call, &levels[count - 1], &levels[count]);
		count++;
	}
	for (int l = count - 2; l >= 0 && status.code == LS_OK; l--)
		status = fill_level(call, &levels[l + 1], &levels[l]);
	for (int l = 1; l < LEVELS_MAX; l++)
	{
		if (levels[l].image.pixels != NULL)
			image_free(call, &levels[l].image);
		call_free(call, levels[l].owned);
	}
	return status;
}
