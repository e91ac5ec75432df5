/*
 * resize_kernels_baseline.c: the loops of resize_kernels_template.h for any processor.
 */
#define IMAGE_KERNELS image_kernels_baseline
#include "image/resize/resize_kernels_template.h"
