/*
 * table.c: the convolution kernels, in the order in which they are tried
 * (kernel.h).
 */
#include "nn/conv/kernels.h"

static const ConvolutionKernel *const table[] = {
	/* Shapes for which general kernels are slow. */
#ifdef __x86_64__
	&depthwise_avx512_kernel,
	&depthwise_avx2_kernel,
#endif
	&depthwise_baseline_kernel,
	&single_output_kernel,

	/* Fewer multiplications. */
#ifdef __x86_64__
	&winograd_avx512_kernel,
	&winograd_avx2_kernel,
	&winograd_small_avx512_kernel,
	&winograd_small_avx2_kernel,
	&winograd_gradient_avx512_kernel,
	&winograd_gradient_avx2_kernel,
#endif
	&winograd_baseline_kernel,
	&winograd_gradient_baseline_kernel,

#ifdef __x86_64__
	/* bf16 by tiles. */
	&amx_kernel,
	&amx_gradient_kernel,

	/* bf16 with fewer multiplications; tiles are faster without. */
	&winograd_bf16_kernel,
	&winograd_gradient_bf16_kernel,
#endif

	/* A transposed convolution as a product; the rest of the table computes
	 * the product. */
	&window_product_kernel,

	/* Libraries. */
#ifdef HAVE_ONEDNN
	&onednn_kernel,
#endif
	&openblas_kernel,

	/* What no library computes. */
	&plain_kernel,
};

const ConvolutionKernel *const *
convolution_kernels(int *count)
{
	*count = (int) (sizeof table / sizeof table[0]);
	return table;
}
