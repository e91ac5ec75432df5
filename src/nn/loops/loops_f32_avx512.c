/*
 * loops_f32_avx512.c: the loops of loops_template.h on float32 tensors, for AVX-512.
 */
#define LOOPS_TABLE loops_f32_avx512
#define STORED_BF16 0
#include "nn/loops/loops_template.h"
