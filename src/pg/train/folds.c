/*
 * folds.c: see folds.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "pg/train/folds.h"

const Oid folds_types[VALUE_COUNT] = {
	REGCLASSOID, TEXTOID, INT4OID, TEXTOID, INT4OID, TEXTOID,
	TEXTOID, TEXTOID, TEXTOID, FLOAT8ARRAYOID, INT4ARRAYOID,
	JSONBOID, INT4OID, INT8OID, INT8OID, JSONBOID, JSONBOID,
	TEXTOID, JSONBOID
};

void
folds_execute(const CrossValidation *task, const char *query, int expected)
{
	Oid			types[VALUE_COUNT];
	Datum		values[VALUE_COUNT];

	memcpy(types, folds_types, sizeof types);
	memcpy(values, task->values, sizeof values);
	store_execute(&task->store, query, VALUE_COUNT, types, values, task->nulls, expected);
}

/* A text argument, or NULL. */
static char *
text_value(const CrossValidation *task, int argument)
{
	return task->nulls[argument] == 'n' ? NULL : TextDatumGetCString(task->values[argument]);
}

ImagesSource *
folds_images(const CrossValidation *task)
{
	char	   *group = text_value(task, ARGUMENT_GROUP_COLUMN);
	ImagesColumns columns = {
		.image = text_value(task, ARGUMENT_IMAGE_COLUMN),
		.mask = text_value(task, ARGUMENT_MASK_COLUMN),
		.id = text_value(task, ARGUMENT_ID_COLUMN),
		.group = group != NULL ? split_columns_single(group) : NULL,
	};

	return images_open(DatumGetObjectId(task->values[ARGUMENT_IMAGES]), &columns);
}

TrainRequest
folds_request(const CrossValidation *task)
{
	return (TrainRequest) {
		.image_column = text_value(task, ARGUMENT_IMAGE_COLUMN),
		.mask_column = text_value(task, ARGUMENT_MASK_COLUMN),
		.id_column = text_value(task, ARGUMENT_ID_COLUMN),
		.weight_column = text_value(task, ARGUMENT_WEIGHT_COLUMN),
		.epochs = DatumGetInt32(task->values[ARGUMENT_EPOCHS]),
		.batch_size = DatumGetInt32(task->values[ARGUMENT_BATCH_SIZE]),
		.seed = DatumGetInt64(task->values[ARGUMENT_SEED]),
		.split_seed = DatumGetInt64(task->values[ARGUMENT_SPLIT_SEED]),
		.augment = DatumGetJsonbP(task->values[ARGUMENT_AUGMENT]),
		.options = DatumGetJsonbP(task->values[ARGUMENT_OPTIONS]),
		.promote = PROMOTE_ALWAYS,
	};
}
