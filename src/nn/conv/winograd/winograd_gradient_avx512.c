/*
 * winograd_gradient_avx512.c: the loops of winograd_gradient_template.h for AVX-512.
 */
#define WINOGRAD_GRADIENT_NAME winograd_gradient_avx512
#define STORED_BF16 0
#include "nn/conv/winograd/winograd_gradient_template.h"
