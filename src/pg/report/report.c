/*
 * report.c: the SQL function lesion_report: one page about models and what was
 * done with them, for a head of department above and an auditor below.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "pg/base/call.h"
#include "pg/base/error.h"
#include "pg/base/user_tables.h"
#include "pg/base/values/arguments.h"
#include "pg/base/values/row_values.h"
#include "pg/base/values/utf8_text.h"
#include "pg/report/job.h"

PG_FUNCTION_INFO_V1(lesion_report);

#define MOST_PICTURES 100
#define REPORT_TABLES_MAX 100
#define REPORT_MODELS_MAX 1000
#define DAYS 28					/* of the period, unless it is given */

/* Arguments of lesion_report. */
enum
{
	ARG_MODELS, ARG_SINCE, ARG_UNTIL, ARG_PREDICTIONS, ARG_VERDICTS, ARG_IMAGES, ARG_PICTURES, ARG_IMAGE_COLUMN,
	ARG_MASK_COLUMN, ARG_ID_COLUMN, ARG_TITLE
};

static const char *const contents[] = {
	"models", "Models and how good they are", "cases", "Worst, median and best cases", "groups", "Groups", "robustness",
	"Robustness", "calibration", "Calibration", "scores", "Distribution of scores", "curves", "Training", "weeks",
	"Week by week", "review", "Masks to check", "verdicts", "Verdicts", "audit", "What was done to models", "versions",
	"Versions and digests", "use", "Who used what", NULL
};

/* Find the period. */
static void
read_period(FunctionCallInfo fcinfo, ReportJob *job)
{
	TimestampTz until = PG_ARGISNULL(ARG_UNTIL) ? GetCurrentStatementStartTimestamp() :
		PG_GETARG_TIMESTAMPTZ(ARG_UNTIL);
	TimestampTz since = PG_ARGISNULL(ARG_SINCE) ? until - DAYS * USECS_PER_DAY : PG_GETARG_TIMESTAMPTZ(ARG_SINCE);

	if (TIMESTAMP_NOT_FINITE(until) || TIMESTAMP_NOT_FINITE(since) || since >= until)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the period from %s to %s is empty or without an end", pstrdup(timestamptz_to_str(since)),
						pstrdup(timestamptz_to_str(until))),
				 errhint("Give since and until as two times, the earlier one first, or leave them out for the last %d "
						 "days.",
						 DAYS)));
	/* Charts go back half a year further. */
	if (since < MIN_TIMESTAMP + 366 * USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the period begins before the year 4712 BC"),
				 errhint("Give since and until as two times, or leave them out for the last %d days.", DAYS)));
	job->since = TimestampTzGetDatum(since);
	job->until = TimestampTzGetDatum(until);
}

/* Check the tables of masks, and make the query of their rows. */
static void
open_predictions(FunctionCallInfo fcinfo, ReportJob *job)
{
	Datum	   *tables;
	bool	   *nulls;
	StringInfoData rows;

	if (PG_ARGISNULL(ARG_PREDICTIONS))
		return;
	argument_at_most(fcinfo, ARG_PREDICTIONS, "predictions", REPORT_TABLES_MAX);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(ARG_PREDICTIONS), REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT, &tables,
					  &nulls, &job->predictions);
	job->prediction_tables = palloc((job->predictions + 1) * sizeof *job->prediction_tables);
	initStringInfo(&rows);
	for (int i = 0; i < job->predictions; i++)
	{
		Oid			table = DatumGetObjectId(tables[i]);

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("element %d of predictions is NULL", i + 1),
					 errhint("Name tables of masks, as in '{masks}'.")));
		(void) user_table_open(&job->store, &user_table_predictions, table);
		job->prediction_tables[i] = relation_know_oid(table);
		appendStringInfo(&rows, "%sSELECT * FROM %s p", i > 0 ? " UNION ALL " : "",
						 user_table_rows(&user_table_predictions, job->prediction_tables[i].name,
										 "images, id, mask, area, confidence, predicted_dice, quality, needs_review, "
										 "error, model, version, weights_sha256, image_sha256, predicted_at, "
										 "predicted_by"));
	}
	if (job->predictions == 0)
		return;
	job->all_predictions = rows.data;
	job->prediction_rows = psprintf("SELECT * FROM (%s) a "
									"WHERE predicted_at <= $3 AND ($1 IS NULL OR model = ANY ($1))", rows.data);
	job->current_rows = psprintf("SELECT DISTINCT ON (p.images, p.id, p.model) p.* FROM (%s) p "
								 "LEFT JOIN %slesion_models a ON a.model = p.model AND a.version = p.version "
								 "WHERE p.predicted_at >= $2 "
								 "ORDER BY p.images, p.id, p.model, a.version IS NULL, p.predicted_at DESC",
								 job->prediction_rows, store_prefix(&job->store));
}

/*
 * Check the table of verdicts. A mask was looked at where it has a verdict that
 * counts, or a later mask of its image has: none can be given on the earlier one
 * any more.
 */
static void
open_verdicts(FunctionCallInfo fcinfo, ReportJob *job)
{
	job->waiting = "true";
	if (PG_ARGISNULL(ARG_VERDICTS))
		return;
	job->verdicts = user_table_open(&job->store, &user_table_verdicts, PG_GETARG_OID(ARG_VERDICTS));
	job->verdict_rows = user_table_rows(&user_table_verdicts, job->verdicts,
										"images, id, verdict, reason, corrected_mask, mask_sha256, model, version, "
										"decided_at, decided_by");
	job->verdict_table = relation_know_oid(PG_GETARG_OID(ARG_VERDICTS));
	if (job->all_predictions == NULL)
		return;
	/* What was looked at is said by the digest of a mask, not by the time of the verdict: a mask that was made
	 * before it may have come after it, and a verdict may be about another mask. An anti-join that can be hashed:
	 * with OR, or with a volatile function, each mask would be looked up among all verdicts. Equal masks of an image
	 * count once: each verdict on them would else meet each of them. */
	job->waiting = psprintf("NOT EXISTS (SELECT FROM (SELECT m.images, m.id, max(m.predicted_at) AS latest "
							"FROM %1$s v JOIN (SELECT DISTINCT ON (images, id, digest) * "
							"FROM (SELECT images, id, mask, predicted_at, coalesce(sha256(mask), '') AS digest "
							"FROM (%2$s) a "
							"WHERE (" USER_TABLE_IMAGE ") IN (SELECT " USER_TABLE_IMAGE " FROM %1$s v) "
							"AND predicted_at <= statement_timestamp()) d "
							"ORDER BY images, id, digest, predicted_at DESC) m "
							"ON " USER_TABLE_SAME_IMAGE("m", "v") " AND m.digest = coalesce(v.mask_sha256, '') "
							"WHERE v.decided_at <= statement_timestamp() "
							"AND " USER_TABLE_VERDICT_COUNTS("m.mask", "%3$s") " "
							"GROUP BY m.images, m.id) v "
							"WHERE " USER_TABLE_SAME_IMAGE("v", "p") " AND v.latest >= p.predicted_at)",
							job->verdict_rows, job->all_predictions, store_prefix(&job->store));
}

/* May the caller read that table or view of the extension? */
static bool
may_read(const ReportJob *job, const char *relation)
{
	return pg_class_aclcheck(get_relname_relid(relation, job->store.schema), GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

/* Read the arguments. */
static void
read_arguments(FunctionCallInfo fcinfo, ReportJob *job)
{
	job->all_models = PG_ARGISNULL(ARG_MODELS);
	if (!job->all_models)
	{
		argument_at_most(fcinfo, ARG_MODELS, "models", REPORT_MODELS_MAX);
		job->models = PG_GETARG_DATUM(ARG_MODELS);
	}
	read_period(fcinfo, job);
	open_predictions(fcinfo, job);
	open_verdicts(fcinfo, job);
	job->pictures = argument_int(fcinfo, ARG_PICTURES, "pictures");
	if (job->pictures < 0 || job->pictures > MOST_PICTURES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pictures is %d, it must be between 0 and %d", job->pictures, MOST_PICTURES),
				 errhint("0 leaves pictures out.")));
	job->image_column = argument_text(fcinfo, ARG_IMAGE_COLUMN, "image_column");
	job->mask_column = argument_text(fcinfo, ARG_MASK_COLUMN, "mask_column");
	job->id_column = argument_text_or_null(fcinfo, ARG_ID_COLUMN);
	if (!PG_ARGISNULL(ARG_IMAGES))
	{
		argument_at_most(fcinfo, ARG_IMAGES, "images", REPORT_TABLES_MAX);
		report_open_images(job, PG_GETARG_ARRAYTYPE_P(ARG_IMAGES));
	}
	job->scores_readable = may_read(job, "lesion_image_score");
	job->groups_readable = may_read(job, "lesion_subgroups");
}

/*
 * Find one evaluation of each active version on each table and part, as the
 * views lesion_worst_cases and lesion_subgroups do; of more than
 * REPORT_CHARTS_MAX those on tables that the caller named, then those of most
 * images. `by` is another column that tells evaluations apart, or empty.
 */
static Datum
find_evaluations(const ReportJob *job, const char *by, const char *where, long *all)
{
	Datum		evaluations;
	bool		isnull;

	report_select(job, psprintf("SELECT pg_catalog.array_agg(l.evaluation) FILTER (WHERE l.place <= %d) "
								"AS evaluations, count(*) AS n "
								"FROM (SELECT e.evaluation, row_number() OVER (ORDER BY " NAMED_FIRST
								", e.n DESC, e.evaluation DESC) AS place "
								"FROM (SELECT DISTINCT ON (e.model, e.images, e.subset%s) e.* "
								"FROM @lesion_evaluations e "
								"JOIN @lesion_models m ON m.model = e.model AND m.version = e.version "
								"WHERE ($1 IS NULL OR e.model = ANY ($1)) AND %s "
								"ORDER BY e.model, e.images, e.subset%s, e.differs IS NOT NULL, e.evaluated_at DESC, "
								"e.evaluation DESC) e "
								"WHERE e.evaluated_at <= $3) l", REPORT_CHARTS_MAX, by, where, by));
	*all = (long) DatumGetInt64(first_row_needed("n", INT8OID));
	evaluations = first_row_value("evaluations", INT8ARRAYOID, &isnull);
	return isnull ? (Datum) 0 : evaluations;
}

/* Find what the page is about. */
static void
find_subjects(ReportJob *job)
{
	job->evaluations = find_evaluations(job, "", "e.evaluated_at <= $3", &job->evaluations_all);
	/* The view of groups knows the latest alone, whatever the period. */
	if (job->groups_readable)
		job->group_evaluations = find_evaluations(job, ", e.by_column", "e.by_column IS NOT NULL",
												  &job->group_evaluations_all);
	report_select(job, "SELECT ($1)[1] AS model");
	job->main_model = report_value(0, "model");
}

/* Write the head of the page. */
static void
begin_page(ReportJob *job, const char *title)
{
	char	   *models;

	report_select(job, "SELECT to_char($2 AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS since, "
				  "to_char($3 AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS until, "
				  "to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS made, "
				  "current_database()::text AS database, current_user::text AS role, "
				  "coalesce(array_to_string($1, ', '), 'all') AS models");
	models = report_value(0, "models");
	page_begin(&job->page, title != NULL ? utf8_text(title) : "Segmentation of skin lesions: report",
			   psprintf("%s to %s. Models: %s. Database %s, made %s by %s with lesionseg %s. All times are UTC. "
						"What this role may not read is not counted.",
						report_text(0, "since"), report_text(0, "until"), utf8_text(models),
						report_text(0, "database"), report_text(0, "made"), report_text(0, "role"),
						LESIONSEG_VERSION));
}

/* Write all sections, in the order of the contents. */
static void
write_sections(ReportJob *job)
{
	static void (*const sections[]) (ReportJob *) = {
		report_models, report_cases, report_groups, report_robustness, report_calibration, report_scores, report_curves,
		report_weeks, report_review, report_verdicts, report_audit, report_versions, report_use
	};

	report_overview(job);
	page_contents(&job->page, contents);
	for (int i = 0; i < (int) lengthof(sections); i++)
	{
		sections[i](job);
		check_status(job->call, job->page.status);
	}
	page_end(&job->page, "Made by lesion_report. A mask is no diagnosis: it says where a lesion is, not what it is.");
	check_status(job->call, job->page.status);
}

/* lesion_report(models, since, until, predictions, verdicts, images, pictures, image_column, mask_column, id_column,
 * title) */
Datum
lesion_report(PG_FUNCTION_ARGS)
{
	ReportJob	job = {0};
	char	   *title = argument_text_or_null(fcinfo, ARG_TITLE);
	text	   *result;

	job.store = store_open(fcinfo, true);
	job.call = call_create(CurrentMemoryContext, 1);
	read_arguments(fcinfo, &job);
	buffer_init(&job.page, job.call);
	SPI_connect();
	find_subjects(&job);
	begin_page(&job, title);
	write_sections(&job);
	SPI_finish();
	if (job.page.size > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the page has %zu bytes, a text holds at most %zu", job.page.size,
						(size_t) (MaxAllocSize - VARHDRSZ)),
				 errhint("Name fewer models and tables, or give a shorter period or title.")));
	result = cstring_to_text_with_len(job.page.text, (int) job.page.size);
	call_destroy(job.call);
	PG_RETURN_TEXT_P(result);
}
