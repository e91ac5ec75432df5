/*
 * weight_gradient_amx.c: see weight_gradient_amx.h.
 *
 * For each kernel tap, dw is a matrix product over pixels: (C_out, pixels) of
 * dy times (pixels, C_in) of x, x shifted by the tap. An AMX tile product
 * takes 32 pixels: a tile of A is 16 output channels of dy, transposed; a
 * tile of B is 16 pairs of pixels of x, the pair's values interleaved.
 *
 * Both are packed a segment at a time: two strips, which are some rows of an
 * image each. A pair is the pixels at one place of the two strips, so that a
 * shift moves both alike. A segment is flat: row after row at a pitch that
 * leaves zeros between rows, as many as the taps reach beyond an edge. A tap
 * then is one constant shift through the whole segment. Interleaving works in
 * lanes of 128 bits, so of a group of 32 channels the first tile gets
 * channels 0-3, 8-11, 16-19, 24-27 and the second the others; dw is sorted
 * when it is brought into plain order.
 * With a stride s, x is packed as its s * s phases, each seen by some of the
 * taps at stride 1.
 *
 * Products go by blocks of a segment that stay in the L1 while all taps pass
 * over them; the L2 could not feed the tiles. The price is that sums are
 * loaded and stored once per block.
 *
 * Two ways to share the work, by the size of dw. Where it is small, each
 * thread takes segments of its own and sums into a dw of its own; these are
 * added in the end. Where it is large, that would be traffic in dw alone:
 * threads pack a block of segments together, then each takes channels.
 * Both add in an order that depends on shape and thread count only.
 */
#include "nn/conv/amx/weight_gradient_amx.h"

#include "core/arena.h"
#include "core/threads.h"
#include "nn/conv/amx/amx_tiles.h"

/* dw up to this many bytes is held once per thread: it stays in the L2. */
#define PRIVATE_BYTES (1280 * 1024)
/* Packed bytes of a thread's segment, and of a shared block. */
#define SEGMENT_BYTES (768 * 1024)
#define BLOCK_BYTES (12 * 1024 * 1024)

/* How far ahead of packing to fetch. */
#define PREFETCH_PIXELS 24

/* Flat places, each a pair of pixels, of a tile product; and the most products
 * from one load of sums to their store: their tiles fill 40 of the L1's 48 kB. */
#define CHUNK_PLACES 16
#define BLOCK_CHUNKS 10

/* Where a tap reads in a packed segment. */
typedef struct GradientTap
{
	int			phase;
	int			shift;			/* flat places from dy's to x's */
} GradientTap;

/* Some rows of an image. */
typedef struct Strip
{
	int			image;
	int			row;
	int			rows;			/* 0: there is none */
} Strip;

/* What a slot holds: the strips whose pixels are paired. */
typedef struct Segment
{
	Strip		strips[2];
	int			rows;			/* of the longer */
	int			chunks;			/* of CHUNK_PLACES */
} Segment;

struct WeightGradient
{
	const Call *call;
	ConvolutionShape shape;
	ConvolutionUse use;
	int			threads;
	bool		shared;			/* threads share blocks and split channels */
	Arena		arena;

	int			phases;			/* stride * stride */
	int			top;			/* rows and columns that taps reach beyond, in phases */
	int			bottom;
	int			left;
	int			pitch;			/* flat places from row to row */
	int			lead;			/* flat place in x of dy's first pixel */
	int			in_groups;		/* groups of 32 channels */
	int			out_groups;
	int			tap_count;
	GradientTap *taps;

	int			strip_rows;
	int			strips_per_image;
	int			strip_count;
	int			segment_count;
	int			slots;			/* segments in a shared block, else 1 */
	size_t		max_chunks;
	size_t		max_places;
	size_t		x_size;			/* values of a packed x: (phase, channels / 16, place, 16, 2) */
	size_t		dy_size;		/* values of a packed dy: (channels / 16, chunk, 16, 32) */
	size_t		dw_size;		/* sums: (tap, out / 16, in / 16, 16, 16) */
	size_t		db_size;
	bfloat16   *packed;			/* per thread, or per slot: x, then dy */
	float	   *dw;				/* per thread, or one */
	float	   *db;				/* per thread */
	bool	   *summed;			/* per thread: did it sum into its dw in this call? Not all do where
								 * segments are few or the pool is smaller than asked for */
	const float **parts;		/* the dw that were */
	int			part_count;
};

/* One call. */
typedef struct GradientJob
{
	WeightGradient *gradient;
	const bfloat16 *x;
	const bfloat16 *dy;
	float	   *dw;
	int			first_segment;	/* of a shared block */
	int			segments;
	bool		bias;
} GradientJob;

static const bfloat16 zero_pixel[32] __attribute__((aligned(64)));

static bfloat16 *
packed_x(const WeightGradient *gradient, int slot)
{
	return gradient->packed + slot * (gradient->x_size + gradient->dy_size);
}

static bfloat16 *
packed_dy(const WeightGradient *gradient, int slot)
{
	return packed_x(gradient, slot) + gradient->x_size;
}

static Strip
strip_at(const WeightGradient *gradient, int index)
{
	Strip		strip = {0};

	if (index < gradient->strip_count)
	{
		int			left;

		strip.image = index / gradient->strips_per_image;
		strip.row = index % gradient->strips_per_image * gradient->strip_rows;
		left = gradient->shape.y.h - strip.row;
		strip.rows = left < gradient->strip_rows ? left : gradient->strip_rows;
	}
	return strip;
}

static Segment
segment_at(const WeightGradient *gradient, int index)
{
	Segment		segment = {.strips = {strip_at(gradient, 2 * index), strip_at(gradient, 2 * index + 1)}};

	segment.rows = segment.strips[0].rows > segment.strips[1].rows ? segment.strips[0].rows : segment.strips[1].rows;
	segment.chunks = (segment.rows * gradient->pitch + CHUNK_PLACES - 1) / CHUNK_PLACES;
	return segment;
}

/* The first pixel of a strip's row of x in one phase, counted from the
 * strip's first row; the zero pixel (and step 0) outside of the image. */
static const bfloat16 *
x_row(const GradientJob *job, const Strip *strip, int row, int phase, int group, long *step)
{
	const WeightGradient *gradient = job->gradient;
	const TensorShape *shape = &gradient->shape.x;
	int			stride = gradient->shape.stride;
	long		pixel = gradient->use.x_pixel_stride;
	long		y = (long) (strip->row + row) * stride + phase / stride;

	*step = 0;
	if (strip->rows == 0 || y < 0 || y >= shape->h)
		return zero_pixel;
	*step = stride * pixel;
	return job->x + (((long) strip->image * shape->h + y) * shape->w + phase % stride) * pixel + group * 32;
}

/* Clear places [begin, end) of a tile of channels and of the next. */
static inline void
clear_places(bfloat16 *target, size_t half, long begin, long end)
{
	if (begin >= end)
		return;
	memset(target + begin * 32, 0, (end - begin) * 32 * sizeof(bfloat16));
	memset(target + half + begin * 32, 0, (end - begin) * 32 * sizeof(bfloat16));
}

/* Pack a group of 32 channels of one phase of x for a segment. */
static void
pack_x(const GradientJob *job, const Segment *segment, int slot, int phase, int group)
{
	const WeightGradient *gradient = job->gradient;
	const TensorShape *shape = &gradient->shape.x;
	int			stride = gradient->shape.stride;
	int			columns = (shape->w - phase % stride + stride - 1) / stride;
	size_t		half = gradient->max_places * 32;
	bfloat16   *target = packed_x(gradient, slot) + (phase * (size_t) gradient->in_groups + group) * 2 * half;
	__mmask32	mask = lanes_left(shape->c - group * 32);
	long		place = 0;

	if (columns > gradient->pitch - gradient->left)
		columns = gradient->pitch - gradient->left;
	for (int row = -gradient->top; row < segment->rows + gradient->bottom; row++)
	{
		long		steps[2];
		const bfloat16 *first = x_row(job, &segment->strips[0], row, phase, group, &steps[0]);
		const bfloat16 *second = x_row(job, &segment->strips[1], row, phase, group, &steps[1]);
		bfloat16   *to = target + (place + gradient->left) * 32;

		clear_places(target, half, place, place + gradient->left);
		for (int i = 0; i < columns; i++, first += steps[0], second += steps[1], to += 32)
		{
			__m512i		one = _mm512_maskz_loadu_epi16(mask, first);
			__m512i		two = _mm512_maskz_loadu_epi16(mask, second);

			_mm_prefetch((const char *) (first + PREFETCH_PIXELS * steps[0]), _MM_HINT_T0);
			_mm_prefetch((const char *) (second + PREFETCH_PIXELS * steps[1]), _MM_HINT_T0);
			_mm512_store_si512(to, _mm512_unpacklo_epi16(one, two));
			_mm512_store_si512(to + half, _mm512_unpackhi_epi16(one, two));
		}
		clear_places(target, half, place + gradient->left + columns, place + gradient->pitch);
		place += gradient->pitch;
	}
	clear_places(target, half, place, gradient->max_places);
}

/* Four rows of a (16, 16) array of 32-bit values, four columns of each. */
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

/* Pack a group of 32 channels of dy for a segment, transposed; sums gets the
 * group's bias gradient unless it is NULL. */
static void
pack_dy(const GradientJob *job, const Segment *segment, int slot, int group, float *sums)
{
	const WeightGradient *gradient = job->gradient;
	const TensorShape *shape = &gradient->shape.y;
	long		pixel = gradient->use.y_pixel_stride;
	__mmask32	mask = lanes_left(shape->c - group * 32);
	size_t		half = gradient->max_chunks * TILE_VALUES;
	bfloat16   *target = packed_dy(gradient, slot) + group * 2 * half;
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
			if (++x == gradient->pitch)
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

/* Add a block of products of one tap, for a pair of channel groups, to sums
 * (and to lower, where the second tile of dy's goes). */
static inline void
multiply_block(const bfloat16 *a, size_t a_half, const bfloat16 *b, size_t b_half, int chunks,
			   bool fresh, float *sums, float *lower, const float *next, const float *next_lower)
{
	if (fresh)
	{
		_tile_zero(0);
		_tile_zero(1);
		_tile_zero(2);
		_tile_zero(3);
	}
	else
	{
		_tile_loadd(0, sums, 64);
		_tile_loadd(1, sums + TILE_SUMS, 64);
		_tile_loadd(2, lower, 64);
		_tile_loadd(3, lower + TILE_SUMS, 64);
	}
	for (int chunk = 0; chunk < chunks; chunk++, a += TILE_VALUES, b += TILE_VALUES)
	{
		_tile_loadd(4, a, 64);
		_tile_loadd(6, b, 64);
		_tile_dpbf16ps(0, 4, 6);
		_tile_loadd(7, b + b_half, 64);
		_tile_dpbf16ps(1, 4, 7);
		_tile_loadd(5, a + a_half, 64);
		_tile_dpbf16ps(2, 5, 6);
		_tile_dpbf16ps(3, 5, 7);

		/* The next tap's sums: a tile has 16 lines. */
		for (int line = 0; line < 4; line++)
		{
			_mm_prefetch((const char *) (next + (chunk * 4 + line) * 16), _MM_HINT_T0);
			_mm_prefetch((const char *) (next_lower + (chunk * 4 + line) * 16), _MM_HINT_T0);
		}
	}
	_tile_stored(0, sums, 64);
	_tile_stored(1, sums + TILE_SUMS, 64);
	_tile_stored(2, lower, 64);
	_tile_stored(3, lower + TILE_SUMS, 64);
}

/* Add count slots' products for a pair of channel groups to dw. */
static void
multiply_groups(const WeightGradient *gradient, int first_segment, int first_slot, int count,
				int in_group, int out_group, bool fresh, float *dw)
{
	size_t		b_half = gradient->max_places * 32;
	size_t		a_half = gradient->max_chunks * TILE_VALUES;
	size_t		in_tiles = 2 * (size_t) gradient->in_groups;
	size_t		out_tiles = 2 * (size_t) gradient->out_groups;
	size_t		tap_size = out_tiles * in_tiles * TILE_SUMS;
	float	   *first_sums = dw + (2 * out_group * in_tiles + 2 * in_group) * TILE_SUMS;

	for (int s = 0; s < count; s++)
	{
		int			chunks = segment_at(gradient, first_segment + s).chunks;
		int			blocks = (chunks + BLOCK_CHUNKS - 1) / BLOCK_CHUNKS;
		const bfloat16 *dy = packed_dy(gradient, first_slot + s) + 2 * out_group * a_half;
		const bfloat16 *x = packed_x(gradient, first_slot + s) + 2 * in_group * b_half;

		for (int block = 0; block < blocks; block++)
		{
			int			begin = chunks * block / blocks;
			int			end = chunks * (block + 1) / blocks;

			for (int t = 0; t < gradient->tap_count; t++)
			{
				const GradientTap *tap = &gradient->taps[t];
				float	   *sums = first_sums + t * tap_size;
				float	   *next = t + 1 < gradient->tap_count ? sums + tap_size : first_sums;

				multiply_block(dy + begin * TILE_VALUES, a_half,
							   x + tap->phase * in_tiles * b_half + (tap->shift + begin * CHUNK_PLACES) * 32, b_half,
							   end - begin, fresh && s == 0 && block == 0, sums, sums + in_tiles * TILE_SUMS,
							   next, next + in_tiles * TILE_SUMS);
			}
		}
	}
}

/* Sum segments [begin, end) into the worker's own dw. */
static void
private_task(void *data, int worker, long begin, long end)
{
	const GradientJob *job = data;
	const WeightGradient *gradient = job->gradient;
	float	   *dw = gradient->dw + worker * gradient->dw_size;

	gradient->summed[worker] = true;
	configure_tiles();
	for (long s = begin; s < end; s++)
	{
		Segment		segment = segment_at(gradient, (int) s);

		for (int phase = 0; phase < gradient->phases; phase++)
			for (int group = 0; group < gradient->in_groups; group++)
				pack_x(job, &segment, worker, phase, group);
		for (int group = 0; group < gradient->out_groups; group++)
			pack_dy(job, &segment, worker, group,
					job->bias ? gradient->db + worker * gradient->db_size + group * 32 : NULL);
		for (int in = 0; in < gradient->in_groups; in++)
			for (int out = 0; out < gradient->out_groups; out++)
				multiply_groups(gradient, (int) s, worker, 1, in, out, s == begin, dw);
	}
	_tile_release();
}

/* Pack units [begin, end) of a shared block: slots times channel groups. */
static void
pack_task(void *data, int worker, long begin, long end)
{
	const GradientJob *job = data;
	const WeightGradient *gradient = job->gradient;
	int			x_units = gradient->phases * gradient->in_groups;
	int			units = x_units + gradient->out_groups;

	for (long i = begin; i < end; i++)
	{
		int			slot = (int) (i / units);
		int			unit = (int) (i % units);
		Segment		segment = segment_at(gradient, job->first_segment + slot);

		if (unit < x_units)
			pack_x(job, &segment, slot, unit / gradient->in_groups, unit % gradient->in_groups);
		else
			pack_dy(job, &segment, slot, unit - x_units,
					job->bias ? gradient->db + worker * gradient->db_size + (unit - x_units) * 32 : NULL);
	}
}

/* Multiply pairs [begin, end) of channel groups over a shared block. */
static void
multiply_task(void *data, int worker, long begin, long end)
{
	const GradientJob *job = data;
	const WeightGradient *gradient = job->gradient;

	(void) worker;
	configure_tiles();
	for (long i = begin; i < end; i++)
		multiply_groups(gradient, job->first_segment, 0, job->segments, (int) (i / gradient->out_groups),
						(int) (i % gradient->out_groups), job->first_segment == 0, gradient->dw);
	_tile_release();
}

/* The channel at a place of a tile. */
static inline int
tile_channel(int tile, int place)
{
	return tile / 2 * 32 + tile % 2 * 4 + place / 4 * 8 + place % 4;
}

/* Add the threads' sums for tiles [begin, end) of output channels and bring
 * them into plain order, by tiles of 16 input channels. */
static void
finish_task(void *data, int worker, long begin, long end)
{
	const GradientJob *job = data;
	const WeightGradient *gradient = job->gradient;
	int			in_tiles = 2 * gradient->in_groups;
	size_t		tap_size = 2 * (size_t) gradient->out_groups * in_tiles * TILE_SUMS;
	int			inputs = gradient->shape.x.c;
	int			taps = gradient->tap_count;
	const __m512i places = _mm512_set_epi32(27, 26, 25, 24, 19, 18, 17, 16, 11, 10, 9, 8, 3, 2, 1, 0);

	(void) worker;
	for (long out = begin; out < end; out++)
		for (int in = 0; in < in_tiles; in++)
		{
			size_t		sums = (out * in_tiles + in) * TILE_SUMS;
			__m512i		channels = _mm512_add_epi32(places, _mm512_set1_epi32(tile_channel(in, 0)));
			__mmask16	exist = _mm512_cmplt_epi32_mask(channels, _mm512_set1_epi32(inputs));
			__m512i		targets = _mm512_mullo_epi32(channels, _mm512_set1_epi32(taps));

			for (int place = 0; place < 16; place++)
			{
				int			o = tile_channel((int) out, place);

				for (int t = 0; t < taps && o < gradient->shape.y.c; t++)
				{
					size_t		at = sums + place * 16 + t * tap_size;
					__m512		sum = _mm512_load_ps(gradient->parts[0] + at);

					for (int p = 1; p < gradient->part_count; p++)
						sum = _mm512_add_ps(sum, _mm512_load_ps(gradient->parts[p] + at));
					_mm512_mask_i32scatter_ps(job->dw + (long) o * inputs * taps + t, exist, targets, sum, 4);
				}
			}
		}
}

void
weight_gradient_run(WeightGradient *gradient, const bfloat16 *x, const bfloat16 *dy, float *dw, float *db)
{
	GradientJob job = {.gradient = gradient, .x = x, .dy = dy, .dw = dw, .bias = db != NULL};
	int			threads = gradient->threads;

	threads_use(threads);
	memset(gradient->db, 0, gradient->db_size * threads * sizeof(float));
	if (gradient->shared)
	{
		int			units = gradient->phases * gradient->in_groups + gradient->out_groups;

		for (int first = 0; first < gradient->segment_count; first += gradient->slots)
		{
			int			left = gradient->segment_count - first;

			job.first_segment = first;
			job.segments = left < gradient->slots ? left : gradient->slots;
			threads_run(threads, (long) job.segments * units, pack_task, &job);
			threads_run(threads, (long) gradient->in_groups * gradient->out_groups, multiply_task, &job);
		}
	}
	else
	{
		memset(gradient->summed, 0, threads * sizeof(bool));
		threads_run(threads, gradient->segment_count, private_task, &job);
		gradient->part_count = 0;
		for (int p = 0; p < threads; p++)
			if (gradient->summed[p])
				gradient->parts[gradient->part_count++] = gradient->dw + p * gradient->dw_size;
	}
	threads_run(threads, 2L * gradient->out_groups, finish_task, &job);
	if (db != NULL)
		for (int c = 0; c < gradient->shape.y.c; c++)
		{
			db[c] = gradient->db[c];
			for (int p = 1; p < threads; p++)
				db[c] += gradient->db[p * gradient->db_size + c];
		}
}

static int
floor_divide(int a, int b)
{
	return a / b - (a % b < 0);
}

/* Work out phases, reach and pitch, and each tap's shift. */
static Status
plan_taps(WeightGradient *gradient)
{
	const ConvolutionShape *shape = &gradient->shape;
	int			stride = shape->stride;
	int			last_y = floor_divide((shape->kernel_h - 1) * shape->dilation - shape->padding, stride);
	int			last_x = floor_divide((shape->kernel_w - 1) * shape->dilation - shape->padding, stride);
	int			first = floor_divide(-shape->padding, stride);
	int			right = last_x > 0 ? last_x : 0;
	int			columns = (shape->x.w + stride - 1) / stride;
	void	   *memory;

	gradient->phases = stride * stride;
	gradient->top = gradient->left = first < 0 ? -first : 0;
	gradient->bottom = last_y > 0 ? last_y : 0;

	/* Columns that x has, then the zeros that the next row's taps reach back
	 * to; or all columns that this row's taps reach. */
	if (columns > shape->y.w + right)
		columns = shape->y.w + right;
	gradient->pitch = columns + gradient->left;
	if (gradient->pitch < shape->y.w + right)
		gradient->pitch = shape->y.w + right;
	gradient->lead = gradient->top * gradient->pitch + gradient->left;

	gradient->tap_count = shape->kernel_h * shape->kernel_w;
	TRY(call_alloc_array(gradient->call, gradient->tap_count, sizeof(GradientTap), &memory));
	gradient->taps = memory;
	for (int ky = 0; ky < shape->kernel_h; ky++)
		for (int kx = 0; kx < shape->kernel_w; kx++)
		{
			GradientTap *tap = &gradient->taps[ky * shape->kernel_w + kx];
			int			y = ky * shape->dilation - shape->padding;
			int			x = kx * shape->dilation - shape->padding;
			int			shift_y = floor_divide(y, stride);
			int			shift_x = floor_divide(x, stride);

			tap->phase = (y - shift_y * stride) * stride + x - shift_x * stride;
			tap->shift = gradient->lead + shift_y * gradient->pitch + shift_x;
		}
	return status_ok();
}

/* Cut the batch into segments and size what holds them. */
static Status
plan_memory(WeightGradient *gradient)
{
	const ConvolutionShape *shape = &gradient->shape;
	size_t		values;			/* packed per flat pixel */
	size_t		budget;
	size_t		rows;
	size_t		packed_at;
	size_t		dw_at;
	size_t		db_at;
	size_t		summed_at;
	size_t		parts_at;
	size_t		holders;

	gradient->in_groups = (shape->x.c + 31) / 32;
	gradient->out_groups = (shape->y.c + 31) / 32;
	gradient->dw_size = (size_t) gradient->tap_count * gradient->in_groups * gradient->out_groups * 4 * TILE_SUMS;
	gradient->db_size = (size_t) gradient->out_groups * 32;
	gradient->shared = gradient->dw_size * sizeof(float) > PRIVATE_BYTES;

	/* Strips, by what a segment of two of them takes. */
	values = ((size_t) gradient->phases * gradient->in_groups + gradient->out_groups) * 64;
	budget = (gradient->shared ? BLOCK_BYTES : SEGMENT_BYTES) / sizeof(bfloat16) / values;
	rows = budget / gradient->pitch;
	if (rows < 1)
		rows = 1;
	if (rows > (size_t) shape->y.h)
		rows = shape->y.h;
	gradient->strips_per_image = (int) ((shape->y.h + rows - 1) / rows);
	gradient->strip_rows = (shape->y.h + gradient->strips_per_image - 1) / gradient->strips_per_image;
	gradient->strips_per_image = (shape->y.h + gradient->strip_rows - 1) / gradient->strip_rows;
	gradient->strip_count = gradient->strips_per_image * shape->y.n;
	gradient->segment_count = (gradient->strip_count + 1) / 2;
	gradient->slots = 1;
	if (gradient->shared)
	{
		gradient->slots = (int) (budget / ((size_t) gradient->strip_rows * gradient->pitch));
		if (gradient->slots < 1)
			gradient->slots = 1;
		if (gradient->slots > gradient->segment_count)
			gradient->slots = gradient->segment_count;
	}

	gradient->max_chunks = ((size_t) gradient->strip_rows * gradient->pitch + CHUNK_PLACES - 1) / CHUNK_PLACES;
	/* The last chunk read at the largest shift, or the last row packed. */
	gradient->max_places = gradient->max_chunks * CHUNK_PLACES + gradient->lead +
		(size_t) (gradient->bottom + 1) * gradient->pitch;
	gradient->dy_size = (size_t) gradient->out_groups * 2 * gradient->max_chunks * TILE_VALUES;
	gradient->x_size = (size_t) gradient->phases * gradient->in_groups * 2 * gradient->max_places * 32;

	holders = gradient->shared ? gradient->slots : gradient->threads;
	TRY(arena_reserve(&gradient->arena, (gradient->x_size + gradient->dy_size) * holders * sizeof(bfloat16), &packed_at));
	TRY(arena_reserve(&gradient->arena,
					  gradient->dw_size * (gradient->shared ? 1 : gradient->threads) * sizeof(float), &dw_at));
	TRY(arena_reserve(&gradient->arena, gradient->db_size * gradient->threads * sizeof(float), &db_at));
	TRY(arena_reserve(&gradient->arena, gradient->threads * sizeof(bool), &summed_at));
	TRY(arena_reserve(&gradient->arena, gradient->threads * sizeof(float *), &parts_at));
	TRY(arena_commit(&gradient->arena, "packed tensors of a weight gradient"));
	gradient->packed = arena_at(&gradient->arena, packed_at);
	gradient->dw = arena_at(&gradient->arena, dw_at);
	gradient->db = arena_at(&gradient->arena, db_at);
	gradient->summed = arena_at(&gradient->arena, summed_at);
	gradient->parts = arena_at(&gradient->arena, parts_at);
	gradient->parts[0] = gradient->dw;
	gradient->part_count = 1;
	return status_ok();
}

bool
weight_gradient_suits(const ConvolutionShape *shape, const ConvolutionUse *use)
{
	return use->type == DATA_BF16 && shape->groups == 1;
}

Status
weight_gradient_create(const Call *call, const ConvolutionShape *shape, const ConvolutionUse *use,
					   WeightGradient **gradient)
{
	WeightGradient *made;
	Status		status;
	void	   *memory;

	*gradient = NULL;
	TRY(call_alloc_array(call, 1, sizeof(WeightGradient), &memory));
	made = memory;
	made->call = call;
	made->shape = *shape;
	made->use = *use;
	made->threads = call->threads > 1 ? call->threads : 1;
	arena_init(&made->arena, call);
	status = plan_taps(made);
	if (status.code == LS_OK)
		status = plan_memory(made);
	if (status.code != LS_OK)
		weight_gradient_destroy(made);
	else
		*gradient = made;
	return status;
}

void
weight_gradient_destroy(WeightGradient *gradient)
{
	if (gradient == NULL)
		return;
	arena_free(&gradient->arena);
	call_free(gradient->call, gradient->taps);
	call_free(gradient->call, gradient);
}

size_t
weight_gradient_memory(const WeightGradient *gradient)
{
	return gradient->arena.size;
}
