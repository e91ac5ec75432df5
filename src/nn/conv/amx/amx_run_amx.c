/*
 * amx_run_amx.c: running and packing of amx.h.
 */
#include "nn/conv/amx/amx.h"

#include "core/threads.h"
#include "nn/conv/amx/amx_tiles.h"

/* Pixels to fetch ahead of copying. */
#define PREFETCH_PIXELS 64

/* One call. */
typedef struct AmxJob
{
	const Amx  *state;
	const bfloat16 *source;
	const bfloat16 *residual;
	bfloat16   *target;
	bfloat16   *scratch;
	const float *weights;		/* for set_weights */
} AmxJob;

/* The pixels that one tile of A or of sums holds. */
typedef struct TilePlace
{
	const bfloat16 *source;		/* in scratch */
	bfloat16   *target;
	const bfloat16 *residual;
	int			pixels;			/* that exist, 0 .. 16 */
} TilePlace;

/* Copy a row of the source to scratch, between the zeros of the padding. */
static void
copy_row(const Amx *state, const bfloat16 *row, bfloat16 *scratch)
{
	const TensorShape *shape = &state->source;
	int			left = -state->first_x;
	int			begin = left > 0 ? left : 0;
	int			end = shape->w + left;
	size_t		pixel_bytes = (size_t) state->pixel_values * sizeof(bfloat16);
	long		stride = state->source_stride;
	int			groups = state->in_groups;
	__mmask32	last = lanes_left(shape->c - (groups - 1) * 32);

	if (end > state->row_pixels)
		end = state->row_pixels;
	if (row == NULL || begin >= end)
	{
		memset(scratch, 0, state->row_pixels * pixel_bytes);
		return;
	}
	memset(scratch, 0, begin * pixel_bytes);
	for (int i = begin; i < end; i++)
	{
		const bfloat16 *pixel = row + (i - left) * stride;
		bfloat16   *copy = scratch + (size_t) i * state->pixel_values;
		int			g;

		for (g = 0; g < groups - 1; g++)
		{
			_mm_prefetch((const char *) (pixel + PREFETCH_PIXELS * stride + g * 32), _MM_HINT_T0);
			_mm512_storeu_si512(copy + g * 32, _mm512_loadu_si512(pixel + g * 32));
		}
		_mm_prefetch((const char *) (pixel + PREFETCH_PIXELS * stride + g * 32), _MM_HINT_T0);
		_mm512_storeu_si512(copy + g * 32, _mm512_maskz_loadu_epi16(last, pixel + g * 32));
	}
	memset(scratch + (size_t) end * state->pixel_values, 0, (state->row_pixels - end) * pixel_bytes);
}

/* Copy the source of sweep rows [row, row + rows) of an image to scratch. */
static void
copy_band(const AmxJob *job, int image, int row, int rows, bfloat16 *scratch)
{
	const Amx *state = job->state;
	const TensorShape *shape = &state->source;
	const bfloat16 *source = job->source + (long) image * shape->h * shape->w * state->source_stride;
	size_t		pitch = (size_t) state->row_pixels * state->pixel_values;
	int			first = row * state->sweeps.source_step + state->first_y;
	int			count = (rows - 1) * state->sweeps.source_step + state->last_y - state->first_y + 1;

	for (int r = 0; r < count; r++)
	{
		int			y = first + r;

		copy_row(state, y < 0 || y >= shape->h ? NULL :
				 source + (long) y * shape->w * state->source_stride, scratch + r * pitch);
	}
}

/*
 * Two tiles of pixels whose sums are complete, but not yet finished and
 * stored. They are finished while the tile products of the next two tiles run,
 * because those leave the vector units idle.
 */
typedef struct Pending
{
	TilePlace	places[2];
	float		sums[2][16 * 32] __attribute__((aligned(64)));
} Pending;

/* Finish and store one tile's pixels of a group of 32 output channels. */
static inline void
store_pixels(const Amx *state, const TilePlace *place, int group, const float *sums)
{
	const ConvolutionUse *use = &state->base.use;
	__mmask32	lanes = lanes_left(state->target.c - group * 32);
	long		step = (long) state->target_stride * state->sweeps.target_step;
	bfloat16   *target = place->target + group * 32;
	__m512		bias_low = _mm512_load_ps(state->bias + group * 32);
	__m512		bias_high = _mm512_load_ps(state->bias + group * 32 + 16);
	__m512		floor = _mm512_set1_ps(use->relu ? 0.0f : -__builtin_inff());
	__m512		floor_before = _mm512_set1_ps(use->relu_before ? 0.0f : -__builtin_inff());
	const bfloat16 *residual = place->residual + group * 32;
	long		residual_step = (long) use->residual_stride * state->sweeps.target_step;

	for (int i = 0; i < place->pixels; i++, target += step)
	{
		__m512		low = _mm512_add_ps(_mm512_load_ps(sums + i * 32), bias_low);
		__m512		high = _mm512_add_ps(_mm512_load_ps(sums + i * 32 + 16), bias_high);

		/* The floor is the first operand, so that NaN stays NaN. */
		if (residual_step != 0)
		{
			__m512i		held = _mm512_maskz_loadu_epi16(lanes, residual);

			low = _mm512_add_ps(_mm512_max_ps(floor_before, low), widen(_mm512_castsi512_si256(held)));
			high = _mm512_add_ps(_mm512_max_ps(floor_before, high), widen(_mm512_extracti64x4_epi64(held, 1)));
			residual += residual_step;
		}
		low = _mm512_max_ps(floor, low);
		high = _mm512_max_ps(floor, high);
		_mm512_mask_storeu_epi16(target, lanes, (__m512i) _mm512_cvtne2ps_pbh(high, low));
	}
}

/* Sum the products of two tiles of pixels with one group of 32 outputs in
 * tiles 0 to 3. */
static inline void
multiply_tiles(const Amx *state, const Sweep *sweep, const bfloat16 *weights,
			   const bfloat16 *a0, const bfloat16 *a1)
{
	long		row = (long) state->pixel_values * state->sweeps.source_step * sizeof(bfloat16);
	const long *offsets = state->tap_offsets + sweep->first_tap;

	_tile_zero(0);
	_tile_zero(1);
	_tile_zero(2);
	_tile_zero(3);
	for (int t = 0; t < sweep->tap_count; t++)
	{
		const bfloat16 *a = a0 + offsets[t];
		const bfloat16 *b = a1 + offsets[t];

		for (int g = 0; g < state->in_groups; g++, a += 32, b += 32, weights += 2 * TILE_VALUES)
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

/* The place of the index-th tile of 16 pixels of a band's sweep. */
static inline TilePlace
tile_place(const AmxJob *job, const Sweep *sweep, const bfloat16 *scratch, int first_image, int first_row,
		   int rows, int index)
{
	const Amx *state = job->state;
	int			tiles = (sweep->columns + 15) / 16;
	int			column = index % tiles * 16;
	int			row = index / tiles % rows;
	int			image = index / tiles / rows;
	int			left = sweep->columns - column;
	long		y = (long) (first_row + row) * state->sweeps.target_step + sweep->start_y;
	long		x = (long) column * state->sweeps.target_step + sweep->start_x;
	long		pixel = ((first_image + image) * (long) state->target.h + y) * state->target.w + x;
	TilePlace	place;

	place.pixels = left < 16 ? left : 16;
	place.source = scratch + image * state->image_values +
		((long) row * state->row_pixels + column) * state->sweeps.source_step * state->pixel_values;
	place.target = job->target + pixel * state->target_stride;
	place.residual = job->residual + pixel * state->base.use.residual_stride;
	return place;
}

/* Compute one group of 32 output channels of one sweep over a band. */
static void
sweep_band(const AmxJob *job, const Sweep *sweep, int group, const bfloat16 *scratch,
		   int first_image, int images, int first_row, int rows)
{
	const Amx *state = job->state;
	const bfloat16 *weights = amx_sweep_weights(state, sweep) + group * sweep->tap_count * amx_tap_values(state);
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
		multiply_tiles(state, sweep, weights, one.source, two.source);
		store_pixels(state, &pending.places[0], group, pending.sums[0]);
		store_pixels(state, &pending.places[1], group, pending.sums[1]);
		pending.places[0] = one;
		pending.places[1] = two;
		_tile_stored(0, pending.sums[0], 128);
		_tile_stored(1, pending.sums[0] + 16, 128);
		_tile_stored(2, pending.sums[1], 128);
		_tile_stored(3, pending.sums[1] + 16, 128);
	}
	store_pixels(state, &pending.places[0], group, pending.sums[0]);
	store_pixels(state, &pending.places[1], group, pending.sums[1]);
}

/* Run units [begin, end); a unit is a group of outputs of a sweep of a
 * band. */
static void
run_units(void *data, int worker, long begin, long end)
{
	const AmxJob *job = data;
	const Amx *state = job->state;
	bfloat16   *scratch = job->scratch + worker * state->thread_values;
	long		units = (long) state->sweeps.count * state->out_groups;
	long		copied = -1;

	configure_tiles();
	for (long i = begin; i < end; i++)
	{
		long		band = i / units;
		int			sweep = (int) (i % units / state->out_groups);
		int			group = (int) (i % state->out_groups);
		int			image = (int) (band / state->bands_per_image) * state->band_images;
		int			row = (int) (band % state->bands_per_image) * state->band_rows;
		int			images = state->source.n - image;
		int			rows = state->grid_rows - row;

		if (images > state->band_images)
			images = state->band_images;
		if (rows > state->band_rows)
			rows = state->band_rows;
		if (band != copied)
		{
			for (int n = 0; n < images; n++)
				copy_band(job, image + n, row, rows, scratch + n * state->image_values);
			copied = band;
		}
		sweep_band(job, &state->sweeps.sweeps[sweep], group, scratch, image, images, row, rows);
	}
	_tile_release();
}

Status
amx_run(const KernelPass *pass, const ConvolutionCall *call, const PassTensors *tensors)
{
	const Amx  *state = (const Amx *) pass;
	AmxJob		job = {
		.state = state,.source = tensors->source,.residual = tensors->residual,.target = tensors->target,
		.scratch = scratch_at(call, state->scratch_at),
	};

	threads_run(call->threads, (long) state->band_count * state->sweeps.count * state->out_groups, run_units, &job);
	return status_ok();
}

/* Pack groups [begin, end) of 32 outputs, counted over all sweeps. */
static void
pack_groups(void *data, int worker, long begin, long end)
{
	const AmxJob *job = data;
	const Amx *state = job->state;
	bool		forward = state->base.pass == PASS_FORWARD;
	int			kernel = state->base.shape.kernel * state->base.shape.kernel;
	int			inputs = state->source.c;
	int			out_stride = forward ? inputs * kernel : kernel;
	int			in_stride = forward ? kernel : state->target.c * kernel;
	__m512i		lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	__m512i		indices = _mm512_mullo_epi32(lanes, _mm512_set1_epi32(out_stride));
	const __m512i interleave = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
												23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);

	(void) worker;
	for (long unit = begin; unit < end; unit++)
	{
		const Sweep *sweep = &state->sweeps.sweeps[unit / state->out_groups];
		int			group = (int) (unit % state->out_groups);
		bfloat16   *packed = amx_sweep_weights(state, sweep) + group * sweep->tap_count * amx_tap_values(state);

		for (int t = 0; t < sweep->tap_count; t++)
			for (int in_group = 0; in_group < state->in_groups; in_group++)
				for (int tile = 0; tile < 2; tile++)
				{
					int			out = group * 32 + tile * 16;
					const float *weights = job->weights + (size_t) out * out_stride +
						state->sweeps.taps[sweep->first_tap + t].index;
					__mmask16	exist = (__mmask16) lanes_left(state->target.c - out);

					for (int pair = 0; pair < 16; pair++, packed += 32)
					{
						__m512		values[2];

						for (int j = 0; j < 2; j++)
						{
							int			in = in_group * 32 + pair * 2 + j;

							values[j] = _mm512_setzero_ps();
							if (in < inputs)
								values[j] = _mm512_mask_i32gather_ps(values[j], exist, indices,
																	 weights + (size_t) in * in_stride, 4);
						}
						_mm512_store_si512(packed,
										   _mm512_permutexvar_epi16(interleave, (__m512i)
																	_mm512_cvtne2ps_pbh(values[1], values[0])));
					}
				}
	}
}

Status
amx_set_weights(KernelPass *pass, const ConvolutionCall *call, const float *weights, const float *bias)
{
	Amx		   *state = (Amx *) pass;
	AmxJob		job = {.state = state,.weights = weights};

	threads_run(call->threads, (long) state->sweeps.count * state->out_groups, pack_groups, &job);
	copy_bias(state->bias, pass->use.bias ? bias : NULL, state->target.c);
	return status_ok();
}
