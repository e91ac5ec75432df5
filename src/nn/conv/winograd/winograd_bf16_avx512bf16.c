/*
 * winograd_bf16_avx512bf16.c: the loops of winograd_template.h on bfloat16
 * tensors, for AVX-512 with the instruction that multiplies them.
 */
#define WINOGRAD_NAME winograd_bf16_avx512bf16
#define STORED_BF16 1
#include "nn/conv/winograd/winograd_template.h"
