/*
 * winograd_small_avx512.c: the loops of winograd_template.h on small tiles, for AVX-512.
 */
#define WINOGRAD_NAME winograd_small_avx512
#define STORED_BF16 0
#define WINOGRAD_SMALL_TILES 1
#include "nn/conv/winograd/winograd_template.h"
