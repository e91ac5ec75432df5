/*
 * window_product.c: a transposed convolution whose windows neither overlap nor
 * leave gaps (kernel = stride, no padding), as one matrix product: a 1x1
 * convolution from C_out to all places of a window, whose results are then
 * copied to their places. The rest of the table computes the 1x1 convolution.
 *
 * The transposed convolution's forward is backward-data of a convolution: it
 * goes from y to x. The product takes some rows of y at a time, so that its
 * output is still in the L2 caches when it is copied.
 */
#include "core/threads.h"
#include "nn/conv/kernels.h"
#include "nn/loops/loops.h"

/* Output of the 1x1 convolution that stays in the L2 caches. */
#define WINDOWS_BYTES ((size_t) 1 << 20)

typedef struct WindowProduct
{
	KernelPass	base;
	Convolution *product;		/* the 1x1 convolution */
	int			rows;			/* of y that it takes at a time */

	/* Scratch. */
	size_t		windows_at;		/* its output, (rows, OW, K, K, C_in) */
	size_t		weights_at;		/* its weights (K, K, C_in, C_out), used while they are set */
	size_t		bias_at;		/* (K, K, C_in) */
	size_t		product_at;		/* scratch that it is lent */
} WindowProduct;

static bool
window_product_can(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	return pass == PASS_BACKWARD_DATA && use->transposed && shape->groups == 1 && shape->padding == 0 &&
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
	int			rows = shape->y.n * shape->y.h;
	int			blocks = 1;

	while (rows % blocks != 0 || (blocks < rows && (rows / blocks) * row_bytes > WINDOWS_BYTES))
		blocks++;
	return rows / blocks;
}

static Status
window_product_plan(KernelPass *pass)
{
	WindowProduct *state = (WindowProduct *) pass;
	const ConvolutionShape *shape = &pass->shape;
	const ConvolutionUse *use = &pass->use;
	int			values = window_values(shape);
	ConvolutionShape product = {.kernel = 1,.stride = 1,.groups = 1};
	ConvolutionUse product_use = {
		.type = use->type,.threads = use->threads,
		.x_pixel_stride = use->y_pixel_stride,.y_pixel_stride = values,
		.forward = true,.bias = use->bias,.relu = use->relu,
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
	return convolution_kernel(((const WindowProduct *) pass)->product, PASS_FORWARD);
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

/* One block of windows and its destination. */
typedef struct Scatter
{
	const KernelPass *pass;
	const char *windows;
	char	   *dx;
	long		first;			/* row of y that the windows begin with */
} Scatter;

/* Copy rows [begin, end) of windows to their places. */
static void
scatter_windows(void *data, int worker, long begin, long end)
{
	const Scatter *scatter = data;
	const ConvolutionShape *shape = &scatter->pass->shape;
	const ConvolutionUse *use = &scatter->pass->use;
	const Loops *loops = loops_for(use->type);
	size_t		size = data_type_size(use->type);
	int			values = window_values(shape);

	for (long row = begin; row < end; row++)
		for (int t = 0; t < shape->kernel * shape->kernel; t++)
		{
			long		y = (scatter->first + row) * shape->stride + t / shape->kernel;
			AddArgs		copy = {
				.a = scatter->windows + (row * shape->y.w * values + t * shape->x.c) * size,.a_stride = values,
				.y = scatter->dx + (y * shape->x.w + t % shape->kernel) * use->x_pixel_stride * size,
				.y_stride = shape->stride * use->x_pixel_stride,
				.channels = shape->x.c,
			};

			loops->add(&copy, worker, 0, shape->y.w);
		}
}

static Status
window_product_run(const KernelPass *pass, const ConvolutionCall *call, const PassTensors *tensors)
{
	const WindowProduct *state = (const WindowProduct *) pass;
	TensorShape shape = pass->shape.y;
	size_t		row = (size_t) shape.w * pass->use.y_pixel_stride * data_type_size(pass->use.type);
	ConvolutionCall lent = product_call(state, call);
	char	   *windows = scratch_at(call, state->windows_at);
	Scatter		scatter = {pass, windows, tensors->target, 0};

	for (; scatter.first < (long) shape.n * shape.h; scatter.first += state->rows)
	{
		TRY(convolution_forward(state->product, &lent, (const char *) tensors->source + scatter.first * row, NULL,
								windows));
		threads_run(call->threads, state->rows, scatter_windows, &scatter);
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
