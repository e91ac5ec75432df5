/*
 * winograd_avx2.c: the loops of winograd_template.h for AVX2.
 */
#define WINOGRAD_NAME winograd_avx2
#define STORED_BF16 0
#include "nn/conv/winograd/winograd_template.h"
