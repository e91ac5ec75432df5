/*
 * enhance_functions.h: what `options` of lesion_enhance may set beside the
 * steps' own options.
 */
#ifndef LESIONSEG_PG_IMAGES_ENHANCE_FUNCTIONS_H
#define LESIONSEG_PG_IMAGES_ENHANCE_FUNCTIONS_H

#include "core/options.h"

extern const OptionTable enhance_call_option_table;

#endif
