/*
 * amx_gradient_run_amx.c: the products of amx_gradient.h.
 */
#include "nn/conv/amx/amx_gradient.h"

#include "core/threads.h"
#include "nn/conv/amx/amx_tiles.h"

/* The most products between loading and storing sums: their tiles fill 40 of
 * the L1's 48 kB. */
#define BLOCK_CHUNKS 10

/* Add a block of products of one tap, for a pair of channel groups, to sums
 * and lower (for the first and the second tile of dy). */
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

/* Add the products of count slots for a pair of channel groups to dw. */
static void
multiply_groups(const GradientJob *job, int first_segment, int first_slot, int count,
				int in_group, int out_group, bool fresh, float *dw)
{
	const AmxGradient *state = job->state;
	size_t		b_half = state->max_places * 32;
	size_t		a_half = state->max_chunks * TILE_VALUES;
	size_t		in_tiles = 2 * (size_t) state->in_groups;
	size_t		out_tiles = 2 * (size_t) state->out_groups;
	size_t		tap_size = out_tiles * in_tiles * TILE_SUMS;
	float	   *first_sums = dw + (2 * out_group * in_tiles + 2 * in_group) * TILE_SUMS;

	for (int s = 0; s < count; s++)
	{
		int			chunks = amx_segment(state, first_segment + s).chunks;
		int			blocks = (chunks + BLOCK_CHUNKS - 1) / BLOCK_CHUNKS;
		const bfloat16 *dy = packed_dy(job, first_slot + s) + 2 * out_group * a_half;
		const bfloat16 *x = packed_x(job, first_slot + s) + 2 * in_group * b_half;

		for (int block = 0; block < blocks; block++)
		{
			int			begin = chunks * block / blocks;
			int			end = chunks * (block + 1) / blocks;

			for (int t = 0; t < state->tap_count; t++)
			{
				const GradientTap *tap = &state->taps[t];
				float	   *sums = first_sums + t * tap_size;
				float	   *next = t + 1 < state->tap_count ? sums + tap_size : first_sums;

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
sum_segments(void *data, int worker, long begin, long end)
{
	const GradientJob *job = data;
	const AmxGradient *state = job->state;
	float	   *dw = job->dw + worker * state->dw_size;

	job->summed[worker] = true;
	configure_tiles();
	for (long s = begin; s < end; s++)
	{
		Segment		segment = amx_segment(state, (int) s);

		for (int phase = 0; phase < state->phases; phase++)
			for (int group = 0; group < state->in_groups; group++)
				amx_pack_x(job, &segment, worker, phase, group);
		for (int group = 0; group < state->out_groups; group++)
			amx_pack_dy(job, &segment, worker, group,
					job->bias ? job->db + worker * state->db_size + group * 32 : NULL);
		for (int in = 0; in < state->in_groups; in++)
			for (int out = 0; out < state->out_groups; out++)
				multiply_groups(job, (int) s, worker, 1, in, out, s == begin, dw);
	}
	_tile_release();
}

/* Pack units [begin, end) of a shared block; a unit is a channel group of a
 * slot. */
static void
pack_units(void *data, int worker, long begin, long end)
{
	const GradientJob *job = data;
	const AmxGradient *state = job->state;
	int			x_units = state->phases * state->in_groups;
	int			units = x_units + state->out_groups;

	for (long i = begin; i < end; i++)
	{
		int			slot = (int) (i / units);
		int			unit = (int) (i % units);
		Segment		segment = amx_segment(state, job->first_segment + slot);

		if (unit < x_units)
			amx_pack_x(job, &segment, slot, unit / state->in_groups, unit % state->in_groups);
		else
			amx_pack_dy(job, &segment, slot, unit - x_units,
					job->bias ? job->db + worker * state->db_size + (unit - x_units) * 32 : NULL);
	}
}

/* Multiply pairs [begin, end) of channel groups over a shared block. */
static void
multiply_pairs(void *data, int worker, long begin, long end)
{
	const GradientJob *job = data;
	const AmxGradient *state = job->state;

	(void) worker;
	configure_tiles();
	for (long i = begin; i < end; i++)
		multiply_groups(job, job->first_segment, 0, job->segments, (int) (i / state->out_groups),
						(int) (i % state->out_groups), job->first_segment == 0, job->dw);
	_tile_release();
}

/* The channel that stands at a place of a tile. */
static inline int
tile_channel(int tile, int place)
{
	return tile / 2 * 32 + tile % 2 * 4 + place / 4 * 8 + place % 4;
}

/* Add the threads' sums for tiles [begin, end) of output channels and bring
 * them into plain order, by tiles of 16 input channels. */
static void
finish_tiles(void *data, int worker, long begin, long end)
{
	const GradientJob *job = data;
	const AmxGradient *state = job->state;
	int			in_tiles = 2 * state->in_groups;
	size_t		tap_size = 2 * (size_t) state->out_groups * in_tiles * TILE_SUMS;
	int			inputs = state->base.shape.x.c;
	int			taps = state->tap_count;
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

				for (int t = 0; t < taps && o < state->base.shape.y.c; t++)
				{
					size_t		at = sums + place * 16 + t * tap_size;
					__m512		sum = _mm512_load_ps(job->parts[0] + at);

					for (int p = 1; p < job->part_count; p++)
						sum = _mm512_add_ps(sum, _mm512_load_ps(job->parts[p] + at));
					_mm512_mask_i32scatter_ps(job->plain_dw + (long) o * inputs * taps + t, exist, targets, sum, 4);
				}
			}
		}
}

/* Sum block by block, all threads together. */
static void
run_shared(GradientJob *job, int threads)
{
	const AmxGradient *state = job->state;
	int			units = state->phases * state->in_groups + state->out_groups;

	for (int first = 0; first < state->segment_count; first += state->slots)
	{
		int			left = state->segment_count - first;

		job->first_segment = first;
		job->segments = left < state->slots ? left : state->slots;
		threads_run(threads, (long) job->segments * units, pack_units, job);
		threads_run(threads, (long) state->in_groups * state->out_groups, multiply_pairs, job);
	}
	job->parts[job->part_count++] = job->dw;
}

/* Sum segments, each thread into its own dw. */
static void
run_private(GradientJob *job, int threads)
{
	const AmxGradient *state = job->state;

	memset(job->summed, 0, threads * sizeof(bool));
	threads_run(threads, state->segment_count, sum_segments, job);
	for (int p = 0; p < threads; p++)
		if (job->summed[p])
			job->parts[job->part_count++] = job->dw + p * state->dw_size;
}

Status
amx_gradient_run(const KernelPass *pass, const ConvolutionCall *call, const PassTensors *tensors)
{
	const AmxGradient *state = (const AmxGradient *) pass;
	int			threads = call->threads;
	float	   *db = tensors->db;
	GradientJob job = {
		.state = state,.x = tensors->source,.dy = tensors->dy,.plain_dw = tensors->dw,.bias = db != NULL,
		.packed = scratch_at(call, state->packed_at),.dw = scratch_at(call, state->dw_at),
		.db = scratch_at(call, state->db_at),.summed = scratch_at(call, state->summed_at),
		.parts = scratch_at(call, state->parts_at),
	};

	memset(job.db, 0, state->db_size * threads * sizeof(float));
	if (state->shared)
		run_shared(&job, threads);
	else
		run_private(&job, threads);
	threads_run(threads, 2L * state->out_groups, finish_tiles, &job);
	for (int c = 0; db != NULL && c < pass->shape.y.c; c++)
	{
		db[c] = job.db[c];
		for (int p = 1; p < threads; p++)
			db[c] += job.db[p * state->db_size + c];
	}
	return status_ok();
}
