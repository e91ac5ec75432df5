/*
 * pinned.c: the SQL functions lesion_pin and lesion_segment_by_pin, of which
 * lesion_segment_pinned is made: an image segmented with weights that are named
 * by their SHA-256.
 *
 * The mask follows from the image, the weights and the arguments, and from no
 * setting, no promotion and no name: so the functions are IMMUTABLE, and what is
 * missing or above a limit is an error, never another mask. It is computed by the
 * backend that the build prefers, with one thread.
 *
 * A pin is all arguments but the image, checked and as one jsonb. That has no
 * collation, which a text has, and postgres_fdw sends no function that takes a text
 * unless it stems from a column of the other server. PostgreSQL makes
 * lesion_segment_pinned a lesion_segment_by_pin when it plans, and the pin a constant.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/base/call.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "pg/base/values/arguments.h"
#include "pg/base/values/bytes.h"
#include "pg/base/values/json_values.h"
#include "pg/base/values/row_values.h"
#include "pg/models/model_store.h"
#include "pg/segment/model_segment.h"
#include "pg/segment/query_state.h"
#include "pg/segment/segment_progress.h"
#include "pg/segment/segmentation.h"

PG_FUNCTION_INFO_V1(lesion_pin);
PG_FUNCTION_INFO_V1(lesion_segment_by_pin);

/* Pinned masks are computed with so many threads, on every machine. */
#define PINNED_THREADS "1"

/* ---- a pin ---- */

typedef struct Pin
{
	uint8_t		sha256[SHA256_BYTES];
	int			image_size;
	char	   *precision;		/* "f32" or "bf16" */
	SegmentOptions options;
} Pin;

/* Arguments of lesion_pin; their names are the keys of a pin. */
enum
{
	PIN_WEIGHTS_SHA256, PIN_THRESHOLD, PIN_IMAGE_SIZE, PIN_PRECISION, PIN_TTA, PIN_ENHANCE, PIN_OPTIONS
};

/* The precision of that name, if it is one that says what is computed. */
static char *
check_precision(char *name)
{
	if (strcmp(name, "f32") != 0 && strcmp(name, "bf16") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("precision is \"%s\"", name),
				 errhint("It is 'f32' or 'bf16': 'auto' is another one on another machine.")));
	return name;
}

/* Check an image size. */
static int
check_image_size(int size)
{
	if (size < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("image_size is %d, it must be positive", size),
				 errhint("256 is what networks are trained at unless they were told otherwise.")));
	return size;
}

/* lesion_pin(weights_sha256, threshold, image_size, precision, tta, enhance, options) returns jsonb */
Datum
lesion_pin(PG_FUNCTION_ARGS)
{
	Pin			pin = {.precision = check_precision(argument_text(fcinfo, PIN_PRECISION, "precision"))};
	char		hex[SHA256_HEX_SIZE];
	JsonBuilder builder;

	argument_sha256("weights_sha256", argument_text(fcinfo, PIN_WEIGHTS_SHA256, "weights_sha256"), pin.sha256);
	pin.options.threshold = argument_double(fcinfo, PIN_THRESHOLD, "threshold");
	argument_check_threshold(pin.options.threshold);
	pin.image_size = check_image_size(argument_int(fcinfo, PIN_IMAGE_SIZE, "image_size"));
	argument_needed(fcinfo, PIN_TTA, "tta");
	check_status(NULL, enhance_mode_find(argument_text(fcinfo, PIN_ENHANCE, "enhance"), &pin.options.enhance));
	argument_needed(fcinfo, PIN_OPTIONS, "options");
	segment_options_apply(PG_GETARG_JSONB_P(PIN_OPTIONS), &pin.options);

	sha256_hex(pin.sha256, hex);
	json_begin(&builder);
	json_add_string(&builder, "weights_sha256", hex);
	json_add_number(&builder, "threshold", pin.options.threshold);
	json_add_number(&builder, "image_size", pin.image_size);
	json_add_string(&builder, "precision", pin.precision);
	json_add_boolean(&builder, "tta", PG_GETARG_BOOL(PIN_TTA));
	json_add_string(&builder, "enhance", enhance_mode_name(pin.options.enhance));
	json_add_object(&builder, "options", PG_GETARG_JSONB_P(PIN_OPTIONS));
	PG_RETURN_JSONB_P(json_end(&builder));
}

/* The value of a pin's key, of a type. */
static JsonbValue
pin_value(Jsonb *json, const char *key, enum jbvType type)
{
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(json) ||
		getKeyJsonValueFromContainer(&json->root, key, strlen(key), &value) == NULL || value.type != type)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the pin has no \"%s\" as lesion_pin writes it", key),
				 errhint("Make it with lesion_pin, or call lesion_segment_pinned.")));
	return value;
}

/* A string of a pin. */
static char *
pin_string(Jsonb *json, const char *key)
{
	JsonbValue	value = pin_value(json, key, jbvString);

	return pnstrdup(value.val.string.val, value.val.string.len);
}

/* Read a pin. What lesion_pin has checked is checked again: anyone may write one. */
static Pin
read_pin(Jsonb *json)
{
	Numeric		threshold = pin_value(json, "threshold", jbvNumeric).val.numeric;
	Numeric		image_size = pin_value(json, "image_size", jbvNumeric).val.numeric;
	JsonbValue	options = pin_value(json, "options", jbvBinary);
	Pin			pin = {.precision = check_precision(pin_string(json, "precision"))};

	argument_sha256("weights_sha256", pin_string(json, "weights_sha256"), pin.sha256);
	pin.options.threshold = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
															   NumericGetDatum(threshold)));
	argument_check_threshold(pin.options.threshold);
	pin.image_size = check_image_size(DatumGetInt32(DirectFunctionCall1(numeric_int4, NumericGetDatum(image_size))));
	pin.options.tta = pin_value(json, "tta", jbvBool).val.boolean;
	check_status(NULL, enhance_mode_find(pin_string(json, "enhance"), &pin.options.enhance));
	segment_options_apply(JsonbValueToJsonb(&options), &pin.options);
	return pin;
}

/* ---- the weights ---- */

/* What the calls of one query use. */
typedef struct PinnedQuery
{
	QueryState	state;
	Jsonb	   *json;			/* what the pin was read from; NULL = nothing yet */
	Pin			pin;
	ModelVersion *version;		/* that has the weights */
} PinnedQuery;

/* A version that has the weights. Several may have them; any of them will do. */
static ModelVersion *
find_weights(const ModelStore *store, const Pin *pin)
{
	Oid			types[] = {BYTEAOID};
	Datum		values[] = {bytes_datum(pin->sha256, SHA256_BYTES)};
	char		hex[SHA256_HEX_SIZE];
	int			number;

	store_execute(store, "SELECT model, number FROM @lesion_version WHERE sha256 = $1 ORDER BY model, number LIMIT 1",
				  1, types, values, NULL, SPI_OK_SELECT);
	sha256_hex(pin->sha256, hex);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no version in this database has the weights %s", hex),
				 errhint("Bring them here: lesion_model_export where they are, lesion_model_import here. "
						 "SELECT model, number, encode(sha256, 'hex') FROM lesion_version lists what is here.")));
	number = DatumGetInt32(first_row_needed("number", INT4OID));
	return store_need_version(store, TextDatumGetCString(first_row_needed("model", TEXTOID)), &number);
}

/* Have a version, and the members of an ensemble, see images at a size. */
static void
set_image_size(ModelVersion *version, int size)
{
	version->traits.image_size = size;
	for (int i = 0; i < version->member_count; i++)
		version->members[i]->traits.image_size = size;
}

/* What a call with the pin needs: that of the call before where it still
 * holds. */
static PinnedQuery *
pinned_query(FunctionCallInfo fcinfo, Jsonb *json)
{
	PinnedQuery *query = query_state(fcinfo, sizeof *query);
	Snapshot	snapshot = GetActiveSnapshot();
	MemoryContext caller;

	if (query->json != NULL && VARSIZE(query->json) == VARSIZE(json) &&
		memcmp(query->json, json, VARSIZE(json)) == 0 && query_lookup_holds(&query->state, snapshot))
		return query;

	query->json = NULL;
	caller = query_lookup_begin(&query->state);
	query->pin = read_pin(json);
	SPI_connect();
	query->version = find_weights(&query->state.store, &query->pin);
	SPI_finish();
	set_image_size(query->version, query->pin.image_size);
	query->json = (Jsonb *) pg_detoast_datum_copy((struct varlena *) json);
	query_lookup_end(&query->state, snapshot, caller);
	return query;
}

/* ---- the mask ---- */

/* Segment with no setting of the session but the limits. */
static Datum
segment_pinned(const PinnedQuery *query, const ByteView *image)
{
	int			level = NewGUCNestLevel();
	Call	   *call;
	EncodedImage mask;
	Datum		result;

	settings_save("lesionseg.backend", "auto");
	settings_save("lesionseg.precision", query->pin.precision);
	settings_save("lesionseg.threads", PINNED_THREADS);
	settings_check_image_size(query->pin.image_size);
	call = call_create(CurrentMemoryContext, settings_threads(false));
	check_status(call, model_segment_png(&query->state.store, query->version, call, image, &query->pin.options, &mask));
	result = encoded_datum(call, &mask);
	call_destroy(call);
	AtEOXact_GUC(true, level);
	segment_progress_image(query->version->model, query->version->number);
	return result;
}

enum
{
	SEGMENT_IMAGE, SEGMENT_PIN
};

/* lesion_segment_by_pin(image, pin) returns bytea */
Datum
lesion_segment_by_pin(PG_FUNCTION_ARGS)
{
	PinnedQuery *query = pinned_query(fcinfo, PG_GETARG_JSONB_P(SEGMENT_PIN));
	ByteView	image = bytes_view(PG_GETARG_DATUM(SEGMENT_IMAGE));
	Datum		result = segment_pinned(query, &image);

	bytes_release(&image);
	PG_RETURN_DATUM(result);
}
