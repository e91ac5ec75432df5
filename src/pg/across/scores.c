/*
 * scores.c: a version's score over all hospitals, each on its own rows.
 *
 * As in hospitals.c, what a query calls is qualified and its arguments have
 * the types of ours. Only the number of images and their mean Dice come back.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "pg/across/across.h"
#include "pg/base/values/row_values.h"

#define SCORE_COLUMNS "n bigint, dice pg_catalog.float8"

/* Read a score of the answer's only row. */
static void
read_score(Hospital *hospital)
{
	PooledScore *score = &hospital->score;

	score->n = DatumGetInt64(link_needed(&hospital->link, "n", INT8OID));
	score->dice = DatumGetFloat8(link_needed(&hospital->link, "dice", FLOAT8OID));
	if (score->n < 1 || score->n > HOSPITAL_IMAGES_MOST || !(score->dice >= 0 && score->dice <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("server \"%s\" gives a Dice of %g on %lld images", hospital->server, score->dice,
						(long long) score->n)));
}

/* Take the answer to ask_score(). */
static void
take_score(Hospital *hospital)
{
	if (link_take(&hospital->link, SCORE_COLUMNS) > 0)
		read_score(hospital);
	SPI_freetuptable(SPI_tuptable);
}

/* The condition that a score is on a part of rows that were split by what we ask for. */
static const char *
split_condition(const Across *task)
{
	const TrainRequest *request = &task->request;

	if (request->group_column != NULL)
		return psprintf("AND split_columns OPERATOR(pg_catalog.=) ARRAY[%s]", link_text(request->group_column));
	if (request->id_column != NULL)
		return psprintf("AND NOT grouped AND split_columns OPERATOR(pg_catalog.=) ARRAY[%s]",
						link_text(request->id_column));
	return "AND NOT grouped AND id_column IS NULL";
}

/* Look for a score of the version that was sent last, made by us in the way that we ask for: others might choose what
 * it says. */
static void
find_score(const Across *task, Hospital *hospital, const char *subset)
{
	const TrainRequest *request = &task->request;
	char	   *query = psprintf("SELECT n, dice FROM %slesion_evaluation WHERE model OPERATOR(pg_catalog.=) %s "
								 "AND version OPERATOR(pg_catalog.=) %d AND images OPERATOR(pg_catalog.=) %s "
								 "AND subset OPERATOR(pg_catalog.=) '%s' "
								 "AND split_seed OPERATOR(pg_catalog.=) '" INT64_FORMAT "'::pg_catalog.int8 "
								 "AND test_fraction OPERATOR(pg_catalog.=) %s::pg_catalog.float8 "
								 "AND validation_fraction OPERATOR(pg_catalog.=) %s::pg_catalog.float8 "
								 "AND image_column OPERATOR(pg_catalog.=) %s AND mask_column OPERATOR(pg_catalog.=) %s "
								 "AND options OPERATOR(pg_catalog.=) '{}'::pg_catalog.jsonb "
								 "AND NOT kept_snapshot AND too_large OPERATOR(pg_catalog.=) 0::pg_catalog.int8 "
								 "AND evaluated_by OPERATOR(pg_catalog.=) current_user::pg_catalog.text %s "
								 "ORDER BY evaluation DESC LIMIT 1",
								 hospital->prefix, quote_literal_cstr(task->local_model), hospital->start,
								 quote_literal_cstr(hospital->table), subset, request->split_seed,
								 double_to_shortest_decimal(request->test_fraction),
								 double_to_shortest_decimal(task->plan.validation_fraction),
								 quote_literal_cstr(request->image_column), quote_literal_cstr(request->mask_column),
								 split_condition(task));

	if (link_query(&hospital->link, query, SCORE_COLUMNS) > 0)
		read_score(hospital);
	SPI_freetuptable(SPI_tuptable);
}

/* Ask for a score, without waiting for it. */
static void
ask_score(const Across *task, Hospital *hospital, const char *subset)
{
	const TrainRequest *request = &task->request;

	link_send(&hospital->link,
			  psprintf("SELECT n, dice FROM %slesion_evaluate(%s::pg_catalog.regclass, %s, subset => %s, "
					   "image_column => %s, mask_column => %s, id_column => %s, "
					   "split_seed => '" INT64_FORMAT "'::pg_catalog.int8, "
					   "test_fraction => '%s'::pg_catalog.float8, version => %d, "
					   "group_column => %s, validation_fraction => '%s'::pg_catalog.float8)",
					   hospital->prefix, quote_literal_cstr(hospital->table), link_text(task->local_model),
					   link_text(subset),
					   link_text(request->image_column), link_text(request->mask_column), link_text(request->id_column),
					   request->split_seed, double_to_shortest_decimal(request->test_fraction), hospital->start,
					   link_text(request->group_column), double_to_shortest_decimal(task->plan.validation_fraction)));
}

/* Has the hospital images in that part? */
static bool
has_images(const Hospital *hospital, const char *subset)
{
	return (strcmp(subset, "test") == 0 ? hospital->trained.test_images : hospital->trained.validation_images) > 0;
}

PooledScore
scores_pooled(Across *task, const char *subset)
{
	PooledScore pooled = {0};

	for (int i = 0; i < task->count; i++)
	{
		Hospital   *hospital = &task->hospitals[i];

		hospital->score = (PooledScore) {0};
		if (!has_images(hospital, subset))
			continue;
		if (!task->score_anew)
			find_score(task, hospital, subset);
		if (hospital->score.n == 0)
			ask_score(task, hospital, subset);
	}
	while (hospitals_take_some(task, take_score))
		;
	hospitals_raise(task);
	for (int i = 0; i < task->count; i++)
	{
		const PooledScore *score = &task->hospitals[i].score;

		pooled.n += score->n;
		pooled.dice += score->dice * (double) score->n;
	}
	if (pooled.n > 0)
		pooled.dice /= (double) pooled.n;
	return pooled;
}
