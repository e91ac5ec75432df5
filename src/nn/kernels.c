/*
 * kernels.c: choosing the kernels for this machine, and the baseline build
 * of the loops.
 */
#include "nn/kernels.h"

#include "core/cpu.h"

#define KERNEL_NAME(name) name##_f32_baseline
#define KERNEL_STORAGE_BF16 0
#include "nn/kernels_template.h"
#undef KERNEL_NAME
#undef KERNEL_STORAGE_BF16

#define KERNEL_NAME(name) name##_bf16_baseline
#define KERNEL_STORAGE_BF16 1
#include "nn/kernels_template.h"

const Kernels *
kernels_for(DataType type)
{
	const CpuFeatures *cpu = cpu_features();

	if (type == DATA_F32)
		return cpu->avx512 ? &kernels_f32_avx512 : cpu->avx2 ? &kernels_f32_avx2 : &kernels_f32_baseline;
	if (cpu->avx512_bf16)
		return &kernels_bf16_avx512bf16;
	return cpu->avx512 ? &kernels_bf16_avx512 : cpu->avx2 ? &kernels_bf16_avx2 : &kernels_bf16_baseline;
}
