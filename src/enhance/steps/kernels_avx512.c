/*
 * kernels_avx512.c: the loops of kernels_template.h for AVX-512.
 */
#include "enhance/steps/kernels.h"

#define KERNEL_NAME(name) name##_avx512
#include "enhance/steps/kernels_template.h"
