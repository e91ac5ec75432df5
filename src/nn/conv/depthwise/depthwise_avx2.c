/*
 * depthwise_avx2.c: the loops of depthwise_template.h for AVX2.
 */
#define DEPTHWISE_NAME depthwise_avx2
#include "nn/conv/depthwise/depthwise_template.h"
