/*
 * winograd_gradient_baseline.c: the loops of winograd_gradient_template.h for any processor.
 */
#define WINOGRAD_GRADIENT_NAME winograd_gradient_baseline
#define STORED_BF16 0
#include "nn/conv/winograd/winograd_gradient_template.h"
