/*
 * classical_model.h: a classical method in the place of a version of a model,
 * for evaluations.
 *
 * It has no weights, no threshold and no probabilities, and none of its images
 * were trained on.
 */
#ifndef LESIONSEG_PG_SEGMENT_CLASSICAL_MODEL_H
#define LESIONSEG_PG_SEGMENT_CLASSICAL_MODEL_H

#include "postgres.h"

#include "infer/classical/classical.h"
#include "pg/base/values/bytes.h"
#include "pg/models/model_store.h"
#include "utils/jsonb.h"

typedef struct ClassicalModel
{
	ClassicalMethod method;
	ClassicalOptions options;
	ModelVersion version;		/* its name and the default split; no row of the store */
} ClassicalModel;

/* The method that a name (classical_name.h) stands for. `options` are those of
 * lesion_segment_classical; NULL: none. An unknown method or option is an error. */
ClassicalModel *classical_model_open(const char *name, Jsonb *options);

/* Segment the bytes of an image at its own size, as lesion_segment_classical
 * does. The caller frees the mask. */
Status		classical_model_segment(const ClassicalModel *model, const Call *call, const ByteView *bytes,
									Image *mask);

/* The options that differ from their defaults, for the row of an evaluation. */
Jsonb	   *classical_model_options(const ClassicalModel *model);

#endif
