/*
 * contrast.c: contrast limited adaptive histogram equalisation on luma.
 *
 * The image is divided into tiles; each has a table from its own histogram,
 * and a pixel's value is interpolated between the tables of the four tiles
 * around it. Colour differences stay: all channels move by what luma moves.
 * Histograms are counted as shares of 2^16, so that tiles of different size
 * get the same table for the same content; a tile without a difference keeps
 * its value.
 */
#include <string.h>

#include "core/threads.h"
#include "enhance/kernels.h"
#include "enhance/steps.h"

#define SHARE_ONE 65536			/* all of a histogram */
#define TILES_MAX 32			/* along a side */
#define TILE_LEAST 8			/* pixels along a tile's side */

typedef uint8_t ValueTable[256];

typedef struct Contrast
{
	Image	   *image;
	int			across;			/* tiles */
	int			down;
	uint32_t	limit;			/* of one value's share */
	ValueTable *tables;			/* (down, across) */
	uint32_t   *pairs;			/* per thread: (across, 256), see pair_tables */
	const EnhanceKernels *kernels;
	long		first;			/* tile row, or row, at which the block begins */
} Contrast;

/* Where tile i of count begins in a side. */
static int
tile_start(int i, int count, int side)
{
	return (int) ((int64_t) i * side / count);
}

/* Count the values of a tile. Four tables take turns: neighbours are often
 * equal, and a counter is not ready again at once. */
static void
count_values(const Image *image, int left, int right, int top, int bottom, uint32_t counts[256])
{
	uint32_t	turns[4][256];
	int			channels = image->channels;

	memset(turns, 0, sizeof turns);
	for (int y = top; y < bottom; y++)
	{
		const uint8_t *pixel = image_row(image, y) + (size_t) left * (size_t) channels;
		int			x = left;

		if (channels == 1)
		{
			for (; x + 4 <= right; x += 4, pixel += 4)
			{
				turns[0][pixel[0]]++;
				turns[1][pixel[1]]++;
				turns[2][pixel[2]]++;
				turns[3][pixel[3]]++;
			}
		}
		for (; x < right; x++, pixel += channels)
			turns[x & 3][pixel_luma(pixel, channels)]++;
	}
	for (int v = 0; v < 256; v++)
		counts[v] = turns[0][v] + turns[1][v] + turns[2][v] + turns[3][v];
}

/* Make a tile's table: clip its histogram, spread what was cut off over all
 * values, add up. */
static void
make_table(const uint32_t counts[256], uint64_t all, uint32_t limit, ValueTable table)
{
	uint32_t	shares[256];
	uint64_t	excess = 0;
	uint64_t	total = 0;
	uint64_t	sum = 0;

	for (int v = 0; v < 256; v++)
	{
		if (counts[v] == all)
		{
			for (int i = 0; i < 256; i++)
				table[i] = (uint8_t) i;
			return;
		}
		shares[v] = (uint32_t) ((uint64_t) counts[v] * SHARE_ONE / all);
		if (shares[v] > limit)
		{
			excess += shares[v] - limit;
			shares[v] = limit;
		}
	}
	for (int v = 0; v < 256; v++)
	{
		shares[v] += (uint32_t) (excess / 256);
		total += shares[v];
	}
	for (int v = 0; v < 256; v++)
	{
		sum += shares[v];
		table[v] = (uint8_t) ((sum * 255 + total / 2) / total);
	}
}

/* Make the tables of tiles begin .. end, counted along tile rows. */
static void
make_tables(void *data, int worker, long begin, long end)
{
	Contrast   *task = data;
	Image	   *image = task->image;

	(void) worker;
	for (long i = begin; i < end; i++)
	{
		int			column = (int) (i % task->across);
		int			row = (int) (task->first + i / task->across);
		int			left = tile_start(column, task->across, image->width);
		int			right = tile_start(column + 1, task->across, image->width);
		int			top = tile_start(row, task->down, image->height);
		int			bottom = tile_start(row + 1, task->down, image->height);
		uint32_t	counts[256];

		count_values(image, left, right, top, bottom, counts);
		make_table(counts, (uint64_t) (right - left) * (uint64_t) (bottom - top), task->limit,
				   task->tables[(size_t) row * (size_t) task->across + (size_t) column]);
	}
}

/* Position i of a side lies between the centres of tiles `before` and
 * `before` + 1, `share` / 256 of the way; before the first and after the last
 * centre both are the same tile. */
static void
between_tiles(int i, int count, int side, int *before, uint32_t *share)
{
	/* in units of 1 / (2 side) of a tile */
	int64_t		at = (2 * (int64_t) i + 1) * count - side;

	if (at <= 0)
	{
		*before = 0;
		*share = 0;
		return;
	}
	*before = (int) (at / (2 * (int64_t) side));
	*share = (uint32_t) (at % (2 * (int64_t) side) * 256 / (2 * (int64_t) side));
	if (*before >= count - 1)
	{
		*before = count - 1;
		*share = 0;
	}
}

/* For one row, the tables of each two neighbouring tile columns, interpolated
 * down: the left value in the lower half of an entry, the right one in the
 * upper, each times 256. */
static void
pair_tables(const Contrast *task, int y, uint32_t *pairs)
{
	int			before;
	uint32_t	share;
	const ValueTable *upper;
	const ValueTable *lower;

	between_tiles(y, task->down, task->image->height, &before, &share);
	upper = task->tables + (size_t) before * (size_t) task->across;
	lower = before + 1 < task->down ? upper + task->across : upper;
	for (int column = 0; column < task->across; column++)
	{
		int			next = column + 1 < task->across ? column + 1 : column;
		const uint8_t *const top[2] = {upper[column], upper[next]};
		const uint8_t *const bottom[2] = {lower[column], lower[next]};

		task->kernels->clahe_pairs(top, bottom, share, pairs + (size_t) column * 256);
	}
}

/* Move the channels of count pixels by what luma moves, as clahe_map does
 * with grey. */
static void
map_colours(const uint32_t *pairs, uint32_t at, uint32_t step, uint8_t *pixel, int count)
{
	for (int i = 0; i < count; i++, pixel += 3, at += step)
	{
		uint32_t	share = at >> 16 & 255;
		int			luma = luma_of(pixel);
		uint32_t	both = pairs[luma];
		int			moved = (int) (((both & 0xFFFF) * (256 - share) + (both >> 16) * share + 32768) >> 16) - luma;

		for (int c = 0; c < 3; c++)
			pixel[c] = to_byte(pixel[c] + moved);
	}
}

/* Map rows begin .. end of the block, piece by piece: within one, all pixels
 * lie between the same two tile columns. */
static void
map_rows(void *data, int worker, long begin, long end)
{
	Contrast   *task = data;
	Image	   *image = task->image;
	uint32_t   *pairs = task->pairs + (size_t) worker * (size_t) task->across * 256;
	/* where pixels lie between tile centres, in 1/2^24 of a tile */
	int64_t		step = ((int64_t) task->across << 24) / image->width;
	int64_t		first = step / 2 - (1 << 23);
	int64_t		last = (int64_t) (task->across - 1) << 24;

	for (long y = task->first + begin; y < task->first + end; y++)
	{
		uint8_t    *row = image_row(image, y);
		int			x = 0;

		pair_tables(task, (int) y, pairs);
		while (x < image->width)
		{
			int64_t		at = first + x * step;
			bool		outside = at < 0 || at >= last;	/* beyond the outermost centres */
			int64_t		column = at < 0 ? 0 : at >= last ? task->across - 1 : at >> 24;
			int64_t		until = at < 0 ? 0 : at >= last ? INT64_MAX : (column + 1) << 24;
			int64_t		count = until == INT64_MAX ? image->width : (until - at + step - 1) / step;
			uint32_t	from = outside ? 0 : (uint32_t) (at & 0xFFFFFF);

			if (count > image->width - x)
				count = image->width - x;
			if (image->channels == 1)
				task->kernels->clahe_map(pairs + column * 256, from, outside ? 0 : (uint32_t) step, row + x, (int) count);
			else
				map_colours(pairs + column * 256, from, outside ? 0 : (uint32_t) step, row + 3 * (size_t) x, (int) count);
			x += (int) count;
		}
	}
}

static Status
equalise(const HostContext *host, Contrast *task)
{
	for (task->first = 0; task->first < task->down; task->first++)
	{
		TRY(host_poll(host));
		threads_run(host->threads, task->across, make_tables, task);
	}
	for (task->first = 0; task->first < task->image->height; task->first += BLOCK_ROWS)
	{
		long		left = task->image->height - task->first;

		TRY(host_poll(host));
		threads_run(host->threads, left < BLOCK_ROWS ? left : BLOCK_ROWS, map_rows, task);
	}
	return status_ok();
}

/* Tiles along a side. */
static int
tiles_along(int side, int wanted)
{
	int			most = side / TILE_LEAST < 1 ? 1 : side / TILE_LEAST;

	return wanted < most ? wanted : most;
}

Status
step_contrast(const HostContext *host, const EnhanceOptions *options, Image *image)
{
	Contrast	task = {.image = image,.kernels = enhance_kernels()};
	void	   *memory;
	Status		status;

	task.across = tiles_along(image->width, (int) options->contrast_tiles);
	task.down = tiles_along(image->height, (int) options->contrast_tiles);
	task.limit = (uint32_t) (options->contrast_clip * SHARE_ONE / 256);
	TRY(host_alloc_array(host, (size_t) task.across * (size_t) task.down, sizeof(ValueTable), &memory));
	task.tables = memory;
	status = host_alloc_array(host, (size_t) host->threads * (size_t) task.across, 256 * sizeof(uint32_t), &memory);
	task.pairs = memory;
	if (status.code == LS_OK)
		status = equalise(host, &task);
	host_free(host, task.pairs);
	host_free(host, task.tables);
	return status;
}
