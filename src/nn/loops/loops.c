/*
 * loops.c: choosing the loops for this machine.
 */
#include "nn/loops/loops.h"

#include "core/cpu.h"

const Loops *
loops_for(DataType type)
{
	const CpuFeatures *cpu = cpu_features();

	if (type == DATA_F32)
		return cpu->avx512 ? &loops_f32_avx512 : cpu->avx2 ? &loops_f32_avx2 : &loops_f32_baseline;
	if (cpu->avx512_bf16)
		return &loops_bf16_avx512bf16;
	return cpu->avx512 ? &loops_bf16_avx512 : cpu->avx2 ? &loops_bf16_avx2 : &loops_bf16_baseline;
}
