/*
 * kernels_avx2.c: the loops of kernels_template.h for AVX2.
 */
#include "nn/kernels.h"

#define KERNEL_NAME(name) name##_f32_avx2
#define KERNEL_STORAGE_BF16 0
#include "nn/kernels_template.h"
#undef KERNEL_NAME
#undef KERNEL_STORAGE_BF16

#define KERNEL_NAME(name) name##_bf16_avx2
#define KERNEL_STORAGE_BF16 1
#include "nn/kernels_template.h"
