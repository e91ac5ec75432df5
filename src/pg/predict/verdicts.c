/*
 * verdicts.c: SQL functions of oversight: a reviewer's verdict on a mask, the
 * queue of masks to review next, and the reviewed masks, for training.
 *
 * Tables of predictions and of verdicts are the users'; queries run with the
 * rights of the caller. A verdict is about one mask, by its SHA-256: another
 * version's mask of the image needs its own verdict.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "image/mask_decode.h"
#include "pg/base/call.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "pg/base/query/spi_context.h"
#include "pg/base/user_tables.h"
#include "pg/base/values/arguments.h"
#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/images/image_arguments.h"
#include "pg/images/images_source.h"

PG_FUNCTION_INFO_V1(lesion_verdict_add);
PG_FUNCTION_INFO_V1(lesion_review_queue);
PG_FUNCTION_INFO_V1(lesion_reviewed_masks);

/* Arguments of lesion_verdict_add. */
enum
{
	ARG_VERDICTS, ARG_PREDICTIONS, ARG_ID, ARG_VERDICT, ARG_REASON, ARG_CORRECTED_MASK, ARG_IMAGES, ARG_MASK_SHA256
};

/* ---- giving a verdict ---- */

/* Raise an error unless the verdict is known, and has a corrected mask if it
 * needs one. */
static void
check_verdict(const char *verdict, bool corrected)
{
	if (strcmp(verdict, "accept") != 0 && strcmp(verdict, "correct") != 0 && strcmp(verdict, "reject") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("verdict \"%s\" does not exist", verdict),
				 errhint("Verdicts are 'accept', 'correct' and 'reject'.")));
	if (corrected != (strcmp(verdict, "correct") == 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(corrected ? "verdict \"%s\" has no corrected_mask" : "verdict \"%s\" needs a corrected_mask",
						verdict),
				 errhint("Give the mask as it should be with corrected_mask => '...', and the verdict 'correct'.")));
}

/* Decode the stored mask of a prediction. */
static Status
decode_stored(const Call *call, Datum mask, Image *image)
{
	ByteView	bytes = bytes_view(mask);
	Status		status = mask_decode(call, bytes.bytes, bytes.size, TURN_UPRIGHT, image, NULL);

	bytes_release(&bytes);
	if (status.code != LS_OK && !broken_or_too_large(status))
		check_status(call, status);
	return status;
}

/* Raise an error unless there is a mask that can be accepted: what cannot be
 * read was looked at by nobody, and would reach training. */
static void
check_accepted(const char *id, Datum mask, bool no_mask)
{
	Call	   *call = call_create(CurrentMemoryContext, 1);
	Status		status;
	Image		image;

	if (no_mask)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("image \"%s\" has no mask to accept", id),
				 errhint("It could not be segmented: reject it, or give a corrected_mask.")));
	status = decode_stored(call, mask, &image);
	if (status.code != LS_OK)
		ereport(ERROR,
				(errcode(status_sqlstate(status.code)),
				 errmsg("the mask of image \"%s\" cannot be accepted: %s", id, status.message),
				 errhint("Reject it, or give a corrected_mask.")));
	call_destroy(call);
}

/* Check that a corrected mask can be read, and has the shape of the old mask,
 * where its header can be read: a broken one is what corrections are for. */
static void
check_correction(Datum corrected, Datum mask, bool no_mask)
{
	Call	   *call = call_create(CurrentMemoryContext, 1);
	ByteView	bytes = bytes_view(corrected);
	Image		image;
	ImageInfo	before;

	check_argument(call, "corrected_mask", mask_decode(call, bytes.bytes, bytes.size, TURN_UPRIGHT, &image, NULL));
	bytes_release(&bytes);
	if (!no_mask && image_header(mask, &before) &&
		!image_shapes_match(image.width, image.height, before.width, before.height))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("corrected_mask is %d x %d pixels, the mask that was looked at %d x %d: another shape",
						image.width, image.height, before.width, before.height),
				 errhint("Draw the corrected mask on the image itself; its size may differ, its shape may not.")));
	call_destroy(call);
}

/* The columns of a prediction that are read, in this order. */
enum
{
	PREDICTION_IMAGES, PREDICTION_MASK, PREDICTION_MODEL, PREDICTION_VERSION, PREDICTION_SHA256, PREDICTION_COUNT
};

static const Oid prediction_types[PREDICTION_COUNT] = {TEXTOID, BYTEAOID, TEXTOID, INT4OID, BYTEAOID};

/* Find the latest prediction of an image; its row is in SPI_tuptable. */
static void
find_prediction(FunctionCallInfo fcinfo, const char *table)
{
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[] = {PG_GETARG_DATUM(ARG_ID), PG_ARGISNULL(ARG_IMAGES) ? (Datum) 0 :
		PG_GETARG_DATUM(ARG_IMAGES)};
	char		nulls[] = {' ', PG_ARGISNULL(ARG_IMAGES) ? 'n' : ' '};
	char	   *id = argument_text(fcinfo, ARG_ID, "id");

	/* An index on id is in the collation of the database, the rows compare bytes. */
	if (user_table_select(table, psprintf("SELECT images, mask, model, version, sha256(mask) "
										  "FROM (SELECT DISTINCT ON (images) * FROM %s r "
										  "WHERE id COLLATE \"default\" = $1 "
										  "AND ($2 IS NULL OR images = $2) AND predicted_at <= clock_timestamp() "
										  "ORDER BY images, predicted_at DESC) p",
										  user_table_rows(&user_table_predictions, table,
														  "images, id, mask, model, version, predicted_at")),
						  2, types, values, nulls) != SPI_OK_SELECT)
		elog(ERROR, "reading %s failed", table);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("%s has no mask of an image \"%s\"", table, id),
				 errhint("The id is the image's key as text, as in the column id of %s.", table)));
	if (SPI_processed > 1)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("%s has masks of images \"%s\" of " UINT64_FORMAT " tables", table, id, SPI_processed),
				 errhint("Name the table with images => '...', as in the column images of %s.", table)));
}

/* Check that the latest mask is the one that the reviewer says was looked at. */
static void
check_looked_at(FunctionCallInfo fcinfo, const Datum *prediction, const bool *nulls)
{
	if (PG_ARGISNULL(ARG_MASK_SHA256))
		return;
	if (nulls[PREDICTION_SHA256] ||
		!bytes_equal(PG_GETARG_DATUM(ARG_MASK_SHA256), prediction[PREDICTION_SHA256]))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the latest mask of image \"%s\" is not the one that was looked at",
						text_to_cstring(PG_GETARG_TEXT_PP(ARG_ID))),
				 errdetail("mask_sha256 is another's."),
				 errhint("Another mask of the image came meanwhile: look at that one.")));
}

/* A value to store, NULL or not. */
typedef struct VerdictValue
{
	const char *column;
	Oid			type;
	Datum		value;
	bool		isnull;
} VerdictValue;

/* An argument to store. */
static VerdictValue
argument_value(FunctionCallInfo fcinfo, int n, const char *column, Oid type)
{
	return (VerdictValue) {column, type, PG_ARGISNULL(n) ? (Datum) 0 : PG_GETARG_DATUM(n), PG_ARGISNULL(n)};
}

/* Store the verdict; the row is in SPI_tuptable. */
static void
store_verdict(FunctionCallInfo fcinfo, const char *table, const Datum *prediction, const bool *nulls)
{
	const VerdictValue row[] = {
		{"images", TEXTOID, prediction[PREDICTION_IMAGES], nulls[PREDICTION_IMAGES]},
		argument_value(fcinfo, ARG_ID, "id", TEXTOID),
		argument_value(fcinfo, ARG_VERDICT, "verdict", TEXTOID),
		argument_value(fcinfo, ARG_REASON, "reason", TEXTOID),
		argument_value(fcinfo, ARG_CORRECTED_MASK, "corrected_mask", BYTEAOID),
		{"mask_sha256", BYTEAOID, prediction[PREDICTION_SHA256], nulls[PREDICTION_SHA256]},
		{"model", TEXTOID, prediction[PREDICTION_MODEL], nulls[PREDICTION_MODEL]},
		{"version", INT4OID, prediction[PREDICTION_VERSION], nulls[PREDICTION_VERSION]},
	};
	Oid			types[lengthof(row)];
	Datum		values[lengthof(row)];
	char		null_flags[lengthof(row)];
	StringInfoData columns;
	StringInfoData numbers;
	char	   *query;

	initStringInfo(&columns);
	initStringInfo(&numbers);
	for (int i = 0; i < (int) lengthof(row); i++)
	{
		types[i] = row[i].type;
		values[i] = row[i].value;
		null_flags[i] = row[i].isnull ? 'n' : ' ';
		appendStringInfo(&columns, "%s, ", row[i].column);
		appendStringInfo(&numbers, "$%d, ", i + 1);
	}
	query = psprintf("INSERT INTO %s (%sdecided_at, decided_by) "
					 "VALUES (%spg_catalog.clock_timestamp(), current_user) "
					 "RETURNING %sdecided_at, decided_by", table, columns.data, numbers.data, columns.data);
	if (spi_execute_as(psprintf("storing a verdict in %s", table), query, lengthof(row), types, values, null_flags,
					   false, 0) != SPI_OK_INSERT_RETURNING || SPI_processed != 1)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				 errmsg("a trigger kept a verdict from being stored in %s", table),
				 errhint("See the triggers of the table.")));
}

/*
 * lesion_verdict_add(verdicts, predictions, id, verdict, reason, corrected_mask, images, mask_sha256)
 * returns lesion_verdict
 */
Datum
lesion_verdict_add(PG_FUNCTION_ARGS)
{
	ModelStore	store = store_open(fcinfo, false);
	MemoryContext caller = CurrentMemoryContext;
	char	   *verdict = argument_text(fcinfo, ARG_VERDICT, "verdict");
	char	   *verdicts = user_table_open(&store, &user_table_verdicts,
										   argument_oid(fcinfo, ARG_VERDICTS, "verdicts"));
	char	   *predictions = user_table_open(&store, &user_table_predictions,
											  argument_oid(fcinfo, ARG_PREDICTIONS, "predictions"));
	TupleDesc	descriptor;
	Datum		prediction[PREDICTION_COUNT];
	bool		nulls[PREDICTION_COUNT];
	Datum		values[MaxTupleAttributeNumber];
	bool		value_nulls[MaxTupleAttributeNumber];
	Datum		result;

	argument_needed(fcinfo, ARG_ID, "id");
	check_verdict(verdict, !PG_ARGISNULL(ARG_CORRECTED_MASK));
	user_table_check_insert(&store, &user_table_verdicts, PG_GETARG_OID(ARG_VERDICTS));
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "lesion_verdict_add must return a row");
	descriptor = BlessTupleDesc(descriptor);
	SPI_connect();
	find_prediction(fcinfo, predictions);
	for (int i = 0; i < PREDICTION_COUNT; i++)
		prediction[i] = row_value(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, prediction_types[i], &nulls[i]);
	check_looked_at(fcinfo, prediction, nulls);
	if (strcmp(verdict, "accept") == 0)
		check_accepted(argument_text(fcinfo, ARG_ID, "id"), prediction[PREDICTION_MASK], nulls[PREDICTION_MASK]);
	if (!PG_ARGISNULL(ARG_CORRECTED_MASK))
		check_correction(PG_GETARG_DATUM(ARG_CORRECTED_MASK), prediction[PREDICTION_MASK], nulls[PREDICTION_MASK]);
	store_verdict(fcinfo, verdicts, prediction, nulls);
	row_values_by_name(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, descriptor, values, value_nulls);
	MemoryContextSwitchTo(caller);
	result = HeapTupleGetDatum(heap_form_tuple(descriptor, values, value_nulls));
	SPI_finish();
	PG_RETURN_DATUM(result);
}

/* ---- reading verdicts ---- */

/*
 * The latest mask of each image, unless it has a verdict that counts. Images that could not
 * be segmented come first. The order of the others follows the expected error
 * of the mask and the disagreement: of an ensemble's members or views, or with
 * the latest masks that other models made of the same image. Where there are
 * such masks, a small lesion comes sooner: each pixel of its outline weighs more.
 * Without them that makes the order worse. The distance of its week from the
 * weeks before adds a little. Figures outside 0..1 count as NULL: they were
 * written by hand. Rows without a time, or with one that is to come, do not
 * count. Masks are compared with those of the same author, so that nobody else
 * decides what is said of them, and within limits (user_table_compared), the least
 * certain first. The last column says where a second opinion is left out.
 */
#define QUEUE_COLUMNS \
	"images, id, model, version, mask, image_sha256, area, predicted_dice, disagreement, quality, needs_review, " \
	"error, predicted_at, predicted_by"

static const char queue_query[] =
"WITH latest AS (SELECT DISTINCT ON (images, id, model, predicted_by) " QUEUE_COLUMNS ", "
"min(predicted_at) OVER (PARTITION BY images, id, model) AS came_at "
"FROM %1$s r WHERE predicted_at <= clock_timestamp() "
"ORDER BY images, id, model, predicted_by, predicted_at DESC), "
"of_image AS (SELECT DISTINCT ON (images, id) * FROM latest ORDER BY images, id, predicted_at DESC), "
"open AS (SELECT * FROM %4$s), "
"pairs AS (SELECT p.images, p.id, p.mask, o.mask AS other, o.model, p.predicted_by AS author, "
"CASE WHEN p.predicted_dice BETWEEN 0 AND 1 THEN p.predicted_dice ELSE 0 END AS expected "
"FROM open p JOIN latest o ON " USER_TABLE_SAME_IMAGE("o", "p") " AND o.model <> p.model "
"AND o.image_sha256 = p.image_sha256 AND o.predicted_by IS NOT DISTINCT FROM p.predicted_by "
"WHERE p.mask IS NOT NULL AND o.mask IS NOT NULL), "
"second AS (SELECT c.images, c.id, avg(1 - c.dice) AS disagreement, bool_or(c.left_out) AS left_out "
"FROM (%5$s) c GROUP BY c.images, c.id), "
"drift AS (SELECT week, model, version, "
"greatest(abs(area_shift), abs(confidence_shift), abs(quality_shift)) AS shift "
"FROM %2$slesion_drift(%3$u::regclass, true)), "
"judged AS (SELECT p.*, d.shift, s.left_out, "
"CASE WHEN s.disagreement IS NOT NULL AND p.area BETWEEN 0 AND 1 THEN -ln(greatest(p.area, 0.001)) END AS smallness, "
"greatest(CASE WHEN p.disagreement BETWEEN 0 AND 1 THEN p.disagreement END, s.disagreement) AS differs "
"FROM open p LEFT JOIN second s ON " USER_TABLE_SAME_IMAGE("s", "p") " "
"LEFT JOIN drift d "
"ON d.model = p.model AND " USER_TABLE_SALTED("d.model") " = " USER_TABLE_SALTED("p.model") " "
"AND d.version = p.version AND d.week = date_trunc('week', p.came_at, 'UTC')::date), "
"queue AS (SELECT j.*, 1 - CASE WHEN j.predicted_dice BETWEEN 0 AND 1 THEN j.predicted_dice ELSE 0 END "
"+ coalesce(j.differs, 0) + 0.02 * coalesce(j.smallness, 0) + 0.1 * least(1, coalesce(j.shift, 0)) AS priority "
"FROM judged j) "
"SELECT row_number() OVER (ORDER BY q.error IS NULL, q.priority DESC, q.images, q.id), "
"q.images, q.id, q.model, q.version, q.predicted_dice, q.differs, q.quality, q.needs_review, left(q.error, 1000), "
"q.priority, q.predicted_at, coalesce(q.left_out, false) AS left_out "
"FROM queue q ORDER BY 1";

enum
{
	QUEUE_PREDICTIONS, QUEUE_VERDICTS
};

/* Hand the rows of the queue, in SPI_tuptable, to the caller, and count those
 * where a second opinion was left out. */
static void
return_queue(ReturnSetInfo *set)
{
	uint64		left_out = 0;
	bool		isnull;

	for (uint64 i = 0; i < SPI_processed; i++)
		left_out += DatumGetBool(row_named_value(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, "left_out", BOOLOID,
												 &isnull));
	row_put_selected(set);
	if (left_out > 0)
		ereport(NOTICE,
				(errmsg("second opinions on " UINT64_FORMAT " images were not compared", left_out),
				 errdetail("A call compares masks of %lld megapixels, shared among the roles that made them, those of "
						   "the lowest predicted Dice first.", (long long) COMPARED_TOTAL / 1000000),
				 errhint("Give verdicts on the first images of the queue, and ask again.")));
}

/* lesion_review_queue(predictions, verdicts) returns set of (rank, images, id, ...) */
Datum
lesion_review_queue(PG_FUNCTION_ARGS)
{
	ModelStore	store = store_open(fcinfo, true);
	Oid			table = argument_oid(fcinfo, QUEUE_PREDICTIONS, "predictions");
	char	   *predictions = user_table_open(&store, &user_table_predictions, table);
	char	   *open = "of_image";
	char	   *query;
	int			level;

	if (!PG_ARGISNULL(QUEUE_VERDICTS))
		/* Each mask is hashed once, however many verdicts there are: a join looks at its clause again for each verdict
		 * that it finds, and OFFSET keeps the digest out of that. */
		open = psprintf("(SELECT *, coalesce(sha256(mask), '') AS digest FROM of_image OFFSET 0) p "
						"WHERE NOT EXISTS (SELECT FROM %1$s v WHERE " USER_TABLE_SAME_IMAGE("v", "p") " "
						"AND coalesce(v.mask_sha256, '') = p.digest AND "
						USER_TABLE_VERDICT_COUNTS("p.mask", "%2$s") ")",
						user_table_rows(&user_table_verdicts,
										user_table_open(&store, &user_table_verdicts, PG_GETARG_OID(QUEUE_VERDICTS)),
										"images, id, verdict, corrected_mask, mask_sha256"),
						store_prefix(&store));
	query = psprintf(queue_query, user_table_rows(&user_table_predictions, predictions, QUEUE_COLUMNS),
					 store_prefix(&store), table, open,
					 user_table_compared(&store, "pairs", "author", "expected, images, id, model"));
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	level = settings_compared_begin();
	if (user_table_select(predictions, query, 0, NULL, NULL, NULL) != SPI_OK_SELECT)
		elog(ERROR, "reading %s failed", predictions);
	settings_compared_end(level);
	return_queue((ReturnSetInfo *) fcinfo->resultinfo);
	SPI_finish();
	return (Datum) 0;
}

/*
 * Of each image the mask of the latest verdict that counts: another would hide the
 * verdict before. Where no mask was looked at, or it is gone, no
 * other mask of the image takes its place: who may write masks could choose one
 * that hides a correction. A time in the future, or NULL, would make a verdict
 * the latest for ever. Masks are joined, not looked up for each verdict: the
 * table may have no key. Masks of other images are not hashed. Columns are named:
 * a user's table may have more, of any name.
 */
#define JUDGED_VERDICTS \
	"WITH v AS (SELECT images, id, verdict, corrected_mask, decided_at, decided_by, " \
	"coalesce(mask_sha256, '') AS digest FROM %1$s r WHERE decided_at <= clock_timestamp()), " \
	"m AS MATERIALIZED (SELECT images, id, mask, coalesce(sha256(mask), '') AS digest FROM %2$s r " \
	"WHERE (" USER_TABLE_IMAGE ") IN (SELECT " USER_TABLE_IMAGE " FROM v)), " \
	"looked_at AS (SELECT DISTINCT ON (images, id, digest) * FROM m ORDER BY images, id, digest), " \
	"judged AS (SELECT v.images, v.id, v.verdict, v.decided_at, v.decided_by, " \
	"CASE v.verdict WHEN 'accept' THEN l.mask WHEN 'correct' THEN v.corrected_mask END AS mask, " \
	USER_TABLE_VERDICT_COUNTS("l.mask", "%3$s") " AS counts " \
	"FROM v LEFT JOIN looked_at l ON " USER_TABLE_SAME_IMAGE("l", "v") " AND l.digest = v.digest) "

static const char reviewed_query[] =
JUDGED_VERDICTS
"SELECT r.images, r.id, r.mask, r.verdict, r.decided_at, r.decided_by, "
"(SELECT count(*) FROM judged WHERE NOT counts) AS passed_over "
"FROM (SELECT DISTINCT ON (images, id) * FROM judged WHERE counts ORDER BY images, id, decided_at DESC) r "
"WHERE r.verdict IN ('accept', 'correct') ORDER BY r.images, r.id";

/* The same where no mask is left to say it. */
static const char passed_over_query[] =
JUDGED_VERDICTS
"SELECT count(*) AS passed_over FROM judged WHERE NOT counts";

enum
{
	REVIEWED_PREDICTIONS, REVIEWED_VERDICTS
};

/* Run one of the two queries. */
static void
select_verdicts(const char *query, const char *verdicts, const char *predictions, const ModelStore *store)
{
	if (user_table_select(verdicts,
						  psprintf(query,
								   user_table_rows(&user_table_verdicts, verdicts,
												   "images, id, verdict, corrected_mask, mask_sha256, model, "
												   "decided_at, decided_by"),
								   user_table_rows(&user_table_predictions, predictions, "images, id, mask"),
								   store_prefix(store)),
						  0, NULL, NULL, NULL) != SPI_OK_SELECT)
		elog(ERROR, "reading %s failed", verdicts);
}

/* lesion_reviewed_masks(predictions, verdicts) returns set of (images, id, mask, verdict, decided_at, decided_by) */
Datum
lesion_reviewed_masks(PG_FUNCTION_ARGS)
{
	ModelStore	store = store_open(fcinfo, true);
	char	   *predictions = user_table_open(&store, &user_table_predictions, PG_GETARG_OID(REVIEWED_PREDICTIONS));
	char	   *verdicts = user_table_open(&store, &user_table_verdicts, PG_GETARG_OID(REVIEWED_VERDICTS));
	int64		passed_over;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	select_verdicts(reviewed_query, verdicts, predictions, &store);
	row_put_selected((ReturnSetInfo *) fcinfo->resultinfo);
	if (SPI_processed == 0)
		select_verdicts(passed_over_query, verdicts, predictions, &store);
	passed_over = DatumGetInt64(first_row_needed("passed_over", INT8OID));
	if (passed_over > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg(INT64_FORMAT " verdicts of %s do not count", passed_over, verdicts),
				 errdetail("They accept a mask that is not in %s, or have a corrected_mask that is no image or of "
						   "another shape, or are none of accept, correct and reject. The verdict before counts.",
						   predictions),
				 errhint("Give verdicts with lesion_verdict_add().")));
	SPI_finish();
	return (Datum) 0;
}
