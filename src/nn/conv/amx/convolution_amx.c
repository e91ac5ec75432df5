/*
 * convolution_amx.c: see convolution_amx.h.
 *
 * An AMX tile product takes 16 pixels by 32 channels of the source (A) and
 * 32 by 16 channels of the weights (B). A convolution sums such products
 * over kernel taps and channels, four tiles of sums at a time: 32 pixels by
 * 32 output channels. A tap is an offset in the source, so no im2col array
 * is made.
 *
 * Work goes by bands: some rows of an image, or a few small images. A band's
 * source is first copied to scratch, with the zeros of the padding around it
 * and channels filled up to a multiple of 32; there every tile is a plain
 * load, it stays in the L2 while all output channels pass over it, and any
 * pixel stride is the copy's matter alone.
 *
 * Backward-data is the same with source and target exchanged. With a stride
 * s, each of the s * s phases of the target's pixels meets other taps; such
 * sets of pixels that share their taps are called sweeps.
 */
#include "nn/conv/amx/convolution_amx.h"

#include "core/arena.h"
#include "core/threads.h"
#include "nn/conv/amx/amx_tiles.h"

/* Scratch for a band's source: leaves over half of a 2 MB L2 to weights. */
#define BAND_BYTES (768 * 1024)

/* How far ahead of copying to fetch. */
#define PREFETCH_PIXELS 64

/* A kernel tap of a sweep. */
typedef struct SweepTap
{
	int			index;			/* into KH * KW */
	int			y;				/* what it reads, from a position's own pixel */
	int			x;
	long		offset;			/* the same in scratch, in values */
} SweepTap;

/* Target pixels that share their taps: start + j * target_step. */
typedef struct Sweep
{
	int			start_y;
	int			start_x;
	int			rows;
	int			columns;
	int			tap_count;
	SweepTap   *taps;
	bfloat16   *weights;		/* (out groups, taps, in groups, 2, 16, 16, 2) */
} Sweep;

struct AmxConvolution
{
	const Call *call;
	ConvolutionShape shape;
	ConvolutionPass pass;
	int			threads;
	bool		bias;
	bool		relu;
	bool		residual;
	Arena		arena;

	TensorShape source;
	TensorShape target;
	int			source_stride;	/* pixel strides */
	int			target_stride;
	int			source_step;	/* source pixels per sweep position */
	int			target_step;
	int			first_y;		/* least and greatest tap offsets, in source pixels */
	int			last_y;
	int			first_x;
	int			last_x;
	int			sweep_count;
	Sweep	   *sweeps;
	int			grid_rows;		/* the largest sweep's */
	int			grid_columns;

	int			in_groups;		/* of 32 source channels */
	int			out_groups;
	int			pixel_values;	/* from pixel to pixel in scratch */
	int			row_pixels;		/* from row to row in scratch */
	int			band_rows;		/* sweep rows in a band */
	int			bands_per_image;
	int			band_images;	/* whole images in a band, else 1 */
	int			band_count;
	size_t		image_values;	/* scratch per image of a band */
	size_t		scratch_size;
	bfloat16   *scratch;		/* per thread */
	float	   *bias_values;	/* out_groups * 32 */
};

/* One call. */
typedef struct AmxJob
{
	const AmxConvolution *convolution;
	const bfloat16 *source;
	bfloat16   *target;
	const float *weights;		/* of set_weights */
} AmxJob;

/* The pixels that one tile of A or of sums holds. */
typedef struct TilePlace
{
	const bfloat16 *source;		/* in scratch */
	bfloat16   *target;
	int			pixels;			/* that exist, 0 .. 16 */
} TilePlace;

/* Copy a row of the source to scratch, between the zeros of the padding. */
static void
copy_row(const AmxConvolution *convolution, const bfloat16 *row, bfloat16 *scratch)
{
	const TensorShape *shape = &convolution->source;
	int			left = -convolution->first_x;
	int			begin = left > 0 ? left : 0;
	int			end = shape->w + left;
	size_t		pixel_bytes = (size_t) convolution->pixel_values * sizeof(bfloat16);
	long		stride = convolution->source_stride;
	int			groups = convolution->in_groups;
	__mmask32	last = lanes_left(shape->c - (groups - 1) * 32);

	if (end > convolution->row_pixels)
		end = convolution->row_pixels;
	if (row == NULL || begin >= end)
	{
		memset(scratch, 0, convolution->row_pixels * pixel_bytes);
		return;
	}
	memset(scratch, 0, begin * pixel_bytes);
	for (int i = begin; i < end; i++)
	{
		const bfloat16 *pixel = row + (i - left) * stride;
		bfloat16   *copy = scratch + (size_t) i * convolution->pixel_values;
		int			g;

		for (g = 0; g < groups - 1; g++)
		{
			_mm_prefetch((const char *) (pixel + PREFETCH_PIXELS * stride + g * 32), _MM_HINT_T0);
			_mm512_storeu_si512(copy + g * 32, _mm512_loadu_si512(pixel + g * 32));
		}
		_mm_prefetch((const char *) (pixel + PREFETCH_PIXELS * stride + g * 32), _MM_HINT_T0);
		_mm512_storeu_si512(copy + g * 32, _mm512_maskz_loadu_epi16(last, pixel + g * 32));
	}
	memset(scratch + (size_t) end * convolution->pixel_values, 0, (convolution->row_pixels - end) * pixel_bytes);
}

/* Copy the source of sweep rows [row, row + rows) of an image to scratch. */
static void
copy_band(const AmxJob *job, int image, int row, int rows, bfloat16 *scratch)
{
	const AmxConvolution *convolution = job->convolution;
	const TensorShape *shape = &convolution->source;
	const bfloat16 *source = job->source + (long) image * shape->h * shape->w * convolution->source_stride;
	size_t		pitch = (size_t) convolution->row_pixels * convolution->pixel_values;
	int			first = row * convolution->source_step + convolution->first_y;
	int			count = (rows - 1) * convolution->source_step + convolution->last_y - convolution->first_y + 1;

	for (int r = 0; r < count; r++)
	{
		int			y = first + r;

		copy_row(convolution, y < 0 || y >= shape->h ? NULL :
				 source + (long) y * shape->w * convolution->source_stride, scratch + r * pitch);
	}
}

/*
 * Two tiles of pixels whose sums are complete, but not yet finished and
 * stored. That is done after the tile products of the next two have been
 * issued: it needs the vector units, which those leave idle.
 */
typedef struct Pending
{
	TilePlace	places[2];
	float		sums[2][16 * 32] __attribute__((aligned(64)));
} Pending;

/* Finish and store one tile's pixels of a group of 32 output channels. */
static inline void
store_pixels(const AmxConvolution *convolution, const TilePlace *place, int group, const float *sums)
{
	__mmask32	lanes = lanes_left(convolution->target.c - group * 32);
	long		step = (long) convolution->target_stride * convolution->target_step;
	bfloat16   *target = place->target + group * 32;
	__m512		bias_low = _mm512_load_ps(convolution->bias_values + group * 32);
	__m512		bias_high = _mm512_load_ps(convolution->bias_values + group * 32 + 16);
	__m512		floor = _mm512_set1_ps(convolution->relu ? 0.0f : -__builtin_inff());

	for (int i = 0; i < place->pixels; i++, target += step)
	{
		__m512		low = _mm512_add_ps(_mm512_load_ps(sums + i * 32), bias_low);
		__m512		high = _mm512_add_ps(_mm512_load_ps(sums + i * 32 + 16), bias_high);

		if (convolution->residual)
		{
			__m512i		held = _mm512_maskz_loadu_epi16(lanes, target);

			low = _mm512_add_ps(low, widen(_mm512_castsi512_si256(held)));
			high = _mm512_add_ps(high, widen(_mm512_extracti64x4_epi64(held, 1)));
		}

		/* In this order, so that NaN stays NaN. */
		low = _mm512_max_ps(floor, low);
		high = _mm512_max_ps(floor, high);
		_mm512_mask_storeu_epi16(target, lanes, (__m512i) _mm512_cvtne2ps_pbh(high, low));
	}
}

/* Sum the products of two tiles of pixels with one group of 32 outputs in
 * tiles 0 to 3. */
static inline void
multiply_tiles(const AmxConvolution *convolution, const Sweep *sweep, const bfloat16 *weights,
			   const bfloat16 *a0, const bfloat16 *a1)
{
	long		row = (long) convolution->pixel_values * convolution->source_step * sizeof(bfloat16);

	_tile_zero(0);
	_tile_zero(1);
	_tile_zero(2);
	_tile_zero(3);
	for (int t = 0; t < sweep->tap_count; t++)
	{
		const bfloat16 *a = a0 + sweep->taps[t].offset;
		const bfloat16 *b = a1 + sweep->taps[t].offset;

		for (int g = 0; g < convolution->in_groups; g++, a += 32, b += 32, weights += 2 * TILE_VALUES)
		{
			_tile_loadd(4, a, row);
			_tile_loadd(6, weights, 64);
			_tile_dpbf16ps(0, 4, 6);
			_tile_loadd(7, weights + TILE_VALUES, 64);
			_tile_dpbf16ps(1, 4, 7);
			_tile_loadd(5, b, row);
			_tile_dpbf16ps(2, 5, 6);
			_tile_dpbf16ps(3, 5, 7);
		}
	}
}

/* Where the index-th tile of 16 pixels of a band's sweep lies. */
static inline TilePlace
tile_place(const AmxJob *job, const Sweep *sweep, const bfloat16 *scratch, int first_image, int first_row,
		   int rows, int index)
{
	const AmxConvolution *convolution = job->convolution;
	int			tiles = (sweep->columns + 15) / 16;
	int			column = index % tiles * 16;
	int			row = index / tiles % rows;
	int			image = index / tiles / rows;
	int			left = sweep->columns - column;
	long		y = (long) (first_row + row) * convolution->target_step + sweep->start_y;
	long		x = (long) column * convolution->target_step + sweep->start_x;
	TilePlace	place;

	place.pixels = left < 16 ? left : 16;
	place.source = scratch + image * convolution->image_values +
		((long) row * convolution->row_pixels + column) * convolution->source_step * convolution->pixel_values;
	place.target = job->target +
		(((first_image + image) * (long) convolution->target.h + y) * convolution->target.w + x) *
		convolution->target_stride;
	return place;
}

/* Compute one group of 32 output channels of one sweep over a band. */
static void
sweep_band(const AmxJob *job, const Sweep *sweep, int group, const bfloat16 *scratch,
		   int first_image, int images, int first_row, int rows)
{
	const AmxConvolution *convolution = job->convolution;
	const bfloat16 *weights = sweep->weights +
		(size_t) group * sweep->tap_count * convolution->in_groups * 2 * TILE_VALUES;
	Pending		pending = {.places = {{.pixels = 0}, {.pixels = 0}}};
	int			count;

	if (rows > sweep->rows - first_row)
		rows = sweep->rows - first_row;
	if (rows <= 0)
		return;
	count = (sweep->columns + 15) / 16 * rows * images;
	for (int i = 0; i < count; i += 2)
	{
		TilePlace	one = tile_place(job, sweep, scratch, first_image, first_row, rows, i);
		TilePlace	two = one;

		if (i + 1 < count)
			two = tile_place(job, sweep, scratch, first_image, first_row, rows, i + 1);
		else
			two.pixels = 0;
		multiply_tiles(convolution, sweep, weights, one.source, two.source);
		store_pixels(convolution, &pending.places[0], group, pending.sums[0]);
		store_pixels(convolution, &pending.places[1], group, pending.sums[1]);
		pending.places[0] = one;
		pending.places[1] = two;
		_tile_stored(0, pending.sums[0], 128);
		_tile_stored(1, pending.sums[0] + 16, 128);
		_tile_stored(2, pending.sums[1], 128);
		_tile_stored(3, pending.sums[1] + 16, 128);
	}
	store_pixels(convolution, &pending.places[0], group, pending.sums[0]);
	store_pixels(convolution, &pending.places[1], group, pending.sums[1]);
}

/* Run units [begin, end): bands times sweeps times groups of outputs. */
static void
run_task(void *data, int worker, long begin, long end)
{
	const AmxJob *job = data;
	const AmxConvolution *convolution = job->convolution;
	bfloat16   *scratch = convolution->scratch + worker * convolution->scratch_size;
	long		units = (long) convolution->sweep_count * convolution->out_groups;
	long		copied = -1;

	configure_tiles();
	for (long i = begin; i < end; i++)
	{
		long		band = i / units;
		int			sweep = (int) (i % units / convolution->out_groups);
		int			group = (int) (i % convolution->out_groups);
		int			image = (int) (band / convolution->bands_per_image) * convolution->band_images;
		int			row = (int) (band % convolution->bands_per_image) * convolution->band_rows;
		int			images = convolution->source.n - image;
		int			rows = convolution->grid_rows - row;

		if (images > convolution->band_images)
			images = convolution->band_images;
		if (rows > convolution->band_rows)
			rows = convolution->band_rows;
		if (band != copied)
		{
			for (int n = 0; n < images; n++)
				copy_band(job, image + n, row, rows, scratch + n * convolution->image_values);
			copied = band;
		}
		sweep_band(job, &convolution->sweeps[sweep], group, scratch, image, images, row, rows);
	}
	_tile_release();
}

void
amx_convolution_run(AmxConvolution *convolution, const bfloat16 *source, bfloat16 *target)
{
	AmxJob		job = {.convolution = convolution, .source = source, .target = target};

	threads_use(convolution->threads);
	threads_run(convolution->threads,
				(long) convolution->band_count * convolution->sweep_count * convolution->out_groups,
				run_task, &job);
}

/* Pack groups [begin, end) of 32 outputs, counted over all sweeps. */
static void
pack_task(void *data, int worker, long begin, long end)
{
	const AmxJob *job = data;
	const AmxConvolution *convolution = job->convolution;
	const ConvolutionShape *shape = &convolution->shape;
	bool		forward = convolution->pass == PASS_FORWARD;
	int			kernel = shape->kernel_h * shape->kernel_w;
	int			inputs = convolution->source.c;
	int			out_stride = forward ? inputs * kernel : kernel;
	int			in_stride = forward ? kernel : convolution->target.c * kernel;
	__m512i		lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	__m512i		indices = _mm512_mullo_epi32(lanes, _mm512_set1_epi32(out_stride));
	const __m512i interleave = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
												23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);

	(void) worker;
	for (long unit = begin; unit < end; unit++)
	{
		const Sweep *sweep = &convolution->sweeps[unit / convolution->out_groups];
		int			group = (int) (unit % convolution->out_groups);
		bfloat16   *packed = sweep->weights +
			(size_t) group * sweep->tap_count * convolution->in_groups * 2 * TILE_VALUES;

		for (int t = 0; t < sweep->tap_count; t++)
			for (int in_group = 0; in_group < convolution->in_groups; in_group++)
				for (int tile = 0; tile < 2; tile++)
				{
					int			out = group * 32 + tile * 16;
					__mmask16	exist = (__mmask16) lanes_left(convolution->target.c - out);

					for (int pair = 0; pair < 16; pair++, packed += 32)
					{
						__m512		values[2];

						for (int j = 0; j < 2; j++)
						{
							int			in = in_group * 32 + pair * 2 + j;

							values[j] = _mm512_setzero_ps();
							if (in < inputs)
								values[j] = _mm512_mask_i32gather_ps(values[j], exist, indices,
																	 job->weights + (size_t) out * out_stride +
																	 (size_t) in * in_stride + sweep->taps[t].index, 4);
						}
						_mm512_store_si512(packed,
										   _mm512_permutexvar_epi16(interleave, (__m512i)
																	_mm512_cvtne2ps_pbh(values[1], values[0])));
					}
				}
	}
}

void
amx_convolution_set_weights(AmxConvolution *convolution, const float *weights, const float *bias)
{
	AmxJob		job = {.convolution = convolution, .weights = weights};

	threads_use(convolution->threads);
	threads_run(convolution->threads, (long) convolution->sweep_count * convolution->out_groups, pack_task, &job);
	if (convolution->bias && bias != NULL)
		memcpy(convolution->bias_values, bias, convolution->target.c * sizeof(float));
	else
		memset(convolution->bias_values, 0, convolution->target.c * sizeof(float));
}

static int
least(int a, int b)
{
	return a < b ? a : b;
}

static int
greatest(int a, int b)
{
	return a > b ? a : b;
}

/* Append a tap to a sweep; it reads y, x from a position's own pixel. */
static void
add_tap(AmxConvolution *convolution, Sweep *sweep, int index, int y, int x)
{
	SweepTap   *tap = &sweep->taps[sweep->tap_count++];

	tap->index = index;
	tap->y = y;
	tap->x = x;
	convolution->first_y = least(convolution->first_y, y);
	convolution->last_y = greatest(convolution->last_y, y);
	convolution->first_x = least(convolution->first_x, x);
	convolution->last_x = greatest(convolution->last_x, x);
}

/* Forward: all of y in one sweep. */
static void
plan_forward(AmxConvolution *convolution)
{
	const ConvolutionShape *shape = &convolution->shape;
	Sweep	   *sweep = &convolution->sweeps[0];

	convolution->source_step = shape->stride;
	convolution->target_step = 1;
	sweep->rows = shape->y.h;
	sweep->columns = shape->y.w;
	for (int ky = 0; ky < shape->kernel_h; ky++)
		for (int kx = 0; kx < shape->kernel_w; kx++)
			add_tap(convolution, sweep, ky * shape->kernel_w + kx, ky * shape->dilation - shape->padding,
					kx * shape->dilation - shape->padding);
}

/*
 * Backward-data: a sweep per phase. Pixel x of the input meets pixel y of the
 * output at tap k when y * stride = x + padding - k * dilation; with x =
 * phase + j * stride that is y = j + (phase + padding - k * dilation) /
 * stride, where the division must leave no remainder.
 */
static void
plan_backward(AmxConvolution *convolution)
{
	const ConvolutionShape *shape = &convolution->shape;
	int			stride = shape->stride;
	SweepTap   *taps = convolution->sweeps[0].taps;

	convolution->source_step = 1;
	convolution->target_step = stride;
	for (int p = 0; p < convolution->sweep_count; p++)
	{
		Sweep	   *sweep = &convolution->sweeps[p];

		sweep->taps = taps;
		sweep->start_y = p / stride;
		sweep->start_x = p % stride;
		sweep->rows = greatest(0, (shape->x.h - sweep->start_y + stride - 1) / stride);
		sweep->columns = greatest(0, (shape->x.w - sweep->start_x + stride - 1) / stride);
		for (int ky = 0; ky < shape->kernel_h; ky++)
			for (int kx = 0; kx < shape->kernel_w; kx++)
			{
				int			y = sweep->start_y + shape->padding - ky * shape->dilation;
				int			x = sweep->start_x + shape->padding - kx * shape->dilation;

				if (y % stride == 0 && x % stride == 0)
					add_tap(convolution, sweep, ky * shape->kernel_w + kx, y / stride, x / stride);
			}
		taps += sweep->tap_count;
	}
}

/* Lay out scratch and cut the batch into bands. */
static void
plan_bands(AmxConvolution *convolution)
{
	int			halo = convolution->last_y - convolution->first_y + 1;
	int			step = convolution->source_step;
	int			images = convolution->source.n;
	long		units = (long) convolution->sweep_count * convolution->out_groups;
	size_t		row_bytes;
	long		fit;			/* scratch rows */
	int			rows;

	for (int p = 0; p < convolution->sweep_count; p++)
	{
		convolution->grid_rows = greatest(convolution->grid_rows, convolution->sweeps[p].rows);
		convolution->grid_columns = greatest(convolution->grid_columns, convolution->sweeps[p].columns);
	}

	/* An odd number of cache lines, so that pixels spread over the L1. */
	convolution->pixel_values = convolution->in_groups * 32;
	if (convolution->in_groups % 2 == 0)
		convolution->pixel_values += 32;
	convolution->row_pixels = ((convolution->grid_columns + 15) / 16 * 16 - 1) * step + 1 +
		convolution->last_x - convolution->first_x;
	row_bytes = (size_t) convolution->row_pixels * convolution->pixel_values * sizeof(bfloat16);

	fit = (long) (BAND_BYTES / row_bytes);
	rows = fit < halo ? 1 : (int) ((fit - halo) / step + 1);
	convolution->band_images = 1;
	convolution->bands_per_image = (convolution->grid_rows + rows - 1) / rows;
	if (rows >= convolution->grid_rows)
	{
		long		image_rows = (long) (convolution->grid_rows - 1) * step + halo;

		/* As many images as fit and still keep all threads at work. */
		convolution->band_images = (int) (fit / image_rows);
		convolution->band_images = least(convolution->band_images,
										 greatest(1, (int) (images * units / (4 * convolution->threads))));
		convolution->band_images = greatest(1, least(convolution->band_images, images));
	}
	else
		while (convolution->bands_per_image < convolution->grid_rows &&
			   images * units * convolution->bands_per_image % convolution->threads != 0)
			convolution->bands_per_image++;
	convolution->band_rows = (convolution->grid_rows + convolution->bands_per_image - 1) / convolution->bands_per_image;
	convolution->bands_per_image = (convolution->grid_rows + convolution->band_rows - 1) / convolution->band_rows;
	convolution->band_count = (images + convolution->band_images - 1) / convolution->band_images *
		convolution->bands_per_image;
	convolution->image_values = ((size_t) (convolution->band_rows - 1) * step + halo) *
		convolution->row_pixels * convolution->pixel_values;

	for (int p = 0; p < convolution->sweep_count; p++)
		for (int t = 0; t < convolution->sweeps[p].tap_count; t++)
		{
			SweepTap   *tap = &convolution->sweeps[p].taps[t];

			tap->offset = ((long) (tap->y - convolution->first_y) * convolution->row_pixels +
						   tap->x - convolution->first_x) * convolution->pixel_values;
		}
}

/* Place weights and scratch. */
static Status
plan_memory(AmxConvolution *convolution)
{
	size_t		group = (size_t) convolution->in_groups * 2 * TILE_VALUES;
	size_t		taps = 0;
	size_t		weights_at;
	size_t		bias_at;
	size_t		scratch_at;
	bfloat16   *weights;

	for (int p = 0; p < convolution->sweep_count; p++)
		taps += convolution->sweeps[p].tap_count;
	convolution->scratch_size = (convolution->image_values * convolution->band_images + 31) / 32 * 32;
	TRY(arena_reserve(&convolution->arena, taps * group * convolution->out_groups * sizeof(bfloat16), &weights_at));
	TRY(arena_reserve(&convolution->arena, (size_t) convolution->out_groups * 32 * sizeof(float), &bias_at));
	TRY(arena_reserve(&convolution->arena,
					  convolution->scratch_size * convolution->threads * sizeof(bfloat16), &scratch_at));
	TRY(arena_commit(&convolution->arena, "packed weights and scratch of a convolution"));
	weights = arena_at(&convolution->arena, weights_at);
	for (int p = 0; p < convolution->sweep_count; p++)
	{
		convolution->sweeps[p].weights = weights;
		weights += convolution->sweeps[p].tap_count * group * convolution->out_groups;
	}
	convolution->bias_values = arena_at(&convolution->arena, bias_at);
	convolution->scratch = arena_at(&convolution->arena, scratch_at);
	return status_ok();
}

/* Plan a convolution whose shape and pass are filled in. */
static Status
plan_convolution(AmxConvolution *convolution)
{
	const ConvolutionShape *shape = &convolution->shape;
	bool		forward = convolution->pass == PASS_FORWARD;
	int			kernel = shape->kernel_h * shape->kernel_w;
	void	   *memory;

	convolution->source = forward ? shape->x : shape->y;
	convolution->target = forward ? shape->y : shape->x;
	convolution->in_groups = (convolution->source.c + 31) / 32;
	convolution->out_groups = (convolution->target.c + 31) / 32;
	convolution->sweep_count = forward ? 1 : shape->stride * shape->stride;
	TRY(call_alloc_array(convolution->call, convolution->sweep_count, sizeof(Sweep), &memory));
	convolution->sweeps = memory;

	/* Every tap belongs to one sweep. */
	TRY(call_alloc_array(convolution->call, kernel, sizeof(SweepTap), &memory));
	convolution->sweeps[0].taps = memory;
	if (forward)
		plan_forward(convolution);
	else
		plan_backward(convolution);
	plan_bands(convolution);
	return plan_memory(convolution);
}

bool
amx_convolution_suits(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	int			source = pass == PASS_FORWARD ? shape->x.c : shape->y.c;
	int			target = pass == PASS_FORWARD ? shape->y.c : shape->x.c;

	return use->type == DATA_BF16 && shape->groups == 1 && source >= 16 && target >= 8;
}

Status
amx_convolution_create(const Call *call, const ConvolutionShape *shape, const ConvolutionUse *use,
					   ConvolutionPass pass, AmxConvolution **convolution)
{
	bool		forward = pass == PASS_FORWARD;
	bool		finishes = forward != use->transposed;	/* the pass that bias and ReLU belong to */
	AmxConvolution *made;
	Status		status;
	void	   *memory;

	*convolution = NULL;
	TRY(call_alloc_array(call, 1, sizeof(AmxConvolution), &memory));
	made = memory;
	made->call = call;
	made->shape = *shape;
	made->pass = pass;
	made->threads = call->threads > 1 ? call->threads : 1;
	made->bias = finishes && use->bias;
	made->relu = finishes && use->relu;
	made->residual = forward && use->residual;
	made->source_stride = forward ? use->x_pixel_stride : use->y_pixel_stride;
	made->target_stride = forward ? use->y_pixel_stride : use->x_pixel_stride;
	arena_init(&made->arena, call);
	status = plan_convolution(made);
	if (status.code != LS_OK)
		amx_convolution_destroy(made);
	else
		*convolution = made;
	return status;
}

void
amx_convolution_destroy(AmxConvolution *convolution)
{
	if (convolution == NULL)
		return;
	arena_free(&convolution->arena);
	if (convolution->sweeps != NULL)
		call_free(convolution->call, convolution->sweeps[0].taps);
	call_free(convolution->call, convolution->sweeps);
	call_free(convolution->call, convolution);
}

size_t
amx_convolution_memory(const AmxConvolution *convolution)
{
	return convolution->arena.size;
}
