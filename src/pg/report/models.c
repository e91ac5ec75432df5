/*
 * models.c: sections on how good models are: scores, curves, robustness, groups.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "pg/base/values/row_values.h"
#include "pg/report/job.h"

#define MOST_GROUPS 40			/* of a chart, the worst ones */

/* The epochs of a run that a chart shows: at most some 500, evenly spread, and the last. Epochs of few images cost
 * whoever trains little, and each report a line. */
#define EPOCHS_SHOWN \
	"(SELECT * FROM (SELECT a.*, row_number() OVER (ORDER BY a.epoch DESC) - 1 AS from_last, " \
	"count(*) OVER () AS epochs FROM @lesion_epoch a WHERE a.run = %lld) a " \
	"WHERE from_last %% ((epochs - 1) / 500 + 1) = 0)"
#define SCORES_HIDDEN \
	"Not shown: reading the scores of single images was not granted to this role " \
	"(GRANT SELECT ON lesion_image_score)."
#define DARKEST 10.0				/* points lost; more make the darkest shade mean more */
#define NOT_EVALUATED "No active version has been evaluated. Run SELECT lesion_evaluate('archive', 'model')."

/* The interval of an evaluation's Dice, where the caller may read its images' scores. */
#define INTERVAL \
	"LEFT JOIN LATERAL (SELECT b.low, b.high FROM (" \
	"SELECT pg_catalog.array_agg(s.dice ORDER BY s.score) AS figures FROM @lesion_image_score s " \
	"WHERE s.evaluation = e.evaluation) a, @lesion_bootstrap(a.figures, 2000, 0.95::float8, 0::bigint) b) i ON true "
#define NO_INTERVAL "CROSS JOIN (SELECT NULL::float8 AS low, NULL::float8 AS high) i "

void
report_models(ReportJob *job)
{
	const char *interval = job->scores_readable ? INTERVAL : NO_INTERVAL;

	page_section(&job->page, "models", "Models and how good they are",
				 "The active version of each model, by its latest evaluation on each table with the version's own "
				 "split and threshold; where there is none, by another, and how that was made is said. Dice is 1 "
				 "where mask and truth agree in every pixel. The interval holds the true mean in 95 of 100 cases, "
				 "as far as images are like these.");
	report_select(job, psprintf("SELECT " EVALUATION_NAME " AS name, e.dice AS figure, i.low, i.high, "
								"0::float8 AS faint "
								"FROM @lesion_evaluations e %s WHERE e.evaluation = ANY ($4) "
								"ORDER BY " EVALUATIONS_ORDER, interval));
	if (SPI_processed > 0)
	{
		page_figures_begin(&job->page);
		report_intervals(job, "Mean Dice with its 95 % interval", "Dice");
		page_figures_end(&job->page);
	}
	report_select(job, psprintf("SELECT e.model AS \"Model\", e.version AS \"Version\", "
								"m.architecture AS \"Architecture\", e.images AS \"Table\", e.subset AS \"Part\", "
								"e.n AS \"Images\", e.dice AS \"Dice\", i.low AS \"from\", i.high AS \"to\", "
								"e.threshold_jaccard AS \"Thresholded Jaccard\", e.sensitivity AS \"Sensitivity\", "
								"e.specificity AS \"Specificity\", e.seen AS \"Seen in training\", "
								"to_char(e.evaluated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS \"Evaluated (UTC)\", "
								"l.differs AS \"Not as the version is\" "
								"FROM @lesion_evaluation e JOIN @lesion_evaluations l USING (evaluation) "
								"JOIN @lesion_model m ON m.name = e.model %s "
								"WHERE e.evaluation = ANY ($4) "
								"ORDER BY " EVALUATIONS_ORDER, interval));
	report_table(job, "Scores of active versions", NOT_EVALUATED);
	report_left_out(job, "evaluations", Min(REPORT_CHARTS_MAX, job->evaluations_all), job->evaluations_all);
	if (!job->scores_readable)
		page_nothing(&job->page, SCORES_HIDDEN);
}

void
report_curves(ReportJob *job)
{
	SPITupleTable *runs;
	uint64		count;
	uint64		shown;

	page_section(&job->page, "curves", "Training",
				 "The latest training of each model: how loss and Dice went from epoch to epoch. A validation loss "
				 "that rises while the training loss falls says that the model learns its images by heart.");
	report_select(job, "SELECT m.model, max(r.run) AS run FROM @lesion_runs r "
				  "JOIN (SELECT name AS model, created_at FROM @lesion_model) m USING (model) "
				  "WHERE ($1 IS NULL OR r.model = ANY ($1)) AND r.started_at <= $3 "
				  "AND r.run IN (SELECT run FROM @lesion_epoch) "
				  "GROUP BY m.model, m.created_at ORDER BY " MODELS_ORDER);
	runs = SPI_tuptable;
	count = SPI_processed;
	shown = Min(count, REPORT_CHARTS_MAX);
	if (count == 0)
	{
		page_nothing(&job->page, "No model was trained in this database.");
		return;
	}
	page_figures_begin(&job->page);
	for (uint64 i = 0; i < shown; i++)
	{
		long long	run = DatumGetInt64(row_named_needed(runs->vals[i], runs->tupdesc, "run", INT8OID));
		char	   *model;

		SPI_tuptable = runs;
		model = report_text(i, "model");
		report_select(job, psprintf("SELECT s.name AS series, e.epoch::float8 AS x, "
									"CASE s.n WHEN 1 THEN e.train_loss ELSE e.val_loss END AS y "
									"FROM " EPOCHS_SHOWN " e, "
									"(VALUES (1, 'training'), (2, 'validation')) AS s (n, name) "
									"ORDER BY s.n, e.epoch", run));
		report_lines(job, (LineChart) {.title = psprintf("Loss of %s, run %lld", model, run),.x_title = "Epoch",
									   .y_title = "Loss",.from_zero = true});
		report_select(job, psprintf("SELECT 'validation' AS series, e.epoch::float8 AS x, e.val_dice AS y "
									"FROM " EPOCHS_SHOWN " e ORDER BY e.epoch", run));
		report_lines(job, (LineChart) {.title = psprintf("Dice of %s, run %lld", model, run),.x_title = "Epoch",
									   .y_title = "Dice"});
	}
	page_figures_end(&job->page);
	report_left_out(job, "models that were trained", (long) shown, (long) count);
}

/* The evaluations, with names for titles. The caller keeps SPI_tuptable. */
static SPITupleTable *
list_evaluations(ReportJob *job, uint64 *count)
{
	report_select(job, "SELECT " EVALUATION_NAME " AS name, e.evaluation FROM @lesion_evaluations e "
				  "WHERE e.evaluation = ANY ($4) ORDER BY " EVALUATIONS_ORDER);
	*count = SPI_processed;
	return SPI_tuptable;
}

/* The evaluation of such a row. */
static long long
evaluation_number(const SPITupleTable *evaluations, uint64 i)
{
	return DatumGetInt64(row_named_needed(evaluations->vals[i], evaluations->tupdesc, "evaluation", INT8OID));
}

void
report_scores(ReportJob *job)
{
	SPITupleTable *evaluations;
	uint64		count;

	page_section(&job->page, "scores", "Distribution of scores",
				 "How many images came to which Dice. The mean hides the images on the left: those are the masks "
				 "that somebody has to draw again.");
	if (!job->scores_readable)
	{
		page_nothing(&job->page, SCORES_HIDDEN);
		return;
	}
	evaluations = list_evaluations(job, &count);
	if (count == 0)
		page_nothing(&job->page, NOT_EVALUATED);
	page_figures_begin(&job->page);
	for (uint64 i = 0; i < count; i++)
	{
		long long	evaluation = evaluation_number(evaluations, i);
		char	   *name;

		SPI_tuptable = evaluations;
		name = report_text(i, "name");
		report_select(job, psprintf("SELECT to_char(b.n * 0.05, 'FM0.00') AS name, count(s.dice)::float8 AS figure "
									"FROM generate_series(0, 19) AS b (n) "
									"LEFT JOIN @lesion_image_score s ON s.evaluation = %lld "
									"AND least(19, floor(s.dice * 20)) = b.n "
									"GROUP BY b.n ORDER BY b.n",
									evaluation));
		report_bars(job, name, "Dice, from");
	}
	page_figures_end(&job->page);
}

/* The tables that the caller named, as elements of an array: what was measured on them goes before the rest. */
static char *
tables_first(const ReportJob *job)
{
	StringInfoData elements;

	initStringInfo(&elements);
	for (int i = 0; i < job->image_tables; i++)
		appendStringInfo(&elements, "%u,", job->images[i].source->known.oid);
	return elements.data;
}

void
report_robustness(ReportJob *job)
{
	SPITupleTable *tables;
	uint64		count;
	long		measured = 0;

	page_section(&job->page, "robustness", "Robustness",
				 "What a worse image costs: Dice points, out of 100, that the model loses by each way and severity "
				 "(1 slight, 5 severe), as it is (off) and enhanced first (auto).");
	report_select(job, psprintf("SELECT m.model || ' ' || m.version || ', ' || c.measured_on || ' (' || "
								"c.measured_how || ')' AS name, "
								"c.row_names, c.column_names, c.cells, m.measured "
								"FROM (SELECT m.model, m.version, count(*) OVER () AS measured FROM @lesion_models m "
								"JOIN (SELECT model, version, max(n) AS n, bool_or(images = ANY ($6)) AS named "
								"FROM @lesion_robustness_score GROUP BY model, version) s USING (model, version) "
								"WHERE $1 IS NULL OR m.model = ANY ($1) "
								"ORDER BY NOT s.named, s.n DESC, " MODELS_ORDER " LIMIT %d) m "
								"CROSS JOIN LATERAL (SELECT k.* "
								"FROM unnest(ARRAY[%sNULL]::regclass[]) WITH ORDINALITY AS t (images, n), "
								"LATERAL @lesion_robustness_cells(m.model, m.version, t.images) k "
								"WHERE k.cells IS NOT NULL ORDER BY t.n LIMIT 1) c "
								"ORDER BY NOT c.measured_on = ANY ($6), m.model", REPORT_CHARTS_MAX,
								tables_first(job)));
	tables = SPI_tuptable;
	count = SPI_processed;
	if (count == 0)
		page_nothing(&job->page, "Not measured. Run SELECT * FROM lesion_robustness('archive', 'model').");
	else
		measured = (long) DatumGetInt64(first_row_needed("measured", INT8OID));
	for (uint64 i = 0; i < count; i++)
	{
		Datum	   *names[2];
		Datum	   *values;
		bool	   *nulls;
		int			counts[2];
		int			cells;
		const char **texts[2];
		double	   *figures;
		double		worst = DARKEST;

		for (int k = 0; k < 2; k++)
		{
			Datum		array = row_named_needed(tables->vals[i], tables->tupdesc,
												 k == 0 ? "row_names" : "column_names", TEXTARRAYOID);

			deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &names[k], &nulls,
							  &counts[k]);
			texts[k] = palloc(counts[k] * sizeof *texts[k]);
			for (int n = 0; n < counts[k]; n++)
				texts[k][n] = nulls[n] ? "" : report_shown(names[k][n]);
		}
		deconstruct_array(DatumGetArrayTypeP(row_named_needed(tables->vals[i], tables->tupdesc, "cells",
															  FLOAT8ARRAYOID)),
						  FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &nulls, &cells);
		if (cells != counts[0] * counts[1])
			continue;
		figures = palloc(cells * sizeof *figures);
		for (int n = 0; n < cells; n++)
		{
			figures[n] = nulls[n] ? NAN : DatumGetFloat8(values[n]);
			worst = fmax(worst, figures[n]);
		}
		SPI_tuptable = tables;
		chart_heat(&job->page, psprintf("Dice points lost, %s", report_text(i, "name")), texts[0], counts[0], texts[1],
				   counts[1],
				   figures, worst);
	}
	report_left_out(job, "models", (long) count, measured);
}

void
report_groups(ReportJob *job)
{
	static const char from[] =
		"FROM @lesion_subgroups g JOIN @lesion_evaluations e USING (evaluation) "
		"WHERE g.evaluation = ANY ($7)";
	SPITupleTable *sets;
	uint64		count;

	page_section(&job->page, "groups", "Groups: for whom is it worse?",
				 "Scores by group, each with its 95 % interval. A group is called worse where its interval lies "
				 "wholly below that of the best; one of fewer than 30 images is drawn pale and not judged. Of more "
				 "than 200 groups the largest 200 are shown.");
	if (!job->groups_readable)
	{
		page_nothing(&job->page, "Not shown: reading them was not granted to this role "
					 "(GRANT SELECT ON lesion_subgroups).");
		return;
	}
	report_select(job, "SELECT " EVALUATION_NAME " || ' by ' || e.by_column AS name, e.evaluation "
				  "FROM @lesion_evaluations e WHERE e.evaluation = ANY ($7) "
				  "ORDER BY " NAMED_FIRST ", e.model, e.images, e.by_column");
	sets = SPI_tuptable;
	count = SPI_processed;
	page_figures_begin(&job->page);
	for (uint64 i = 0; i < count; i++)
	{
		char	   *title;

		SPI_tuptable = sets;
		title = report_text(i, "name");
		report_select(job, psprintf("SELECT * FROM (SELECT g.subgroup AS name, g.dice AS figure, g.dice_low AS low, "
									"g.dice_high AS high, (g.n < 30)::int::float8 AS faint %s "
									"AND g.evaluation = %lld ORDER BY g.dice LIMIT %d) w ORDER BY w.figure DESC",
									from, evaluation_number(sets, i), MOST_GROUPS));
		report_intervals(job, title, "Dice");
	}
	page_figures_end(&job->page);
	report_select(job, psprintf("SELECT g.model AS \"Model\", g.version AS \"Version\", g.images AS \"Table\", "
								"g.by_column AS \"By\", coalesce(g.subgroup, 'not known') AS \"Group\", "
								"g.n AS \"Images\", g.dice AS \"Dice\", g.dice_low AS \"from\", "
								"g.dice_high AS \"to\", g.threshold_jaccard AS \"Thresholded Jaccard\", "
								"g.gap AS \"Gap\", g.finding AS \"Finding\", "
								"g.differs AS \"Not as the version is\" %s "
								"ORDER BY " NAMED_FIRST ", e.model, e.images, e.by_column, g.dice DESC", from));
	report_table(job, "Scores by group", "Not measured. Run SELECT lesion_evaluate('archive', 'model', by_column => "
				 "'site') with a column of the table: site, sex, age, camera, skin tone.");
	report_left_out(job, "evaluations with groups", Min(REPORT_CHARTS_MAX, job->group_evaluations_all),
					job->group_evaluations_all);
}

void
report_calibration(ReportJob *job)
{
	page_section(&job->page, "calibration", "Does the model know when it is wrong?",
				 "Each mask comes with the Dice that it may expect. Points on the dashed line keep this promise; "
				 "points below it say that the model is too sure of itself.");
	if (!job->scores_readable)
	{
		page_nothing(&job->page, SCORES_HIDDEN);
		return;
	}
	report_select(job, "SELECT " EVALUATION_NAME " AS series, c.predicted AS x, c.dice AS y "
				  "FROM @lesion_evaluations e JOIN (SELECT s.evaluation, avg(s.predicted_dice) AS predicted, "
				  "avg(s.dice) AS dice FROM @lesion_image_score s WHERE s.evaluation = ANY ($4) "
				  "GROUP BY s.evaluation, least(9, floor(s.predicted_dice * 10)) HAVING count(*) >= 5) c "
				  "USING (evaluation) "
				  "ORDER BY " EVALUATIONS_ORDER ", e.evaluation, c.predicted");
	if (SPI_processed == 0)
	{
		page_nothing(&job->page, NOT_EVALUATED);
		return;
	}
	page_figures_begin(&job->page);
	report_lines(job, (LineChart) {.title = "Dice as predicted and as it came",.x_title =
				 "predicted Dice, in classes of 0.1",
								   .y_title = "mean Dice",.unit_square = true});
	page_figures_end(&job->page);
	report_select(job, "SELECT e.model AS \"Model\", e.version AS \"Version\", e.images AS \"Table\", "
				  "e.n AS \"Images\", c.predicted AS \"Predicted Dice\", c.dice AS \"Dice\", "
				  "c.error AS \"Mean error\", c.correlation AS \"Correlation\", "
				  "e.differs AS \"Not as the version is\" "
				  "FROM @lesion_evaluations e JOIN (SELECT s.evaluation, avg(s.predicted_dice) AS predicted, "
				  "avg(s.dice) AS dice, avg(abs(s.predicted_dice - s.dice)) AS error, "
				  "corr(s.predicted_dice, s.dice) AS correlation FROM @lesion_image_score s "
				  "WHERE s.evaluation = ANY ($4) GROUP BY s.evaluation) c USING (evaluation) "
				  "ORDER BY " EVALUATIONS_ORDER);
	report_table(job, "How well masks are foretold", NOT_EVALUATED);
}
