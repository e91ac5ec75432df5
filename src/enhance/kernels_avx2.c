/*
 * kernels_avx2.c: the loops of kernels_template.h for AVX2.
 */
#define ENHANCE_KERNELS enhance_kernels_avx2
#include "enhance/kernels_template.h"
