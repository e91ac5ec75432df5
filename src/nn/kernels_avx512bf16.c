/*
 * kernels_avx512bf16.c: the loops of kernels_template.h for AVX512 with the
 * instruction that rounds float32 to bfloat16.
 */
#include "nn/kernels.h"

#define KERNEL_NAME(name) name##_bf16_avx512bf16
#define KERNEL_STORAGE_BF16 1
#include "nn/kernels_template.h"
