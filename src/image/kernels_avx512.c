/*
 * kernels_avx512.c: the loops of kernels_template.h for AVX-512.
 */
#include "image/kernels.h"

#define KERNEL_NAME(name) name##_avx512
#include "image/kernels_template.h"
