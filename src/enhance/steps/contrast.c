/*
 * contrast.c: contrast limited adaptive histogram equalisation on luma.
 *
 * The image is divided into tiles; each has a table from its own histogram,
 * and a pixel's value is interpolated between the tables of the four tiles
 * around it. Colour differences are kept: all channels change by as much as
 * luma. Histograms are shares of 2^16, so that tiles of different size get the
 * same table for the same content; a constant tile keeps its value.
 */
#include <string.h>

#include "core/threads.h"
#include "enhance/kernels.h"
#include "enhance/steps/steps.h"

#define SHARE_ONE 65536			/* the sum of a histogram */
#define TILE_LEAST 8			/* pixels along a tile's side */
#define TILE_ONE (1 << 24)		/* a tile's width, in the fractions by which pixels are placed */

/* After so many pixels the position is computed anew, so that rounding errors
 * do not add up. */
#define PIECE_PIXELS 4096

typedef uint8_t ValueTable[256];

typedef struct Contrast
{
	Image	   *image;
	int			across;			/* tiles */
	int			down;
	uint32_t	limit;			/* largest share of one value */
	ValueTable *tables;			/* (down, across) */
	uint32_t   *pairs;			/* per thread: (across, 256), see pair_tables */
	const EnhanceKernels *kernels;
} Contrast;

/* Where tile i of count begins in a side. */
static int
tile_start(int i, int count, int side)
{
	return (int) ((int64_t) i * side / count);
}

/* Count the values of a tile. Four tables take turns: neighbours are often
 * equal, and raising one counter twice in a row is slow. */
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

/* Make a tile's table: clip its histogram, spread the excess over all values,
 * and add up. */
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
		int			row = (int) (i / task->across);
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

/*
 * Find the tiles whose centres position i of a side lies between: `before` and
 * `before` + 1, `share` / 256 of the way. Before the first and after the last
 * centre both are the same tile.
 */
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

/*
 * For one row, the tables of each pair of neighbouring tile columns,
 * interpolated vertically. An entry holds the left value in its lower half and
 * the right value in its upper half, both times 256.
 */
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

/* Change the channels of count pixels by as much as luma changes; the same for
 * colour as clahe_map for grey. */
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

/* The position of pixel x among the centres of count tiles, in 1 / TILE_ONE of
 * a tile; 0 at the first centre. */
static int64_t
place_of(int x, int count, int side)
{
	return (2 * (int64_t) x + 1) * count * (TILE_ONE / 2) / side - TILE_ONE / 2;
}

/* A piece of a row: pixels from x on that lie between the centres of the same
 * two tile columns, `column` and the next. */
typedef struct Piece
{
	int			column;
	uint32_t	at;				/* position of pixel x, from the centre of `column` */
	uint32_t	step;			/* from pixel to pixel */
	int			count;
} Piece;

static Piece
piece_at(int x, int across, int width)
{
	int64_t		place = place_of(x, across, width);
	int64_t		step = (int64_t) across * TILE_ONE / width;
	int			left = width - x;
	Piece		piece = {0, 0, 0, left < PIECE_PIXELS ? left : PIECE_PIXELS};
	int64_t		until;			/* pixels to the next centre */

	if (place >= (int64_t) (across - 1) * TILE_ONE)
	{
		piece.column = across - 1;
		return piece;
	}
	if (place >= 0)
	{
		piece.column = (int) (place / TILE_ONE);
		piece.at = (uint32_t) (place % TILE_ONE);
		piece.step = (uint32_t) step;
	}
	until = ((place < 0 ? 0 : (int64_t) (piece.column + 1) * TILE_ONE) - place + step) / (step + 1);
	if (until < piece.count)
		piece.count = (int) until;
	return piece;
}

/* Map rows begin .. end. */
static void
map_rows(void *data, int worker, long begin, long end)
{
	Contrast   *task = data;
	Image	   *image = task->image;
	uint32_t   *pairs = task->pairs + (size_t) worker * (size_t) task->across * 256;

	for (long y = begin; y < end; y++)
	{
		uint8_t    *row = image_row(image, y);
		Piece		piece;

		pair_tables(task, (int) y, pairs);
		for (int x = 0; x < image->width; x += piece.count)
		{
			const uint32_t *tables;

			piece = piece_at(x, task->across, image->width);
			tables = pairs + (size_t) piece.column * 256;
			if (image->channels == 1)
				task->kernels->clahe_map(tables, piece.at, piece.step, row + x, piece.count);
			else
				map_colours(tables, piece.at, piece.step, row + 3 * (size_t) x, piece.count);
		}
	}
}

static Status
equalise_tile(const Call *call, Contrast *task)
{
	long		tiles = (long) task->across * task->down;
	long		tile_samples = (long) (samples_in_row(task->image) * (size_t) task->image->height) / tiles;

	TRY(threads_run_polled(call, tiles, BLOCK_SAMPLES / (tile_samples + 1), make_tables, task));
	return threads_run_polled(call, task->image->height, rows_between_polls(task->image), map_rows, task);
}

/* Tiles along a side. */
static int
tiles_along(int side, int wanted)
{
	int			most = side / TILE_LEAST < 1 ? 1 : side / TILE_LEAST;

	return wanted < most ? wanted : most;
}

Status
step_contrast(const Call *call, const EnhanceOptions *options, Image *image)
{
	Contrast	task = {.image = image,.kernels = enhance_kernels()};
	void	   *memory;
	Status		status;

	task.across = tiles_along(image->width, (int) options->contrast_tiles);
	task.down = tiles_along(image->height, (int) options->contrast_tiles);
	task.limit = (uint32_t) (options->contrast_clip * SHARE_ONE / 256);
	TRY(call_alloc_array(call, (size_t) task.across * (size_t) task.down, sizeof(ValueTable), &memory));
	task.tables = memory;
	status = call_alloc_array(call, (size_t) call->threads * (size_t) task.across, 256 * sizeof(uint32_t), &memory);
	task.pairs = memory;
	if (status.code == LS_OK)
		status = equalise_tile(call, &task);
	call_free(call, task.pairs);
	call_free(call, task.tables);
	return status;
}
