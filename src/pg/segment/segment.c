/*
 * segment.c: the SQL functions that segment an image.
 *
 * The active version is looked up once and kept in fn_extra for as long as
 * the same rows are visible, so a query sees one version throughout, and a
 * promotion counts from the next query on. An expression of PL/pgSQL keeps its
 * fn_extra from one evaluation to the next, and each of them is a query.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/base/values/arguments.h"
#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/base/settings.h"
#include "pg/models/model_store.h"
#include "pg/segment/model_cache.h"
#include "pg/segment/model_segment.h"
#include "pg/segment/query_state.h"
#include "pg/segment/segment_progress.h"
#include "pg/segment/segmentation.h"

PG_FUNCTION_INFO_V1(lesion_segment);
PG_FUNCTION_INFO_V1(lesion_segment_detail);
PG_FUNCTION_INFO_V1(lesion_segment_version);
PG_FUNCTION_INFO_V1(lesion_cache_stats);

/* The version that the calls of one query use. */
typedef struct QueryModel
{
	QueryState	state;
	char	   *name;			/* as asked for */
	bool		pinned;			/* to the number asked for; else the active version */
	int			number;
	ModelVersion *version;
} QueryModel;

/* The arguments that the functions which segment have in common. */
typedef struct SegmentRequest
{
	const ModelStore *store;
	const ModelVersion *version;
	ByteView	image;
	SegmentOptions options;
} SegmentRequest;

/* Is what was looked up for `name` and `number` still what a lookup would
 * give? */
static bool
still_current(const QueryModel *query, const char *name, const int *number, Snapshot snapshot)
{
	return query->version != NULL && query->pinned == (number != NULL) &&
		(number == NULL || query->number == *number) && strcmp(query->name, name) == 0 &&
		query_lookup_holds(&query->state, snapshot);
}

/* The model version for this call: that of the number, or the active one. */
static QueryModel *
query_model(FunctionCallInfo fcinfo, const char *name, const int *number)
{
	QueryModel *query = query_state(fcinfo, sizeof *query);
	Snapshot	snapshot = GetActiveSnapshot();
	MemoryContext caller;

	if (still_current(query, name, number, snapshot))
		return query;

	query->version = NULL;
	caller = query_lookup_begin(&query->state);
	query->name = pstrdup(name);
	query->pinned = number != NULL;
	query->number = number != NULL ? *number : 0;
	SPI_connect();
	query->version = store_need_version(&query->state.store, query->name, number);
	SPI_finish();
	query_lookup_end(&query->state, snapshot, caller);
	return query;
}

/* The arguments of lesion_segment_version. Functions that take no version have
 * those behind it one place earlier. */
enum
{
	SEGMENT_IMAGE, SEGMENT_MODEL, SEGMENT_VERSION, SEGMENT_THRESHOLD, SEGMENT_TTA, SEGMENT_ENHANCE, SEGMENT_OPTIONS
};

/* Read the arguments, of which the image is not NULL; numbered: with the
 * version's number. */
static SegmentRequest
read_arguments(FunctionCallInfo fcinfo, bool numbered)
{
	int			shift = numbered ? 0 : -1;
	bool		has_number = numbered && !PG_ARGISNULL(SEGMENT_VERSION);
	int			number = has_number ? PG_GETARG_INT32(SEGMENT_VERSION) : 0;
	int			threshold = SEGMENT_THRESHOLD + shift;
	int			tta = SEGMENT_TTA + shift;
	int			options = SEGMENT_OPTIONS + shift;
	SegmentRequest request;
	QueryModel *query;

	query = query_model(fcinfo, PG_ARGISNULL(SEGMENT_MODEL) ? lesionseg_default_model :
						text_to_cstring(PG_GETARG_TEXT_PP(SEGMENT_MODEL)), has_number ? &number : NULL);
	request.store = &query->state.store;
	request.version = query->version;
	request.image = bytes_view(PG_GETARG_DATUM(SEGMENT_IMAGE));
	memset(&request.options, 0, sizeof request.options);
	request.options.threshold = PG_ARGISNULL(threshold) ? query->version->traits.threshold :
		PG_GETARG_FLOAT8(threshold);
	request.options.tta = !PG_ARGISNULL(tta) && PG_GETARG_BOOL(tta);
	argument_enhance(fcinfo, SEGMENT_ENHANCE + shift, query->version, &request.options);
	argument_check_threshold(request.options.threshold);
	if (!PG_ARGISNULL(options))
		segment_options_apply(PG_GETARG_JSONB_P(options), &request.options);
	return request;
}

/* lesion_segment(image, model, threshold, tta, enhance, options) returns bytea */
Datum
lesion_segment(PG_FUNCTION_ARGS)
{
	SegmentRequest request;
	Call	   *call;
	EncodedImage mask;
	Datum		result;

	if (PG_ARGISNULL(SEGMENT_IMAGE))
		PG_RETURN_NULL();
	request = read_arguments(fcinfo, false);
	call = call_create(CurrentMemoryContext, settings_threads(false));
	check_status(call, model_segment_png(request.store, request.version, call, &request.image, &request.options,
										 &mask));
	segment_progress_image(request.version->model, request.version->number);
	result = encoded_datum(call, &mask);
	call_destroy(call);
	bytes_release(&request.image);
	PG_RETURN_DATUM(result);
}

/* {x, y, width, height} as int[]. */
static Datum
box_datum(const LesionShape *shape)
{
	Datum		corners[] = {
		Int32GetDatum(shape->x), Int32GetDatum(shape->y),
		Int32GetDatum(shape->width), Int32GetDatum(shape->height)
	};

	return PointerGetDatum(construct_array(corners, 4, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/* A segmentation as a row of that type. */
static Datum
segmentation_row(const SegmentRequest *request, const Call *call, const Segmentation *made, TupleDesc columns)
{
	const Segmented *segmented = &made->segmented;
	RowBuilder	row = row_begin(columns);
	char		hex[SHA256_HEX_SIZE];

	sha256_hex(request->version->sha256, hex);
	row_set(&row, "mask", BYTEAOID, image_png(call, &segmented->mask));
	row_set(&row, "probability", BYTEAOID, image_png(call, &segmented->probabilities));
	row_set_float8(&row, "confidence", made->confidence);
	row_set_float8(&row, "uncertain", made->uncertain);
	row_set_float8(&row, "area", made->area);
	if (made->shape.area > 0)
		row_set(&row, "box", INT4ARRAYOID, box_datum(&made->shape));
	row_set(&row, "components", INT4OID, Int32GetDatum(made->shape.components));
	row_set(&row, "model", TEXTOID, CStringGetTextDatum(request->version->model));
	row_set(&row, "version", INT4OID, Int32GetDatum(request->version->number));
	row_set(&row, "sha256", TEXTOID, CStringGetTextDatum(hex));
	row_set_float8(&row, "disagreement", segmented->disagreement);
	row_set_float8(&row, "predicted_dice", segmented->predicted_dice);
	row_set_float8(&row, "quality", made->quality);
	row_set(&row, "needs_review", BOOLOID, BoolGetDatum(made->needs_review));
	return row_datum(&row);
}

/* A mask and what is known about it, as a lesion_segmentation. */
static Datum
segment_detail(FunctionCallInfo fcinfo, bool numbered)
{
	TupleDesc	descriptor;
	SegmentRequest request;
	Segmentation made;
	Call	   *call;
	Datum		result;

	if (PG_ARGISNULL(SEGMENT_IMAGE))
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "lesion_segment_detail must return a row");

	request = read_arguments(fcinfo, numbered);
	call = call_create(CurrentMemoryContext, settings_threads(false));
	check_status(call, segmentation_make(request.store, request.version, call, &request.image, &request.options,
										 &made));
	segment_progress_image(request.version->model, request.version->number);
	result = segmentation_row(&request, call, &made, descriptor);
	call_destroy(call);
	bytes_release(&request.image);
	PG_RETURN_DATUM(result);
}

/* lesion_segment_detail(image, model, threshold, tta, enhance, options) returns
 * lesion_segmentation */
Datum
lesion_segment_detail(PG_FUNCTION_ARGS)
{
	return segment_detail(fcinfo, false);
}

/* lesion_segment_version(image, model, version, threshold, tta, enhance,
 * options) returns lesion_segmentation */
Datum
lesion_segment_version(PG_FUNCTION_ARGS)
{
	return segment_detail(fcinfo, true);
}

/* lesion_cache_stats() -> (loads, hits, entries, bytes) */
Datum
lesion_cache_stats(PG_FUNCTION_ARGS)
{
	RowBuilder	row = row_begin_result(fcinfo);
	ModelCacheStats stats = model_cache_stats();

	row_set(&row, "loads", INT8OID, Int64GetDatum(stats.loads));
	row_set(&row, "hits", INT8OID, Int64GetDatum(stats.hits));
	row_set(&row, "entries", INT4OID, Int32GetDatum(stats.entries));
	row_set(&row, "bytes", INT8OID, Int64GetDatum((int64) stats.bytes));
	PG_RETURN_DATUM(row_datum(&row));
}
