/*
 * bundled.h: models that come with the extension.
 */
#ifndef LESIONSEG_PG_MODELS_BUNDLED_BUNDLED_H
#define LESIONSEG_PG_MODELS_BUNDLED_BUNDLED_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "pg/models/model_store.h"

/* The ensemble that comes with the extension. */
#define BUNDLED_ENSEMBLE "lesion"

/*
 * Make the ensemble of a file a version: version 0 where it has none, else the
 * next number, where it is another. The file has `members`, each with model,
 * sha256 and weight, and `traits`. Without the weights of a member there is none,
 * and a WARNING. A model of that name which is a user's own stays as it is.
 */
void		bundled_ensemble_register(const ModelStore *store, Jsonb *file);

/* Make a version active where nobody has promoted one of its model. */
void		bundled_activate(const ModelStore *store, const ModelVersion *version);

/* Is a bundled model giving its name to a user's own that a restore brings
 * back? */
bool		bundled_is_yielding(void);

#endif
