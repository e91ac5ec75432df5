/*
 * resize_kernels_avx2.c: the loops of resize_kernels_template.h for AVX2.
 */
#define IMAGE_KERNELS image_kernels_avx2
#include "image/resize/resize_kernels_template.h"
