/*
 * amx_gradient_pack_amx.c: x and dy of a segment in tiles; see amx_gradient.h.
 */
#include "nn/conv/amx/amx_gradient.h"
#include "nn/conv/amx/amx_tiles.h"

/* Pixels to fetch ahead of packing. */
#define PREFETCH_PIXELS 24

static const bfloat16 zero_pixel[32] __attribute__((aligned(64)));

/* The first pixel of a row of x in one phase; rows count from the strip's
 * first. Outside the image it is the zero pixel, with step 0. */
static const bfloat16 *
x_row(const GradientJob *job, const Strip *strip, int row, int phase, int group, long *step)
{
	const AmxGradient *state = job->state;
	const TensorShape *shape = &state->base.shape.x;
	int			stride = state->base.shape.stride;
	long		pixel = state->base.use.x_pixel_stride;
	long		y = (long) (strip->row + row) * stride + phase / stride;

	*step = 0;
	if (strip->rows == 0 || y < 0 || y >= shape->h)
		return zero_pixel;
	*step = stride * pixel;
	return job->x + (((long) strip->image * shape->h + y) * shape->w + phase % stride) * pixel + group * 32;
}

/* Clear places [begin, end) of two neighbouring tiles of channels. */
static inline void
clear_places(bfloat16 *target, size_t half, long begin, long end)
{
	if (begin >= end)
		return;
	memset(target + begin * 32, 0, (end - begin) * 32 * sizeof(bfloat16));
	memset(target + half + begin * 32, 0, (end - begin) * 32 * sizeof(bfloat16));
}

void
amx_pack_x(const GradientJob *job, const Segment *segment, int slot, int phase, int group)
{
	const AmxGradient *state = job->state;
	const TensorShape *shape = &state->base.shape.x;
	int			stride = state->base.shape.stride;
	int			columns = (shape->w - phase % stride + stride - 1) / stride;
	size_t		half = state->max_places * 32;
	bfloat16   *target = packed_x(job, slot) + (phase * (size_t) state->in_groups + group) * 2 * half;
	__mmask32	mask = lanes_left(shape->c - group * 32);
	long		place = 0;

	if (columns > state->pitch - state->left)
		columns = state->pitch - state->left;
	for (int row = -state->top; row < segment->rows + state->bottom; row++)
	{
		long		steps[2];
		const bfloat16 *first = x_row(job, &segment->strips[0], row, phase, group, &steps[0]);
		const bfloat16 *second = x_row(job, &segment->strips[1], row, phase, group, &steps[1]);
		bfloat16   *to = target + (place + state->left) * 32;

		clear_places(target, half, place, place + state->left);
		for (int i = 0; i < columns; i++, first += steps[0], second += steps[1], to += 32)
		{
			__m512i		one = _mm512_maskz_loadu_epi16(mask, first);
			__m512i		two = _mm512_maskz_loadu_epi16(mask, second);

			_mm_prefetch((const char *) (first + PREFETCH_PIXELS * steps[0]), _MM_HINT_T0);
			_mm_prefetch((const char *) (second + PREFETCH_PIXELS * steps[1]), _MM_HINT_T0);
			_mm512_store_si512(to, _mm512_unpacklo_epi16(one, two));
			_mm512_store_si512(to + half, _mm512_unpackhi_epi16(one, two));
		}
		clear_places(target, half, place + state->left + columns, place + state->pitch);
		place += state->pitch;
	}
	clear_places(target, half, place, state->max_places);
}

/* Load four columns of four rows of a (16, 16) array of 32-bit values. */
static inline __m512i
load_lanes(const int32_t *values)
{
	__m512i		lanes = _mm512_castsi128_si512(_mm_load_si128((const __m128i *) values));

	lanes = _mm512_mask_broadcast_i32x4(lanes, 0x00F0, _mm_load_si128((const __m128i *) (values + 64)));
	lanes = _mm512_mask_broadcast_i32x4(lanes, 0x0F00, _mm_load_si128((const __m128i *) (values + 128)));
	return _mm512_mask_broadcast_i32x4(lanes, 0xF000, _mm_load_si128((const __m128i *) (values + 192)));
}

/* Transpose a (16, 16) array of 32-bit values. */
static inline void
transpose_16x16(const int32_t *source, int32_t *target)
{
	for (int column = 0; column < 16; column += 4)
	{
		__m512i		a = load_lanes(source + column);
		__m512i		b = load_lanes(source + column + 16);
		__m512i		c = load_lanes(source + column + 32);
		__m512i		d = load_lanes(source + column + 48);
		__m512i		ab_low = _mm512_unpacklo_epi32(a, b);
		__m512i		ab_high = _mm512_unpackhi_epi32(a, b);
		__m512i		cd_low = _mm512_unpacklo_epi32(c, d);
		__m512i		cd_high = _mm512_unpackhi_epi32(c, d);

		_mm512_store_si512(target + column * 16, _mm512_unpacklo_epi64(ab_low, cd_low));
		_mm512_store_si512(target + column * 16 + 16, _mm512_unpackhi_epi64(ab_low, cd_low));
		_mm512_store_si512(target + column * 16 + 32, _mm512_unpacklo_epi64(ab_high, cd_high));
		_mm512_store_si512(target + column * 16 + 48, _mm512_unpackhi_epi64(ab_high, cd_high));
	}
}

/* Add 32 bf16 values to 32 sums. */
static inline void
add_to_sums(float *sums, __m512i values)
{
	__m512		low = widen(_mm512_castsi512_si256(values));
	__m512		high = widen(_mm512_extracti64x4_epi64(values, 1));

	_mm512_store_ps(sums, _mm512_add_ps(_mm512_load_ps(sums), low));
	_mm512_store_ps(sums + 16, _mm512_add_ps(_mm512_load_ps(sums + 16), high));
}

void
amx_pack_dy(const GradientJob *job, const Segment *segment, int slot, int group, float *sums)
{
	const AmxGradient *state = job->state;
	const TensorShape *shape = &state->base.shape.y;
	long		pixel = state->base.use.y_pixel_stride;
	__mmask32	mask = lanes_left(shape->c - group * 32);
	size_t		half = state->max_chunks * TILE_VALUES;
	bfloat16   *target = packed_dy(job, slot) + group * 2 * half;
	const bfloat16 *rows[2];
	int32_t		pairs[2][256] __attribute__((aligned(64)));
	int			y = 0;
	int			x = 0;

	for (int j = 0; j < 2; j++)
	{
		const Strip *strip = &segment->strips[j];

		rows[j] = job->dy + ((long) strip->image * shape->h + strip->row) * shape->w * pixel + group * 32;
	}
	for (int chunk = 0; chunk < segment->chunks; chunk++, target += TILE_VALUES)
	{
		for (int i = 0; i < CHUNK_PLACES; i++)
		{
			__m512i		values[2];

			for (int j = 0; j < 2; j++)
			{
				values[j] = _mm512_setzero_si512();
				if (x < shape->w && y < segment->strips[j].rows)
				{
					values[j] = _mm512_maskz_loadu_epi16(mask, rows[j] + x * pixel);
					_mm_prefetch((const char *) (rows[j] + (x + PREFETCH_PIXELS) * pixel), _MM_HINT_T0);
					if (sums != NULL)
						add_to_sums(sums, values[j]);
				}
			}
			if (++x == state->pitch)
			{
				x = 0;
				y++;
				rows[0] += shape->w * pixel;
				rows[1] += shape->w * pixel;
			}
			_mm512_store_si512(pairs[0] + i * 16, _mm512_unpacklo_epi16(values[0], values[1]));
			_mm512_store_si512(pairs[1] + i * 16, _mm512_unpackhi_epi16(values[0], values[1]));
		}
		transpose_16x16(pairs[0], (int32_t *) target);
		transpose_16x16(pairs[1], (int32_t *) (target + half));
	}
}
