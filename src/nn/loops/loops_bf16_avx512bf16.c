/*
 * loops_bf16_avx512bf16.c: the loops of loops_template.h on bfloat16 tensors,
 * for AVX-512 with the instruction that rounds float32 to bfloat16.
 */
#define LOOPS_TABLE loops_bf16_avx512bf16
#define STORED_BF16 1
#include "nn/loops/loops_template.h"
