/*
 * depthwise_avx512.c: the loops of depthwise_template.h for AVX-512.
 */
#define DEPTHWISE_NAME depthwise_avx512
#include "nn/conv/depthwise/depthwise_template.h"
