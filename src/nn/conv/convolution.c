/*
 * convolution.c: making, running and freeing convolutions: one KernelPass for
 * each pass asked for.
 */
#include "nn/conv/convolution.h"

#include <limits.h>
#include <string.h>

#include "core/checked.h"
#include "core/threads.h"
#include "nn/conv/kernel.h"

struct Convolution
{
	const Host *host;
	KernelPass *passes[PASS_COUNT]; /* NULL = not made for this pass */
};

static const char *const pass_names[PASS_COUNT] = {"forward", "backward-data", "backward-weights"};

/* ---- what is a convolution ---- */

/* Output size of one dimension, or -1 if the kernel does not fit. */
static long
output_size(long input, const ConvolutionShape *shape)
{
	long		span = input + 2L * shape->padding - shape->kernel;

	return span < 0 ? -1 : span / shape->stride + 1;
}

/* True when a tensor's elements can be counted in a long. */
static bool
is_countable(TensorShape shape, int pixel_stride)
{
	size_t		count = (size_t) shape.n;

	return shape.n > 0 && shape.h > 0 && shape.w > 0 && shape.c > 0 &&
		checked_mul(count, (size_t) shape.h, &count) &&
		checked_mul(count, (size_t) shape.w, &count) &&
		checked_mul(count, (size_t) pixel_stride, &count) && count <= LONG_MAX / sizeof(float);
}

/* Refuse shapes and strides that do not describe a convolution. */
static Status
check_convolution(const ConvolutionShape *shape, const ConvolutionUse *use)
{
	const TensorShape *x = &shape->x;
	const TensorShape *y = &shape->y;

	if (use->x_pixel_stride < x->c || use->y_pixel_stride < y->c)
		return status_error(LS_INVALID_ARGUMENT, "pixel strides %d and %d are below %d and %d channels",
							use->x_pixel_stride, use->y_pixel_stride, x->c, y->c);
	if (!is_countable(*x, use->x_pixel_stride) || !is_countable(*y, use->y_pixel_stride))
		return status_error(LS_INVALID_ARGUMENT, "%d x %d x %d x %d is no tensor to convolve",
							x->n, x->h, x->w, x->c);
	if (use->residual_stride != 0 && (use->residual_stride < y->c || use->transposed))
		return status_error(LS_INVALID_ARGUMENT, "a residual of pixel stride %d cannot be added to %d channels",
							use->residual_stride, y->c);
	if (use->threads < 1)
		return status_error(LS_INVALID_ARGUMENT, "%d threads cannot convolve", use->threads);
	if (shape->kernel < 1 || shape->stride < 1 || shape->padding < 0)
		return status_error(LS_INVALID_ARGUMENT, "kernel %d, stride %d, padding %d is no convolution",
							shape->kernel, shape->stride, shape->padding);
	if (shape->groups != 1 && (shape->groups != x->c || shape->groups != y->c))
		return status_error(LS_UNSUPPORTED, "%d groups of %d channels: only 1 or one per channel",
							shape->groups, x->c);
	if (x->n != y->n || y->h != output_size(x->h, shape) || y->w != output_size(x->w, shape))
		return status_error(LS_INVALID_ARGUMENT,
							"%d x %d x %d does not convolve to %d x %d x %d",
							x->n, x->h, x->w, y->n, y->h, y->w);
	return status_ok();
}

/* ---- what kernels share ---- */

Status
reserve_held(KernelPass *pass, size_t count, size_t size, size_t *at)
{
	if (!checked_mul(count, size, &size))
		return status_error(LS_LIMIT_EXCEEDED, "a convolution of %d to %d channels is too large",
							pass->shape.x.c, pass->shape.y.c);
	return arena_reserve(&pass->arena, size, at);
}

Status
reserve_scratch(KernelPass *pass, size_t count, size_t size, size_t *at)
{
	*at = pass->scratch;
	if (!checked_mul(count, size, &size) || !checked_add(size, 63, &size) ||
		!checked_add(pass->scratch, size & ~(size_t) 63, &pass->scratch))
		return status_error(LS_LIMIT_EXCEEDED, "a convolution of %d to %d channels is too large",
							pass->shape.x.c, pass->shape.y.c);
	return status_ok();
}

void
copy_bias(float *to, const float *bias, int channels)
{
	if (bias != NULL)
		memcpy(to, bias, channels * sizeof(float));
	else
		memset(to, 0, channels * sizeof(float));
}

/* ---- making and freeing ---- */

/* The parts of `use` that concern one pass. */
static ConvolutionUse
use_of_pass(const ConvolutionUse *use, ConvolutionPass pass)
{
	bool		finishes = pass == (use->transposed ? PASS_BACKWARD_DATA : PASS_FORWARD);
	ConvolutionUse own = *use;

	own.relu = finishes && use->relu;
	own.bias = (finishes || (pass == PASS_BACKWARD_WEIGHTS && !use->transposed)) && use->bias;
	if (pass != PASS_FORWARD)
	{
		own.residual_stride = 0;
		own.relu_before = false;
	}
	return own;
}

static bool
kernel_can(const ConvolutionKernel *kernel, const ConvolutionShape *shape, const ConvolutionUse *use,
		   ConvolutionPass pass)
{
	return (kernel->runs == NULL || kernel->runs(cpu_features())) && kernel->can(shape, use, pass);
}

/* The first row of the table that suits a pass, or NULL. */
static const ConvolutionKernel *
find_kernel(const Backend *backend, const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	int			count;
	const ConvolutionKernel *const *rows = convolution_kernels(&count);

	for (int i = 0; i < count; i++)
		if ((rows[i]->owner & backend->owners) != 0 && kernel_can(rows[i], shape, use, pass) &&
			(rows[i]->pays == NULL || rows[i]->pays(shape, use, pass)))
			return rows[i];
	return NULL;
}

static void
pass_free(KernelPass *pass)
{
	if (pass == NULL)
		return;
	if (pass->kernel->release != NULL)
		pass->kernel->release(pass);
	arena_free(&pass->arena);
	host_free(pass->host, pass);
}

/* Plan one pass by a kernel. */
static Status
pass_create(const ConvolutionKernel *kernel, const Host *host, const Backend *backend,
			const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass, KernelPass **made_out)
{
	KernelPass *made;
	Status		status;
	void	   *memory;

	if (kernel == NULL)
		return status_error(LS_UNSUPPORTED, "no kernel computes the %s pass of a convolution", pass_names[pass]);
	TRY(host_alloc_array(host, 1, kernel->state_size, &memory));
	made = memory;
	made->kernel = kernel;
	made->backend = backend;
	made->host = host;
	made->shape = *shape;
	made->use = *use;
	made->pass = pass;
	arena_init(&made->arena, host);
	status = kernel->plan(made);
	if (status.code != LS_OK)
		pass_free(made);
	else
		*made_out = made;
	return status;
}

/* Make a convolution by one given kernel, or by the table. */
static Status
create_convolution(const ConvolutionKernel *only, const Host *host, const Backend *backend,
				   const ConvolutionShape *shape, const ConvolutionUse *use, Convolution **convolution)
{
	const bool	wanted[PASS_COUNT] = {use->forward, use->backward_data, use->backward_weights};
	Convolution *made;
	void	   *memory;

	*convolution = NULL;
	TRY(check_convolution(shape, use));
	TRY(host_alloc_array(host, 1, sizeof(Convolution), &memory));
	made = memory;
	made->host = host;
	for (ConvolutionPass pass = PASS_FORWARD; pass <= PASS_BACKWARD_WEIGHTS; pass++)
	{
		const ConvolutionKernel *kernel = only;
		ConvolutionUse own = use_of_pass(use, pass);
		Status		status;

		if (!wanted[pass])
			continue;
		if (only == NULL)
			kernel = find_kernel(backend, shape, &own, pass);
		else if (!kernel_can(only, shape, &own, pass))
			kernel = NULL;
		status = pass_create(kernel, host, backend, shape, &own, pass, &made->passes[pass]);
		if (status.code != LS_OK)
		{
			convolution_free(made);
			return status;
		}
	}
	*convolution = made;
	return status_ok();
}

Status
convolution_create(const Host *host, const Backend *backend, const ConvolutionShape *shape,
				   const ConvolutionUse *use, Convolution **convolution)
{
	return create_convolution(NULL, host, backend, shape, use, convolution);
}

Status
convolution_create_by(const ConvolutionKernel *kernel, const Host *host, const Backend *backend,
					  const ConvolutionShape *shape, const ConvolutionUse *use, Convolution **convolution)
{
	return create_convolution(kernel, host, backend, shape, use, convolution);
}

void
convolution_free(Convolution *convolution)
{
	if (convolution == NULL)
		return;
	for (int pass = 0; pass < PASS_COUNT; pass++)
		pass_free(convolution->passes[pass]);
	host_free(convolution->host, convolution);
}

size_t
convolution_memory(const Convolution *convolution)
{
	size_t		bytes = 0;

	for (int pass = 0; pass < PASS_COUNT; pass++)
		if (convolution->passes[pass] != NULL)
			bytes += convolution->passes[pass]->arena.size + convolution->passes[pass]->held;
	return bytes;
}

size_t
convolution_scratch(const Convolution *convolution)
{
	size_t		bytes = 0;

	for (int pass = 0; pass < PASS_COUNT; pass++)
		if (convolution->passes[pass] != NULL && convolution->passes[pass]->scratch > bytes)
			bytes = convolution->passes[pass]->scratch;
	return bytes;
}

/* ---- running ---- */

Status
convolution_set_weights(Convolution *convolution, const ConvolutionCall *call, const float *weights,
						const float *bias)
{
	threads_use(call->threads);
	for (int i = 0; i < PASS_COUNT; i++)
	{
		KernelPass *pass = convolution->passes[i];

		if (pass != NULL && pass->kernel->set_weights != NULL)
			TRY(pass->kernel->set_weights(pass, call, weights, bias));
	}
	return status_ok();
}

/* Run one pass. */
static Status
run_pass(const Convolution *convolution, ConvolutionPass which, const ConvolutionCall *call,
		 const PassTensors *tensors)
{
	const KernelPass *pass = convolution->passes[which];

	if (pass == NULL)
		return status_error(LS_INTERNAL, "a convolution was not made for its %s pass", pass_names[which]);
	threads_use(call->threads);
	return pass->kernel->run(pass, call, tensors);
}

Status
convolution_forward(const Convolution *convolution, const ConvolutionCall *call, const void *x,
					const void *residual, void *y)
{
	return run_pass(convolution, PASS_FORWARD, call,
					&(PassTensors) {.source = x,.residual = residual,.target = y});
}

Status
convolution_backward_data(const Convolution *convolution, const ConvolutionCall *call, const void *dy, void *dx)
{
	return run_pass(convolution, PASS_BACKWARD_DATA, call, &(PassTensors) {.source = dy,.target = dx});
}

Status
convolution_backward_weights(const Convolution *convolution, const ConvolutionCall *call, const void *x,
							 const void *dy, float *dw, float *db)
{
	return run_pass(convolution, PASS_BACKWARD_WEIGHTS, call,
					&(PassTensors) {.source = x,.dy = dy,.dw = dw,.db = db});
}

const char *
convolution_kernel(const Convolution *convolution, ConvolutionPass which)
{
	const KernelPass *pass = convolution->passes[which];

	if (pass == NULL)
		return "";
	return pass->kernel->detail != NULL ? pass->kernel->detail(pass) : pass->kernel->name;
}
