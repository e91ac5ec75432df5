/*
 * model_store.c: see model_store.h.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "infer/calibration.h"
#include "arch/network.h"
#include "pg/base/values/bytes.h"
#include "pg/base/error.h"
#include "pg/base/values/row_values.h"
#include "pg/base/values/stored_row.h"
#include "pg/models/active/active_version.h"
#include "pg/models/dump_size.h"
#include "pg/models/ensemble_members.h"
#include "pg/models/names/classical_name.h"
#include "pg/models/names/model_name.h"
#include "pg/models/model_store.h"

/* Names that an error lists. */
#define LISTED_NAMES 20

/* Run a query that has one text parameter. */
static void
select_by_name(const ModelStore *store, const char *query, const char *name)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(name)};

	store_execute(store, query, 1, types, values, NULL, SPI_OK_SELECT);
}

/* A text of the first row, which is not NULL, as a string that outlives SPI. */
static char *
first_row_string(const char *column)
{
	text	   *value = DatumGetTextPP(first_row_needed(column, TEXTOID));
	size_t		size = VARSIZE_ANY_EXHDR(value);
	char	   *copy = SPI_palloc(size + 1);

	memcpy(copy, VARDATA_ANY(value), size);
	copy[size] = '\0';
	return copy;
}

/* A jsonb of that row, likewise. */
static Jsonb *
first_row_jsonb(const char *column)
{
	Jsonb	   *value = DatumGetJsonbP(first_row_needed(column, JSONBOID));
	Jsonb	   *copy = SPI_palloc(VARSIZE(value));

	memcpy(copy, value, VARSIZE(value));
	return copy;
}

/* Names in the first column of the current result, separated by commas; of
 * many, the first. */
static char *
list_names(void)
{
	StringInfoData list;
	uint64		listed = Min(SPI_processed, LISTED_NAMES);

	initStringInfo(&list);
	for (uint64 i = 0; i < listed; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "",
						 SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
	if (SPI_processed > listed)
		appendStringInfo(&list, " and %llu more", (unsigned long long) (SPI_processed - listed));
	return list.data;
}

Model *
store_find_model(const ModelStore *store, const char *name)
{
	Model	   *model;

	select_by_name(store, "SELECT name, architecture, config, bundled FROM @lesion_model WHERE name = $1", name);
	if (SPI_processed == 0)
		return NULL;
	model = SPI_palloc(sizeof *model);
	model->name = first_row_string("name");
	model->architecture = first_row_string("architecture");
	model->config = first_row_jsonb("config");
	model->bundled = DatumGetBool(first_row_needed("bundled", BOOLOID));
	SPI_freetuptable(SPI_tuptable);
	return model;
}

/* The name in SPI_tuptable that is most like `name`, or NULL. At most two
 * letters may differ, and fewer than half. */
static const char *
similar_name(const char *name)
{
	const char *similar = NULL;
	int			length = strlen(name);
	int			least = Min(2, (length - 1) / 2) + 1;

	if (pg_mbstrlen(name) > MODEL_NAME_CHARACTERS)	/* no model has such a name */
		return NULL;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *other = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		int			distance = pg_strcasecmp(name, other) == 0 ? 0 :
			varstr_levenshtein_less_equal(name, length, other, strlen(other), 1, 1, 1, least, true);

		if (distance < least)
		{
			least = distance;
			similar = other;
		}
	}
	return similar;
}

Model *
store_need_model(const ModelStore *store, const char *name)
{
	Model	   *model = store_find_model(store, name);

	if (model == NULL && is_classical_name(name))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a classical method, no model", name),
				 errdetail("It has no weights and no versions."),
				 errhint("lesion_evaluate scores it; lesion_segment_classical segments with it.")));
	if (model == NULL)
	{
		const char *similar;

		store_execute(store, "SELECT name FROM @lesion_model WHERE name IS NOT NULL ORDER BY name",
					  0, NULL, NULL, NULL, SPI_OK_SELECT);
		similar = similar_name(name);
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", name),
				 SPI_processed > 0 ? errdetail("Models that exist: %s.", list_names()) : 0,
				 similar != NULL ? errhint("Perhaps you meant \"%s\".", similar) :
				 errhint("To train a new model under this name, give lesion_train its architecture => '...'.")));
	}
	return model;
}

void
store_create_model(const ModelStore *store, const char *name, const char *architecture, Jsonb *config)
{
	Oid			types[] = {TEXTOID, TEXTOID, JSONBOID};
	Datum		values[] = {CStringGetTextDatum(name), CStringGetTextDatum(architecture), JsonbPGetDatum(config)};

	if (store_find_model(store, name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("model \"%s\" exists already", name),
				 errhint("Choose another name, or lesion_model_drop the model first.")));
	model_name_check(name, architecture);
	store_execute(store,
				  "INSERT INTO @lesion_model (name, architecture, config, bundled) "
				  "VALUES ($1, $2, $3, $1 OPERATOR(pg_catalog.=) $2)",
				  3, types, values, NULL, SPI_OK_INSERT);
}

/* The columns of a split in the first row, which outlive SPI; NULL where they
 * are not known. */
static const SplitColumns *
first_row_split_columns(void)
{
	SplitColumns *columns;
	bool		isnull;
	Datum		datum = first_row_value("split_columns", TEXTARRAYOID, &isnull);

	if (isnull)
		return NULL;
	columns = SPI_palloc(sizeof *columns);
	*columns = *split_columns_read(datum);
	return columns;
}

/* The coefficients of the predicted Dice; 0 where the row has none. */
static void
first_row_coefficients(double coefficients[TRAITS_DICE_COEFFICIENTS])
{
	bool		isnull;
	Datum		datum = first_row_value("dice_coefficients", FLOAT8ARRAYOID, &isnull);
	ArrayType  *array;

	memset(coefficients, 0, TRAITS_DICE_COEFFICIENTS * sizeof *coefficients);
	if (isnull)
		return;
	array = DatumGetArrayTypeP(datum);
	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] != TRAITS_DICE_COEFFICIENTS || ARR_HASNULL(array))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("dice_coefficients of a version are not %d numbers", TRAITS_DICE_COEFFICIENTS),
				 errhint("Import the version again, or add one with lesion_calibrate.")));
	memcpy(coefficients, ARR_DATA_PTR(array), TRAITS_DICE_COEFFICIENTS * sizeof *coefficients);
}

/* Store the coefficients of the predicted Dice, unless all are 0. */
static void
stored_row_coefficients(StoredRow *row, const double coefficients[TRAITS_DICE_COEFFICIENTS])
{
	Datum		values[TRAITS_DICE_COEFFICIENTS];
	bool		known = false;

	for (int i = 0; i < TRAITS_DICE_COEFFICIENTS; i++)
	{
		values[i] = Float8GetDatum(coefficients[i]);
		known = known || coefficients[i] != 0;
	}
	if (known)
		(void) stored_row_set(row, "dice_coefficients", FLOAT8ARRAYOID,
							  PointerGetDatum(construct_array(values, TRAITS_DICE_COEFFICIENTS, FLOAT8OID,
															  sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
}

/* Look up the members of an ensemble's version that was read. */
static void
find_members(const ModelStore *store, ModelVersion *version)
{
	EnsembleMembers members = ensemble_read_members(store, version);

	version->member_count = members.count;
	version->members = SPI_palloc(members.count * sizeof *version->members);
	version->weights = SPI_palloc(members.count * sizeof *version->weights);
	for (int i = 0; i < members.count; i++)
	{
		version->weights[i] = members.weights[i];
		version->members[i] = store_need_version(store, members.models[i], &members.numbers[i]);
	}
}

ModelVersion *
store_find_version(const ModelStore *store, const char *model, const int *number)
{
	Model	   *owner = store_need_model(store, model);
	ModelVersion *version;
	Oid			types[] = {TEXTOID, INT4OID};
	Datum		values[2];
	int			wanted = 0;

	if (number != NULL)
		wanted = *number;
	else if (!store_find_active(store, model, &wanted))
		return NULL;

	values[0] = CStringGetTextDatum(model);
	values[1] = Int32GetDatum(wanted);
	store_execute(store,
				  "SELECT config, sha256, image_size, threshold, split_seed, test_fraction, temperature, review_below, "
				  "enhance, validation_fraction, split_columns, fold, dice_coefficients "
				  "FROM @lesion_version WHERE model = $1 AND number = $2",
				  2, types, values, NULL, SPI_OK_SELECT);
	if (SPI_processed == 0)
		return NULL;

	version = SPI_palloc(sizeof *version);
	memset(version, 0, sizeof *version);
	version->model = owner->name;
	version->number = wanted;
	version->architecture = owner->architecture;
	version->config = first_row_jsonb("config");
	bytes_copy(first_row_needed("sha256", BYTEAOID), version->sha256, SHA256_BYTES);
	version->traits.image_size = DatumGetInt32(first_row_needed("image_size", INT4OID));
	version->traits.threshold = DatumGetFloat8(first_row_needed("threshold", FLOAT8OID));
	version->traits.temperature = DatumGetFloat8(first_row_needed("temperature", FLOAT8OID));
	version->traits.review_below = DatumGetFloat8(first_row_needed("review_below", FLOAT8OID));
	first_row_coefficients(version->traits.dice_coefficients);
	check_status(NULL, enhance_mode_find(TextDatumGetCString(first_row_needed("enhance", TEXTOID)),
										 &version->traits.enhance));
	version->split.seed = DatumGetInt64(first_row_needed("split_seed", INT8OID));
	version->split.test_fraction = DatumGetFloat8(first_row_needed("test_fraction", FLOAT8OID));
	version->split.validation_fraction = DatumGetFloat8(first_row_needed("validation_fraction", FLOAT8OID));
	version->split.columns = first_row_split_columns();
	version->split.fold = DatumGetInt32(first_row_needed("fold", INT4OID));
	SPI_freetuptable(SPI_tuptable);
	if (is_ensemble(version->architecture))
		find_members(store, version);
	return version;
}

ModelVersion *
store_need_version(const ModelStore *store, const char *model, const int *number)
{
	ModelVersion *version = store_find_version(store, model, number);

	if (version != NULL)
		return version;

	select_by_name(store, "SELECT v.number::text FROM @lesion_version v WHERE v.model = $1 ORDER BY v.number", model);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no version yet", model),
				 errhint("Train it with lesion_train, or import weights with lesion_model_import.")));
	if (number == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no active version", model),
				 errdetail("Versions that exist: %s.", list_names()),
				 errhint("Make one active with lesion_model_promote.")));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" has no version %d", model, *number),
			 errdetail("Versions that exist: %s.", list_names()),
			 errhint("Name one of these.")));
}

Datum
store_weights_datum(const ModelStore *store, const ModelVersion *version)
{
	Oid			types[] = {TEXTOID, INT4OID};
	Datum		values[] = {CStringGetTextDatum(version->model), Int32GetDatum(version->number)};

	store_execute(store, "SELECT weights FROM @lesion_version WHERE model = $1 AND number = $2",
				  2, types, values, NULL, SPI_OK_SELECT);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("version %d of model \"%s\" is gone", version->number, version->model),
				 errhint("Another session has dropped it; the view lesion_models lists the models that exist.")));
	return first_row_needed("weights", BYTEAOID);
}

/* Check that weights are those the version was stored with. Others may belong to a version of
 * the same name and number, made since `version` was read: those are whole. */
static void
check_digest(const ModelStore *store, const ModelVersion *version, const ByteView *weights)
{
	uint8_t		digest[SHA256_BYTES];

	sha256_digest(weights->bytes, weights->size, digest);
	if (memcmp(digest, version->sha256, SHA256_BYTES) == 0)
		return;
	if (memcmp(store_need_version(store, version->model, &version->number)->sha256, version->sha256, SHA256_BYTES) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the weights of version %d of model \"%s\" do not have its SHA-256",
						version->number, version->model),
				 errhint("The stored bytes have changed: restore the table lesion_version from a backup, or use "
						 "another version.")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("version %d of model \"%s\" was dropped and made anew meanwhile", version->number, version->model),
			 errhint("Call again.")));
}

ByteView
store_weights(const ModelStore *store, const ModelVersion *version)
{
	ByteView	weights = bytes_view(store_weights_datum(store, version));

	check_digest(store, version, &weights);
	return weights;
}

/* SQL: the number of the next version of a model, whose name is that parameter. No number is given twice: masks and
 * verdicts by a version that was dropped stay, and name it. */
static char *
next_number(const ModelStore *store, int name)
{
	bool		readable = pg_class_aclcheck(get_relname_relid("lesion_audit", store->schema), GetUserId(),
											 ACL_SELECT) == ACLCHECK_OK;
	const char *dropped = !readable ? "0" :
		psprintf("(SELECT pg_catalog.max(version) FROM @lesion_audit WHERE model OPERATOR(pg_catalog.=) $%d)", name);

	return psprintf("GREATEST((SELECT pg_catalog.max(number) FROM @lesion_version "
					"WHERE model OPERATOR(pg_catalog.=) $%d), %s, 0) OPERATOR(pg_catalog.+) 1", name, dropped);
}

ModelVersion *
store_add_version(const ModelStore *store, const char *model, const NewVersion *content)
{
	const Traits *traits = &content->traits;
	const Split *split = &content->split;
	Datum		weights;
	uint8_t		digest[SHA256_BYTES];
	StoredRow	row;
	int			name;			/* parameter that is the model's name */
	int			number;

	store_check_size(content);
	weights = bytes_datum(content->weights, content->weights_size);
	sha256_digest(content->weights, content->weights_size, digest);
	stored_row_begin(&row);
	name = stored_row_set(&row, "model", TEXTOID, CStringGetTextDatum(model));
	if (content->bundled)
		stored_row_int4(&row, "number", BUNDLED_VERSION);
	else
		stored_row_expression(&row, "number", next_number(store, name));
	(void) stored_row_set(&row, "config", JSONBOID, JsonbPGetDatum(content->config));
	(void) stored_row_set(&row, "weights", BYTEAOID, weights);
	(void) stored_row_set(&row, "sha256", BYTEAOID, bytes_datum(digest, SHA256_BYTES));
	stored_row_int4(&row, "image_size", traits->image_size);
	stored_row_float8(&row, "threshold", traits->threshold);
	stored_row_float8(&row, "temperature", traits->temperature != 0 ? traits->temperature : CALIBRATION_TEMPERATURE);
	stored_row_float8(&row, "review_below",
					  traits->review_below != 0 ? traits->review_below : CALIBRATION_REVIEW_BELOW);
	stored_row_coefficients(&row, traits->dice_coefficients);
	stored_row_text(&row, "enhance", enhance_mode_name(traits->enhance));
	stored_row_int8(&row, "split_seed", split->seed);
	stored_row_float8(&row, "test_fraction", split->test_fraction);
	stored_row_float8(&row, "validation_fraction", split->validation_fraction);
	stored_row_int4(&row, "fold", split->fold);
	if (split->columns != NULL)
		(void) stored_row_set(&row, "split_columns", TEXTARRAYOID, split_columns_datum(split->columns));
	if (content->run != 0)
		stored_row_int8(&row, "run", content->run);
	if (content->metadata != NULL)
		(void) stored_row_set(&row, "metadata", JSONBOID, JsonbPGetDatum(content->metadata));
	if (content->image_digests != 0)
		(void) stored_row_set(&row, "image_digests", BYTEAOID, content->image_digests);
	(void) stored_row_set(&row, "images_unknown", BOOLOID, BoolGetDatum(content->images_unknown));
	stored_row_expression(&row, "extension_version", "(SELECT extversion FROM pg_catalog.pg_extension "
						  "WHERE extname OPERATOR(pg_catalog.=) 'lesionseg')");
	stored_row_insert(store, "lesion_version", &row, "RETURNING number", SPI_OK_INSERT_RETURNING);
	number = DatumGetInt32(first_row_needed("number", INT4OID));
	pfree(DatumGetPointer(weights));
	return store_need_version(store, model, &number);
}

Jsonb *
version_mark_bundled(void)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{\"bundled\": true}")));
}
