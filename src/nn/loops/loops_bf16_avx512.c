/*
 * loops_bf16_avx512.c: the loops of loops_template.h on bfloat16 tensors, for AVX-512.
 */
#define LOOPS_TABLE loops_bf16_avx512
#define STORED_BF16 1
#include "nn/loops/loops_template.h"
