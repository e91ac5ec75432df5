/*
 * mask_index.h: is the row of an image found by an index of a table of predictions?
 */
#ifndef LESIONSEG_PG_PREDICT_MASK_INDEX_H
#define LESIONSEG_PG_PREDICT_MASK_INDEX_H

#include "postgres.h"

/* Has a table an index that leads from `images` and `id` to their rows alone? */
bool		mask_index_exists(Oid table);

#endif
