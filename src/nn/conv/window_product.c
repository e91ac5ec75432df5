/*
 * window_product.c: see window_product.h.
 *
 * The product goes by some rows of y at a time, so that what it puts out is
 * scattered from the L2 caches.
 */
#include "nn/conv/window_product.h"

#include "core/arena.h"
#include "core/threads.h"
#include "nn/loops/loops.h"

/* Output of the 1x1 convolution that stays in the L2 caches. */
#define WINDOWS_BYTES ((size_t) 1 << 20)

struct WindowProduct
{
	const Call *call;
	ConvolutionShape shape;
	ConvolutionUse use;
	int			threads;
	Arena		arena;
	const Backend *backend;
	Convolution *product;		/* the 1x1 convolution */
	int			rows;			/* of y that it takes at a time */
	float	   *weights;		/* (KH, KW, C_in, C_out, 1, 1) */
	float	   *bias;			/* (KH, KW, C_in) */
	void	   *windows;		/* its output, (rows, OW, KH, KW, C_in) */
};

bool
window_product_suits(const ConvolutionShape *shape, const ConvolutionUse *use)
{
	return use->transposed && shape->groups == 1 && shape->padding == 0 && shape->dilation == 1 &&
		shape->stride > 1 && shape->kernel_h == shape->stride && shape->kernel_w == shape->stride &&
		shape->x.h == shape->y.h * shape->stride && shape->x.w == shape->y.w * shape->stride;
}

/* Values of all places of a window. */
static int
window_values(const ConvolutionShape *shape)
{
	return shape->kernel_h * shape->kernel_w * shape->x.c;
}

/* Make the 1x1 convolution, of some rows at a time, and what it needs. */
static Status
plan_product(WindowProduct *made)
{
	const ConvolutionShape *shape = &made->shape;
	const ConvolutionUse *use = &made->use;
	int			values = window_values(shape);
	int			rows = shape->y.n * shape->y.h;
	int			blocks = 1;
	size_t		weights_at;
	size_t		bias_at;
	size_t		windows_at;
	ConvolutionShape product = {.kernel_h = 1,.kernel_w = 1,.stride = 1,.dilation = 1,.groups = 1};
	ConvolutionUse product_use = {
		.type = use->type,.x_pixel_stride = use->y_pixel_stride,.y_pixel_stride = values,
		.forward = true,.bias = use->bias,.relu = use->relu,
	};

	while (rows % blocks != 0 ||
		   (blocks < rows && (size_t) (rows / blocks) * shape->y.w * values * data_type_size(use->type) > WINDOWS_BYTES))
		blocks++;
	made->rows = rows / blocks;
	product.x = product.y = (TensorShape) {1, made->rows, shape->y.w, shape->y.c};
	product.y.c = values;
	TRY(arena_reserve(&made->arena, (size_t) values * shape->y.c * sizeof(float), &weights_at));
	TRY(arena_reserve(&made->arena, values * sizeof(float), &bias_at));
	TRY(arena_reserve(&made->arena, (size_t) shape_pixels(product.y) * values * data_type_size(use->type), &windows_at));
	TRY(arena_commit(&made->arena, "the windows of a transposed convolution"));
	made->weights = arena_at(&made->arena, weights_at);
	made->bias = arena_at(&made->arena, bias_at);
	made->windows = arena_at(&made->arena, windows_at);
	return made->backend->create(made->call, &product, &product_use, &made->product);
}

Status
window_product_create(const Call *call, const Backend *backend, const ConvolutionShape *shape,
					  const ConvolutionUse *use, WindowProduct **product)
{
	WindowProduct *made;
	Status		status;
	void	   *memory;

	*product = NULL;
	TRY(call_alloc_array(call, 1, sizeof(WindowProduct), &memory));
	made = memory;
	made->call = call;
	made->backend = backend;
	made->shape = *shape;
	made->use = *use;
	made->threads = call->threads > 1 ? call->threads : 1;
	arena_init(&made->arena, call);
	status = plan_product(made);
	if (status.code != LS_OK)
		window_product_destroy(made);
	else
		*product = made;
	return status;
}

void
window_product_destroy(WindowProduct *product)
{
	if (product == NULL)
		return;
	product->backend->destroy(product->product);
	arena_free(&product->arena);
	call_free(product->call, product);
}

size_t
window_product_memory(const WindowProduct *product)
{
	return product->arena.size + product->backend->memory(product->product);
}

const char *
window_product_implementation(const WindowProduct *product)
{
	return product->backend->implementation(product->product, PASS_FORWARD);
}

Status
window_product_set_weights(WindowProduct *product, const float *weights, const float *bias)
{
	const ConvolutionShape *shape = &product->shape;
	int			taps = shape->kernel_h * shape->kernel_w;

	for (int t = 0; t < taps; t++)
		for (int i = 0; i < shape->x.c; i++)
		{
			product->bias[t * shape->x.c + i] = bias != NULL ? bias[i] : 0;
			for (int o = 0; o < shape->y.c; o++)
				product->weights[((size_t) t * shape->x.c + i) * shape->y.c + o] =
					weights[((size_t) o * shape->x.c + i) * taps + t];
		}
	return product->backend->set_weights(product->product, product->weights, product->bias);
}

/* One block of windows and where it goes. */
typedef struct Scatter
{
	const WindowProduct *product;
	char	   *dx;
	long		first;			/* row of y that the windows begin with */
} Scatter;

/* Bring rows [begin, end) of windows to their places. */
static void
scatter_task(void *data, int worker, long begin, long end)
{
	const Scatter *scatter = data;
	const ConvolutionShape *shape = &scatter->product->shape;
	const ConvolutionUse *use = &scatter->product->use;
	const char *windows = scatter->product->windows;
	const Loops *loops = loops_for(use->type);
	size_t		size = data_type_size(use->type);
	int			values = window_values(shape);

	for (long row = begin; row < end; row++)
		for (int t = 0; t < shape->kernel_h * shape->kernel_w; t++)
		{
			int			ky = t / shape->kernel_w;
			int			kx = t % shape->kernel_w;
			AddArgs		copy = {
				.a = windows + (row * shape->y.w * values + t * shape->x.c) * size,.a_stride = values,
				.y = scatter->dx + (((scatter->first + row) * shape->stride + ky) * shape->x.w + kx) * use->x_pixel_stride * size,
				.y_stride = shape->stride * use->x_pixel_stride,
				.channels = shape->x.c,
			};

			loops->add(&copy, worker, 0, shape->y.w);
		}
}

Status
window_product_run(WindowProduct *product, const void *dy, void *dx)
{
	TensorShape shape = product->shape.y;
	size_t		row = (size_t) shape.w * product->use.y_pixel_stride * data_type_size(product->use.type);
	Scatter		scatter = {product, dx, 0};

	for (; scatter.first < (long) shape.n * shape.h; scatter.first += product->rows)
	{
		TRY(product->backend->forward(product->product, (const char *) dy + scatter.first * row, product->windows));
		threads_run(product->threads, product->rows, scatter_task, &scatter);
	}
	return status_ok();
}
