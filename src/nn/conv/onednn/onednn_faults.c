/*
 * onednn_faults.c: see onednn_faults.h.
 */
#include "nn/conv/onednn/onednn_faults.h"

#include "core/cpu.h"

/*
 * Below AVX2 its depthwise kernel for SSE4.1 crashes when it adds a residual
 * and the channels do not fill its vectors (17, 65).
 */
bool
onednn_usable(void)
{
	return cpu_features()->avx2;
}

/*
 * The pixels of a strided 1x1 convolution are gathered into scratch that is
 * sized for C channels but filled by whole vectors: with a channel count that
 * is no multiple of them, the end is overrun (jit_1x1:avx2, C_in = 4, stride 2
 * on 8 x 8: 272 bytes).
 */
static bool
overruns_scratch(const ConvolutionShape *shape)
{
	return shape->kernel_h == 1 && shape->kernel_w == 1 && shape->stride > 1 &&
		(shape->x.c % 16 != 0 || shape->y.c % 16 != 0);
}

/*
 * The AMX kernel of the bf16 weight gradient writes before the start of its
 * scratch at many sizes (from 20 pixels on), and its code is unrolled over a
 * whole row: at 1024 pixels, making it takes minutes that nothing can
 * interrupt.
 */
static bool
is_amx_gradient(DataType type, ConvolutionPass pass)
{
	return pass == PASS_BACKWARD_WEIGHTS && type == DATA_BF16 && cpu_features()->amx_bf16;
}

bool
onednn_safe(const ConvolutionShape *shape, DataType type, ConvolutionPass pass)
{
	return !overruns_scratch(shape) && !is_amx_gradient(type, pass);
}
