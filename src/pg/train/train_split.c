/*
 * train_split.c: see train_split.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "pg/base/values/row_values.h"
#include "pg/images/column_text.h"
#include "pg/train/train_split.h"

/* The version whose split is the run's default, or NULL. */
static const ModelVersion *
version_before(const TrainRun *run)
{
	const ModelVersion *active = store_find_version(&run->store, run->request.model, NULL);

	if (active != NULL && active->split.columns != NULL)
		return active;
	if (run->init != NULL && run->init->split.columns != NULL)
		return run->init;
	return NULL;
}

/* Does the run's table have the columns that a version was split by? Warns if
 * not. */
static bool
has_columns(const TrainRun *run, const ModelVersion *version)
{
	const SplitColumns *columns = version->split.columns;

	for (int i = 0; i < columns->count; i++)
	{
		if (get_attnum(run->request.images, NameStr(columns->names[i])) > 0)
			continue;
		ereport(WARNING,
				(errmsg("\"%s\" has no column \"%s\", by which version %d of model \"%s\" was split",
						get_rel_name(run->request.images), NameStr(columns->names[i]), version->number, version->model),
				 errdetail("The rows are split by what tells them apart."),
				 errhint("Name the column of the patient or lesion with group_column => '...'.")));
		return false;
	}
	return true;
}

/* Check that a column of weights holds numbers. */
static void
check_weight_column(const TrainRequest *request)
{
	Oid			type = get_atttype(request->images, get_attnum(request->images, request->weight_column));

	switch (getBaseType(type))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			return;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of \"%s\" is of type %s, not a number", request->weight_column,
							get_rel_name(request->images), format_type_be(type)),
					 errhint("Name a column of weights, of type float8 say, with weight_column => '...'.")));
	}
}

void
train_split_open(TrainRun *run)
{
	const TrainRequest *request = &run->request;
	const ModelVersion *before = NULL;
	ImagesColumns columns = {
		.image = request->image_column,
		.mask = request->mask_column,
		.id = request->id_column,
		.by = request->weight_column,
		.by_argument = "weight_column",
	};

	if (request->group_column != NULL)
		columns.group = split_columns_single(request->group_column);
	else if (request->id_column == NULL && run->plan.fold == 0 && get_rel_name(request->images) != NULL)
		before = version_before(run);	/* a fold is cut as its cross-validation says, whatever stands in its model */
	if (before != NULL && has_columns(run, before))
	{
		columns.group = before->split.columns;
		columns.group_reason = psprintf("Version %d of model \"%s\" was split by it.", before->number, before->model);
	}
	run->source = images_open(request->images, &columns);
	if (request->weight_column != NULL)
		check_weight_column(request);
	run->split = (Split) {
		.columns = run->source->group_columns,
		.seed = request->split_seed,
		.test_fraction = request->test_fraction,
		.validation_fraction = run->plan.validation_fraction,
		.fold = run->plan.fold,
	};
	split_check_fold(&run->split);
}

/* Warn that images of a part are also trained on. */
static void
warn_copies(const TrainRun *run, const char *part, const ImageDigests *held_back)
{
	int64		copies = image_digests_shared(&run->trained_on, held_back);

	if (copies > 0)
		ereport(WARNING,
				(errmsg("%lld of the %lld %s images are among the training images too, under other ids",
						(long long) copies, (long long) held_back->count, part),
				 errdetail("Scores on them look better than they are."),
				 errhint("Leave the copies out with a view, or keep all images of a patient or lesion in one part with "
						 "group_column => '...'.")));
}

/*
 * Warn if equal values of the split's column have different texts, as 1 and
 * 1.0. The texts decide the part, so the images of one patient could be in two
 * parts.
 */
static void
check_texts(const TrainRun *run)
{
	const char *name = NameStr(run->source->group_columns->names[0]);
	const char *column = quote_identifier(name);
	const char *text = column_text(run->request.images, name);
	Oid			type = get_atttype(run->request.images, get_attnum(run->request.images, name));
	int64		counts[2];
	int			result;

	if (!OidIsValid(lookup_type_cache(type, TYPECACHE_LT_OPR)->lt_opr))
		return;
	relation_check(&run->source->known);
	result = images_execute(psprintf("looking at \"%s\" of %s", name, run->source->name),
							psprintf("SELECT pg_catalog.count(DISTINCT %s), "
									 "pg_catalog.count(DISTINCT (%s) COLLATE pg_catalog.\"C\") FROM %s",
									 column, text, run->source->name), 0, NULL, NULL, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "counting groups of %s gave %s", run->source->name, SPI_result_code_string(result));
	for (int i = 0; i < 2; i++)
		counts[i] = DatumGetInt64(row_needed(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, INT8OID));
	SPI_freetuptable(SPI_tuptable);
	if (counts[1] > counts[0])
		ereport(WARNING,
				(errmsg("\"%s\" of %s has %lld values that are written in %lld ways, like 1 and 1.0", name,
						run->source->name, (long long) counts[0], (long long) counts[1]),
				 errdetail("Rows are split by the text: those of one value may be both trained on and scored."),
				 errhint("Split by a column of a view that writes equal values alike, as trim_scale(%s) or lower(%s).",
						 column, column)));
}

void
train_split_check(TrainRun *run, const HeldBack *held_back)
{
	ImageDigests before = {0};
	int64		seen;

	if (run->split.columns->count == 1 && (run->source->grouped || run->request.id_column != NULL))
		check_texts(run);
	image_digests_sort(&run->trained_on);
	warn_copies(run, "test", &held_back->test);
	warn_copies(run, "validation", &held_back->validation);
	if (run->init == NULL)
		return;
	run->images_unknown = !image_digests_load(&run->store, run->init, &before);
	seen = image_digests_shared(&before, &held_back->test);
	if (seen > 0)
		ereport(WARNING,
				(errmsg("%lld of the %lld test images were among those that version %d of model \"%s\" was trained on",
						(long long) seen, (long long) held_back->test.count, run->init->number, run->init->model),
				 errdetail("Training starts from it, so that scores on them look better than they are."),
				 errhint("Give this run the same split: group_column, split_seed => %lld and test_fraction => %g.",
						 (long long) run->init->split.seed, run->init->split.test_fraction)));
	for (int64 i = 0; i < before.count; i++)
		image_digests_add(&run->trained_on, before.values[i]);
	image_digests_sort(&run->trained_on);
}
