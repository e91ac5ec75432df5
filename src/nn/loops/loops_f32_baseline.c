/*
 * loops_f32_baseline.c: the loops of loops_template.h on float32 tensors, for any processor.
 */
#define LOOPS_TABLE loops_f32_baseline
#define STORED_BF16 0
#include "nn/loops/loops_template.h"
