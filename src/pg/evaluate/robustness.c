/*
 * robustness.c: the SQL function lesion_robustness: a version scored on
 * images that were made worse in every way, as they are and enhanced.
 *
 * Each image is decoded once and brought to the network's size; it is degraded
 * there, which is what a severity means the same at. Several degradations are
 * made at a time (enhance/degrade/variants.h), then each image of them is segmented,
 * unless enhancing it changed nothing. Masks are compared at the true mask's
 * size. What is random about a degradation follows from the row's id and the
 * seed, so a row is degraded alike whatever the subset and its order; so does
 * the sample where not all rows are taken.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "enhance/degrade/variants.h"
#include "pg/base/values/arguments.h"
#include "pg/base/values/row_values.h"
#include "pg/base/values/stored_row.h"
#include "pg/base/values/utf8_text.h"
#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/base/settings.h"
#include "pg/base/sha256.h"
#include "pg/segment/evaluation.h"
#include "pg/segment/seen.h"
#include "pg/segment/segment_progress.h"
#include "pg/base/split.h"
#include "pg/segment/model_segment.h"

#define NAMES_MAX 1000			/* elements of an array argument */

PG_FUNCTION_INFO_V1(lesion_robustness);

/* Arguments of lesion_robustness. */
enum
{
	ARGUMENT_IMAGES, ARGUMENT_MODEL, ARGUMENT_SUBSET, ARGUMENT_KINDS, ARGUMENT_SEVERITIES, ARGUMENT_MODES,
	ARGUMENT_MAX_IMAGES, ARGUMENT_IMAGE_COLUMN, ARGUMENT_MASK_COLUMN, ARGUMENT_ID_COLUMN, ARGUMENT_VERSION,
	ARGUMENT_THRESHOLD, ARGUMENT_TTA, ARGUMENT_SEED, ARGUMENT_GROUP_COLUMN
};

typedef struct Robustness
{
	ModelStore	store;
	EvaluationTask task;		/* what to score; enhancement is ours */
	Degraded   *ways;			/* the first is none */
	int			way_count;
	VariantSet	set;			/* "off" is its first mode */
	int64		seed;
	int64		max_images;
	double		last_rank;		/* of the sample */
	int64		too_large;		/* images above a limit of the session, which are not scored */
	int64		skipped;		/* rows with a NULL */
	int64		seen;			/* images that the version was trained on; -1: not known */
	TimestampTz begun;			/* no row that was scored is older, but in a kept snapshot */
	ScoreState *scores;			/* (ways, modes) */
} Robustness;

/* Cells of the table. */
static int
cell_count(const Robustness *job)
{
	return job->way_count * job->set.mode_count;
}

/* ---- one image ---- */

/* Score the model's mask of an image. */
static Status
score_image(const Robustness *job, const Call *call, const Image *image, const Image *truth, ConfusionCounts *counts)
{
	Segmented	predicted;
	Status		status;

	TRY(model_segment_image(&job->store, job->task.version, call, &(SegmentInput) {.image = image}, &job->task.options,
							truth->width, truth->height, false, &predicted));
	status = confusion_count(call, &predicted.mask, truth, counts);
	image_free(call, &predicted.mask);
	return status;
}

/* Do two images of one size have the same pixels? */
static bool
same_pixels(const Image *a, const Image *b)
{
	return memcmp(a->pixels, b->pixels, (size_t) a->width * a->height * a->channels) == 0;
}

/* Score the images of one way, one for each mode. */
static Status
score_way(const Robustness *job, const Call *call, const Image *images, const Image *truth, ConfusionCounts *counts)
{
	for (int m = 0; m < job->set.mode_count; m++)
	{
		if (m > 0 && same_pixels(&images[m], &images[0]))
			counts[m] = counts[0];
		else
			TRY(score_image(job, call, &images[m], truth, &counts[m]));
	}
	return status_ok();
}

/* Degrade an image in `count` ways, and score the results. */
static Status
score_ways(const Call *call, const Robustness *job, const VariantSet *set, const Image *image, const Image *truth,
		   int first, int count, ConfusionCounts *counts)
{
	Image	   *images = palloc(count * set->mode_count * sizeof(Image));
	Status		status = variants_make(call, image, set, job->ways + first, count, images);

	for (int i = 0; i < count && status.code == LS_OK; i++)
		status = score_way(job, call, images + i * set->mode_count, truth, counts + (first + i) * set->mode_count);
	for (int i = 0; i < count * set->mode_count; i++)
		image_free(call, &images[i]);
	pfree(images);
	return status;
}

/* The seed of a row's degradations: the same in every database encoding and on
 * every machine. */
static int64
row_seed(const Robustness *job, const char *id)
{
	const char *utf8 = utf8_text(id);
	uint8_t		digest[SHA256_BYTES];
	uint64		hash = 0;

	sha256_digest(utf8, strlen(utf8), digest);
	if (utf8 != id)
		pfree(unconstify(char *, utf8));
	for (int i = 7; i >= 0; i--)
		hash = hash << 8 | digest[i];
	return (int64) hash ^ job->seed;
}

/* Score a fetched row in all cells. */
static Status
score_row(const Robustness *job, const Call *call, const ImageRow *row, ConfusionCounts *counts)
{
	int			size = job->task.version->traits.image_size;
	int			at_once = variants_at_once(call, size, size);
	VariantSet	set = job->set;
	Image		decoded;
	Image		image;
	Image		truth;
	Status		status = status_ok();

	set.seed = row_seed(job, row->id);
	TRY(images_decode_mask(call, row, job->task.options.turn, &truth));
	TRY(model_decode(job->task.version, call, &row->image, job->task.options.turn, &decoded));
	TRY(image_resize(call, &decoded, size, size, &image));
	image_free(call, &decoded);
	for (int first = 0; first < job->way_count && status.code == LS_OK; first += at_once)
	{
		status = call_poll(call);
		if (status.code == LS_OK)
			status = score_ways(call, job, &set, &image, &truth, first, Min(at_once, job->way_count - first), counts);
	}
	return status;
}

/* ---- all images ---- */

/* Order doubles. */
static int
compare_ranks(const void *a, const void *b)
{
	double		first = *(const double *) a;
	double		second = *(const double *) b;

	return first < second ? -1 : first > second;
}

/*
 * The rank up to which rows are taken: a random sample of max_images of the
 * subset, the same for the same seed. If it is not known in advance which
 * images are NULL, these are drawn, too, and then left out.
 */
static double
last_rank(const Robustness *job)
{
	double		last = 1;
	size_t		room = 1024;
	size_t		count = 0;
	double	   *ranks;
	ImagesScan	scan;
	ImageRow	row;

	if (job->max_images == PG_INT64_MAX)
		return last;
	ranks = palloc(room * sizeof(double));
	images_begin(job->task.source, evaluation_contains, &job->task, &scan);
	while (images_next_listed(&scan, &row))
	{
		if (count == room)
			ranks = repalloc_huge(ranks, (room *= 2) * sizeof(double));
		ranks[count++] = split_rank(row.id, job->seed);
	}
	images_end(&scan);
	qsort(ranks, count, sizeof(double), compare_ranks);
	if ((size_t) job->max_images < count)
		last = ranks[job->max_images - 1];
	pfree(ranks);
	return last;
}

/* Is a row of the subset in the sample? */
static bool
is_sampled(const void *context, const ImageRow *row)
{
	const Robustness *job = context;

	return evaluation_contains(&job->task, row) && split_rank(row->id, job->seed) <= job->last_rank;
}

/* Score the rows of the subset, or a sample of them. */
static void
score_rows(Robustness *job)
{
	BrokenRows	broken = {job->task.source};
	SeenImages	trained_on = seen_open(&job->store, job->task.version);
	int			cells = cell_count(job);
	ConfusionCounts *counts = palloc(cells * sizeof(ConfusionCounts));
	MemoryContext progress;
	ImagesScan	scan;
	ImageRow	row;
	int64		rows;

	images_count(job->task.source, &rows, &broken.usable);
	model_load(&job->store, job->task.version);
	job->last_rank = last_rank(job);
	progress = segment_progress_job("robustness", images_wanted(job->task.source, is_sampled, job));
	job->begun = GetCurrentTimestamp();
	images_begin(job->task.source, is_sampled, job, &scan);
	while (images_next(&scan, &row))
	{
		Call	   *call;
		Status		status;

		images_fetch(&scan, &row);
		call = call_create(CurrentMemoryContext, settings_threads(false));
		status = score_row(job, call, &row, counts);
		job->too_large += status.code == LS_LIMIT_EXCEEDED;
		if (!broken_row(&broken, call, row.id, status))
		{
			trained_on.seen += seen_contains(&trained_on, &row);
			for (int i = 0; i < cells; i++)
				score_add(&job->scores[i], &counts[i]);
		}
		call_destroy(call);
		segment_progress_image(job->task.version->model, job->task.version->number);
	}
	job->skipped = scan.skipped;
	images_end(&scan);
	MemoryContextDelete(progress);
	broken_check(&broken, job->scores[0].n + broken.broken);
	if (job->scores[0].n == 0)
		evaluation_nothing(&job->task);
	job->seen = seen_count(&trained_on);
	seen_warn(job->task.version, &job->task.split, job->task.subset, job->seen, job->scores[0].n);
}

/* ---- arguments ---- */

/* The values of an array argument; without NULLs and not empty. */
static int
array_values(FunctionCallInfo fcinfo, int n, const char *name, Oid type, Datum **values)
{
	bool	   *nulls;
	int			count;

	argument_needed(fcinfo, n, name);
	argument_at_most(fcinfo, n, name, NAMES_MAX);
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

/* Read what to measure: images as they are come first, and not enhanced. */
static void
read_ways(FunctionCallInfo fcinfo, Robustness *job)
{
	bool		kinds[DEGRADE_KINDS] = {false};
	bool		severities[DEGRADE_SEVERITY_MAX + 1] = {false};
	bool		modes[VARIANT_MODES] = {true};	/* the others are compared with "off" */
	Datum	   *values;
	int			count;

	memset(kinds, PG_ARGISNULL(ARGUMENT_KINDS), sizeof kinds);
	count = PG_ARGISNULL(ARGUMENT_KINDS) ? 0 : array_values(fcinfo, ARGUMENT_KINDS, "kinds", TEXTOID, &values);
	for (int i = 0; i < count; i++)
	{
		DegradeKind kind;

		check_status(NULL, degrade_find(TextDatumGetCString(values[i]), &kind));
		kinds[kind] = true;
	}
	count = array_values(fcinfo, ARGUMENT_SEVERITIES, "severities", INT4OID, &values);
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
	count = array_values(fcinfo, ARGUMENT_MODES, "modes", TEXTOID, &values);
	for (int i = 0; i < count; i++)
	{
		EnhanceMode mode;

		check_status(NULL, enhance_mode_find(TextDatumGetCString(values[i]), &mode));
		modes[mode] = true;
	}
	for (int mode = 0; mode < VARIANT_MODES; mode++)
		if (modes[mode])
			job->set.modes[job->set.mode_count++] = (EnhanceMode) mode;
	job->ways = palloc0((1 + DEGRADE_KINDS * DEGRADE_SEVERITY_MAX) * sizeof(Degraded));
	job->way_count = 1;
	for (int kind = 0; kind < DEGRADE_KINDS; kind++)
		for (int severity = 1; kinds[kind] && severity <= DEGRADE_SEVERITY_MAX; severity++)
			if (severities[severity])
				job->ways[job->way_count++] = (Degraded) {severity, (DegradeKind) kind};
	job->scores = palloc0(cell_count(job) * sizeof(ScoreState));
}

/* ---- the result ---- */

/* A cell of the table: images made worse in one way, in one mode. */
typedef struct Cell
{
	const char *kind;
	int			severity;
	const char *enhance;
	double		dice;
	double		drop;			/* below that of clean images, which are not enhanced */
	int64		n;
} Cell;

/* Store a cell's row. */
static void
store_cell(const Robustness *job, const Cell *cell)
{
	StoredRow	row;

	stored_row_begin(&row);
	stored_row_text(&row, "model", job->task.version->model);
	stored_row_int4(&row, "version", job->task.version->number);
	evaluation_row_source(&job->task, &row);
	stored_row_text(&row, "kind", cell->kind);
	stored_row_int4(&row, "severity", cell->severity);
	stored_row_text(&row, "enhance", cell->enhance);
	stored_row_float8(&row, "dice", cell->dice);
	stored_row_float8(&row, "drop", cell->drop);
	stored_row_int8(&row, "n", cell->n);
	stored_row_int8(&row, "seed", job->seed);
	(void) stored_row_set(&row, "evaluated_at", TIMESTAMPTZOID, TimestampTzGetDatum(job->begun));
	stored_row_float8(&row, "threshold", job->task.options.threshold);
	(void) stored_row_set(&row, "tta", BOOLOID, BoolGetDatum(job->task.options.tta));
	(void) stored_row_set(&row, "sampled", BOOLOID, BoolGetDatum(job->last_rank < 1));
	stored_row_int8(&row, "too_large", job->too_large);
	stored_row_int8(&row, "skipped", job->skipped);
	if (job->seen >= 0)
		stored_row_int8(&row, "seen", job->seen);
	stored_row_insert(&job->store, "lesion_robustness_score", &row, "", SPI_OK_INSERT);
}

/* Return a cell's row. */
static void
return_cell(const Cell *cell, ReturnSetInfo *set)
{
	RowBuilder	row = row_begin_in(set);

	row_set(&row, "kind", TEXTOID, CStringGetTextDatum(cell->kind));
	row_set(&row, "severity", INT4OID, Int32GetDatum(cell->severity));
	row_set(&row, "enhance", TEXTOID, CStringGetTextDatum(cell->enhance));
	row_set_float8(&row, "dice", cell->dice);
	row_set_float8(&row, "drop", cell->drop);
	row_set(&row, "n", INT8OID, Int64GetDatum(cell->n));
	row_put(set, &row);
}

/* Store the rows and return them. */
static void
return_cells(const Robustness *job, ReturnSetInfo *set)
{
	double		clean = score_final(&job->scores[0]).dice;

	for (int i = 0; i < cell_count(job); i++)
	{
		const Degraded *way = &job->ways[i / job->set.mode_count];
		double		dice = score_final(&job->scores[i]).dice;
		Cell		cell = {
			.kind = way->severity == 0 ? "clean" : degrade_name(way->kind),
			.severity = way->severity,
			.enhance = enhance_mode_name(job->set.modes[i % job->set.mode_count]),
			.dice = dice,
			.drop = clean - dice,
			.n = job->scores[i].n,
		};

		store_cell(job, &cell);
		return_cell(&cell, set);
	}
	evaluation_check_version(&job->store, &job->task);
}

/* lesion_robustness(images, model, subset, kinds, severities, modes,
 * max_images, image_column, mask_column, id_column, version, threshold, tta,
 * seed, group_column) -> set of (kind, severity, enhance, dice, drop, n) */
Datum
lesion_robustness(PG_FUNCTION_ARGS)
{
	Robustness	job = {.store = store_open(fcinfo, false)};
	ImagesColumns columns = {0};
	Oid			images = argument_oid(fcinfo, ARGUMENT_IMAGES, "images");
	char	   *model = argument_text(fcinfo, ARGUMENT_MODEL, "model");
	int			version = PG_ARGISNULL(ARGUMENT_VERSION) ? 0 : PG_GETARG_INT32(ARGUMENT_VERSION);

	InitMaterializedSRF(fcinfo, 0);
	job.task.subset = argument_text(fcinfo, ARGUMENT_SUBSET, "subset");
	evaluation_check_subset(job.task.subset);
	job.max_images = PG_ARGISNULL(ARGUMENT_MAX_IMAGES) ? PG_INT64_MAX : PG_GETARG_INT32(ARGUMENT_MAX_IMAGES);
	if (job.max_images < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_images is %lld, it must be positive", (long long) job.max_images),
				 errhint("Leave it out to take all images of the subset.")));
	argument_needed(fcinfo, ARGUMENT_SEED, "seed");
	job.seed = PG_GETARG_INT64(ARGUMENT_SEED);
	read_ways(fcinfo, &job);
	store_check_rights(&job.store, "lesion_robustness_score", ACL_INSERT, "evaluate");

	SPI_connect();
	job.task.version = store_need_version(&job.store, model, PG_ARGISNULL(ARGUMENT_VERSION) ? NULL : &version);
	job.task.options.threshold = PG_ARGISNULL(ARGUMENT_THRESHOLD) ? job.task.version->traits.threshold :
		PG_GETARG_FLOAT8(ARGUMENT_THRESHOLD);
	job.task.options.tta = !PG_ARGISNULL(ARGUMENT_TTA) && PG_GETARG_BOOL(ARGUMENT_TTA);
	argument_check_threshold(job.task.options.threshold);
	columns.image = argument_text(fcinfo, ARGUMENT_IMAGE_COLUMN, "image_column");
	columns.mask = argument_text(fcinfo, ARGUMENT_MASK_COLUMN, "mask_column");
	columns.id = argument_text_or_null(fcinfo, ARGUMENT_ID_COLUMN);
	evaluation_open(&job.task, images, &columns, argument_text_or_null(fcinfo, ARGUMENT_GROUP_COLUMN));
	score_rows(&job);
	return_cells(&job, (ReturnSetInfo *) fcinfo->resultinfo);
	SPI_finish();
	return (Datum) 0;
}
