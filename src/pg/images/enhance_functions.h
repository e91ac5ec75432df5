/*
 * enhance_functions.h: options of lesion_enhance besides those of the steps.
 */
#ifndef LESIONSEG_PG_IMAGES_ENHANCE_FUNCTIONS_H
#define LESIONSEG_PG_IMAGES_ENHANCE_FUNCTIONS_H

#include "core/options.h"

extern const OptionTable enhance_call_option_table;

#endif
