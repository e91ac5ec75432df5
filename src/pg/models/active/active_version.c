/*
 * active_version.c: see active_version.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "pg/base/values/row_values.h"
#include "pg/models/active/active_version.h"
#include "pg/models/work_lock.h"

bool
store_find_active(const ModelStore *store, const char *model, int *number)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(model)};
	bool		isnull;
	Datum		datum;

	store_execute(store,
				  "SELECT coalesce("
				  "(SELECT version FROM @lesion_promotion WHERE model = $1 ORDER BY promotion DESC LIMIT 1), "
				  "(SELECT min(number) FROM @lesion_version WHERE model = $1 AND number <= 0)) AS number",
				  lengthof(types), types, values, NULL, SPI_OK_SELECT);
	datum = first_row_value("number", INT4OID, &isnull);
	if (!isnull)
		*number = DatumGetInt32(datum);
	SPI_freetuptable(SPI_tuptable);
	return !isnull;
}

/* The latest of a model's promotions after one; 0 where there is none. */
static int64
latest_promotion(const ModelStore *store, const char *model, int64 after)
{
	Oid			types[] = {TEXTOID, INT8OID};
	Datum		values[] = {CStringGetTextDatum(model), Int64GetDatum(after)};
	int64		latest;

	store_execute(store, "SELECT coalesce(max(promotion), 0) AS latest FROM @lesion_promotion "
				  "WHERE model = $1 AND promotion > $2",
				  lengthof(types), types, values, NULL, SPI_OK_SELECT);
	latest = DatumGetInt64(first_row_needed("latest", INT8OID));
	SPI_freetuptable(SPI_tuptable);
	return latest;
}

void
store_lock_promotions(const ModelStore *store, const char *model)
{
	ModelStore	latest;
	int64		seen;
	int64		there;

	promotion_lock(store, model);
	if (!IsolationUsesXactSnapshot())
		return;
	seen = latest_promotion(store, model, 0);
	latest = store_push_latest(store);
	there = latest_promotion(&latest, model, 0);
	PopActiveSnapshot();
	if (there != seen)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access: a version of model \"%s\" was promoted meanwhile", model)));
}

void
store_promote(const ModelStore *store, const char *model, int number, const char *reason)
{
	Oid			types[] = {TEXTOID, INT4OID, TEXTOID};
	Datum		values[] = {CStringGetTextDatum(model), Int32GetDatum(number), CStringGetTextDatum(reason)};
	int64		promotion;
	int64		higher;

	promotion_lock(store, model);
	store_execute(store, "INSERT INTO @lesion_promotion (model, version, reason) VALUES ($1, $2, $3) "
				  "RETURNING promotion", 3, types, values, NULL, SPI_OK_INSERT_RETURNING);
	promotion = DatumGetInt64(first_row_needed("promotion", INT8OID));
	SPI_freetuptable(SPI_tuptable);

	/* No sequence gave a number above the one that it gives now. */
	higher = latest_promotion(store, model, promotion);
	if (higher != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("promotion " INT64_FORMAT " of model \"%s\" would stay the latest", higher, model),
				 errdetail("The sequence of lesion_promotion has not given that number: it was written by hand, or "
						   "copied without the sequence."),
				 errhint("Delete that row, or set the sequence as docs/many-servers.md says.")));
}

bool
store_promote_over(const ModelStore *store, const char *model, int number, const char *reason, const int *active)
{
	ModelStore	latest;
	int			now;
	bool		exists;

	promotion_lock(store, model);
	latest = store_push_latest(store);
	exists = store_find_active(&latest, model, &now);
	PopActiveSnapshot();
	if (exists != (active != NULL) || (exists && now != *active))
	{
		ereport(WARNING,
				(errmsg("version %d of model \"%s\" is not promoted: what is active has changed meanwhile",
						number, model),
				 exists ? errdetail("Version %d is active now.", now) : errdetail("No version is active now."),
				 errhint("Promote it with lesion_model_promote if it is to take its place.")));
		return false;
	}
	store_promote(store, model, number, reason);
	return true;
}
