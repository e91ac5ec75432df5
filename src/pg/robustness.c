/*
 * robustness.c: the SQL function lesion_robustness: a version scored on
 * images that were made worse in every way, as they are and enhanced.
 *
 * Each image is decoded once and brought to the network's size; it is degraded
 * there, which is what a severity means the same at, and each degraded image is
 * segmented once per mode of enhancement. Masks are compared at the true mask's
 * size. What is random about a degradation follows from the row's id and the
 * seed, so a row is degraded alike whatever the subset and its order.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "enhance/degrade.h"
#include "pg/arguments.h"
#include "pg/evaluate.h"
#include "pg/glue.h"
#include "pg/model_segment.h"
#include "pg/sha256.h"
#include "pg/split.h"

PG_FUNCTION_INFO_V1(lesion_robustness);

#define CLEAN -1				/* no kind */
#define MODES 3

/* One row of the result. */
typedef struct Cell
{
	int			kind;			/* a DegradeKind, or CLEAN */
	int			severity;		/* 0 where clean */
	EnhanceMode mode;
	double		dice;			/* sum over images */
	int64		n;
} Cell;

typedef struct Robustness
{
	ModelStore	store;
	EvaluationTask task;		/* what to score, but for the mode */
	Cell	   *cells;			/* those of one degradation stand together */
	int			count;
	int64		seed;
	int64		max_images;
} Robustness;

/* ---- one image ---- */

/* Degrade a copy of image as a cell says. */
static Status
degraded_copy(const HostContext *host, const Image *image, const Cell *cell, int64 seed, Image *copy)
{
	Status		status;

	TRY(image_resize(host, image, image->width, image->height, copy));
	if (cell->kind == CLEAN)
		return status_ok();
	status = degrade_image(host, (DegradeKind) cell->kind, cell->severity, seed, copy);
	if (status.code != LS_OK)
		image_free(host, copy);
	return status;
}

/* Score a degraded image in the mode of a cell. */
static Status
score_cell(const Robustness *job, const HostContext *host, const Image *image, const Image *truth, const Cell *cell,
		   double *dice)
{
	SegmentOptions options = job->task.options;
	Segmented	predicted;
	ConfusionCounts counts;

	options.enhance = cell->mode;
	TRY(model_segment_image(&job->store, job->task.version, host, image, &options, truth->width, truth->height, false,
							&predicted));
	TRY(confusion_count(host, &predicted.mask, truth, &counts));
	image_free(host, &predicted.mask);
	*dice = image_score(&counts).dice;
	return status_ok();
}

/* What is random about a row's degradations. */
static int64
row_seed(const Robustness *job, const char *id)
{
	uint8_t		digest[SHA256_BYTES];
	int64		hash;

	sha256_digest(id, strlen(id), digest);
	memcpy(&hash, digest, sizeof hash);
	return hash ^ job->seed;
}

/* Score a fetched row in all cells: dice gets one figure each. */
static Status
score_row(const Robustness *job, const HostContext *host, const ImageRow *row, double *dice)
{
	int			size = job->task.version->image_size;
	Image		decoded;
	Image		image;
	Image		truth;
	Image		worse = {0};
	Status		status = status_ok();

	TRY(images_decode_mask(host, row, &truth));
	TRY(model_decode(job->task.version, host, &row->image, &decoded));
	TRY(image_resize(host, &decoded, size, size, &image));
	image_free(host, &decoded);
	for (int i = 0; i < job->count && status.code == LS_OK; i++)
	{
		const Cell *cell = &job->cells[i];

		if (i == 0 || cell->kind != cell[-1].kind || cell->severity != cell[-1].severity)
		{
			image_free(host, &worse);
			status = degraded_copy(host, &image, cell, row_seed(job, row->id), &worse);
		}
		if (status.code == LS_OK)
			status = score_cell(job, host, &worse, &truth, cell, &dice[i]);
	}
	return status;
}

/* ---- all images ---- */

/* Does a row belong to the subset? */
static bool
in_subset(const EvaluationTask *task, const char *id)
{
	if (strcmp(task->subset, "all") == 0)
		return true;
	return split_is_test(id, task->split_seed, task->test_fraction) == (strcmp(task->subset, "test") == 0);
}

/* Score the rows of the subset. */
static void
score_rows(Robustness *job)
{
	BrokenRows	broken = {job->task.source};
	double	   *dice = palloc(job->count * sizeof(double));
	ImagesScan	scan;
	ImageRow	row;
	int64		rows;
	int64		n = 0;

	images_count(job->task.source, &rows, &broken.usable);
	model_load(&job->store, job->task.version);
	images_begin(job->task.source, &scan);
	while (n < job->max_images && images_next(&scan, &row))
	{
		HostContext *host;
		Status		status;

		if (!in_subset(&job->task, row.id))
			continue;
		images_fetch(&scan, &row);
		host = host_create(CurrentMemoryContext, settings_threads(false));
		status = score_row(job, host, &row, dice);
		if (!broken_row(&broken, host, row.id, status))
		{
			n++;
			for (int i = 0; i < job->count; i++)
			{
				job->cells[i].dice += dice[i];
				job->cells[i].n++;
			}
		}
		host_destroy(host);
	}
	images_end(&scan);
	broken_check(&broken, n + broken.broken);
	if (n == 0)
		evaluation_nothing(&job->task);
}

/* ---- arguments ---- */

/* The values of an array argument; without NULLs and not empty. */
static int
array_values(FunctionCallInfo fcinfo, int n, const char *name, Oid type, Datum **values)
{
	bool	   *nulls;
	int			count;

	argument_needed(fcinfo, n, name);
	if (type == TEXTOID)
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), type, -1, false, TYPALIGN_INT, values, &nulls, &count);
	else
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), type, sizeof(int32), true, TYPALIGN_INT, values, &nulls, &count);
	for (int i = 0; i < count; i++)
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("an element of %s is NULL", name)));
	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is empty", name)));
	return count;
}

/* Add the cells of one degradation, in every mode that is asked for. */
static void
add_cells(Robustness *job, int kind, int severity, const bool modes[MODES])
{
	for (int mode = 0; mode < MODES; mode++)
		if (modes[mode])
			job->cells[job->count++] = (Cell) {kind, severity, (EnhanceMode) mode, 0, 0};
}

/* Lay out the cells: images as they are first. */
static void
make_cells(FunctionCallInfo fcinfo, Robustness *job)
{
	bool		kinds[DEGRADE_KINDS] = {false};
	bool		severities[DEGRADE_SEVERITY_MAX + 1] = {false};
	bool		modes[MODES] = {true};	/* off is what the others are compared with */
	Datum	   *values;
	int			count;

	memset(kinds, PG_ARGISNULL(3), sizeof kinds);
	count = PG_ARGISNULL(3) ? 0 : array_values(fcinfo, 3, "kinds", TEXTOID, &values);
	for (int i = 0; i < count; i++)
	{
		DegradeKind kind;

		check_status(NULL, degrade_find(TextDatumGetCString(values[i]), &kind));
		kinds[kind] = true;
	}
	count = array_values(fcinfo, 4, "severities", INT4OID, &values);
	for (int i = 0; i < count; i++)
	{
		int			severity = DatumGetInt32(values[i]);

		if (severity < 1 || severity > DEGRADE_SEVERITY_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the severity is %d", severity),
					 errhint("Severities go from 1 (slight) to %d (severe).", DEGRADE_SEVERITY_MAX)));
		severities[severity] = true;
	}
	count = array_values(fcinfo, 5, "modes", TEXTOID, &values);
	for (int i = 0; i < count; i++)
	{
		EnhanceMode mode;

		check_status(NULL, enhance_mode_find(TextDatumGetCString(values[i]), &mode));
		modes[mode] = true;
	}
	job->cells = palloc((1 + DEGRADE_KINDS * DEGRADE_SEVERITY_MAX) * MODES * sizeof(Cell));
	add_cells(job, CLEAN, 0, modes);
	for (int kind = 0; kind < DEGRADE_KINDS; kind++)
		for (int severity = 1; kinds[kind] && severity <= DEGRADE_SEVERITY_MAX; severity++)
			if (severities[severity])
				add_cells(job, kind, severity, modes);
}

/* ---- the result ---- */

/* Store a cell's row. */
static void
store_cell(const Robustness *job, Datum *row, TimestampTz at)
{
	Oid			types[] = {
		TEXTOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, INT4OID, TEXTOID, FLOAT8OID, FLOAT8OID, INT8OID, INT8OID, TIMESTAMPTZOID,
		FLOAT8OID, BOOLOID
	};
	Datum		values[] = {
		CStringGetTextDatum(job->task.version->model), Int32GetDatum(job->task.version->number),
		CStringGetTextDatum(job->task.source->name), CStringGetTextDatum(job->task.subset),
		row[0], row[1], row[2], row[3], row[4], row[5], Int64GetDatum(job->seed), TimestampTzGetDatum(at),
		Float8GetDatum(job->task.options.threshold), BoolGetDatum(job->task.options.tta)
	};

	store_execute(&job->store,
				  "INSERT INTO @lesion_robustness_score (model, version, images, subset, kind, severity, enhance, dice, "
				  "\"drop\", n, seed, evaluated_at, threshold, tta) "
				  "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
				  lengthof(types), types, values, NULL, SPI_OK_INSERT);
}

/* Hand out the rows and keep them. */
static void
return_cells(const Robustness *job, ReturnSetInfo *set)
{
	TimestampTz at = GetCurrentTimestamp();
	double		clean = job->cells[0].dice / job->cells[0].n;

	for (int i = 0; i < job->count; i++)
	{
		const Cell *cell = &job->cells[i];
		double		dice = cell->dice / cell->n;
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = CStringGetTextDatum(cell->kind == CLEAN ? "clean" : degrade_name((DegradeKind) cell->kind));
		values[1] = Int32GetDatum(cell->severity);
		values[2] = CStringGetTextDatum(enhance_mode_name(cell->mode));
		values[3] = Float8GetDatum(dice);
		values[4] = Float8GetDatum(clean - dice);
		values[5] = Int64GetDatum(cell->n);
		store_cell(job, values, at);
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
	}
}

/* lesion_robustness(images, model, subset, kinds, severities, modes,
 * max_images, image_column, mask_column, id_column, version, threshold, tta,
 * seed) -> set of (kind, severity, enhance, dice, drop, n) */
Datum
lesion_robustness(PG_FUNCTION_ARGS)
{
	Robustness	job = {.store = store_open(fcinfo, false)};
	Oid			images = argument_oid(fcinfo, 0, "images");
	char	   *model = argument_text(fcinfo, 1, "model");
	int			version = PG_ARGISNULL(10) ? 0 : PG_GETARG_INT32(10);

	PreventCommandIfReadOnly("lesion_robustness()");
	InitMaterializedSRF(fcinfo, 0);
	job.task.subset = argument_text(fcinfo, 2, "subset");
	evaluation_check_subset(job.task.subset);
	job.max_images = PG_ARGISNULL(6) ? PG_INT64_MAX : PG_GETARG_INT32(6);
	if (job.max_images < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_images is %lld, it must be positive", (long long) job.max_images),
				 errhint("Leave it out to take all images of the subset.")));
	argument_needed(fcinfo, 13, "seed");
	job.seed = PG_GETARG_INT64(13);
	make_cells(fcinfo, &job);
	store_check_rights(&job.store, "lesion_robustness_score", ACL_INSERT, "evaluate");

	SPI_connect();
	job.task.version = store_need_version(&job.store, model, PG_ARGISNULL(10) ? NULL : &version);
	job.task.split_seed = job.task.version->split_seed;
	job.task.test_fraction = job.task.version->test_fraction;
	job.task.options.threshold = PG_ARGISNULL(11) ? job.task.version->threshold : PG_GETARG_FLOAT8(11);
	job.task.options.tta = !PG_ARGISNULL(12) && PG_GETARG_BOOL(12);
	argument_check_threshold(job.task.options.threshold);
	job.task.source = images_open(images, argument_text(fcinfo, 7, "image_column"), argument_text(fcinfo, 8, "mask_column"),
								  PG_ARGISNULL(9) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(9)));
	score_rows(&job);
	return_cells(&job, (ReturnSetInfo *) fcinfo->resultinfo);
	SPI_finish();
	return (Datum) 0;
}
