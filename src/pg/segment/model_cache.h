/*
 * model_cache.h: models that are ready to run, one cache per process.
 *
 * A model costs a read from TOAST, a decode and a plan before its first
 * image; the cache keeps what came of that, the least recently used going
 * first when lesionseg.model_cache is full. An entry belongs to a version
 * and its SHA-256 and to the image size, engine and threads it was planned for, so what
 * changes never serves a stale one: a promotion, a dropped and recreated
 * model, a setting.
 */
#ifndef LESIONSEG_PG_SEGMENT_MODEL_CACHE_H
#define LESIONSEG_PG_SEGMENT_MODEL_CACHE_H

#include "postgres.h"

#include "infer/segment.h"
#include "pg/models/model_store.h"

/* Load a version unless it is ready. */
void		model_cache_load(const ModelStore *store, const ModelVersion *version);

/* The same, but false where it needs more memory than the caller may take,
 * which is an error above. */
bool		model_cache_fits(const ModelStore *store, const ModelVersion *version);

/*
 * Predict an image with a version; load it first if need be. The call and the
 * rest are as in segmenter_run(). The Status is about the image; a cancel is
 * raised.
 */
Status		model_cache_run(const ModelStore *store, const ModelVersion *version, const Call *call,
							const Image *image, bool tta, double threshold, ProbabilityMap *map);

/* The instances that a version of an architecture with instances finds in an
 * image, as predictor_instances(): they stand until the cache's next call.
 * The Status is as above. */
Status		model_cache_instances(const ModelStore *store, const ModelVersion *version, const Call *call,
								  const Image *image, const NetworkInstance **instances, int *count);

/* What lesion_cache_stats() tells. */
typedef struct ModelCacheStats
{
	int64		loads;			/* models read and planned by this process */
	int64		hits;			/* images that found theirs ready */
	int			entries;
	size_t		bytes;
} ModelCacheStats;

ModelCacheStats model_cache_stats(void);

#endif
