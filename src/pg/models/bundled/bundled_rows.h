/*
 * bundled_rows.h: a bundled model that gives way.
 */
#ifndef LESIONSEG_PG_MODELS_BUNDLED_BUNDLED_ROWS_H
#define LESIONSEG_PG_MODELS_BUNDLED_BUNDLED_ROWS_H

#include "postgres.h"

/* Is a bundled model giving its name to a user's own that a restore brings
 * back? */
bool		bundled_is_yielding(void);

#endif
