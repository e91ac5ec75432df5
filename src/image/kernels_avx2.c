/*
 * kernels_avx2.c: the loops of kernels_template.h for AVX2.
 */
#define IMAGE_KERNELS image_kernels_avx2
#include "image/kernels_template.h"
