/*
 * kernels_baseline.c: the loops of kernels_template.h for any processor.
 */
#define IMAGE_KERNELS image_kernels_baseline
#include "image/kernels_template.h"
