/*
 * window_product.c: a transposed convolution whose windows neither overlap nor
 * leave gaps (kernel = stride, no padding), as a matrix product: a 1x1
 * convolution from C_out to all places of a window. Its output, the windows,
 * is copied to its places in dx; for the gradients x is gathered into windows.
 * The rest of the table computes the 1x1 convolution. Its passes are those of
 * the transposed convolution:
 *
 *   backward-data, the transposed forward:  windows = product(y)
 *   forward, the gradient of its input:     y = the product's backward-data of the windows
 *   backward-weights:                       the product's, of y and the windows
 *
 * Some rows of y are taken at a time, so that their windows are still in the
 * L2 caches when they are used.
 */
#include "core/threads.h"
#include "nn/conv/kernels.h"
#include "nn/loops/loops.h"

/* Windows that stay in the L2 caches. */
#define WINDOWS_BYTES ((size_t) 1 << 20)

/* Windows of one product in backward-weights: of so many pixels that it counts
 * little to add the gradients up. */
#define GRADIENT_WINDOWS_BYTES ((size_t) 8 << 20)

typedef struct WindowProduct
{
	KernelPass	base;
	Convolution *product;		/* the 1x1 convolution */
	int			rows;			/* of y that it takes at a time */

	/* Scratch. */
	size_t		windows_at;		/* (rows, OW, K, K, C_in) */
	size_t		weights_at;		/* its weights (K, K, C_in, C_out), used while they are set; in
								 * backward-weights their gradient of one product */
	size_t		bias_at;		/* (K, K, C_in) */
	size_t		product_at;		/* scratch that it is lent */
} WindowProduct;

static bool
window_product_can(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	(void) pass;
	return use->transposed && shape->groups == 1 && shape->padding == 0 &&
		shape->stride > 1 && shape->kernel == shape->stride &&
		shape->x.h == shape->y.h * shape->stride && shape->x.w == shape->y.w * shape->stride;
}

/* The number of values in a window. */
static int
window_values(const ConvolutionShape *shape)
{
	return shape->kernel * shape->kernel * shape->x.c;
}

/* Rows of y per product; they divide all rows evenly. */
static int
rows_at_a_time(const KernelPass *pass)
{
	const ConvolutionShape *shape = &pass->shape;
	size_t		row_bytes = (size_t) shape->y.w * window_values(shape) * data_type_size(pass->use.type);
	size_t		most = pass->pass == PASS_BACKWARD_WEIGHTS ? GRADIENT_WINDOWS_BYTES : WINDOWS_BYTES;
	int			rows = shape->y.n * shape->y.h;
	int			blocks = 1;

	while (rows % blocks != 0 || (blocks < rows && (rows / blocks) * row_bytes > most))
		blocks++;
	return rows / blocks;
}

/* The product's pass. */
static ConvolutionPass
pass_of_product(ConvolutionPass pass)
{
	return pass == PASS_BACKWARD_DATA ? PASS_FORWARD : pass == PASS_FORWARD ? PASS_BACKWARD_DATA : pass;
}

static Status
window_product_plan(KernelPass *pass)
{
	WindowProduct *state = (WindowProduct *) pass;
	const ConvolutionShape *shape = &pass->shape;
	const ConvolutionUse *use = &pass->use;
	ConvolutionPass product_pass = pass_of_product(pass->pass);
	int			values = window_values(shape);
	ConvolutionShape product = {.kernel = 1,.stride = 1,.groups = 1};
	ConvolutionUse product_use = {
		.type = use->type,.threads = use->threads,
		.x_pixel_stride = use->y_pixel_stride,.y_pixel_stride = values,
		.forward = product_pass == PASS_FORWARD,
		.backward_data = product_pass == PASS_BACKWARD_DATA,
		.backward_weights = product_pass == PASS_BACKWARD_WEIGHTS,
		.bias = use->bias,.relu = use->relu,
	};

	state->rows = rows_at_a_time(pass);
	product.x = product.y = (TensorShape) {1, state->rows, shape->y.w, shape->y.c};
	product.y.c = values;
	TRY(convolution_create(pass->host, pass->backend, &product, &product_use, &state->product));
	TRY(reserve_scratch(pass, (size_t) shape_pixels(product.y) * values, data_type_size(use->type),
						&state->windows_at));
	TRY(reserve_scratch(pass, (size_t) values * shape->y.c, sizeof(float), &state->weights_at));
	TRY(reserve_scratch(pass, values, sizeof(float), &state->bias_at));
	TRY(reserve_scratch(pass, convolution_scratch(state->product), 1, &state->product_at));
	pass->held = convolution_memory(state->product);
	return status_ok();
}

static void
window_product_release(KernelPass *pass)
{
	convolution_free(((WindowProduct *) pass)->product);
}

static const char *
window_product_detail(const KernelPass *pass)
{
	return convolution_kernel(((const WindowProduct *) pass)->product, pass_of_product(pass->pass));
}

/* What is lent to the product, out of what is lent to the whole. */
static ConvolutionCall
product_call(const WindowProduct *state, const ConvolutionCall *call)
{
	return (ConvolutionCall) {.threads = call->threads,.scratch = scratch_at(call, state->product_at)};
}

static Status
window_product_set_weights(KernelPass *pass, const ConvolutionCall *call, const float *weights, const float *bias)
{
	WindowProduct *state = (WindowProduct *) pass;
	const ConvolutionShape *shape = &pass->shape;
	ConvolutionCall lent = product_call(state, call);
	float	   *to = scratch_at(call, state->weights_at);
	float	   *to_bias = scratch_at(call, state->bias_at);
	int			taps = shape->kernel * shape->kernel;

	if (pass->pass == PASS_BACKWARD_WEIGHTS)
		return status_ok();
	for (int t = 0; t < taps; t++)
		for (int i = 0; i < shape->x.c; i++)
		{
			to_bias[t * shape->x.c + i] = bias != NULL ? bias[i] : 0;
			for (int o = 0; o < shape->y.c; o++)
				to[((size_t) t * shape->x.c + i) * shape->y.c + o] =
					weights[((size_t) o * shape->x.c + i) * taps + t];
		}
	return convolution_set_weights(state->product, &lent, to, to_bias);
}

/* The windows of one product, and the tensor that they tile. */
typedef struct Tiling
{
	const KernelPass *pass;
	char	   *windows;
	char	   *tiled;			/* dx in backward-data; else x, which is read alone */
	long		first;			/* row of y that the windows begin with */
} Tiling;

/* Copy rows [begin, end) of windows to their places; in the gradients from
 * there. */
static void
copy_windows(void *data, int worker, long begin, long end)
{
	const Tiling *tiling = data;
	const ConvolutionShape *shape = &tiling->pass->shape;
	const ConvolutionUse *use = &tiling->pass->use;
	const Loops *loops = loops_for(use->type);
	size_t		size = data_type_size(use->type);
	int			values = window_values(shape);

	for (long row = begin; row < end; row++)
		for (int t = 0; t < shape->kernel * shape->kernel; t++)
		{
			long		y = (tiling->first + row) * shape->stride + t / shape->kernel;
			char	   *windows = tiling->windows + (row * shape->y.w * values + t * shape->x.c) * size;
			char	   *tiled = tiling->tiled + (y * shape->x.w + t % shape->kernel) * use->x_pixel_stride * size;
			int			tiled_stride = shape->stride * use->x_pixel_stride;
			AddArgs		copy = {
				.a = windows,.a_stride = values,.y = tiled,.y_stride = tiled_stride,.channels = shape->x.c,
			};

			if (tiling->pass->pass != PASS_BACKWARD_DATA)
				copy = (AddArgs) {
					.a = tiled,.a_stride = tiled_stride,.y = windows,.y_stride = values,.channels = shape->x.c,
				};
			loops->add(&copy, worker, 0, shape->y.w);
		}
}

/* Add the gradient of the product's weights (K, K, C_in, C_out) to dw
 * (C_out, C_in, K, K); the first one sets it. */
static void
add_gradient(const ConvolutionShape *shape, const float *gradient, bool first, float *dw)
{
	int			taps = shape->kernel * shape->kernel;

	for (int o = 0; o < shape->y.c; o++)
		for (int i = 0; i < shape->x.c; i++)
			for (int t = 0; t < taps; t++, dw++)
				*dw = (first ? 0 : *dw) + gradient[((size_t) t * shape->x.c + i) * shape->y.c + o];
}

static Status
window_product_run(const KernelPass *pass, const ConvolutionCall *call, const PassTensors *tensors)
{
	const WindowProduct *state = (const WindowProduct *) pass;
	TensorShape shape = pass->shape.y;
	size_t		row = (size_t) shape.w * pass->use.y_pixel_stride * data_type_size(pass->use.type);
	ConvolutionCall lent = product_call(state, call);
	char	   *windows = scratch_at(call, state->windows_at);
	float	   *gradient = scratch_at(call, state->weights_at);
	bool		scatters = pass->pass == PASS_BACKWARD_DATA;
	Tiling		tiling = {pass, windows, scatters ? tensors->target : (char *) tensors->source, 0};

	for (; tiling.first < (long) shape.n * shape.h; tiling.first += state->rows)
	{
		size_t		at = tiling.first * row;

		if (scatters)
			TRY(convolution_forward(state->product, &lent, (const char *) tensors->source + at, NULL, windows));
		threads_run(call->threads, state->rows, copy_windows, &tiling);
		if (pass->pass == PASS_FORWARD)
			TRY(convolution_backward_data(state->product, &lent, windows, (char *) tensors->target + at));
		if (pass->pass == PASS_BACKWARD_WEIGHTS)
		{
			TRY(convolution_backward_weights(state->product, &lent, (const char *) tensors->dy + at, windows,
											 gradient, NULL));
			add_gradient(&pass->shape, gradient, tiling.first == 0, tensors->dw);
		}
	}
	return status_ok();
}

const ConvolutionKernel window_product_kernel = {
	.name = "window_product",
	.owner = KERNEL_OWN,
	.state_size = sizeof(WindowProduct),
	.can = window_product_can,
	.plan = window_product_plan,
	.release = window_product_release,
	.set_weights = window_product_set_weights,
	.run = window_product_run,
	.detail = window_product_detail,
};
