/*
 * classical_name.h: names that stand for a method without a network.
 *
 * lesion_evaluate takes "classical:otsu" where it takes a model, so that the
 * scores of both stand in one table. There is no such model: nothing is
 * trained, stored or promoted under that name.
 */
#ifndef LESIONSEG_PG_MODELS_NAMES_CLASSICAL_NAME_H
#define LESIONSEG_PG_MODELS_NAMES_CLASSICAL_NAME_H

#include "postgres.h"

#define CLASSICAL_PREFIX "classical:"

/* Does a model's name stand for a classical method? */
static inline bool
is_classical_name(const char *name)
{
	return strncmp(name, CLASSICAL_PREFIX, strlen(CLASSICAL_PREFIX)) == 0;
}

#endif
