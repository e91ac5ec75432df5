/*
 * winograd_avx512.c: the loops of winograd_template.h for AVX-512.
 */
#define WINOGRAD_NAME winograd_avx512
#define STORED_BF16 0
#include "nn/conv/winograd/winograd_template.h"
