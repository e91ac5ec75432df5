/*
 * segment.c: the SQL functions that segment an image.
 *
 * The active version is looked up once and kept in fn_extra for as long as
 * the same rows are visible, so a query sees one version throughout, and a
 * promotion counts from the next query on. An expression of PL/pgSQL keeps its
 * fn_extra from one evaluation to the next, and each of them is a query.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "enhance/quality/quality.h"
#include "image/codec/codec.h"
#include "measure/morphology.h"
#include "pg/base/values/arguments.h"
#include "pg/base/values/bytes.h"
#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/base/settings.h"
#include "pg/models/model_store.h"
#include "pg/segment/model_cache.h"
#include "pg/segment/model_segment.h"
#include "pg/segment/segment_progress.h"
#include "pg/segment/visible_state.h"

/* Masks and maps hold long equal runs: zlib's fastest level packs them well. */
#define PNG_COMPRESSION 1

/* Probabilities as 8 bits, strictly between which a pixel is uncertain:
 * 0.25 and 0.75 of 255. */
#define UNCERTAIN_ABOVE 63.75
#define UNCERTAIN_BELOW 191.25

PG_FUNCTION_INFO_V1(lesion_segment);
PG_FUNCTION_INFO_V1(lesion_segment_detail);
PG_FUNCTION_INFO_V1(lesion_segment_version);
PG_FUNCTION_INFO_V1(lesion_cache_stats);

/* The version that the calls of one query use. */
typedef struct QueryModel
{
	MemoryContext context;		/* of name and version */
	ModelStore	store;
	char	   *name;			/* as asked for */
	bool		pinned;			/* to the number asked for; else the active version */
	int			number;
	ModelVersion *version;
	VisibleState seen;			/* when it was looked up */
} QueryModel;

/* The arguments of both functions. */
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
		visible_state_same(&query->seen, snapshot);
}

/* The model version for this call: that of the number, or the active one. */
static QueryModel *
query_model(FunctionCallInfo fcinfo, const char *name, const int *number)
{
	QueryModel *query = fcinfo->flinfo->fn_extra;
	Snapshot	snapshot = GetActiveSnapshot();
	MemoryContext caller;

	if (query == NULL)
	{
		caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		query = palloc0(sizeof *query);
		query->context = AllocSetContextCreate(CurrentMemoryContext, "lesionseg query model", ALLOCSET_SMALL_SIZES);
		query->store = store_open(fcinfo, true);
		MemoryContextSwitchTo(caller);
		fcinfo->flinfo->fn_extra = query;
		segment_progress_begin(fcinfo->flinfo->fn_mcxt);
	}
	if (still_current(query, name, number, snapshot))
		return query;

	query->version = NULL;
	MemoryContextReset(query->context);
	caller = MemoryContextSwitchTo(query->context);
	query->name = pstrdup(name);
	query->pinned = number != NULL;
	query->number = number != NULL ? *number : 0;
	SPI_connect();
	query->version = store_need_version(&query->store, name, number);
	SPI_finish();
	visible_state_keep(&query->seen, snapshot);
	MemoryContextSwitchTo(caller);
	return query;
}

/* Read the arguments: image (not NULL), model, the version's number if
 * `numbered`, threshold, tta, enhance, options. */
static SegmentRequest
read_arguments(FunctionCallInfo fcinfo, bool numbered)
{
	int			first = numbered ? 3 : 2;
	int			number = numbered && !PG_ARGISNULL(2) ? PG_GETARG_INT32(2) : 0;
	SegmentRequest request;
	QueryModel *query;

	query = query_model(fcinfo, PG_ARGISNULL(1) ? lesionseg_default_model : text_to_cstring(PG_GETARG_TEXT_PP(1)),
						numbered && !PG_ARGISNULL(2) ? &number : NULL);
	request.store = &query->store;
	request.version = query->version;
	request.image = bytes_view(PG_GETARG_DATUM(0));
	memset(&request.options, 0, sizeof request.options);
	request.options.threshold = PG_ARGISNULL(first) ? query->version->threshold : PG_GETARG_FLOAT8(first);
	request.options.tta = !PG_ARGISNULL(first + 1) && PG_GETARG_BOOL(first + 1);
	argument_enhance(fcinfo, first + 2, query->version, &request.options);
	argument_check_threshold(request.options.threshold);
	if (!PG_ARGISNULL(first + 3))
		segment_options_apply(PG_GETARG_JSONB_P(first + 3), &request.options);
	return request;
}

/* Segment; the results belong to call. */
static void
run(const SegmentRequest *request, const Call *call, bool want_probabilities, Segmented *result)
{
	Status		status = model_segment(request->store, request->version, call, &request->image, &request->options, 0, 0,
									   want_probabilities, result);

	check_status(call, status);
	segment_progress_image(request->version->model, request->version->number);
}

/* An image as a PNG bytea. */
static Datum
png_datum(const Call *call, const Image *image)
{
	EncodedImage encoded;

	check_status(call, png_encode(call, image, PNG_COMPRESSION, &encoded));
	return bytes_datum(encoded.bytes, encoded.size);
}

/* lesion_segment(image, model, threshold, tta, enhance, options) returns bytea */
Datum
lesion_segment(PG_FUNCTION_ARGS)
{
	SegmentRequest request;
	Call *call;
	Segmented	segmented;
	Datum		result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	request = read_arguments(fcinfo, false);
	call = call_create(CurrentMemoryContext, settings_threads(false));
	run(&request, call, false, &segmented);
	result = png_datum(call, &segmented.mask);
	call_destroy(call);
	bytes_release(&request.image);
	PG_RETURN_DATUM(result);
}

/* Mean of |2p - 1| over a map of 255 p, and the share of uncertain pixels. */
static void
measure_certainty(const Image *map, double *confidence, double *uncertain)
{
	size_t		pixels = (size_t) map->width * map->height;
	int64		histogram[256] = {0};
	int64		distance = 0;
	int64		between = 0;

	for (size_t i = 0; i < pixels; i++)
		histogram[map->pixels[i]]++;
	for (int value = 0; value < 256; value++)
	{
		distance += histogram[value] * abs(2 * value - 255);
		if (value > UNCERTAIN_ABOVE && value < UNCERTAIN_BELOW)
			between += histogram[value];
	}
	*confidence = distance / 255.0 / pixels;
	*uncertain = (double) between / pixels;
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

/* How good the photograph is, 0 to 1. */
static double
image_quality(const Call *call, const ByteView *bytes)
{
	Image		image;
	Quality		quality;

	check_status(call, image_decode(call, bytes->bytes, bytes->size, DECODE_RGB, &image));
	check_status(call, quality_measure(call, &image, &quality));
	image_free(call, &image);
	return quality.score;
}

/* A mask and what is known about it, as a lesion_segmentation. */
static Datum
detail(FunctionCallInfo fcinfo, bool numbered)
{
	TupleDesc	descriptor;
	Datum		values[14];
	bool		nulls[14] = {false};
	SegmentRequest request;
	Call *call;
	Segmented	segmented;
	LesionShape shape;
	double		confidence;
	double		uncertain;
	char		hex[SHA256_HEX_SIZE];

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "lesion_segment_detail must return a row");

	request = read_arguments(fcinfo, numbered);
	call = call_create(CurrentMemoryContext, settings_threads(false));
	run(&request, call, true, &segmented);
	check_status(call, lesion_shape(call, &segmented.mask, &shape));
	measure_certainty(&segmented.probabilities, &confidence, &uncertain);
	sha256_hex(request.version->sha256, hex);

	values[0] = png_datum(call, &segmented.mask);
	values[1] = png_datum(call, &segmented.probabilities);
	values[2] = Float8GetDatum(confidence);
	values[3] = Float8GetDatum(uncertain);
	values[4] = Float8GetDatum((double) shape.area / ((double) segmented.mask.width * segmented.mask.height));
	nulls[5] = shape.area == 0;
	values[5] = nulls[5] ? (Datum) 0 : box_datum(&shape);
	values[6] = Int32GetDatum(shape.components);
	values[7] = CStringGetTextDatum(request.version->model);
	values[8] = Int32GetDatum(request.version->number);
	values[9] = CStringGetTextDatum(hex);
	values[10] = Float8GetDatum(segmented.disagreement);
	nulls[10] = !request.options.tta;
	values[11] = Float8GetDatum(segmented.predicted_dice);
	values[12] = Float8GetDatum(image_quality(call, &request.image));
	values[13] = BoolGetDatum(segmented.predicted_dice < request.version->review_below);
	call_destroy(call);
	bytes_release(&request.image);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

/* lesion_segment_detail(image, model, threshold, tta, enhance, options) returns
 * lesion_segmentation */
Datum
lesion_segment_detail(PG_FUNCTION_ARGS)
{
	return detail(fcinfo, false);
}

/* lesion_segment_version(image, model, version, threshold, tta, enhance,
 * options) returns lesion_segmentation */
Datum
lesion_segment_version(PG_FUNCTION_ARGS)
{
	return detail(fcinfo, true);
}

/* lesion_cache_stats() -> (loads, hits, entries, bytes) */
Datum
lesion_cache_stats(PG_FUNCTION_ARGS)
{
	TupleDesc	descriptor;
	ModelCacheStats stats = model_cache_stats();
	Datum		values[4];
	bool		nulls[4] = {false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "lesion_cache_stats must return a row");
	values[0] = Int64GetDatum(stats.loads);
	values[1] = Int64GetDatum(stats.hits);
	values[2] = Int32GetDatum(stats.entries);
	values[3] = Int64GetDatum((int64) stats.bytes);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
