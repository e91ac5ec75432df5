/*
 * use.c: sections on the use of the models: weeks, masks to check, verdicts.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "pg/base/settings.h"
#include "pg/base/user_tables.h"
#include "pg/base/values/row_values.h"
#include "pg/base/values/utf8_text.h"
#include "pg/report/job.h"

#define NO_TABLE "No table of masks was named: predictions => '{masks}'."
#define MOST_COMPARED 1000		/* corrections of a reviewer that are compared with their masks */
#define NO_VERDICTS "No table of verdicts was named: verdicts => 'verdicts'."

/* The weeks of one table since that time, and how many masks their model has in
 * all of them. */
static char *
weeks_query(const ReportJob *job, int table, const char *since)
{
	return psprintf("(SELECT d.*, d.model IS DISTINCT FROM $5 AS other, "
					"sum(d.images) OVER (PARTITION BY d.model) AS of_model "
					"FROM @lesion_drift(%u::regclass, true) d "
					"WHERE ($1 IS NULL OR d.model = ANY ($1)) AND d.week BETWEEN %s AND $3 AND " VERSION_EXISTS ") d",
					job->prediction_tables[table].oid, since);
}

/* The model of the first screen goes first, then those that made most masks: rows
 * of other models push none of them off the page. */
#define WEEKS_ORDER "d.other, d.of_model DESC, d.model"

/* The weeks of one table, for report_lines: of each model the newest versions first. */
static void
select_weeks(ReportJob *job, int table, const char *figures)
{
	report_select(job, psprintf("SELECT left(d.model, 150) || ' ' || d.version || f.name AS series, "
								"(d.week - '2000-01-01'::date)::float8 AS x, f.figure AS y, "
								"to_char(d.week, 'YYYY-MM-DD') AS x_name "
								"FROM %s, LATERAL %s AS f (n, name, figure) "
								"ORDER BY " WEEKS_ORDER ", d.version DESC, f.n, d.week",
								weeks_query(job, table, "$3 - interval '26 weeks'"), figures));
}

void
report_weeks(ReportJob *job)
{
	page_section(&job->page, "weeks", "Week by week",
				 "How many images came, and whether they and their masks are like those of the weeks before. A "
				 "shift is in standard deviations of an image: 0 is as before; above 0.5, look at the images.");
	if (job->predictions == 0)
		page_nothing(&job->page, NO_TABLE);
	for (int i = 0; i < job->predictions; i++)
	{
		const char *name = utf8_text(job->prediction_tables[i].name);

		page_heading(&job->page, psprintf("Table %s", name));
		page_figures_begin(&job->page);
		report_select_user(job, job->prediction_tables[i].name,
						   psprintf("SELECT to_char(w.week, 'MM-DD') AS name, count(*)::float8 AS figure "
									"FROM (SELECT date_trunc('week', min(p.predicted_at) AT TIME ZONE 'UTC') AS week "
									"FROM %s p WHERE ($1 IS NULL OR p.model = ANY ($1)) AND p.predicted_at <= $3 "
									"GROUP BY p.images, p.id) w "
									"WHERE w.week >= ($3 - interval '26 weeks') AT TIME ZONE 'UTC' "
									"GROUP BY w.week ORDER BY w.week",
									user_table_rows(&user_table_predictions, job->prediction_tables[i].name,
													"images, id, model, predicted_at")));
		report_bars(job, psprintf("Images a week, %s", name), "Week from");
		select_weeks(job, i, "(VALUES (1, '', d.predicted_dice))");
		report_lines(job, (LineChart) {.title = psprintf("Predicted Dice, %s", name),.x_title = "Week from",
									   .y_title = "predicted Dice"});
		select_weeks(job, i, "(VALUES (1, '', 100 * d.review))");
		report_lines(job, (LineChart) {.title = psprintf("Flagged for review, %s", name),.x_title = "Week from",
									   .y_title = "% of masks",.from_zero = true});
		select_weeks(job, i, "(VALUES (1, ', lesion area', d.area_shift), (2, ', confidence', d.confidence_shift), "
					 "(3, ', image quality', d.quality_shift))");
		report_lines(job, (LineChart) {.title = psprintf("Shift against the weeks before, %s", name),.x_title =
					 "Week from",
									   .y_title = "standard deviations"});
		page_figures_end(&job->page);
		report_select(job, psprintf("SELECT to_char(d.week, 'YYYY-MM-DD') AS \"Week from (UTC)\", "
									"d.model AS \"Model\", d.version AS \"Version\", d.images AS \"Images\", "
									"d.errors AS \"Errors\", d.area AS \"Area\", d.confidence AS \"Confidence\", "
									"d.quality AS \"Quality\", d.predicted_dice AS \"Predicted Dice\", "
									"d.review AS \"Flagged\", d.area_shift AS \"Shift of area\", "
									"d.confidence_shift AS \"of confidence\", d.quality_shift AS \"of quality\", "
									"d.invalid AS \"Invalid\" "
									"FROM %s ORDER BY " WEEKS_ORDER ", d.week DESC, d.version DESC",
									weeks_query(job, i, "date_trunc('week', $2, 'UTC')")));
		report_table(job, psprintf("Weeks of the period, %s", name), "No mask was made in the period.");
	}
}

/* Select the masks to check, the worst first, with the given columns. */
static void
select_review(ReportJob *job, const char *columns, int limit)
{
	report_select_user(job, "tables of masks",
					   psprintf("SELECT %s "
								"FROM (%s) p "
								"WHERE (p.needs_review OR p.error IS NOT NULL) AND %s "
								"ORDER BY p.error IS NULL, p.predicted_dice, p.images, p.id LIMIT %d", columns,
								job->current_rows, job->waiting, limit));
}

/* Show the worst of them as pictures. */
static void
show_review(ReportJob *job)
{
	ReportPicture *pictures;
	int			count;

	select_review(job, "p.images, coalesce(p.id, '') AS id, p.mask, "
				  "CASE WHEN p.error IS NOT NULL THEN 'could not be segmented' "
				  "ELSE 'predicted Dice ' || coalesce(to_char(p.predicted_dice, 'FM0.000'), 'not known') END "
				  "AS finding, "
				  "coalesce(left(p.model, 200) || ' ' || p.version, '') AS version, "
				  "coalesce(p.image_sha256, '') AS image_sha256", job->pictures);
	count = (int) SPI_processed;
	pictures = palloc0((count + 1) * sizeof *pictures);
	for (int i = 0; i < count; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	columns = SPI_tuptable->tupdesc;
		bool		isnull;
		Datum		mask = row_named_value(row, columns, "mask", BYTEAOID, &isnull);

		pictures[i].images = report_value(i, "images");
		pictures[i].id = report_value(i, "id");
		pictures[i].mask = isnull ? (Datum) 0 : mask;
		pictures[i].image_sha256 = row_named_needed(row, columns, "image_sha256", BYTEAOID);
		pictures[i].caption = psprintf("%s: %s, %s", report_text(i, "id"), report_text(i, "finding"),
									   report_text(i, "version"));
	}
	report_pictures(job, pictures, count);
}

void
report_review(ReportJob *job)
{
	page_section(&job->page, "review", "Masks to check",
				 "Masks of the period that the model itself expects to be poor, and images that it could not "
				 "segment, without those that somebody has looked at. Of each image and model it is the active "
				 "version's mask or, where that made none, the latest. The worst stand first.");
	if (job->prediction_rows == NULL)
	{
		page_nothing(&job->page, NO_TABLE);
		return;
	}
	if (job->pictures > 0)
		show_review(job);
	select_review(job, "p.id AS \"Image\", p.images AS \"Table\", p.model AS \"Model\", p.version AS \"Version\", "
				  "p.predicted_dice AS \"Predicted Dice\", p.confidence AS \"Confidence\", "
				  "p.quality AS \"Image quality\", p.error AS \"Could not be segmented\", "
				  "to_char(p.predicted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS \"Made (UTC)\"", 100);
	report_table(job, "The first 100 masks to check", "Nothing waits: no mask of the period is flagged, or each "
				 "flagged one has a verdict.");
}

/* Verdicts of the period. */
#define OF_PERIOD "v.decided_at BETWEEN $2 AND $3 AND ($1 IS NULL OR v.model = ANY ($1))"

/* Model, version and the mean Dice of masks against their corrections, the latest
 * of each image. Masks are joined, not looked up for each verdict: their table may
 * have no key. */
static char *
agreement_query(const ReportJob *job)
{
	return psprintf("WITH latest AS (SELECT DISTINCT ON (v.images, v.id) v.images, v.id, v.model, v.version, "
					"v.mask_sha256, v.corrected_mask, v.decided_at, v.decided_by FROM %s v "
					"WHERE v.corrected_mask IS NOT NULL AND " OF_PERIOD " ORDER BY v.images, v.id, v.decided_at DESC), "
					"v AS (SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY decided_by "
					"ORDER BY decided_at DESC) AS place FROM latest) l WHERE place <= %d), "
					"pairs AS (SELECT DISTINCT ON (v.images, v.id) v.images, v.id, v.model, v.version, "
					"v.decided_at, v.decided_by, p.mask, v.corrected_mask AS other FROM v JOIN (%s) p "
					"ON " USER_TABLE_SAME_IMAGE("p", "v") " "
					"AND sha256(p.mask) IS NOT DISTINCT FROM v.mask_sha256 ORDER BY v.images, v.id) "
					"SELECT model, version, avg(dice) AS dice FROM (%s) c GROUP BY model, version",
					job->verdict_rows, MOST_COMPARED, job->prediction_rows,
					user_table_compared(&job->store, "pairs", "decided_by", "decided_at DESC, images, id"));
}

void
report_verdicts(ReportJob *job)
{
	const char *agreement;
	int			level;

	page_section(&job->page, "verdicts", "Verdicts",
				 "What reviewers said of masks in the period. Agreement is the Dice of a mask that was corrected "
				 "against its correction, by the latest correction of an image, of each reviewer's latest 1000, as "
				 "long as comparing takes no more than a few seconds; masks above 16 megapixels are left out.");
	if (job->verdicts == NULL)
	{
		page_nothing(&job->page, NO_VERDICTS);
		return;
	}
	agreement = job->prediction_rows == NULL ?
		"SELECT NULL::text AS model, NULL::int AS version, NULL::float8 AS dice" : agreement_query(job);
	level = settings_compared_begin();
	report_select_user(job, job->verdicts,
					   psprintf("SELECT v.model AS \"Model\", v.version AS \"Version\", v.verdicts AS \"Verdicts\", "
								"v.accepted AS \"Accepted\", v.corrected AS \"Corrected\", "
								"v.rejected AS \"Rejected\", v.share AS \"Share accepted\", a.dice AS \"Agreement\" "
								"FROM (SELECT v.model, v.version, count(*) AS verdicts, "
								"count(*) FILTER (WHERE v.verdict = 'accept') AS accepted, "
								"count(*) FILTER (WHERE v.verdict = 'correct') AS corrected, "
								"count(*) FILTER (WHERE v.verdict = 'reject') AS rejected, "
								"avg((v.verdict = 'accept')::int)::float8 AS share FROM %s v WHERE " OF_PERIOD " "
								"GROUP BY v.model, v.version) v "
								"LEFT JOIN (%s) a ON a.model = v.model AND a.version = v.version "
								"ORDER BY v.verdicts DESC, v.model, v.version", job->verdict_rows, agreement));
	settings_compared_end(level);
	report_table(job, "Verdicts by version", "No verdict was given in the period.");
	report_select_user(job, job->verdicts,
					   psprintf("SELECT to_char(v.decided_at AT TIME ZONE 'UTC', "
								"'YYYY-MM-DD HH24:MI') AS \"When (UTC)\", v.decided_by AS \"Who\", "
								"v.images AS \"Table\", v.id AS \"Image\", v.verdict AS \"Verdict\", "
								"v.reason AS \"Reason\", encode(v.mask_sha256, 'hex') AS \"Mask SHA-256\" "
								"FROM %s v "
								"WHERE " OF_PERIOD " AND v.verdict <> 'accept' "
								"ORDER BY v.decided_at DESC LIMIT 50", job->verdict_rows));
	if (SPI_processed > 0)
		report_table(job, "The latest 50 corrections and rejections", "");
}
