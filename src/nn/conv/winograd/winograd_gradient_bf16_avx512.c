/*
 * winograd_gradient_bf16_avx512.c: the loops of winograd_gradient_template.h
 * on bfloat16 tensors, for AVX-512.
 */
#define WINOGRAD_GRADIENT_NAME winograd_gradient_bf16_avx512
#define STORED_BF16 1
#include "nn/conv/winograd/winograd_gradient_template.h"
