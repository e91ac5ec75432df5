/*
 * depthwise_baseline.c: the loops of depthwise_template.h for any processor.
 */
#define DEPTHWISE_NAME depthwise_baseline
#include "nn/conv/depthwise/depthwise_template.h"
