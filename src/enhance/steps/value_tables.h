/*
 * value_tables.h: change the values of each channel by a table of 256 entries.
 * Private to this folder.
 */
#ifndef LESIONSEG_ENHANCE_VALUE_TABLES_H
#define LESIONSEG_ENHANCE_VALUE_TABLES_H

#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/* Replace every sample of channel c by tables[c][sample]. */
Status		value_tables_apply(const Call *call, uint8_t tables[3][256], Image *image);

/* Tables that multiply each channel by its gain. */
void		value_tables_gains(const double gains[3], uint8_t tables[3][256]);

#endif
