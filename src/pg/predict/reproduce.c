/*
 * reproduce.c: the SQL functions lesion_reproduce: make a stored mask again,
 * from the weights, options and engine that its row names, and compare the
 * bytes.
 *
 * Anybody may have written the row, and a superuser may check it. So the row is
 * only data: the relation that it names is never queried (stored_image.h).
 * Alternatively the caller gives the image.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/jsonb.h"

#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/base/settings.h"
#include "pg/images/stored_image.h"
#include "pg/models/model_store.h"

PG_FUNCTION_INFO_V1(lesion_reproduce);
PG_FUNCTION_INFO_V1(lesion_reproduce_image);

/* The contents of a prediction's row. */
typedef struct Prediction
{
	HeapTupleHeader row;
	char	   *images;
	char	   *id;
	char	   *error;			/* NULL: it has a mask */
	Datum		mask;
	char	   *model;
	int			version;
	Datum		weights_sha256;
	Datum		image_sha256;
	Jsonb	   *options;
	char	   *backend;
	char	   *precision;
} Prediction;

/* Read an attribute; an error if it is NULL. */
static Datum
read_attribute(HeapTupleHeader row, const char *name, Oid type)
{
	bool		isnull;
	Datum		value = row_attribute(row, name, type, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s of the prediction is NULL", name),
				 errhint("Give a row as lesion_predict wrote it.")));
	return value;
}

/* Read a text attribute; an optional one may be NULL. */
static char *
attribute_text(HeapTupleHeader row, const char *name, bool optional)
{
	bool		isnull;
	Datum		value = row_attribute(row, name, TEXTOID, &isnull);

	if (isnull && optional)
		return NULL;
	if (isnull)
		value = read_attribute(row, name, TEXTOID);
	return TextDatumGetCString(value);
}

/* Read the rest of a prediction, after its image's name. */
static void
read_prediction(Prediction *prediction)
{
	HeapTupleHeader row = prediction->row;

	prediction->error = attribute_text(row, "error", true);
	prediction->model = attribute_text(row, "model", false);
	prediction->version = DatumGetInt32(read_attribute(row, "version", INT4OID));
	prediction->weights_sha256 = read_attribute(row, "weights_sha256", BYTEAOID);
	prediction->image_sha256 = read_attribute(row, "image_sha256", BYTEAOID);
	prediction->options = DatumGetJsonbP(read_attribute(row, "options", JSONBOID));
	prediction->backend = attribute_text(row, "backend", false);
	prediction->precision = attribute_text(row, "precision", false);
	if (!JB_ROOT_IS_OBJECT(prediction->options))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the prediction's options are not an object"),
				 errhint("Give a row as lesion_predict wrote it.")));
	if (prediction->error == NULL)
		prediction->mask = read_attribute(row, "mask", BYTEAOID);
}

/* Add the row's name to an error, so that a broken row can be found. */
static void
name_row(void *argument)
{
	const Prediction *prediction = argument;

	errcontext("making the mask of image \"%s\" of %s again", prediction->id, prediction->images);
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

/* Are two bytea the same? */
static bool
same_bytes(Datum a, Datum b)
{
	ByteView	one = bytes_view(a);
	ByteView	other = bytes_view(b);
	bool		same = one.size == other.size && memcmp(one.bytes, other.bytes, one.size) == 0;

	bytes_release(&one);
	bytes_release(&other);
	return same;
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
	if (!same_bytes(prediction->weights_sha256, bytes_datum(version->sha256, SHA256_BYTES)))
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

/* Find the row's image. Returns NULL, or why it is not found. */
static const char *
find_image(const Prediction *prediction, Datum *image)
{
	char	   *image_column = option_text(prediction->options, "image_column");
	StoredImage wanted = {
		.images = prediction->images,
		.id = prediction->id,
		.image_column = image_column != NULL ? image_column : "image",
		.id_column = option_text(prediction->options, "id_column"),
		.sha256 = wanted_digest(prediction),
	};

	return stored_image_find(&wanted, image);
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

/* Segment the image with the row's options. */
static Datum
segment_again(const ModelStore *store, const Prediction *prediction, Datum image)
{
	Oid			types[] = {BYTEAOID, TEXTOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, JSONBOID};
	char	   *threshold = option_text(prediction->options, "threshold");
	char	   *tta = option_text(prediction->options, "tta");
	char	   *enhance = option_text(prediction->options, "enhance");
	Datum		values[] = {
		image, CStringGetTextDatum(prediction->model), Int32GetDatum(prediction->version),
		threshold != NULL ? CStringGetTextDatum(threshold) : (Datum) 0,
		CStringGetTextDatum(tta != NULL ? tta : "false"), enhance != NULL ? CStringGetTextDatum(enhance) : (Datum) 0,
		JsonbPGetDatum(segment_options(prediction->options))
	};
	char		nulls[] = "       ";

	nulls[3] = threshold != NULL ? ' ' : 'n';
	nulls[5] = enhance != NULL ? ' ' : 'n';
	store_execute(store,
				  "SELECT (@lesion_segment_version($1, $2, $3, $4::float8, $5::boolean, $6, $7)).mask",
				  lengthof(types), types, values, nulls, SPI_OK_SELECT);
	return first_row_needed("mask", BYTEAOID);
}

/*
 * Make the mask again, from `given` or else from the row's image. Returns NULL
 * if it agrees, or why it does not; *made says whether a mask could be made.
 */
static const char *
reproduce(const ModelStore *store, const Prediction *prediction, const Datum *given, bool *made)
{
	Datum		image = given != NULL ? *given : (Datum) 0;
	const char *reason = check_weights(store, prediction);
	int			level;

	*made = false;
	if (reason == NULL)
		reason = given != NULL ? check_image(prediction, image) : find_image(prediction, &image);
	if (reason != NULL)
		return reason;
	level = NewGUCNestLevel();
	reason = set_engine(prediction);
	if (reason == NULL)
	{
		*made = true;
		if (!same_bytes(prediction->mask, segment_again(store, prediction, image)))
			reason = "the masks differ";
	}
	AtEOXact_GUC(true, level);
	return reason;
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
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(ARGUMENT_PREDICTION);
	Prediction	prediction = {
		.row = row,
		.images = attribute_text(row, "images", false),
		.id = attribute_text(row, "id", false),
	};
	ErrorContextCallback context = {.previous = error_context_stack,.callback = name_row,.arg = &prediction};
	RowBuilder	result = row_begin_result(fcinfo);
	const char *reason;
	bool		made = false;

	error_context_stack = &context;
	read_prediction(&prediction);
	SPI_connect();
	reason = prediction.error != NULL ? "it has no mask" : reproduce(&store, &prediction, given, &made);
	SPI_finish();
	error_context_stack = context.previous;
	if (made)
		row_set(&result, "agrees", BOOLOID, BoolGetDatum(reason == NULL));
	if (reason != NULL)
		row_set(&result, "reason", TEXTOID, CStringGetTextDatum(reason));
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
