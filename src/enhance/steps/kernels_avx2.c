/*
 * kernels_avx2.c: the loops of kernels_template.h for AVX2.
 */
#include "enhance/steps/kernels.h"

#define KERNEL_NAME(name) name##_avx2
#include "enhance/steps/kernels_template.h"
