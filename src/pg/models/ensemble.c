/*
 * ensemble.c: see ensemble.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/json.h"

#include "infer/calibration.h"
#include "pg/base/values/json_values.h"
#include "pg/models/active/active_version.h"
#include "pg/models/ensemble.h"
#include "pg/models/ensemble_version.h"

/* Raise an error: the config of an ensemble is not what it should be. */
static void
bad_config(const char *fact)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the config of an ensemble %s", fact),
			 errhint("Write its members and, if they shall not be equal, their weights: '{\"members\": [\"unet\", "
					 "\"linknet\"], \"weights\": [1, 2]}'.")));
}

/* The array under a key of the config, or NULL. */
static JsonbContainer *
config_array(Jsonb *config, const char *key)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(&config->root, key, strlen(key), &value) == NULL)
		return NULL;
	if (value.type != jbvBinary || !JsonContainerIsArray(value.val.binary.data))
		bad_config(psprintf("has a \"%s\" that is no array", key));
	return value.val.binary.data;
}

/* Raise an error where the config has a key that ensembles do not know. */
static void
check_keys(Jsonb *config)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(config))
		bad_config("is no object");
	iterator = JsonbIteratorInit(&config->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		if (!(value.val.string.len == 7 && (memcmp(value.val.string.val, "members", 7) == 0 ||
											memcmp(value.val.string.val, "weights", 7) == 0)))
			bad_config(psprintf("has no key \"%s\"", pnstrdup(value.val.string.val, value.val.string.len)));
	}
}

/* Read members and weights. */
static EnsembleContent
read_config(Jsonb *config)
{
	EnsembleContent content = {0};
	JsonbContainer *members;
	JsonbContainer *weights;
	double		total = 0;

	check_keys(config);
	members = config_array(config, "members");
	weights = config_array(config, "weights");
	if (members == NULL || JsonContainerSize(members) < 1 || JsonContainerSize(members) > ENSEMBLE_MAX_MEMBERS)
		bad_config(psprintf("must name 1 to %d members", ENSEMBLE_MAX_MEMBERS));
	content.count = (int) JsonContainerSize(members);
	if (weights != NULL && (int) JsonContainerSize(weights) != content.count)
		bad_config("must have as many weights as members");
	for (int i = 0; i < content.count; i++)
	{
		JsonbValue *name = getIthJsonbValueFromContainer(members, i);
		JsonbValue *weight = weights == NULL ? NULL : getIthJsonbValueFromContainer(weights, i);

		if (name->type != jbvString)
			bad_config("names a member by something else than a text");
		if (weight != NULL && weight->type != jbvNumeric)
			bad_config("has a weight that is no number");
		content.names[i] = pnstrdup(name->val.string.val, name->val.string.len);
		content.weights[i] = weight == NULL ? 1 : json_number(weight);
		if (!(content.weights[i] >= 0 && content.weights[i] <= 1e6))
			bad_config("has a weight that is not between 0 and 1000000");
		for (int j = 0; j < i; j++)
			if (strcmp(content.names[i], content.names[j]) == 0)
				bad_config(psprintf("names \"%s\" twice", content.names[i]));
		total += content.weights[i];
	}
	if (!(total > 0))
		bad_config("has no weight above 0");
	for (int i = 0; i < content.count; i++)
		content.weights[i] /= total;
	content.fitted.threshold = 0.5;
	content.fitted.temperature = CALIBRATION_TEMPERATURE;
	content.fitted.review_below = CALIBRATION_REVIEW_BELOW;
	return content;
}

void
ensemble_find_members(const ModelStore *store, EnsembleContent *content, const int *numbers)
{
	for (int i = 0; i < content->count; i++)
	{
		content->members[i] = store_need_version(store, content->names[i], numbers != NULL ? &numbers[i] : NULL);
		if (is_ensemble(content->members[i]->architecture))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("\"%s\" is an ensemble and cannot be a member of one", content->names[i]),
					 errhint("Name its members instead.")));
		if (split_differs(&content->members[i]->split, &content->members[0]->split) &&
			!split_are_folds(&content->members[i]->split, &content->members[0]->split))
			ereport(WARNING,
					(errmsg("\"%s\" and \"%s\" were trained on different splits of the images", content->names[0],
							content->names[i]),
					 errdetail("Test rows of one may have been among those that the other was trained on."),
					 errhint("Train the members of an ensemble with the same group_column, split_seed and "
							 "test_fraction.")));
	}
}

/* The config of a version. */
static Jsonb *
version_config(const EnsembleContent *content)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "{\"members\": [");
	for (int i = 0; i < content->count; i++)
	{
		const ModelVersion *member = content->members[i];
		char		hex[SHA256_HEX_SIZE];

		sha256_hex(member->sha256, hex);
		appendStringInfo(&text, "%s{\"model\": ", i > 0 ? ", " : "");
		escape_json(&text, member->model);
		appendStringInfo(&text, ", \"version\": %d, \"sha256\": \"%s\", \"weight\": %.15g}", member->number, hex,
						 content->weights[i]);
	}
	appendStringInfoString(&text, "]}");
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data)));
}

bool
ensemble_is_bundled(const ModelStore *store, const char *name, const EnsembleContent *content)
{
	Oid			types[] = {TEXTOID, JSONBOID};
	Datum		values[] = {CStringGetTextDatum(name), JsonbPGetDatum(version_config(content))};

	store_execute(store,
				  "SELECT FROM @lesion_version v WHERE model = $1 AND config = $2 AND " VERSION_IS_BUNDLED("v"),
				  2, types, values, NULL, SPI_OK_SELECT);
	return SPI_processed > 0;
}

ModelVersion *
ensemble_add_version(const ModelStore *store, const char *name, const EnsembleContent *content)
{
	NewVersion	version = {
		.config = version_config(content),
		.traits = content->fitted,
		.split = content->members[0]->split,
		.bundled = content->bundled,
		.metadata = content->metadata,
	};
	char	   *text = JsonbToCString(NULL, &version.config->root, 0);
	ModelVersion *added;

	version.weights = text;
	version.weights_size = strlen(text);
	for (int i = 0; i < content->count; i++)
		version.traits.image_size = Max(version.traits.image_size, content->members[i]->traits.image_size);
	added = store_add_version(store, name, &version);
	/* They are kept from now on, but one may have gone since it was found. */
	(void) ensemble_read_members(store, added);
	return added;
}

void
ensemble_create(const ModelStore *store, const char *name, Jsonb *config)
{
	EnsembleContent content = read_config(config);
	ModelVersion *version;

	store_check_rights(store, "lesion_version", ACL_INSERT, "make an ensemble");
	store_check_rights(store, "lesion_promotion", ACL_INSERT, "make an ensemble");
	ensemble_find_members(store, &content, NULL);
	store_create_model(store, name, ENSEMBLE_ARCHITECTURE, config);
	version = ensemble_add_version(store, name, &content);
	store_promote(store, name, version->number, "first version");
}

void
ensemble_check_drop(const ModelStore *store, const char *model, const char *number)
{
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[] = {CStringGetTextDatum(model), number != NULL ? CStringGetTextDatum(number) : 0};
	ModelStore	latest = store_push_latest(store);
	char	   *names;

	store_execute(&latest,
				  "SELECT string_agg(DISTINCT v.model, ', ') FROM @lesion_version v "
				  "JOIN @lesion_model m ON m.name = v.model "
				  "WHERE m.architecture = 'ensemble' AND jsonb_contains(v.config, "
				  "jsonb_build_object('members', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object("
				  "'model', $1, 'version', $2::int)))))",
				  2, types, values, number != NULL ? NULL : " n", SPI_OK_SELECT);
	PopActiveSnapshot();
	names = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (names == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 number == NULL ? errmsg("cannot drop model \"%s\", ensembles have it as a member", model) :
			 errmsg("cannot delete version %s of model \"%s\", ensembles have it as a member", number, model),
			 errdetail("These are: %s.", names),
			 errhint("Drop them first, or those of their versions that have it.")));
}
