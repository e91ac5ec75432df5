/*
 * folds.h: one call of lesion_cross_validate, as its files share it.
 */
#ifndef LESIONSEG_PG_TRAIN_FOLDS_H
#define LESIONSEG_PG_TRAIN_FOLDS_H

#include "postgres.h"

#include "pg/base/store.h"
#include "pg/images/images_source.h"
#include "pg/train/train_request.h"

/* Arguments of lesion_cross_validate; in queries $1, $2, ... */
enum
{
	ARGUMENT_IMAGES, ARGUMENT_ARCHITECTURE, ARGUMENT_FOLDS, ARGUMENT_MODEL, ARGUMENT_EPOCHS, ARGUMENT_IMAGE_COLUMN,
	ARGUMENT_MASK_COLUMN, ARGUMENT_ID_COLUMN, ARGUMENT_GROUP_COLUMN, ARGUMENT_LEARNING_RATES, ARGUMENT_IMAGE_SIZES,
	ARGUMENT_CONFIGS, ARGUMENT_BATCH_SIZE, ARGUMENT_SEED, ARGUMENT_SPLIT_SEED, ARGUMENT_AUGMENT, ARGUMENT_OPTIONS,
	ARGUMENT_WEIGHT_COLUMN, ARGUMENT_COUNT
};

/* What queries get: the arguments, and all of them as one object ($19). */
enum
{
	VALUE_ARGUMENTS = ARGUMENT_COUNT, VALUE_COUNT
};

/* Their types. */
extern const Oid folds_types[VALUE_COUNT];

typedef struct CrossValidation
{
	ModelStore	store;
	bool		commits;		/* commit in between; else all is in the caller's transaction */
	char	   *model;			/* the folds' ensemble */
	Datum		values[VALUE_COUNT];
	char		nulls[VALUE_COUNT + 1];
} CrossValidation;

/* Run a query on the store with the arguments of the call. */
void		folds_execute(const CrossValidation *task, const char *query, int expected);

/* Open the table; an error if it lacks a column that the call names. */
ImagesSource *folds_images(const CrossValidation *task);

/* What all trainings have in common. */
TrainRequest folds_request(const CrossValidation *task);

/* What the training of a fold is given beside that, of lesion_fold as f. */
#define FOLD_COLUMNS \
	"f.fold_model, f.learning_rate, f.image_size, 1::float8 / f.folds AS test_fraction, " \
	"coalesce($17, '{}') || jsonb_build_object('fold', f.fold) AS options"

/* In fold_runs.c: note which runs have trained folds since. Only a run that was
 * asked for just what the plan says counts, by a role that planned or calls; an
 * error if a fold's model has another run instead. */
void		fold_runs_note(const CrossValidation *task);

#endif
