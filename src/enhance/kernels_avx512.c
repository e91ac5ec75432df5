/*
 * kernels_avx512.c: the loops of kernels_template.h for AVX-512.
 */
#define ENHANCE_KERNELS enhance_kernels_avx512
#include "enhance/kernels_template.h"
