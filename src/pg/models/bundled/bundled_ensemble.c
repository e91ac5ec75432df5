/*
 * bundled_ensemble.c: the ensemble that comes with the extension.
 *
 * Its file names the weights that it was fitted for by their SHA-256. So it is
 * made of these, whichever of the versions that came with the extension have them
 * and whichever are active.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "pg/base/values/row_values.h"
#include "pg/models/bundled/bundled_ensemble.h"
#include "pg/models/ensemble_version.h"
#include "pg/models/model_config.h"

/* Warn that a member's weights are not here. */
static void
warn_missing(const char *member, const char *sha256)
{
	ereport(WARNING,
			(errmsg("the ensemble \"%s\" that comes with the extension is left out", BUNDLED_ENSEMBLE),
			 errdetail("No version of its member \"%s\" has weights with SHA-256 %s.", member, sha256),
			 errhint("Install all files of one release, then run CREATE EXTENSION or ALTER EXTENSION UPDATE.")));
}

/* Find the versions that have the weights of the file's members; false where some have not come. */
static bool
find_members(const ModelStore *store, Jsonb *file, EnsembleContent *content)
{
	Oid			types[] = {JSONBOID};
	Datum		values[] = {JsonbPGetDatum(file)};
	int			numbers[ENSEMBLE_MAX_MEMBERS];
	SPITupleTable *rows;

	store_execute(store,
				  "SELECT e.value ->> 'model' AS model, e.value ->> 'sha256' AS sha256, "
				  "(e.value ->> 'weight')::float8 AS weight, "
				  "(SELECT min(v.number) FROM @lesion_version v WHERE v.model = e.value ->> 'model' "
				  "AND encode(v.sha256, 'hex') = e.value ->> 'sha256' AND " VERSION_IS_BUNDLED("v") ") AS number "
				  "FROM jsonb_array_elements($1 -> 'members') WITH ORDINALITY AS e (value, place) ORDER BY e.place",
				  1, types, values, NULL, SPI_OK_SELECT);
	rows = SPI_tuptable;
	if (SPI_processed < 1 || SPI_processed > ENSEMBLE_MAX_MEMBERS)
		elog(ERROR, "the bundled ensemble has %llu members", (unsigned long long) SPI_processed);
	content->count = (int) SPI_processed;
	for (int i = 0; i < content->count; i++)
	{
		HeapTuple	row = rows->vals[i];
		bool		missing;

		content->names[i] = TextDatumGetCString(row_named_needed(row, rows->tupdesc, "model", TEXTOID));
		content->weights[i] = DatumGetFloat8(row_named_needed(row, rows->tupdesc, "weight", FLOAT8OID));
		numbers[i] = DatumGetInt32(row_named_value(row, rows->tupdesc, "number", INT4OID, &missing));
		if (missing)
		{
			warn_missing(content->names[i],
						 TextDatumGetCString(row_named_needed(row, rows->tupdesc, "sha256", TEXTOID)));
			return false;
		}
	}
	ensemble_find_members(store, content, numbers);
	return true;
}

/* The traits in the file. */
static Traits
read_traits(Jsonb *file)
{
	Traits		traits = {0};
	Datum		json = DirectFunctionCall2(jsonb_object_field, JsonbPGetDatum(file), CStringGetTextDatum("traits"));

	traits_apply(DatumGetJsonbP(json), &traits);
	return traits;
}

ModelVersion *
bundled_ensemble_register(const ModelStore *store, Jsonb *file)
{
	EnsembleContent content = {0};
	Model	   *model = store_find_model(store, BUNDLED_ENSEMBLE);
	int			number = BUNDLED_VERSION;
	ModelVersion *version;

	if (model == NULL || !model->bundled || !find_members(store, file, &content))
		return NULL;
	content.fitted = read_traits(file);
	content.bundled = store_find_version(store, BUNDLED_ENSEMBLE, &number) == NULL;
	if (!content.bundled)
		content.metadata = version_mark_bundled();
	if (!content.bundled && ensemble_is_bundled(store, BUNDLED_ENSEMBLE, &content))
		return NULL;
	version = ensemble_add_version(store, BUNDLED_ENSEMBLE, &content);
	return content.bundled ? NULL : version;
}
