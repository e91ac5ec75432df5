/*
 * overview.c: the first screen: the few figures that a head of department
 * needs, each with a word on whether somebody should look.
 */
#include "postgres.h"

#include <math.h>

#include "executor/spi.h"
#include "utils/builtins.h"

#include "pg/report/job.h"

#define SHIFT_TO_LOOK 0.5		/* of a week, in standard deviations of an image */
#define NO_TABLE "Name tables of masks with predictions => '{masks}'."

/* The model that the first screen is about, or NULL. */
static char *
find_main_model(ReportJob *job)
{
	if (job->prediction_rows != NULL)
	{
		report_select_user(job, "tables of masks",
						   psprintf("SELECT p.model FROM (%s) p "
								"WHERE p.predicted_at >= $2 AND p.model IN (SELECT m.name FROM %slesion_model m) "
								"GROUP BY p.model ORDER BY count(*) DESC, p.model LIMIT 1", job->prediction_rows,
								store_prefix(&job->store)));
		if (SPI_processed > 0)
			return report_value(0, "model");
	}
	report_select(job, "SELECT e.model FROM @lesion_evaluation e WHERE e.evaluation = ANY ($4) "
				  "ORDER BY " NAMED_FIRST ", e.evaluated_at DESC LIMIT 1");
	return SPI_processed > 0 ? report_value(0, "model") : NULL;
}

/* Tile: the number of images this week. One counts once, whatever segments it, in the week of its first mask. */
static void
add_images_tile(ReportJob *job)
{
	double		now;
	double		failed;

	if (job->prediction_rows == NULL)
	{
		page_tile(&job->page, FINDING_UNKNOWN, "Images this week", "not known", NO_TABLE, "weeks");
		return;
	}
	report_select_user(job, "tables of masks",
					   psprintf("SELECT (count(*) FILTER (WHERE i.week = 0))::float8 AS now, "
								"(count(*) FILTER (WHERE i.week = 1))::float8 AS before, "
								"(count(*) FILTER (WHERE i.week = 0 AND i.failed))::float8 AS failed "
								"FROM (SELECT CASE WHEN min(p.predicted_at) > $3 - interval '7 days' THEN 0 "
								"WHEN min(p.predicted_at) > $3 - interval '14 days' THEN 1 END AS week, "
								"bool_or(p.error IS NOT NULL) AS failed "
								"FROM (%s) p GROUP BY p.images, p.id) i", job->prediction_rows));
	now = report_number(0, "now");
	failed = report_number(0, "failed");
	page_tile(&job->page, failed > 0.1 * now ? FINDING_LOOK : FINDING_PLAIN, "Images this week",
			  psprintf("%.0f", now),
			  psprintf("In the last 7 days; in the 7 before: %.0f. Could not be segmented: %.0f.",
					   report_number(0, "before"), failed),
			  "weeks");
}

/* Tile: the number of masks that wait for a review. */
static void
add_review_tile(ReportJob *job)
{
	double		flagged;
	double		open;
	double		all;
	Finding		finding;

	if (job->prediction_rows == NULL)
	{
		page_tile(&job->page, FINDING_UNKNOWN, "To check", "not known", NO_TABLE, "review");
		return;
	}
	report_select_user(job, "tables of masks",
					   psprintf("SELECT count(*)::float8 AS n, "
								"(count(*) FILTER (WHERE p.needs_review OR p.error IS NOT NULL))::float8 AS flagged "
								"FROM (%s) p", job->current_rows));
	all = report_number(0, "n");
	flagged = report_number(0, "flagged");
	report_select_user(job, "tables of masks",
					   psprintf("SELECT count(*)::float8 AS open FROM (%s) p "
								"WHERE (p.needs_review OR p.error IS NOT NULL) AND %s", job->current_rows,
								job->waiting));
	open = report_number(0, "open");
	finding = open > 0 ? FINDING_LOOK : all > 0 ? FINDING_GOOD : FINDING_UNKNOWN;
	page_tile(&job->page, finding, "To check", psprintf("%.0f", open),
			  psprintf("Of %.0f masks in the period, %.0f (%.0f %%) were flagged; %s.", all, flagged,
					   all > 0 ? 100 * flagged / all : 0,
					   job->verdicts != NULL ? psprintf("%.0f of them have a verdict", flagged - open) :
					   "verdicts are not known"), "review");
}

/* The version of e.model that was active when the period began: whoever may evaluate may score any. */
#define ACTIVE_BEFORE \
	"coalesce((SELECT p.version FROM @lesion_promotion p WHERE p.model = e.model AND p.promoted_at < $2 " \
	"ORDER BY p.promotion DESC LIMIT 1), " \
	"(SELECT min(v.number) FROM @lesion_version v WHERE v.model = e.model AND v.number <= 0))"

/* The day of an evaluation; an infinite one has no digits. */
#define DAY_EVALUATED(e) \
	"coalesce(to_char(" e ".evaluated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), " e ".evaluated_at::text)"

/* Tile: is the model as good as before the period? */
static void
add_quality_tile(ReportJob *job)
{
	const char *name = "Quality of the masks";
	const char *high = job->scores_readable ?
		"(SELECT i.high FROM @lesion_bootstrap((SELECT pg_catalog.array_agg(s.dice ORDER BY s.score) "
		"FROM @lesion_image_score s WHERE s.evaluation = e.evaluation), 2000, 0.95::float8, 0::bigint) i)" : "e.dice";
	double		before;
	Finding		finding;

	report_select(job, psprintf("SELECT e.n || ' images: ' || " EVALUATION_NAME " AS name, e.dice, %s AS high, "
								"b.dice AS before, "
								"CASE WHEN e.evaluated_at < $2 THEN " DAY_EVALUATED("e") " END AS stale "
								"FROM @lesion_evaluations e "
								"LEFT JOIN LATERAL (SELECT o.dice FROM @lesion_evaluations o "
								"WHERE o.model = e.model AND o.images = e.images AND o.subset = e.subset "
								"AND o.evaluated_at < $2 AND o.version = " ACTIVE_BEFORE " "
								"ORDER BY o.differs IS NOT NULL, o.evaluated_at DESC, o.evaluation DESC LIMIT 1) b "
								"ON true "
								"WHERE e.evaluation = ANY ($4) AND e.model = $5 "
								"ORDER BY " NAMED_FIRST ", e.subset <> 'test', b.dice IS NULL, e.differs IS NOT NULL, "
								"e.evaluated_at DESC LIMIT 1", high));
	if (SPI_processed == 0)
	{
		page_tile(&job->page, FINDING_UNKNOWN, name, "not known", "The active version has not been evaluated.",
				  "models");
		return;
	}
	if (report_text(0, "stale") != NULL)
	{
		page_tile(&job->page, FINDING_UNKNOWN, name, psprintf("Dice %.3f", report_number(0, "dice")),
				  psprintf("%s, of %s. Not evaluated in the period.", report_text(0, "name"), report_text(0, "stale")),
				  "models");
		return;
	}
	before = report_number(0, "before");
	finding = isnan(before) ? FINDING_PLAIN : report_number(0, "high") < before ? FINDING_LOOK : FINDING_GOOD;
	page_tile(&job->page, finding, name, psprintf("Dice %.3f", report_number(0, "dice")),
			  isnan(before) ? psprintf("%s. No evaluation before the period to compare with.", report_text(0, "name")) :
			  psprintf("%s. Before the period: %.3f%s.", report_text(0, "name"), before,
					   finding == FINDING_LOOK ? ", which is better by more than chance" : ""), "models");
}

/* Tile: for which group is it worse? */
static void
add_groups_tile(ReportJob *job)
{
	const char *name = "Worst group";
	bool		worse;
	bool		stale;

	if (job->groups_readable)
		report_select(job, "SELECT g.by_column || ' ' || coalesce(g.subgroup, 'not known') AS name, g.dice, g.gap, "
					  "(g.finding = 'worse')::int::float8 AS worse, g.model || ' ' || g.version AS version, g.n, "
					  "CASE WHEN g.evaluated_at NOT BETWEEN $2 AND $3 "
					  "THEN '. Not of the period: evaluated ' || " DAY_EVALUATED("g") " ELSE '' END AS stale "
					  "FROM @lesion_subgroups g JOIN @lesion_evaluations e USING (evaluation) "
					  "WHERE g.model = $5 AND g.evaluation = ANY ($7) AND g.gap IS NOT NULL "
					  "ORDER BY " NAMED_FIRST ", (g.finding = 'worse') DESC, g.gap DESC LIMIT 1");
	if (!job->groups_readable || SPI_processed == 0)
	{
		page_tile(&job->page, FINDING_UNKNOWN, name, "not known",
				  job->groups_readable ? "Scores by group have not been measured." :
				  "This role may not read scores by group.", "groups");
		return;
	}
	worse = report_number(0, "worse") > 0;
	stale = report_text(0, "stale")[0] != '\0';
	page_tile(&job->page, worse ? FINDING_LOOK : stale ? FINDING_UNKNOWN : FINDING_GOOD, name, report_text(0, "name"),
			  psprintf("%s: Dice %.3f on %s images, %.3f below the best group; %s%s.", report_text(0, "version"),
					   report_number(0, "dice"), report_text(0, "n"), report_number(0, "gap"),
					   worse ? "more than chance explains" : "chance may explain it", report_text(0, "stale")),
			  "groups");
}

/* Tile: are this week's images like those before? */
static void
add_drift_tile(ReportJob *job)
{
	const char *name = "Change in the images";
	char	   *figure = NULL;
	double		largest = -1;

	for (int i = 0; i < job->predictions; i++)
	{
		report_select(job, psprintf("SELECT f.name || ', ' || to_char(d.week, 'YYYY-MM-DD') AS figure, "
									"abs(f.shift) AS shift "
									"FROM (SELECT * FROM @lesion_drift(%u::regclass, true) d "
									"WHERE ($5 IS NULL OR model = $5) AND " VERSION_EXISTS " "
									"AND week BETWEEN date_trunc('week', $2, 'UTC') AND $3 "
									"ORDER BY week DESC, version DESC LIMIT 1) d, "
									"LATERAL (VALUES ('lesion area', d.area_shift), "
									"('confidence', d.confidence_shift), "
									"('image quality', d.quality_shift)) AS f (name, shift) "
									"WHERE f.shift IS NOT NULL "
									"ORDER BY abs(f.shift) DESC LIMIT 1", job->prediction_tables[i].oid));
		if (SPI_processed > 0 && report_number(0, "shift") > largest)
		{
			largest = report_number(0, "shift");
			figure = report_text(0, "figure");
		}
	}
	if (largest < 0)
		page_tile(&job->page, FINDING_UNKNOWN, name, "not known",
				  job->predictions > 0 ? "It takes masks of the period and of a week before to tell." : NO_TABLE,
				  "weeks");
	else
		page_tile(&job->page, largest > SHIFT_TO_LOOK ? FINDING_LOOK : FINDING_GOOD, name,
				  largest > SHIFT_TO_LOOK ? "Other than before" : "As before",
				  psprintf("Largest shift of the last week: %.2f standard deviations (%s). Above %.1f, look.",
						   largest, figure,
						   SHIFT_TO_LOOK), "weeks");
}

/* Tile: the reviewers' verdicts. */
static void
add_verdicts_tile(ReportJob *job)
{
	const char *name = "Verdicts";
	double		all;

	if (job->verdicts == NULL)
	{
		page_tile(&job->page, FINDING_UNKNOWN, name, "not known", "Name the table of verdicts with verdicts => "
				  "'verdicts'.",
				  "verdicts");
		return;
	}
	report_select_user(job, job->verdicts,
					   psprintf("SELECT count(*)::float8 AS n, "
								"(count(*) FILTER (WHERE v.verdict = 'accept'))::float8 AS accepted, "
								"(count(*) FILTER (WHERE v.verdict = 'correct'))::float8 AS corrected, "
								"(count(*) FILTER (WHERE v.verdict = 'reject'))::float8 AS rejected "
								"FROM %s v WHERE v.decided_at BETWEEN $2 AND $3 "
								"AND ($1 IS NULL OR v.model = ANY ($1))", job->verdict_rows));
	all = report_number(0, "n");
	page_tile(&job->page, all > 0 ? FINDING_PLAIN : FINDING_UNKNOWN, name, psprintf("%.0f", all),
			  psprintf("Accepted: %.0f. Corrected: %.0f. Rejected: %.0f.", report_number(0, "accepted"),
					   report_number(0, "corrected"), report_number(0, "rejected")), "verdicts");
}

void
report_overview(ReportJob *job)
{
	if (job->main_model == NULL)
		job->main_model = find_main_model(job);
	add_images_tile(job);
	add_review_tile(job);
	add_quality_tile(job);
	add_groups_tile(job);
	add_drift_tile(job);
	add_verdicts_tile(job);
}
