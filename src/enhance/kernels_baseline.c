/*
 * kernels_baseline.c: the loops of kernels_template.h for any processor.
 */
#define ENHANCE_KERNELS enhance_kernels_baseline
#include "enhance/kernels_template.h"
