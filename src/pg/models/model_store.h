/*
 * model_store.h: models and versions, read from the store (store.h) and
 * written to it.
 *
 * What is returned is palloc'd in the context that was current before
 * SPI_connect() (by SPI_palloc), so it outlives SPI_finish().
 */
#ifndef LESIONSEG_PG_MODELS_MODEL_STORE_H
#define LESIONSEG_PG_MODELS_MODEL_STORE_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "core/traits.h"
#include "pg/base/sha256.h"
#include "pg/base/split.h"
#include "pg/base/store.h"
#include "pg/base/values/bytes.h"

/* A row of lesion_model. */
typedef struct Model
{
	char	   *name;
	char	   *architecture;
	Jsonb	   *config;			/* keys that are absent have their defaults */
	bool		bundled;
} Model;

/* A row of lesion_version without its weights. */
typedef struct ModelVersion
{
	char	   *model;
	int			number;
	char	   *architecture;
	Jsonb	   *config;
	uint8_t		sha256[SHA256_BYTES];
	Traits		traits;
	Split		split;			/* by which training kept its test part away */

	/* Of an ensemble alone. */
	int			member_count;
	struct ModelVersion **members;
	double	   *weights;		/* sum to 1 */
} ModelVersion;

/* The model of that name, or NULL. */
Model	   *store_find_model(const ModelStore *store, const char *name);

/* The model of that name, or an error that lists those that exist. */
Model	   *store_need_model(const ModelStore *store, const char *name);

/* Make a model. A name that is an architecture's becomes a bundled model. */
void		store_create_model(const ModelStore *store, const char *name, const char *architecture,
							   Jsonb *config);

/* A version of a model, the active one where number is NULL; NULL when the
 * model has no such version. No such model is an error. */
ModelVersion *store_find_version(const ModelStore *store, const char *model, const int *number);

/* The same; a version that is not there is an error that says what to do. */
ModelVersion *store_need_version(const ModelStore *store, const char *model, const int *number);

/* The weights of a version: a bytea datum as stored (TOASTed). It is that of the version's name and number, which
 * may be another's by now. */
Datum		store_weights_datum(const ModelStore *store, const ModelVersion *version);

/* The same, read, and checked to be those that `version` says; others are an error. bytes_release() frees them. */
ByteView	store_weights(const ModelStore *store, const ModelVersion *version);

/* What goes into a new version beside its model. */
typedef struct NewVersion
{
	Jsonb	   *config;			/* every key */
	const void *weights;
	size_t		weights_size;
	Traits		traits;			/* image_size and threshold are known */
	Split		split;
	Datum		image_digests;	/* image_digests.h, a bytea; 0 = not known */
	bool		images_unknown; /* it was trained on other images too, which are not known */
	int64_t		run;			/* 0 = imported */
	bool		bundled;		/* it came with the extension, as the first of its model: it becomes BUNDLED_VERSION */
	Jsonb	   *metadata;		/* NULL = {} */
} NewVersion;

/* The key of metadata that has the number of the version whose weights a
 * calibrated one has. */
#define VERSION_CALIBRATED "calibrated_version"

/*
 * Did the extension's scripts make a version, an alias of lesion_version in a
 * SELECT? By its number or, where a later release brought it, by its metadata: only
 * our functions write these, and for a script alone (version_mark_bundled). Who may
 * add versions can add one of the same weights, but with thresholds of his own.
 */
#define VERSION_IS_BUNDLED(alias) \
	"(" alias ".number <= 0 OR jsonb_contains(" alias ".metadata, '{\"bundled\": true}'))"

/* The metadata by which it is known. */
Jsonb	   *version_mark_bundled(void);

/* The most characters of a model's name. */
#define MODEL_NAME_CHARACTERS 63

/* The number of a version that came with the extension. */
#define BUNDLED_VERSION 0

/* Add a version under the next free number (BUNDLED_VERSION where it is that);
 * call with the model locked. */
ModelVersion *store_add_version(const ModelStore *store, const char *model, const NewVersion *content);

#endif
