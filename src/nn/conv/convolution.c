/*
 * backend.c: the checks and the matrix product that all backends share.
 */
#include "nn/conv/convolution.h"

#include <cblas.h>
#include <limits.h>

#include "core/checked.h"
#include "nn/conv/kernel.h"

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
