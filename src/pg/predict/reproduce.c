/*
 * reproduce.c: the SQL functions lesion_reproduce: make a stored mask again,
 * from the weights, options and engine that its row names, and compare its
 * bytes, and the figures beside it.
 *
 * Anybody may have written the row, and a superuser may check it. So the row is
 * only data: the relation that it names is never queried (stored_image.h).
 * Alternatively the caller gives the image. What is wrong with the row is told
 * as a reason: it must not keep a query over a table from the rows of others.
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/jsonb.h"

#include "pg/base/call.h"
#include "pg/base/caught_error.h"
#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/base/settings.h"
#include "pg/images/column_text.h"
#include "pg/images/stored/stored_image.h"
#include "pg/models/model_store.h"

PG_FUNCTION_INFO_V1(lesion_reproduce);
PG_FUNCTION_INFO_V1(lesion_reproduce_image);

/* The contents of a prediction's row. */
typedef struct Prediction
{
	HeapTupleHeader row;
	const char *lack;			/* what it lacks; NULL: nothing */
	char	   *images;
	char	   *id;
	bool		has_mask;		/* else there is an error in its place */
	Datum		mask;
	char	   *model;
	int			version;
	Datum		weights_sha256;
	Datum		image_sha256;
	Jsonb	   *options;
	char	   *backend;
	char	   *precision;
} Prediction;

/* Read an attribute that is needed; 0, and what is lacking, if it is NULL. */
static Datum
needed_attribute(Prediction *prediction, const char *name, Oid type)
{
	bool		isnull;
	Datum		value = row_attribute(prediction->row, name, type, &isnull);

	if (isnull && prediction->lack == NULL)
		prediction->lack = psprintf("%s is NULL", name);
	return isnull ? (Datum) 0 : value;
}

/* The same for one of a few bytes: a row of 1 MB may be a gigabyte to read. */
static Datum
needed_short(Prediction *prediction, const char *name, Oid type)
{
	Datum		value = needed_attribute(prediction, name, type);

	if (value == 0 || toast_raw_datum_size(value) <= COLUMN_TEXT_BYTES + VARHDRSZ)
		return value;
	if (prediction->lack == NULL)
		prediction->lack = psprintf("%s has more than %d bytes", name, COLUMN_TEXT_BYTES);
	return (Datum) 0;
}

/* The same for a text; NULL. */
static char *
needed_text(Prediction *prediction, const char *name)
{
	Datum		value = needed_short(prediction, name, TEXTOID);

	return value != 0 ? TextDatumGetCString(value) : NULL;
}

/* What is wrong with the options; NULL: nothing. A list in place of a number must not be passed over. */
static const char *
options_lack(Jsonb *options)
{
	static const char *const single[] = {"image_column", "id_column", "threshold", "tta", "enhance", "threads"};
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(options))
		return "its options are not an object";
	for (int i = 0; i < (int) lengthof(single); i++)
		if (getKeyJsonValueFromContainer(&options->root, single[i], strlen(single[i]), &value) != NULL &&
			value.type == jbvBinary)
			return psprintf("its option %s is not a single value", single[i]);
	return NULL;
}

/* Read a prediction. */
static void
read_prediction(Prediction *prediction)
{
	bool		no_mask;
	bool		no_error;
	Datum		options;

	prediction->images = needed_text(prediction, "images");
	prediction->id = needed_text(prediction, "id");
	prediction->model = needed_text(prediction, "model");
	prediction->version = DatumGetInt32(needed_attribute(prediction, "version", INT4OID));
	prediction->weights_sha256 = needed_short(prediction, "weights_sha256", BYTEAOID);
	prediction->image_sha256 = needed_short(prediction, "image_sha256", BYTEAOID);
	options = needed_short(prediction, "options", JSONBOID);
	prediction->options = options != 0 ? DatumGetJsonbP(options) : NULL;
	prediction->backend = needed_text(prediction, "backend");
	prediction->precision = needed_text(prediction, "precision");
	(void) row_attribute(prediction->row, "error", TEXTOID, &no_error);
	(void) row_attribute(prediction->row, "mask", BYTEAOID, &no_mask);
	prediction->has_mask = no_error || !no_mask;
	if (prediction->has_mask)
		prediction->mask = needed_attribute(prediction, "mask", BYTEAOID);
	if (!no_error && !no_mask && prediction->lack == NULL)
		prediction->lack = "it has a mask and an error";
	if (prediction->lack == NULL)
		prediction->lack = options_lack(prediction->options);
}

/* A key of the options as text; NULL if it is absent. */
static char *
option_text(Jsonb *options, const char *key)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(&options->root, key, strlen(key), &value) == NULL)
		return NULL;
	switch (value.type)
	{
		case jbvString:
			return pnstrdup(value.val.string.val, value.val.string.len);
		case jbvBool:
			return pstrdup(value.val.boolean ? "true" : "false");
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
		default:
			return NULL;
	}
}

/* The options for lesion_segment; empty if they are absent. */
static Jsonb *
segment_options(Jsonb *options)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(&options->root, "options", strlen("options"), &value) == NULL)
		return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	return JsonbValueToJsonb(&value);
}

/* ---- weights, image and engine ---- */

/* Check that the version still has the weights. Returns NULL, or why not. */
static const char *
check_weights(const ModelStore *store, const Prediction *prediction)
{
	ModelVersion *version;

	if (store_find_model(store, prediction->model) == NULL)
		return "the model is gone";
	version = store_find_version(store, prediction->model, &prediction->version);
	if (version == NULL)
		return "the version is gone";
	if (!bytes_equal(prediction->weights_sha256, bytes_datum(version->sha256, SHA256_BYTES)))
		return "the version has other weights";
	return NULL;
}

/* The image's digest in the row. */
static const uint8_t *
wanted_digest(const Prediction *prediction)
{
	ByteView	digest = bytes_view(prediction->image_sha256);

	if (digest.size != SHA256_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the prediction's image_sha256 has %zu bytes, not %d", digest.size, SHA256_BYTES),
				 errhint("Give a row as lesion_predict wrote it.")));
	return digest.bytes;
}

/* Check that an image is the row's. Returns NULL, or that it is not. */
static const char *
check_image(const Prediction *prediction, Datum image)
{
	ByteView	bytes = bytes_view(image);
	uint8_t		digest[SHA256_BYTES];

	sha256_digest(bytes.bytes, bytes.size, digest);
	bytes_release(&bytes);
	return memcmp(digest, wanted_digest(prediction), SHA256_BYTES) == 0 ? NULL : "the image has changed";
}

/* Set a setting until the level is closed; false if the value is not
 * allowed. */
static bool
try_setting(const char *name, const char *value)
{
	return set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, DEBUG5, false) > 0;
}

/* Set backend and precision as in the row, until the level is closed. Returns
 * NULL, or why they cannot be set. */
static const char *
set_engine(const Prediction *prediction)
{
	char	   *threads = option_text(prediction->options, "threads");
	EngineChoice engine;
	EngineNames names;

	if (!try_setting("lesionseg.backend", prediction->backend) || !try_setting("lesionseg.precision",
																			   prediction->precision) ||
		(threads != NULL && !try_setting("lesionseg.threads", threads)))
		return "this machine has no such engine";
	engine = settings_engine();
	names = settings_engine_names(&engine);
	if (strcmp(names.backend, prediction->backend) != 0 || strcmp(names.precision, prediction->precision) != 0)
		return "this machine has another engine";
	return NULL;
}

/* A mask to be made again. */
typedef struct Reproduction
{
	const ModelStore *store;
	const Prediction *prediction;
	bool		given;			/* the image is; or it is the row's own */
	Datum		image;
	ReadDigests *read;			/* of images that the query has read */
	const char *reason;			/* why it does not agree, or could not be made; NULL: it agrees */
	bool		made;
} Reproduction;

/* Find the row's image. */
static void
find_image(void *work)
{
	Reproduction *again = work;
	const Prediction *prediction = again->prediction;
	char	   *image_column = option_text(prediction->options, "image_column");
	StoredImage wanted = {
		.images = prediction->images,
		.id = prediction->id,
		.image_column = image_column != NULL ? image_column : "image",
		.id_column = option_text(prediction->options, "id_column"),
		.sha256 = wanted_digest(prediction),
		.read = again->read,
	};

	again->reason = stored_image_find(&wanted, &again->image);
}

/* Segment the image with the row's options; the lesion_segmentation is the first row of SPI_tuptable. */
static void
segment_again(void *work)
{
	const Reproduction *again = work;
	const Prediction *prediction = again->prediction;
	Oid			types[] = {BYTEAOID, TEXTOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, JSONBOID};
	char	   *threshold = option_text(prediction->options, "threshold");
	char	   *tta = option_text(prediction->options, "tta");
	char	   *enhance = option_text(prediction->options, "enhance");
	Datum		values[] = {
		again->image, CStringGetTextDatum(prediction->model), Int32GetDatum(prediction->version),
		threshold != NULL ? CStringGetTextDatum(threshold) : (Datum) 0,
		CStringGetTextDatum(tta != NULL ? tta : "false"), enhance != NULL ? CStringGetTextDatum(enhance) : (Datum) 0,
		JsonbPGetDatum(segment_options(prediction->options))
	};
	char		nulls[] = "       ";

	nulls[3] = threshold != NULL ? ' ' : 'n';
	nulls[5] = enhance != NULL ? ' ' : 'n';
	store_execute(again->store,
				  "SELECT * FROM @lesion_segment_version($1, $2, $3, $4::float8, $5::boolean, $6, $7)",
				  lengthof(types), types, values, nulls, SPI_OK_SELECT);
}

/* ---- what came of it ---- */

/* Figures may differ by so much: processors round differently. */
#define SAME_FIGURE 0.001

/* Of a row, or made again: a figure as a reason shows it. */
static const char *
shown_figure(double figure, bool isnull)
{
	return isnull ? "NULL" : psprintf("%.6g", figure);
}

/* Compare a figure of the row with that of the first row of SPI_tuptable. Returns NULL, or how they differ. */
static const char *
check_figure(const Prediction *prediction, const char *name)
{
	bool		row_null;
	bool		made_null;
	Datum		of_row = row_attribute(prediction->row, name, FLOAT8OID, &row_null);
	Datum		made = first_row_value(name, FLOAT8OID, &made_null);
	double		figure = row_null ? 0 : DatumGetFloat8(of_row);
	double		again = made_null ? 0 : DatumGetFloat8(made);

	if (row_null == made_null && fabs(figure - again) <= SAME_FIGURE)
		return NULL;
	return psprintf("the masks agree, but %s is %s and not %s", name, shown_figure(figure, row_null),
					shown_figure(again, made_null));
}

/* Compare needs_review likewise. */
static const char *
check_flag(const Prediction *prediction)
{
	bool		isnull;
	bool		flag = DatumGetBool(row_attribute(prediction->row, "needs_review", BOOLOID, &isnull));
	bool		again = DatumGetBool(first_row_needed("needs_review", BOOLOID));

	if (!isnull && flag == again)
		return NULL;
	return psprintf("the masks agree, but needs_review is %s and not %s", isnull ? "NULL" : flag ? "true" : "false",
					again ? "true" : "false");
}

/* Compare the row with what was made again. Returns NULL, or what differs. */
static const char *
check_result(const Prediction *prediction)
{
	static const char *const figures[] = {
		"area", "confidence", "uncertain", "disagreement", "predicted_dice", "quality"
	};
	const char *differs = NULL;

	if (!bytes_equal(prediction->mask, first_row_needed("mask", BYTEAOID)))
		return "the masks differ";
	for (int i = 0; i < (int) lengthof(figures) && differs == NULL; i++)
		differs = check_figure(prediction, figures[i]);
	return differs != NULL ? differs : check_flag(prediction);
}

/* Make a mask again. */
static void
reproduce(void *work)
{
	Reproduction *again = work;
	const Prediction *prediction = again->prediction;
	MemoryContext caller = CurrentMemoryContext;
	int			level = NewGUCNestLevel();

	SPI_connect();
	again->reason = check_weights(again->store, prediction);
	if (again->reason == NULL && again->given)
		again->reason = check_image(prediction, again->image);
	else if (again->reason == NULL)
		call_limited(find_image, again);
	if (again->reason == NULL)
		again->reason = set_engine(prediction);
	if (again->reason == NULL)
	{
		call_limited(segment_again, again);
		again->reason = check_result(prediction);
		again->made = true;
	}
	if (again->reason != NULL)
		again->reason = MemoryContextStrdup(caller, again->reason);
	AtEOXact_GUC(true, level);
	SPI_finish();
}

/* May an error be of what a row says: a value, a name, a model or an image
 * above a limit, a version that cannot be used? */
static bool
is_of_row(const ErrorData *error)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	return error->sqlerrcode == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE ||
		error->sqlerrcode == ERRCODE_DATA_CORRUPTED || category == ERRCODE_DATA_EXCEPTION ||
		category == ERRCODE_PROGRAM_LIMIT_EXCEEDED || category == ERRCODE_FEATURE_NOT_SUPPORTED ||
		category == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION;
}

/* The same; an error of what the row says is the reason. */
static void
reproduce_caught(Reproduction *again)
{
	ErrorData  *error = caught_in_step(reproduce, again, CurrentMemoryContext);

	if (error == NULL)
		return;
	if (!is_of_row(error))
		ReThrowError(error);
	again->reason = psprintf("it cannot be made again: %s", error_text(error->message));
	again->made = false;
}

/* Arguments of lesion_reproduce (the first) and lesion_reproduce_image. */
enum
{
	ARGUMENT_PREDICTION, ARGUMENT_IMAGE
};

/* The result's row for a prediction. */
static Datum
reproduce_row(FunctionCallInfo fcinfo, const Datum *given)
{
	ModelStore	store = store_open(fcinfo, true);
	Prediction	prediction = {.row = PG_GETARG_HEAPTUPLEHEADER(ARGUMENT_PREDICTION)};
	Reproduction again = {.store = &store,.prediction = &prediction,.given = given != NULL,.reason = "it has no mask"};
	RowBuilder	result = row_begin_result(fcinfo);

	if (given != NULL)
		again.image = *given;
	read_prediction(&prediction);
	if (prediction.lack != NULL)
		again.reason = psprintf("the row is none of lesion_predict: %s", prediction.lack);
	else if (prediction.has_mask)
	{
		if (given == NULL)
		{
			EnsurePortalSnapshotExists();
			again.read = read_digests(fcinfo);
		}
		reproduce_caught(&again);
	}
	if (again.made)
		row_set(&result, "agrees", BOOLOID, BoolGetDatum(again.reason == NULL));
	if (again.reason != NULL)
		row_set(&result, "reason", TEXTOID, CStringGetTextDatum(again.reason));
	return row_datum(&result);
}

/* lesion_reproduce(prediction) -> (agrees, reason) */
Datum
lesion_reproduce(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(reproduce_row(fcinfo, NULL));
}

/* lesion_reproduce(prediction, image) -> (agrees, reason) */
Datum
lesion_reproduce_image(PG_FUNCTION_ARGS)
{
	Datum		image = PG_GETARG_DATUM(ARGUMENT_IMAGE);

	PG_RETURN_DATUM(reproduce_row(fcinfo, &image));
}
