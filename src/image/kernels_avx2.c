/*
 * kernels_avx2.c: the loops of kernels_template.h for AVX2.
 */
#include "image/kernels.h"

#define KERNEL_NAME(name) name##_avx2
#include "image/kernels_template.h"
