/*
 * loops_f32_avx2.c: the loops of loops_template.h on float32 tensors, for AVX2.
 */
#define LOOPS_TABLE loops_f32_avx2
#define STORED_BF16 0
#include "nn/loops/loops_template.h"
