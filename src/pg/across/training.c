/*
 * training.c: the trainings of a round, at all hospitals at the same time.
 *
 * A hospital trains by its own lesion_retrain. So a training that was stopped
 * goes on after its last epoch, and the hospital sees it in lesion_runs. The
 * run's row holds all that it was asked for, by which a finished one is found.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "learn/trainer.h"
#include "pg/across/across.h"
#include "pg/base/values/row_values.h"

/*
 * Rates of the rounds stand on the one-cycle curve of a training of all
 * epochs in one place, each in the middle of its round. Within a round the
 * rate is constant.
 */
double
training_rate(const Across *task)
{
	return schedule_rate(SCHEDULE_ONE_CYCLE, task->plan.train.learning_rate, 2L * task->round - 1,
						 2L * task->rounds + 1);
}

/* The seed of the present round: another order and other variations in each. */
static int64
round_seed(const Across *task)
{
	return (int64) ((uint64) task->request.seed + (uint64) task->round);
}

Jsonb *
training_asked(const Across *task, int init_version)
{
	TrainRequest request = task->request;
	TrainPlan	plan = task->plan;

	request.init = init_version != 0 ? task->local_model : NULL;
	request.promote = PROMOTE_NEVER;
	plan.init_version = init_version;
	strlcpy(plan.init_sha256, task->current.sha256, sizeof plan.init_sha256);
	plan.train.learning_rate = training_rate(task);
	return train_request_jsonb(&request, &plan, task->config, NULL);
}

/*
 * The condition that a run was split by what we ask for. Its options name the columns only where they are not the id,
 * and its version, which always does, may be deleted.
 */
static const char *
split_condition(const Across *task)
{
	const char *group = task->request.group_column;

	if (group == NULL)
		return "AND NOT pg_catalog.jsonb_exists(r.options, 'group_column'::pg_catalog.text)";
	return psprintf("AND coalesce(v.split_columns OPERATOR(pg_catalog.=) ARRAY[%s], "
					"(r.options OPERATOR(pg_catalog.->>) 'group_column'::pg_catalog.text) OPERATOR(pg_catalog.=) %s)",
					link_text(group), link_text(psprintf("\"%s\"", group)));
}

/* A jsonb as a literal of a query. */
static const char *
json_literal(Jsonb *json)
{
	return psprintf("%s::pg_catalog.jsonb", quote_literal_cstr(JsonbToCString(NULL, &json->root, VARSIZE(json))));
}

/* Can it be the number of images of a hospital's part? */
static bool
is_count(int64 images, int64 least)
{
	return images >= least && images <= HOSPITAL_IMAGES_MOST;
}

/* Can it be a SHA-256 in hexadecimal digits? */
static bool
is_sha256(const char *text)
{
	return strlen(text) == SHA256_HEX_SIZE - 1 && strspn(text, "0123456789abcdef") == SHA256_HEX_SIZE - 1;
}

/*
 * Find what a hospital has trained for us. A version may have been deleted there since; the run still tells how many
 * images the hospital has.
 */
static void
find_training(const Across *task, Hospital *hospital)
{
	LocalTraining *trained = &hospital->trained;
	bool		blurred = task->clip_norm > 0;	/* then the digest of what was trained stays there: it tells the rows */
	char	   *query = psprintf("SELECT coalesce(v.number, 0) AS version, coalesce(%s, '') AS sha256, "
								 "r.training_images, r.validation_images, r.test_images "
								 "FROM %slesion_run AS r LEFT JOIN %slesion_version AS v "
								 "ON v.model OPERATOR(pg_catalog.=) r.model "
								 "AND v.number OPERATOR(pg_catalog.=) r.version "
								 "WHERE r.model OPERATOR(pg_catalog.=) %s "
								 "AND r.state OPERATOR(pg_catalog.=) 'finished' "
								 "AND r.images OPERATOR(pg_catalog.=) %s AND r.epochs OPERATOR(pg_catalog.=) %d "
								 "AND r.seed OPERATOR(pg_catalog.=) '" INT64_FORMAT "'::pg_catalog.int8 "
								 "AND (r.options OPERATOR(pg_catalog.-) 'group_column'::pg_catalog.text) "
								 "OPERATOR(pg_catalog.=) %s AND r.stopped_by IS NULL "
								 "AND r.started_by OPERATOR(pg_catalog.=) current_user::pg_catalog.text %s "
								 "ORDER BY v.number IS NULL, r.run DESC LIMIT 1",
								 blurred ? "''::pg_catalog.text" : "pg_catalog.encode(v.sha256, 'hex')",
								 hospital->prefix, hospital->prefix, quote_literal_cstr(task->local_model),
								 quote_literal_cstr(hospital->table), task->request.epochs, round_seed(task),
								 json_literal(training_asked(task, hospital->start)), split_condition(task));

	*trained = (LocalTraining) {0};
	if (link_query(&hospital->link, query, "version int, sha256 pg_catalog.text, training_images int, "
				   "validation_images int, test_images int") > 0)
	{
		trained->version = DatumGetInt32(link_needed(&hospital->link, "version", INT4OID));
		trained->sha256 = MemoryContextStrdup(task->context,
											  TextDatumGetCString(link_needed(&hospital->link, "sha256", TEXTOID)));
		trained->training_images = DatumGetInt32(link_needed(&hospital->link, "training_images", INT4OID));
		trained->validation_images = DatumGetInt32(link_needed(&hospital->link, "validation_images", INT4OID));
		trained->test_images = DatumGetInt32(link_needed(&hospital->link, "test_images", INT4OID));
		if (!is_count(trained->training_images, 1) || !is_count(trained->validation_images, 0) ||
			!is_count(trained->test_images, 0) ||
			(!blurred && trained->version != 0 && !is_sha256(trained->sha256)))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("server \"%s\" gives a training on %lld images (%lld to validate, %lld to test), with the "
							"SHA-256 \"%.*s\"", hospital->server, (long long) trained->training_images,
							(long long) trained->validation_images, (long long) trained->test_images,
							pg_mbcliplen(trained->sha256, strlen(trained->sha256), SHA256_HEX_SIZE - 1),
							trained->sha256)));
	}
	SPI_freetuptable(SPI_tuptable);
}

void
training_find(Across *task)
{
	for (int i = 0; i < task->count; i++)
		find_training(task, &task->hospitals[i]);
}

/* Start the training at a hospital. */
static void
start_training(const Across *task, Hospital *hospital)
{
	const TrainRequest *request = &task->request;

	link_send(&hospital->link,
			  psprintf("CALL %slesion_retrain(%s::pg_catalog.regclass, %s, epochs => %d, image_column => %s, "
					   "mask_column => %s, id_column => %s, image_size => %d, batch_size => %d, "
					   "learning_rate => %s::pg_catalog.float8, test_fraction => %s::pg_catalog.float8, "
					   "seed => '" INT64_FORMAT "'::pg_catalog.int8, augment => %s, "
					   "promote => 'never'::pg_catalog.text, "
					   "split_seed => '" INT64_FORMAT "'::pg_catalog.int8, options => %s, init => %s, "
					   "group_column => %s, weight_column => %s)",
					   hospital->prefix, quote_literal_cstr(hospital->table), link_text(task->local_model),
					   request->epochs, link_text(request->image_column), link_text(request->mask_column),
					   link_text(request->id_column), request->image_size, request->batch_size,
					   quote_literal_cstr(double_to_shortest_decimal(training_rate(task))),
					   quote_literal_cstr(double_to_shortest_decimal(request->test_fraction)), round_seed(task),
					   json_literal(request->augment), request->split_seed, json_literal(request->options),
					   link_text(task->local_model), link_text(request->group_column),
					   link_text(request->weight_column)));
}

/* Take the answer of a training that has ended. */
static void
take_training(Hospital *hospital)
{
	(void) link_take(&hospital->link, "done pg_catalog.text");
	SPI_freetuptable(SPI_tuptable);
}

void
training_start(void *work)
{
	Across	   *task = work;

	for (int i = 0; i < task->count; i++)
		if (task->hospitals[i].trained.version == 0)
			start_training(task, &task->hospitals[i]);
}

bool
training_wait(Across *task)
{
	return hospitals_take_some(task, take_training);
}

static void
refuse_without_run(const Across *task, const Hospital *hospital)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("server \"%s\" has trained, and has no run to show for it", hospital->server),
			 errdetail("lesion_run there has no finished run of model \"%s\" that was asked for the same.",
					   task->local_model),
			 errhint("Does somebody else train, promote or drop that model there? Call again, or train under another "
					 "name.")));
}

void
training_end(void *work)
{
	Across	   *task = work;

	hospitals_raise(task);
	training_find(task);
	for (int i = 0; i < task->count; i++)
		if (task->hospitals[i].trained.version == 0)
			refuse_without_run(task, &task->hospitals[i]);
}

void
training_need_runs(const Across *task)
{
	for (int i = 0; i < task->count; i++)
		if (task->hospitals[i].trained.training_images == 0)
			refuse_without_run(task, &task->hospitals[i]);
}
