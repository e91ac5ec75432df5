/*
 * ensemble.h: models whose answer is the mean of other models' answers.
 *
 * An ensemble is a model of architecture "ensemble", its config names the
 * members. Each of its versions names their versions, with SHA-256 and
 * weight, in its config; the same text is what stands for its weights, so its
 * own SHA-256 says all of what made a mask, and a promotion of a member
 * changes no version of an ensemble. lesion_ensemble_fit adds one.
 */
#ifndef LESIONSEG_PG_MODELS_ENSEMBLE_H
#define LESIONSEG_PG_MODELS_ENSEMBLE_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "pg/models/ensemble_members.h"
#include "pg/models/model_store.h"

/* Make an ensemble and its first version, of the members' active ones; for
 * lesion_model_create, with the model locked. */
void		ensemble_create(const ModelStore *store, const char *name, Jsonb *config);

/* Raise an error where versions of ensembles need a version of the model; number NULL: any. */
void		ensemble_check_drop(const ModelStore *store, const char *model, const char *number);

#endif
