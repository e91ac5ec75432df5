/*
 * loops_bf16_baseline.c: the loops of loops_template.h on bfloat16 tensors, for any processor.
 */
#define LOOPS_TABLE loops_bf16_baseline
#define STORED_BF16 1
#include "nn/loops/loops_template.h"
