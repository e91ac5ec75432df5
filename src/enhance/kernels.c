/*
 * kernels.c: choosing the loops for this machine.
 */
#include "enhance/kernels.h"

#include "core/cpu.h"

const EnhanceKernels *
enhance_kernels(void)
{
	const CpuFeatures *cpu = cpu_features();

	return cpu->avx512 ? &enhance_kernels_avx512 : cpu->avx2 ? &enhance_kernels_avx2 : &enhance_kernels_baseline;
}
