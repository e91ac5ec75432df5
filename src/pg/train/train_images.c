/*
 * train_images.c: see train_images.h.
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/base/split.h"
#include "pg/images/images_scan.h"
#include "pg/train/train_images.h"
#include "pg/train/train_masks.h"
#include "pg/train/train_progress.h"
#include "pg/train/train_split.h"

/* Raise an error when the table cannot be trained on. */
static void
check_rows(const ImagesSource *source, int64 rows, int64 usable)
{
	if (rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s has no rows", source->name),
				 errhint("Fill it with images and their masks first.")));
	if (usable < 2)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s has %lld row%s with an image and a mask, training needs at least 2", source->name,
						(long long) usable, usable == 1 ? "" : "s"),
				 errhint("Add rows; a useful network needs some hundred.")));
}

/*
 * Add a row that training sees to the digest of all; its image's digest is
 * known. The group is digested if it decides the row's part, and so is the
 * row's weight if there is one.
 */
static void
digest_row(TrainRun *run, const ImageRow *row, const uint8_t image_sha256[SHA256_BYTES])
{
	char	   *own = row->by == NULL ? pstrdup(row->id) : psprintf("%s:%s", row->by, row->id);	/* and weight */
	char	   *id = run->source->grouped ? psprintf("%s:%s", row->group, own) : pstrdup(own);
	size_t		id_size = strlen(id);
	uint8_t    *text = palloc(3 * SHA256_BYTES + id_size);

	memcpy(text, run->data_sha256, SHA256_BYTES);
	memcpy(text + SHA256_BYTES, image_sha256, SHA256_BYTES);
	sha256_digest(row->mask.bytes, row->mask.size, text + 2 * SHA256_BYTES);
	memcpy(text + 3 * SHA256_BYTES, id, id_size);
	sha256_digest(text, 3 * SHA256_BYTES + id_size, run->data_sha256);
	pfree(text);
	pfree(id);
	pfree(own);
}

/* A row, as the subject of an error. */
static char *
row_name(const TrainRun *run, const ImageRow *row)
{
	return psprintf("row \"%s\" of %s", row->id, run->source->name);
}

/* The weight of a row for training. */
static double
row_weight(const TrainRun *run, const ImageRow *row)
{
	double		weight;

	if (row->by == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s has no weight: its \"%s\" is NULL", row_name(run, row), run->request.weight_column),
				 errhint("Give every row a weight, in a view with coalesce(%s, 1), say.",
						 quote_identifier(run->request.weight_column))));
	weight = DatumGetFloat8(DirectFunctionCall1(float8in, CStringGetDatum(row->by)));
	if (!(weight >= 0) || isinf(weight))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the weight of %s is %s", row_name(run, row), row->by),
				 errhint("A weight is a number of at least 0: 2 is seen twice as often as 1, 0 never.")));
	return weight;
}

/* Keep the weight of a training image, the next of the data set. */
static void
keep_weight(TrainRun *run, double weight)
{
	int64		room = run->counts.training;

	/* room for 2^n weights, doubled when it is full */
	if (run->image_weights == NULL)
		run->image_weights = MemoryContextAllocHuge(run->context, sizeof(double));
	else if ((room & (room - 1)) == 0)
		run->image_weights = repalloc_huge(run->image_weights, 2 * (Size) room * sizeof(double));
	run->image_weights[room] = weight;
}

/* Handle one row: keep it for training or validation, or check it if it is in
 * the test part. */
static Status
take_row(TrainRun *run, const ImageRow *row, HeldBack *held_back)
{
	SplitPart	part = split_part_of(&run->split, row->group);
	Dataset    *dataset = run->training;
	const Call *reading = run->training_call;
	int64	   *count = &run->counts.training;
	ImageDigests *digests = &run->trained_on;
	uint8_t		sha256[SHA256_BYTES];
	Call	   *call;
	Status		status;

	sha256_digest(row->image.bytes, row->image.size, sha256);
	if (part == SPLIT_TEST)
	{
		call = call_create(CurrentMemoryContext, 1);
		status = images_check(call, row, run->plan.turn, &run->masks);
		if (status.code == LS_OK || broken_or_too_large(status))
			call_destroy(call);
		else
			check_argument(call, row_name(run, row), status);
		if (status.code == LS_OK)
		{
			run->counts.test++;
			image_digests_add(&held_back->test, image_digest(sha256));
		}
		return status;
	}
	if (part == SPLIT_VALIDATION)
	{
		dataset = run->validation;
		reading = run->validation_call;
		count = &run->counts.validation;
		digests = &held_back->validation;
	}
	status = dataset_add(dataset, reading, row->image.bytes, row->image.size, row->mask.bytes, row->mask.size,
						 &run->masks);
	if (status.code != LS_OK && !broken_is_rows_fault(status))
		check_argument(reading, row_name(run, row), status);
	if (status.code == LS_OK)
	{
		if (part == SPLIT_TRAIN && run->request.weight_column != NULL)
			keep_weight(run, row_weight(run, row));
		(*count)++;
		image_digests_add(digests, image_digest(sha256));
		digest_row(run, row, sha256);
	}
	return status;
}

/*
 * Raise an error if training needs more memory than allowed: now, and not
 * after all images were decoded. The number of training rows is not known yet,
 * so for a table that may not fill a batch one image is assumed.
 */
static void
check_memory(TrainRun *run, int64 usable)
{
	const TrainRequest *request = &run->request;
	const TrainOptions *options = &run->plan.train;
	double		expected = usable * (1 - request->test_fraction) * (1 - run->plan.validation_fraction);
	int			batch = expected > 2.0 * options->batch_size ? options->batch_size : 1;
	Learner    *learner;

	check_status(run->call, learner_create(run->network, run->call, &options->engine, batch, request->image_size,
										   request->image_size, &learner));
	learner_free(learner);
}

/* Read all rows once. */
static void
read_rows(TrainRun *run)
{
	BrokenRows	broken = {run->source};
	HeldBack	held_back = {0};
	ImagesScan	scan;
	ImageRow	row;
	int64		rows;
	int64		read = 0;

	/* The number of NULL images may only be known after fetching. */
	images_count(run->source, &rows, &broken.usable);
	check_rows(run->source, rows, broken.usable);
	check_memory(run, broken.usable);
	train_progress_phase(PROGRESS_READING, broken.usable);
	images_begin(run->source, NULL, NULL, &scan);
	while (images_next(&scan, &row))
	{
		images_fetch(&scan, &row);
		(void) broken_row(&broken, NULL, row.id, take_row(run, &row, &held_back));
		train_progress_rows(++read);
	}
	run->counts.skipped = scan.skipped;
	run->counts.broken = broken.broken;
	images_end(&scan);
	check_rows(run->source, rows, read);
	broken_check(&broken, read);
	train_split_check(run, &held_back);
}

void
train_images_read(TrainRun *run)
{
	const TrainRequest *request = &run->request;
	int			threads = run->call->threads;
	size_t		memory = (size_t) (run->call->host.max_memory * DATASET_MEMORY_SHARE);
	size_t		validation_memory = (size_t) (memory * run->plan.validation_fraction);

	run->training_call = call_create(run->context, threads);
	run->validation_call = call_create(run->context, threads);
	check_status(run->training_call, dataset_create(&run->training_call->host, request->image_size,
													memory - validation_memory, &run->training));
	check_status(run->validation_call, dataset_create(&run->validation_call->host, request->image_size,
													  validation_memory, &run->validation));
	dataset_enhance(run->validation, run->plan.enhance);
	dataset_turn(run->training, run->plan.turn);
	dataset_turn(run->validation, run->plan.turn);
	read_rows(run);

	if (run->counts.training == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no row of %s is left to train on", run->source->name),
				 errdetail("%lld rows are in the test part, %lld in the validation part; they are told apart by %s.",
						   (long long) run->counts.test, (long long) run->counts.validation,
						   split_columns_text(run->source->group_columns)),
				 errhint("Add rows, or lower test_fraction or options->validation_fraction.")));
	ereport(NOTICE,
			(errmsg("%lld images to train on, %lld to validate, %lld to test",
					(long long) run->counts.training, (long long) run->counts.validation,
					(long long) run->counts.test),
			 run->counts.skipped + run->counts.broken > 0
			 ? errdetail("Left out: %lld rows with a NULL or too long a text, %lld broken ones.",
						 (long long) run->counts.skipped, (long long) run->counts.broken) : 0));
	train_masks_report(&run->masks);
}
