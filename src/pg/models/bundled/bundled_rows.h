/*
 * bundled_rows.h: bundled rows that give way.
 */
#ifndef LESIONSEG_PG_MODELS_BUNDLED_BUNDLED_ROWS_H
#define LESIONSEG_PG_MODELS_BUNDLED_BUNDLED_ROWS_H

#include "postgres.h"

/* Is a bundled row giving way to one that a restore or a publisher brings? What goes then is no event. */
bool		bundled_is_yielding(void);

/* Is it a version that gives way to one of its number? What refers to it refers to that one then. */
bool		bundled_is_replaced(void);

#endif
