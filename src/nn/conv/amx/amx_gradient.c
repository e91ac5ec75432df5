/*
 * amx_gradient.c: the row of amx_gradient.h, and its planning.
 */
#include "nn/conv/amx/amx_gradient.h"

#include "nn/conv/amx/amx_tiles.h"
#include "nn/conv/kernels.h"

/* A dw of up to this many bytes is held once per thread: it stays in the
 * L2. */
#define PRIVATE_BYTES (1280 * 1024)
/* Bytes of a thread's packed segment, and of a packed shared block. */
#define SEGMENT_BYTES (768 * 1024)
#define BLOCK_BYTES (12 * 1024 * 1024)

static bool
amx_gradient_can(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	return pass == PASS_BACKWARD_WEIGHTS && use->type == DATA_BF16 && shape->groups == 1;
}

/* The index-th strip; beyond the last, a strip without rows. */
static Strip
strip_at(const AmxGradient *state, int index)
{
	Strip		strip = {0};

	if (index < state->strip_count)
	{
		int			left;

		strip.image = index / state->strips_per_image;
		strip.row = index % state->strips_per_image * state->strip_rows;
		left = state->base.shape.y.h - strip.row;
		strip.rows = left < state->strip_rows ? left : state->strip_rows;
	}
	return strip;
}

Segment
amx_segment(const AmxGradient *state, int index)
{
	Segment		segment = {.strips = {strip_at(state, 2 * index), strip_at(state, 2 * index + 1)}};

	segment.rows = segment.strips[0].rows > segment.strips[1].rows ? segment.strips[0].rows : segment.strips[1].rows;
	segment.chunks = (segment.rows * state->pitch + CHUNK_PLACES - 1) / CHUNK_PLACES;
	return segment;
}

static int
floor_divide(int a, int b)
{
	return a / b - (a % b < 0);
}

/* Work out phases, reach and pitch, and each tap's shift. */
static Status
plan_taps(AmxGradient *state)
{
	const ConvolutionShape *shape = &state->base.shape;
	int			stride = shape->stride;
	int			first = floor_divide(-shape->padding, stride);
	int			last = floor_divide(shape->kernel - 1 - shape->padding, stride);
	int			right = last > 0 ? last : 0;
	int			columns = (shape->x.w + stride - 1) / stride;
	void	   *memory;

	state->phases = stride * stride;
	state->top = state->left = first < 0 ? -first : 0;
	state->bottom = right;

	/* The pitch: x's columns and the zeros that taps of the next row reach
	 * back to; or, if more, all columns that this row's taps reach. */
	if (columns > shape->y.w + right)
		columns = shape->y.w + right;
	state->pitch = columns + state->left;
	if (state->pitch < shape->y.w + right)
		state->pitch = shape->y.w + right;
	state->lead = state->top * state->pitch + state->left;

	state->tap_count = shape->kernel * shape->kernel;
	TRY(host_alloc_array(state->base.host, state->tap_count, sizeof(GradientTap), &memory));
	state->taps = memory;
	for (int ky = 0; ky < shape->kernel; ky++)
		for (int kx = 0; kx < shape->kernel; kx++)
		{
			GradientTap *tap = &state->taps[ky * shape->kernel + kx];
			int			y = ky - shape->padding;
			int			x = kx - shape->padding;
			int			shift_y = floor_divide(y, stride);
			int			shift_x = floor_divide(x, stride);

			tap->phase = (y - shift_y * stride) * stride + x - shift_x * stride;
			tap->shift = state->lead + shift_y * state->pitch + shift_x;
		}
	return status_ok();
}

/* Reserve the scratch of a run. */
static Status
reserve_all(AmxGradient *state)
{
	KernelPass *pass = &state->base;
	size_t		threads = pass->use.threads;

	TRY(reserve_scratch(pass, (state->x_size + state->dy_size) * (state->shared ? (size_t) state->slots : threads),
						sizeof(bfloat16), &state->packed_at));
	TRY(reserve_scratch(pass, state->dw_size * (state->shared ? 1 : threads), sizeof(float), &state->dw_at));
	TRY(reserve_scratch(pass, state->db_size * threads, sizeof(float), &state->db_at));
	TRY(reserve_scratch(pass, threads, sizeof(bool), &state->summed_at));
	return reserve_scratch(pass, threads, sizeof(float *), &state->parts_at);
}

/* Cut the batch into segments, and size their buffers. */
static Status
plan_segments(AmxGradient *state)
{
	const ConvolutionShape *shape = &state->base.shape;
	size_t		values;			/* packed values per flat pixel */
	size_t		budget;
	size_t		rows;

	state->in_groups = (shape->x.c + 31) / 32;
	state->out_groups = (shape->y.c + 31) / 32;
	state->dw_size = (size_t) state->tap_count * state->in_groups * state->out_groups * 4 * TILE_SUMS;
	state->db_size = (size_t) state->out_groups * 32;
	state->shared = state->dw_size * sizeof(float) > PRIVATE_BYTES;

	/* The height of strips, by the size of a segment of two. */
	values = ((size_t) state->phases * state->in_groups + state->out_groups) * 64;
	budget = (state->shared ? BLOCK_BYTES : SEGMENT_BYTES) / sizeof(bfloat16) / values;
	rows = budget / state->pitch;
	if (rows < 1)
		rows = 1;
	if (rows > (size_t) shape->y.h)
		rows = shape->y.h;
	state->strips_per_image = (int) ((shape->y.h + rows - 1) / rows);
	state->strip_rows = (shape->y.h + state->strips_per_image - 1) / state->strips_per_image;
	state->strips_per_image = (shape->y.h + state->strip_rows - 1) / state->strip_rows;
	state->strip_count = state->strips_per_image * shape->y.n;
	state->segment_count = (state->strip_count + 1) / 2;
	state->slots = 1;
	if (state->shared)
	{
		state->slots = (int) (budget / ((size_t) state->strip_rows * state->pitch));
		if (state->slots < 1)
			state->slots = 1;
		if (state->slots > state->segment_count)
			state->slots = state->segment_count;
	}

	state->max_chunks = ((size_t) state->strip_rows * state->pitch + CHUNK_PLACES - 1) / CHUNK_PLACES;
	/* The end of the last chunk at the largest shift, or of the last packed
	 * row. */
	state->max_places = state->max_chunks * CHUNK_PLACES + state->lead +
		(size_t) (state->bottom + 1) * state->pitch;
	state->dy_size = (size_t) state->out_groups * 2 * state->max_chunks * TILE_VALUES;
	state->x_size = (size_t) state->phases * state->in_groups * 2 * state->max_places * 32;

	return reserve_all(state);
}

static Status
amx_gradient_plan(KernelPass *pass)
{
	AmxGradient *state = (AmxGradient *) pass;

	TRY(plan_taps(state));
	return plan_segments(state);
}

static void
amx_gradient_release(KernelPass *pass)
{
	host_free(pass->host, ((AmxGradient *) pass)->taps);
}

const ConvolutionKernel amx_gradient_kernel = {
	.name = "amx_gradient",
	.owner = KERNEL_OWN,
	.state_size = sizeof(AmxGradient),
	.runs = runs_amx,
	.can = amx_gradient_can,
	.plan = amx_gradient_plan,
	.release = amx_gradient_release,
	.run = amx_gradient_run,
};
