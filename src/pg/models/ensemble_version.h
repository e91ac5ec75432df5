/*
 * ensemble_version.h: what a version of an ensemble is made of.
 */
#ifndef LESIONSEG_PG_MODELS_ENSEMBLE_VERSION_H
#define LESIONSEG_PG_MODELS_ENSEMBLE_VERSION_H

#include "postgres.h"

#include "pg/models/ensemble.h"

/* What a version is made of. */
typedef struct EnsembleContent
{
	int			count;
	char	   *names[ENSEMBLE_MAX_MEMBERS];
	double		weights[ENSEMBLE_MAX_MEMBERS];	/* sum to 1 */
	ModelVersion *members[ENSEMBLE_MAX_MEMBERS];
	Traits		fitted;			/* but for its size, which is that of the largest member */
	bool		bundled;		/* it came with the extension */
	Jsonb	   *metadata;		/* how it came about; NULL = nothing to say */
} EnsembleContent;

/* Look up versions of the members that are named: those of the numbers; NULL:
 * the active ones. */
void		ensemble_find_members(const ModelStore *store, EnsembleContent *content, const int *numbers);

/* Has the model a version of the same members with the same weights that came with the extension? */
bool		ensemble_is_bundled(const ModelStore *store, const char *name, const EnsembleContent *content);

/* Add a version; the model is locked. */
ModelVersion *ensemble_add_version(const ModelStore *store, const char *name, const EnsembleContent *content);

#endif
