/*
 * bundled_ensemble.h: the ensemble that comes with the extension.
 */
#ifndef LESIONSEG_PG_MODELS_BUNDLED_BUNDLED_ENSEMBLE_H
#define LESIONSEG_PG_MODELS_BUNDLED_BUNDLED_ENSEMBLE_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "pg/models/model_store.h"

#define BUNDLED_ENSEMBLE "lesion"

/*
 * Make the ensemble of a file a version: version 0 where it has none, else the
 * next number, where it is another, and then it is returned: it may have to be
 * made active. Else NULL. The file has `members`, each with model, sha256 and
 * weight, and `traits`. Without the weights of a member there is none, and a
 * WARNING. A model of that name which is a user's own stays as it is.
 */
ModelVersion *bundled_ensemble_register(const ModelStore *store, Jsonb *file);

#endif
