/*
 * ensemble_members.c: see ensemble_members.h.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "pg/base/values/row_values.h"
#include "pg/models/ensemble_members.h"

bool
is_ensemble(const char *architecture)
{
	return strcmp(architecture, ENSEMBLE_ARCHITECTURE) == 0;
}

/* Raise an error: a version's row was not written by this file. */
static void
bad_version(const ModelVersion *ensemble, const char *fact)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("version %d of ensemble \"%s\" %s", ensemble->number, ensemble->model, fact),
			 errhint("Make a new version of the ensemble with lesion_ensemble_fit.")));
}

/* Raise an error unless a member's row is there and has the weights that the
 * ensemble was made of. */
static void
check_member(const ModelVersion *ensemble, const char *model, const char *number, double weight, bool gone, bool same)
{
	if (model == NULL || number == NULL || !(weight >= 0 && weight <= 1))
		bad_version(ensemble, "names a member without model, version or a weight of 0 to 1");
	if (gone)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %s of model \"%s\", a member of version %d of ensemble \"%s\", is gone", number, model,
						ensemble->number, ensemble->model),
				 errhint("Make a new version of the ensemble with lesion_ensemble_fit.")));
	if (!same)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("version %s of model \"%s\", a member of version %d of ensemble \"%s\", has other weights now",
						number, model, ensemble->number, ensemble->model),
				 errhint("Make a new version of the ensemble with lesion_ensemble_fit.")));
}

EnsembleMembers
ensemble_read_members(const ModelStore *store, const ModelVersion *version)
{
	Oid			types[] = {JSONBOID};
	Datum		values[] = {JsonbPGetDatum(version->config)};
	EnsembleMembers members;
	SPITupleTable *rows;
	double		total = 0;

	store_execute(store,
				  "SELECT e.value ->> 'model' AS model, e.value ->> 'version' AS version, "
				  "(e.value ->> 'weight')::float8 AS weight, v.number IS NULL AS gone, "
				  "encode(v.sha256, 'hex') = e.value ->> 'sha256' AS same, m.architecture = 'ensemble' AS nested "
				  "FROM jsonb_array_elements($1 -> 'members') WITH ORDINALITY AS e (value, place) "
				  "LEFT JOIN @lesion_version v ON v.model = e.value ->> 'model' "
				  "AND v.number = (e.value ->> 'version')::int LEFT JOIN @lesion_model m ON m.name = v.model "
				  "ORDER BY e.place",
				  1, types, values, NULL, SPI_OK_SELECT);
	rows = SPI_tuptable;
	if (SPI_processed < 1 || SPI_processed > ENSEMBLE_MAX_MEMBERS)
		bad_version(version, psprintf("does not have 1 to %d members", ENSEMBLE_MAX_MEMBERS));
	members.count = (int) SPI_processed;
	for (int i = 0; i < members.count; i++)
	{
		HeapTuple	row = rows->vals[i];
		TupleDesc	columns = rows->tupdesc;
		char	   *model = SPI_getvalue(row, columns, row_column(columns, "model"));
		char	   *number = SPI_getvalue(row, columns, row_column(columns, "version"));
		bool		isnull;
		bool		gone = DatumGetBool(row_named_needed(row, columns, "gone", BOOLOID));
		bool		same = DatumGetBool(row_named_value(row, columns, "same", BOOLOID, &isnull)) && !isnull;
		bool		nested = DatumGetBool(row_named_value(row, columns, "nested", BOOLOID, &isnull)) && !isnull;
		Datum		weight = row_named_value(row, columns, "weight", FLOAT8OID, &isnull);

		members.weights[i] = isnull ? NAN : DatumGetFloat8(weight);
		check_member(version, model, number, members.weights[i], gone, same);
		if (nested)
			bad_version(version, psprintf("has \"%s\" as a member, which is an ensemble", model));
		members.models[i] = model;
		members.numbers[i] = pg_strtoint32(number);
		total += members.weights[i];
	}
	SPI_freetuptable(rows);
	if (!(total > 0))
		bad_version(version, "has no weight above 0");
	return members;
}
