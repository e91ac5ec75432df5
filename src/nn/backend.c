/*
 * backend.c: which backends this build has, which type they compute in, and
 * the checks and the matrix product that all of them share.
 */
#include "nn/backend.h"

#include <cblas.h>
#include <limits.h>

#include "core/checked.h"
#include "core/cpu.h"
#include "nn/backend_impl.h"
#include "nn/depthwise.h"
#include "nn/single_output.h"

/* openblas_get_parallel() of a library built on OpenMP. */
#define OPENBLAS_PARALLEL_OPENMP 2

/* Refuse an OpenBLAS that starts threads of its own: signal handlers of the
 * surrounding server would run on them. */
static Status
check_openblas(void)
{
	if (openblas_get_parallel() != OPENBLAS_PARALLEL_OPENMP)
		return status_with_hint(
								status_error(LS_INTERNAL, "the OpenBLAS library loaded is not its OpenMP variant"),
								"Install libopenblas0-openmp and rebuild, so that lesionseg links against it.");
	return status_ok();
}

Status
backend_find(BackendKind kind, const Backend **backend)
{
	*backend = NULL;
	TRY(check_openblas());
	switch (kind)
	{
		case BACKEND_OPENBLAS:
			*backend = &openblas_backend;
			return status_ok();
		case BACKEND_AUTO:
#ifdef HAVE_ONEDNN
			*backend = &onednn_backend;
#else
			*backend = &openblas_backend;
#endif
			return status_ok();
		case BACKEND_ONEDNN:
#ifdef HAVE_ONEDNN
			*backend = &onednn_backend;
			return status_ok();
#else
			return status_with_hint(
									status_error(LS_UNSUPPORTED, "this build of lesionseg has no oneDNN backend"),
									"Use the openblas backend, or install libdnnl-dev and rebuild.");
#endif
	}
	return status_error(LS_INVALID_ARGUMENT, "unknown backend %d", (int) kind);
}

Status
backend_data_type(const Backend *backend, Precision precision, DataType *type)
{
	*type = DATA_F32;
	switch (precision)
	{
		case PRECISION_F32:
			return status_ok();
		case PRECISION_AUTO:
			if (backend->supports(DATA_BF16))
				*type = DATA_BF16;
			return status_ok();
		case PRECISION_BF16:
			if (!backend->supports(DATA_BF16))
				return status_with_hint(
										status_error(LS_UNSUPPORTED,
													 "the %s backend cannot compute in bf16 on this machine%s",
													 backend->name,
													 cpu_features()->avx512_bf16 ? "" : ": the CPU lacks AVX-512 BF16"),
										"Set lesionseg.precision to f32 or auto.");
			*type = DATA_BF16;
			return status_ok();
	}
	return status_error(LS_INVALID_ARGUMENT, "unknown precision %d", (int) precision);
}

/* Output size of one dimension, or -1 when the kernel does not fit. */
static long
output_size(long input, long kernel, long stride, long padding, long dilation)
{
	long		span = input + 2 * padding - dilation * (kernel - 1) - 1;

	return span < 0 ? -1 : span / stride + 1;
}

/* True when a tensor's elements can be counted in a long. */
static bool
countable(TensorShape shape, int pixel_stride)
{
	size_t		count = (size_t) shape.n;

	return shape.n > 0 && shape.h > 0 && shape.w > 0 && shape.c > 0 &&
		checked_mul(count, (size_t) shape.h, &count) &&
		checked_mul(count, (size_t) shape.w, &count) &&
		checked_mul(count, (size_t) pixel_stride, &count) && count <= LONG_MAX / sizeof(float);
}

Status
convolution_check(const ConvolutionShape *shape, const ConvolutionUse *use)
{
	const TensorShape *x = &shape->x;
	const TensorShape *y = &shape->y;

	if (use->x_pixel_stride < x->c || use->y_pixel_stride < y->c)
		return status_error(LS_INVALID_ARGUMENT, "pixel strides %d and %d are below %d and %d channels",
							use->x_pixel_stride, use->y_pixel_stride, x->c, y->c);
	if (!countable(*x, use->x_pixel_stride) || !countable(*y, use->y_pixel_stride))
		return status_error(LS_INVALID_ARGUMENT, "%d x %d x %d x %d is no tensor to convolve",
							x->n, x->h, x->w, x->c);
	if (shape->kernel_h < 1 || shape->kernel_w < 1 || shape->stride < 1 ||
		shape->padding < 0 || shape->dilation < 1)
		return status_error(LS_INVALID_ARGUMENT,
							"kernel %d x %d, stride %d, padding %d, dilation %d is no convolution",
							shape->kernel_h, shape->kernel_w, shape->stride, shape->padding, shape->dilation);
	if (shape->groups != 1 && (shape->groups != x->c || shape->groups != y->c))
		return status_error(LS_UNSUPPORTED, "%d groups of %d channels: only 1 or one per channel",
							shape->groups, x->c);
	if (x->n != y->n ||
		y->h != output_size(x->h, shape->kernel_h, shape->stride, shape->padding, shape->dilation) ||
		y->w != output_size(x->w, shape->kernel_w, shape->stride, shape->padding, shape->dilation))
		return status_error(LS_INVALID_ARGUMENT,
							"%d x %d x %d does not convolve to %d x %d x %d",
							x->n, x->h, x->w, y->n, y->h, y->w);
	return status_ok();
}

void
matrix_product(int m, int n, int k, const float *a, int lda, bool transpose_a,
			   const float *b, int ldb, bool transpose_b, float beta, float *c, int ldc)
{
	cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans,
				transpose_b ? CblasTrans : CblasNoTrans, m, n, k,
				1.0f, a, lda, b, ldb, beta, c, ldc);
}

/*
 * oneDNN 2.6 gathers the pixels of a strided 1x1 convolution into scratch
 * that it sizes for C channels but fills by whole vectors: with a channel
 * count that is no multiple of them it writes past the end (seen by
 * memcheck with jit_1x1:avx2, C_in = 4, stride 2).
 */
static bool
overruns_scratch(const ConvolutionShape *shape)
{
	return shape->kernel_h == 1 && shape->kernel_w == 1 && shape->stride > 1 &&
		(shape->x.c % 16 != 0 || shape->y.c % 16 != 0);
}

const Backend *
backend_for_shape(const Backend *backend, const ConvolutionShape *shape)
{
	if (depthwise_suits(shape))
		return &depthwise_backend;
	if (single_output_suits(shape))
		return &single_output_backend;
	return overruns_scratch(shape) ? &openblas_backend : backend;
}
