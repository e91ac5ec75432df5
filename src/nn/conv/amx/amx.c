/*
 * amx.c: the row of amx.h, and its planning.
 */
#include "nn/conv/amx/amx.h"

#include "nn/conv/kernels.h"

/* Scratch for a band's source: more than half of a 2 MB L2 remains for
 * weights. */
#define BAND_BYTES (768 * 1024)

/*
 * With fewer channels tiles are mostly empty. A forward pass of several taps
 * pays with fewer channels, because later rows of the table use no tiles at
 * all.
 */
#define FEWEST_SOURCE_CHANNELS 16
#define FEWEST_TARGET_CHANNELS 8
#define FEWEST_FORWARD_CHANNELS 5

static bool
amx_can(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	return pass != PASS_BACKWARD_WEIGHTS && use->type == DATA_BF16 && shape->groups == 1;
}

static bool
amx_pays(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	bool		forward = pass == PASS_FORWARD;

	(void) use;
	if (forward && shape->kernel > 1)
		return shape->x.c >= FEWEST_FORWARD_CHANNELS;
	return (forward ? shape->x.c : shape->y.c) >= FEWEST_SOURCE_CHANNELS &&
		(forward ? shape->y.c : shape->x.c) >= FEWEST_TARGET_CHANNELS;
}

static int
min_int(int a, int b)
{
	return a < b ? a : b;
}

static int
max_int(int a, int b)
{
	return a > b ? a : b;
}

/* Find the reach of the taps and the largest sweep. */
static void
measure_sweeps(Amx *state)
{
	const Sweeps *sweeps = &state->sweeps;

	for (int t = 0; t < state->base.shape.kernel * state->base.shape.kernel; t++)
	{
		const SweepTap *tap = &sweeps->taps[t];

		state->first_y = min_int(state->first_y, tap->y);
		state->last_y = max_int(state->last_y, tap->y);
		state->first_x = min_int(state->first_x, tap->x);
		state->last_x = max_int(state->last_x, tap->x);
	}
	for (int s = 0; s < sweeps->count; s++)
	{
		state->grid_rows = max_int(state->grid_rows, sweeps->sweeps[s].rows);
		state->grid_columns = max_int(state->grid_columns, sweeps->sweeps[s].columns);
	}
}

/* Cut the batch into bands whose sources fit into `fit` rows of scratch. */
static void
cut_bands(Amx *state, long fit)
{
	int			halo = state->last_y - state->first_y + 1;
	int			step = state->sweeps.source_step;
	int			images = state->source.n;
	int			threads = state->base.use.threads;
	long		units = (long) state->sweeps.count * state->out_groups;
	int			rows = fit < halo ? 1 : (int) ((fit - halo) / step + 1);

	state->band_images = 1;
	state->bands_per_image = (state->grid_rows + rows - 1) / rows;
	if (rows >= state->grid_rows)
	{
		long		image_rows = (long) (state->grid_rows - 1) * step + halo;

		/* As many images as fit, but few enough to keep all threads busy. */
		state->band_images = (int) (fit / image_rows);
		state->band_images = min_int(state->band_images, max_int(1, (int) (images * units / (4 * threads))));
		state->band_images = max_int(1, min_int(state->band_images, images));
	}
	else
		while (state->bands_per_image < state->grid_rows && images * units * state->bands_per_image % threads != 0)
			state->bands_per_image++;
	state->band_rows = (state->grid_rows + state->bands_per_image - 1) / state->bands_per_image;
	state->bands_per_image = (state->grid_rows + state->band_rows - 1) / state->band_rows;
	state->band_count = (images + state->band_images - 1) / state->band_images * state->bands_per_image;
	state->image_values = ((size_t) (state->band_rows - 1) * step + halo) * state->row_pixels * state->pixel_values;
	state->thread_values = (state->image_values * state->band_images + 31) / 32 * 32;
}

/* Lay out scratch. */
static void
plan_bands(Amx *state)
{
	const Sweeps *sweeps = &state->sweeps;

	/* An odd number of cache lines, so that pixels spread over the L1. */
	state->pixel_values = state->in_groups * 32;
	if (state->in_groups % 2 == 0)
		state->pixel_values += 32;
	state->row_pixels = ((state->grid_columns + 15) / 16 * 16 - 1) * sweeps->source_step + 1 +
		state->last_x - state->first_x;
	cut_bands(state, (long) (BAND_BYTES / ((size_t) state->row_pixels * state->pixel_values * sizeof(bfloat16))));
	for (int t = 0; t < state->base.shape.kernel * state->base.shape.kernel; t++)
		state->tap_offsets[t] = ((long) (sweeps->taps[t].y - state->first_y) * state->row_pixels +
								 sweeps->taps[t].x - state->first_x) * state->pixel_values;
}

static Status
amx_plan(KernelPass *pass)
{
	Amx		   *state = (Amx *) pass;
	size_t		taps = (size_t) pass->shape.kernel * pass->shape.kernel;
	size_t		weights_at;
	size_t		bias_at;
	void	   *memory;

	state->source = source_shape(pass);
	state->target = target_shape(pass);
	state->source_stride = source_stride(pass);
	state->target_stride = target_stride(pass);
	state->in_groups = (state->source.c + 31) / 32;
	state->out_groups = (state->target.c + 31) / 32;
	TRY(sweeps_create(pass->host, &pass->shape, pass->pass, &state->sweeps));
	TRY(host_alloc_array(pass->host, taps, sizeof(long), &memory));
	state->tap_offsets = memory;
	measure_sweeps(state);
	plan_bands(state);
	TRY(reserve_held(pass, taps * amx_tap_values(state) * state->out_groups, sizeof(bfloat16), &weights_at));
	TRY(reserve_held(pass, (size_t) state->out_groups * 32, sizeof(float), &bias_at));
	TRY(arena_commit(&pass->arena, NULL, "packed weights of a convolution"));
	state->weights = arena_at(&pass->arena, weights_at);
	state->bias = arena_at(&pass->arena, bias_at);
	return reserve_scratch(pass, state->thread_values * pass->use.threads, sizeof(bfloat16), &state->scratch_at);
}

static void
amx_release(KernelPass *pass)
{
	Amx		   *state = (Amx *) pass;

	sweeps_free(pass->host, &state->sweeps);
	host_free(pass->host, state->tap_offsets);
}

const ConvolutionKernel amx_kernel = {
	.name = "amx",
	.owner = KERNEL_OWN,
	.state_size = sizeof(Amx),
	.runs = runs_amx,
	.can = amx_can,
	.pays = amx_pays,
	.plan = amx_plan,
	.release = amx_release,
	.set_weights = amx_set_weights,
	.run = amx_run,
};
