/*
 * winograd_baseline.c: the loops of winograd_template.h for any processor.
 */
#define WINOGRAD_NAME winograd_baseline
#define STORED_BF16 0
#include "nn/conv/winograd/winograd_template.h"
