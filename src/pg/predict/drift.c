/*
 * drift.c: the SQL function lesion_drift: for each week, figures of the new
 * images and their masks, and their distance from the weeks before.
 *
 * An image counts in the week of its first mask by any version of the model.
 * After a promotion all images are segmented anew in one week; by the week of
 * that mask, the new version had no weeks before to be compared with.
 *
 * Tables of predictions are the users', so their names come as arguments; the
 * query runs with the rights of the caller.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "pg/base/user_tables.h"
#include "pg/base/values/row_values.h"
#include "pg/models/model_store.h"

PG_FUNCTION_INFO_V1(lesion_drift);

/*
 * Figures are shares, from 0 to 1. A row that was written by hand may have
 * others: they count as NULL, because squaring a huge one would raise an error
 * in every call. So would squaring one that is next to nothing: it counts as 0.
 */
#define SHARE(figure) \
	"CASE WHEN " figure " BETWEEN 1e-100 AND 1 THEN " figure " WHEN " figure " BETWEEN 0 AND 1 THEN 0 END AS " figure
#define NO_SHARE(figure) figure " NOT BETWEEN 0 AND 1"

/* Sums of a figure over a week, and over all weeks before it. */
#define SUMS(figure) \
	"pg_catalog.sum(" figure ") AS s_" figure ", " \
	"pg_catalog.sum(" figure " OPERATOR(pg_catalog.*) " figure ") AS q_" figure ", " \
	"pg_catalog.count(" figure ") AS n_" figure
#define BEFORE(figure) \
	"pg_catalog.sum(s_" figure ") OVER before AS s0_" figure ", " \
	"pg_catalog.sum(q_" figure ") OVER before AS q0_" figure ", " \
	"pg_catalog.sum(n_" figure ") OVER before AS n0_" figure

/* The week's mean minus the mean before, in standard deviations of the images
 * before; NULL if there are none, or if they differ only by rounding. */
#define MEAN_BEFORE(sum, figure) sum figure " / nullif(n0_" figure ", 0)::float8"
#define SHIFT(figure) \
	"(s_" figure " / nullif(n_" figure ", 0) - " MEAN_BEFORE("s0_", figure) ") / " \
	"sqrt(nullif(greatest(1e-12, " MEAN_BEFORE("q0_", figure) " - (" MEAN_BEFORE("s0_", figure) ") ^ 2), 1e-12))"

static const char query[] =
"SELECT week, model, version, images, errors, area, confidence, quality, predicted_dice, review, "
SHIFT("area") ", " SHIFT("confidence") ", " SHIFT("quality") ", invalid "
"FROM (SELECT *, " BEFORE("area") ", " BEFORE("confidence") ", " BEFORE("quality") " FROM ("
"SELECT pg_catalog.date_trunc('week', came_at, 'UTC')::pg_catalog.date AS week, model, version, "
"pg_catalog.count(*) AS images, pg_catalog.count(error) AS errors, pg_catalog.avg(area) AS area, "
"pg_catalog.avg(confidence) AS confidence, pg_catalog.avg(quality) AS quality, "
"pg_catalog.avg(predicted_dice) AS predicted_dice, pg_catalog.avg(needs_review::int)::float8 AS review, "
"pg_catalog.count(*) FILTER (WHERE invalid) AS invalid, "
SUMS("area") ", " SUMS("confidence") ", " SUMS("quality") " "
"FROM (SELECT model, version, error, needs_review, " SHARE("area") ", " SHARE("confidence") ", "
SHARE("quality") ", " SHARE("predicted_dice") ", "
NO_SHARE("area") " OR " NO_SHARE("confidence") " OR " NO_SHARE("quality") " OR " NO_SHARE("predicted_dice")
" AS invalid, "
"pg_catalog.min(predicted_at) OVER (PARTITION BY images, id, model) AS came_at FROM %s AS r) AS p%s "
"GROUP BY 1, 2, 3) AS weeks "
"WINDOW before AS (PARTITION BY model, version ORDER BY week ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) "
"AS sums ORDER BY week, model, version";

/* Only masks made by active versions. */
static const char of_active[] =
" WHERE EXISTS (SELECT FROM %slesion_models AS m WHERE m.model = p.model AND m.version = p.version)";

enum
{
	ARGUMENT_PREDICTIONS, ARGUMENT_EVERY_VERSION
};

/* lesion_drift(predictions, every_version) returns set of (week, model, version, ...);
 * in 0.2, lesion_drift(predictions): of every version */
Datum
lesion_drift(PG_FUNCTION_ARGS)
{
	ModelStore	store = store_open(fcinfo, true);
	char	   *table = user_table_open(&store, &user_table_predictions, PG_GETARG_OID(ARGUMENT_PREDICTIONS));
	bool		every_version = PG_NARGS() <= ARGUMENT_EVERY_VERSION || PG_GETARG_BOOL(ARGUMENT_EVERY_VERSION);
	char	   *rows = user_table_rows(&user_table_predictions, table,
									   "images, id, model, version, error, needs_review, area, confidence, quality, "
									   "predicted_dice, predicted_at, predicted_by");
	const char *which = every_version ? "" : psprintf(of_active, store_prefix(&store));

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	if (user_table_select(table, psprintf(query, rows, which), 0, NULL, NULL, NULL) != SPI_OK_SELECT)
		elog(ERROR, "reading %s failed", table);
	row_put_selected((ReturnSetInfo *) fcinfo->resultinfo);
	SPI_finish();
	return (Datum) 0;
}
