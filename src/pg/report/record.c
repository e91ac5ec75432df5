/*
 * record.c: sections that prove what was done: the audit, versions with their
 * digests, and the log of use.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"

#include "pg/report/job.h"

void
report_audit(ReportJob *job)
{
	page_section(&job->page, "audit", "What was done to models",
				 "Every training, import, promotion and deletion of the period; equal ones stand in one row. Triggers "
				 "write this log; only the owner of the extension could change it.");
	/* However many events a role makes, it has one row here for each kind. */
	report_select(job, "SELECT a.role AS \"Role\", a.login AS \"Login\", a.event AS \"Event\", count(*) AS \"Times\", "
				  "count(DISTINCT a.model) AS \"Models\", "
				  "to_char(min(a.at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS \"First (UTC)\", "
				  "to_char(max(a.at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS \"Last (UTC)\" "
				  "FROM @lesion_audit a WHERE ($1 IS NULL OR a.model = ANY ($1)) AND a.at BETWEEN $2 AND $3 "
				  "GROUP BY a.role, a.login, a.event ORDER BY a.role, a.login, a.event");
	if (SPI_processed > 0)
		report_table(job, "Who did what", "");
	report_select(job, "SELECT to_char(max(a.at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS \"When (UTC)\", "
				  "count(*) AS \"Times\", "
				  "a.event AS \"Event\", a.model AS \"Model\", a.version AS \"Version\", a.detail AS \"Detail\", "
				  "a.role AS \"Role\", a.login AS \"Login\", encode(a.sha256, 'hex') AS \"Weights SHA-256\" "
				  "FROM @lesion_audit a WHERE ($1 IS NULL OR a.model = ANY ($1)) AND a.at BETWEEN $2 AND $3 "
				  "GROUP BY a.event, a.model, a.version, a.detail, a.role, a.login, a.sha256 "
				  "ORDER BY max(a.entry) DESC");
	report_table(job, "Log of models", "Nothing was done to models in the period.");
}

void
report_versions(ReportJob *job)
{
	page_section(&job->page, "versions", "Versions and their digests",
				 "The weights that are used, by the SHA-256 of their bytes: two models with the same digest are the "
				 "same model.");
	report_select(job, "SELECT m.model AS \"Model\", m.version AS \"Version\", m.architecture AS \"Architecture\", "
				  "m.versions AS \"Versions kept\", m.image_size AS \"Pixels a side\", m.threshold AS \"Threshold\", "
				  "m.bytes AS \"Bytes\", "
				  "to_char(m.version_created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS \"Made (UTC)\", "
				  "m.sha256 AS \"Weights SHA-256\" FROM @lesion_models m "
				  "WHERE m.version IS NOT NULL AND ($1 IS NULL OR m.model = ANY ($1)) "
				  "ORDER BY " MODELS_ORDER);
	report_table(job, "Active versions", "No model has a version.");
}

void
report_use(ReportJob *job)
{
	page_section(&job->page, "use", "Who used what",
				 "Who made masks in the period, with which weights, and who looked at them. This is the log of use, "
				 "as far as it stands in the tables that this report was given. The most masks stand first.");
	if (job->prediction_rows == NULL)
		page_nothing(&job->page, "No table of masks was named: predictions => '{masks}'.");
	else
	{
		report_select_user(job, "tables of masks",
						   psprintf("SELECT p.predicted_by AS \"Role\", p.model AS \"Model\", "
									"p.version AS \"Version\", count(*) AS \"Masks\", "
									"to_char(min(p.predicted_at) AT TIME ZONE 'UTC', "
									"'YYYY-MM-DD HH24:MI') AS \"First (UTC)\", "
									"to_char(max(p.predicted_at) AT TIME ZONE 'UTC', "
									"'YYYY-MM-DD HH24:MI') AS \"Last (UTC)\", "
									"encode(p.weights_sha256, 'hex') AS \"Weights SHA-256\" "
									"FROM (%s) p "
									"WHERE p.predicted_at >= $2 "
									"GROUP BY p.predicted_by, p.model, p.version, p.weights_sha256 "
									"ORDER BY count(*) DESC, 1, 2, 3", job->prediction_rows));
		report_table(job, "Masks by who made them", "No mask was made in the period.");
	}
	if (job->verdicts != NULL)
	{
		report_select_user(job, job->verdicts,
						   psprintf("SELECT v.decided_by AS \"Reviewer\", count(*) AS \"Verdicts\", "
									"to_char(min(v.decided_at) AT TIME ZONE 'UTC', "
									"'YYYY-MM-DD HH24:MI') AS \"First (UTC)\", "
									"to_char(max(v.decided_at) AT TIME ZONE 'UTC', "
									"'YYYY-MM-DD HH24:MI') AS \"Last (UTC)\" "
									"FROM %s v "
									"WHERE v.decided_at BETWEEN $2 AND $3 AND ($1 IS NULL OR v.model = ANY ($1)) "
									"GROUP BY v.decided_by ORDER BY count(*) DESC, 1",
									job->verdict_rows));
		report_table(job, "Who looked", "No verdict was given in the period.");
	}
	page_paragraph(&job->page, "A SELECT that calls lesion_segment leaves no trace here: only masks that "
				   "lesion_predict stored are "
				   "counted. Where a log must be complete, let roles use lesion_predict and log statements "
				   "(page \"Oversight\" of the documentation).");
}
