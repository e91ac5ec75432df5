/*
 * resize_kernels.c: choosing the loops for this machine.
 */
#include "image/resize/resize_kernels.h"

#include "core/cpu.h"

const ImageKernels *
image_kernels(void)
{
	const CpuFeatures *cpu = cpu_features();

	return cpu->avx512 ? &image_kernels_avx512 : cpu->avx2 ? &image_kernels_avx2 : &image_kernels_baseline;
}
