/*
 * cases.c: the section with the best, median and worst images of evaluations.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "pg/base/values/row_values.h"
#include "pg/report/job.h"

#define MOST_OF_A_KIND 3		/* most best images of one evaluation, and as many median and worst ones */

/* Where tables of images are named, images of others cannot be shown. */
#define SHOWN "e.evaluation = ANY ($4) AND ($6 = '{}' OR e.images = ANY ($6))"

/* Some of the best, median and worst images of each evaluation, those of the
 * main model first. */
static const char query[] =
"SELECT e.images, s.id, e.model, e.version, e.threshold, "
"coalesce((e.options ->> 'tta')::bool, false)::int::float8 AS tta, e.options ->> 'enhance' AS enhance, "
"e.options - '{tta,enhance}'::text[] AS options, s.dice, s.kind, l.differs "
"FROM @lesion_evaluation e JOIN @lesion_evaluations l USING (evaluation) "
"JOIN (SELECT r.*, CASE WHEN r.place <= %d THEN 'worst' WHEN r.place > r.n - %d THEN 'best' "
"WHEN r.place BETWEEN (r.n - %d) / 2 + 1 AND (r.n + %d) / 2 THEN 'median' END AS kind "
"FROM (SELECT i.evaluation, i.id, i.dice, row_number() OVER o AS place, "
"count(*) OVER (PARTITION BY i.evaluation) AS n "
"FROM @lesion_image_score i JOIN @lesion_evaluation e USING (evaluation) WHERE " SHOWN " "
"WINDOW o AS (PARTITION BY i.evaluation ORDER BY i.dice, i.id COLLATE \"C\")) r) s USING (evaluation) "
"WHERE s.kind IS NOT NULL "
"ORDER BY e.model IS DISTINCT FROM $5, e.images, e.subset, e.dice DESC, e.evaluation, "
"s.kind = 'worst' DESC, s.kind = 'median' DESC, s.dice LIMIT %d";

void
report_cases(ReportJob *job)
{
	ReportPicture *pictures;
	int			evaluations;
	int			of_a_kind;
	int			count;

	page_section(&job->page, "cases", "Worst, median and best cases",
				 "Images of the evaluations above, with the outline of the model's mask and of the truth. Look at "
				 "the worst: is it the image, the truth or the model?");
	if (job->pictures == 0 || !job->scores_readable)
	{
		page_nothing(&job->page, job->pictures == 0 ? "Left out: pictures => 0." :
					 "Not shown: reading the scores of single images was not granted to this role.");
		return;
	}
	report_select(job, "SELECT 1 FROM @lesion_evaluation e WHERE " SHOWN);
	evaluations = Max(1, (int) SPI_processed);
	of_a_kind = Min(MOST_OF_A_KIND, Max(1, job->pictures / (3 * evaluations)));
	report_select(job, psprintf(query, of_a_kind, of_a_kind, of_a_kind, of_a_kind,
								Max(job->pictures / (3 * of_a_kind) * 3 * of_a_kind, Min(job->pictures, 3))));
	count = (int) SPI_processed;
	if (count == 0)
		page_nothing(&job->page, "No active version has been evaluated.");
	pictures = palloc0((count + 1) * sizeof *pictures);
	for (int i = 0; i < count; i++)
	{
		char	   *kind = report_text(i, "kind");
		char	   *differs;

		pictures[i].images = report_value(i, "images");
		pictures[i].id = report_value(i, "id");
		pictures[i].model = report_value(i, "model");
		pictures[i].version = atoi(report_value(i, "version"));
		pictures[i].threshold = report_number(i, "threshold");
		pictures[i].tta = report_number(i, "tta") > 0;
		pictures[i].enhance = report_value(i, "enhance");
		pictures[i].options = row_named_needed(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, "options", JSONBOID);
		pictures[i].with_truth = true;
		differs = report_text(i, "differs");
		pictures[i].caption = psprintf("%c%s: %s, Dice %.3f, %s %s%s%s", pg_toupper((unsigned char) kind[0]), kind + 1,
									   report_text(i, "id"), report_number(i, "dice"), report_text(i, "model"),
									   report_text(i, "version"),
									   differs != NULL ? ", " : "", differs != NULL ? differs : "");
	}
	report_pictures(job, pictures, count);
}
