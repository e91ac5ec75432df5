/*
 * ensemble_members.h: the members that a version of an ensemble names.
 */
#ifndef LESIONSEG_PG_MODELS_ENSEMBLE_MEMBERS_H
#define LESIONSEG_PG_MODELS_ENSEMBLE_MEMBERS_H

#include "postgres.h"

#include "pg/models/model_store.h"

#define ENSEMBLE_ARCHITECTURE "ensemble"
#define ENSEMBLE_MAX_MEMBERS 16

bool		is_ensemble(const char *architecture);

/* Members by model and version; weights sum to 1. */
typedef struct EnsembleMembers
{
	int			count;
	char	   *models[ENSEMBLE_MAX_MEMBERS];
	int			numbers[ENSEMBLE_MAX_MEMBERS];
	double		weights[ENSEMBLE_MAX_MEMBERS];
} EnsembleMembers;

/* The members of a version that was read. A member that is gone or has changed
 * is an error. */
EnsembleMembers ensemble_read_members(const ModelStore *store, const ModelVersion *version);

#endif
