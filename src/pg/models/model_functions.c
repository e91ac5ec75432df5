/*
 * model_functions.c: the registry's SQL functions: create, import, export,
 * traits, promote, drop.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "pg/base/values/arguments.h"
#include "pg/base/values/bytes.h"
#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/base/settings.h"
#include "pg/models/active/active_version.h"
#include "pg/models/dump_size.h"
#include "pg/models/ensemble.h"
#include "pg/models/model_config.h"
#include "pg/models/model_store.h"
#include "pg/models/work_lock.h"

PG_FUNCTION_INFO_V1(lesion_model_create);
PG_FUNCTION_INFO_V1(lesion_model_import);
PG_FUNCTION_INFO_V1(lesion_model_export);
PG_FUNCTION_INFO_V1(lesion_model_traits);
PG_FUNCTION_INFO_V1(lesion_model_promote);
PG_FUNCTION_INFO_V1(lesion_model_drop);
PG_FUNCTION_INFO_V1(lesion_version_immutable);

enum
{
	CREATE_NAME, CREATE_ARCHITECTURE, CREATE_CONFIG
};

/* lesion_model_create(name, architecture, config) */
Datum
lesion_model_create(PG_FUNCTION_ARGS)
{
	ModelStore	store = store_open(fcinfo, false);
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(CREATE_NAME));
	char	   *architecture = text_to_cstring(PG_GETARG_TEXT_PP(CREATE_ARCHITECTURE));
	Jsonb	   *config = PG_GETARG_JSONB_P(CREATE_CONFIG);

	store_check_rights(&store, "lesion_model", ACL_INSERT, "make a model");
	SPI_connect();
	model_lock(&store, name, LOCK_TRANSACTION);
	if (is_ensemble(architecture))
		ensemble_create(&store, name, config);
	else
	{
		ArchConfig	complete = config_read(config_architecture(architecture), config);

		store_create_model(&store, name, architecture, config_jsonb(arch_find(architecture), &complete));
	}
	SPI_finish();
	PG_RETURN_VOID();
}

/* What an import is about. */
typedef struct Import
{
	ModelStore	store;
	char	   *name;
	ByteView	file;
	Jsonb	   *config;			/* as given */
	char	   *architecture;	/* as given, or NULL */
	int			image_size;		/* as given, or 0 */
	WeightsInfo info;			/* what the file says */
} Import;

/* The architecture that the caller, the model and the file agree on. */
static const Architecture *
import_architecture(const Import *import, const Model *model)
{
	const char *name = import->architecture;

	if (name == NULL && model != NULL)
		name = model->architecture;
	if (name == NULL && import->info.architecture[0] != '\0')
		name = import->info.architecture;
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the file does not say of which architecture it is"),
				 errhint("Say it with architecture => '...', and config and image_size where they are not the "
						 "defaults.")));
	if (model != NULL && strcmp(model->architecture, name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" is of architecture \"%s\", not \"%s\"", model->name, model->architecture, name),
				 errhint("Import under another name.")));
	if (import->info.architecture[0] != '\0' && strcmp(import->info.architecture, name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("weights: the file is for \"%s\", not for \"%s\"", import->info.architecture, name),
				 errhint("Import it under another name, as a model of architecture \"%s\".",
						 import->info.architecture)));
	return config_architecture(name);
}

/* The config: what the caller gives, on top of what the file or the model says. */
static ArchConfig
import_config(const Import *import, const Architecture *architecture, const Model *model)
{
	ArchConfig	config;

	arch_config_default(architecture, &config);
	if (import->info.config[0] != '\0')
		config_apply(architecture,
					 DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(import->info.config))), &config);
	else if (model != NULL)
		config_apply(architecture, model->config, &config);
	config_apply(architecture, import->config, &config);

	if (model != NULL && !model->bundled)
	{
		ArchConfig	own = config_read(architecture, model->config);

		if (!config_equal(architecture, &own, &config))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("model \"%s\" has another config than the file", model->name),
					 errdetail("It was made with %s.", JsonbToCString(NULL, &model->config->root, 0)),
					 errhint("Import under another name.")));
	}
	return config;
}

/*
 * Check that the file fits the network. A file with our metadata stays as it
 * is, and so does its SHA-256. A file of another tool is written again, with
 * the metadata that it lacks.
 */
static void
import_weights(const Import *import, const Architecture *architecture, const ArchConfig *config, Call *call,
			   NewVersion *content)
{
	Network    *network;
	Status		status;
	void	   *bytes;

	check_status(call, network_create(&call->host, architecture, config, &network));
	status = network_load(network, call, import->file.bytes, import->file.size);
	if (status.code == LS_OK)
	{
		if (import->image_size != 0)
			network->traits.image_size = import->image_size;
		content->traits.image_size = network->traits.image_size != 0 ? network->traits.image_size : 256;
		status = network_check_size(network, content->traits.image_size, content->traits.image_size);
	}
	content->weights = import->file.bytes;
	content->weights_size = import->file.size;
	if (status.code == LS_OK && import->info.format_version == 0)
	{
		network->traits.image_size = content->traits.image_size;
		status = network_save(network, call, WEIGHTS_F32, JsonbToCString(NULL, &content->config->root, 0), &bytes,
							  &content->weights_size);
		content->weights = bytes;
	}
	network_free(network);
	check_argument(call, "weights", status);
	settings_check_image_size(content->traits.image_size);
}

enum
{
	IMPORT_NAME, IMPORT_WEIGHTS, IMPORT_ARCHITECTURE, IMPORT_CONFIG, IMPORT_IMAGE_SIZE, IMPORT_THRESHOLD,
	IMPORT_PROMOTE, IMPORT_WEIGHTS_SHA256, IMPORT_TRAITS
};

/* Check that the weights are those that were sent. */
static void
import_check_sha256(FunctionCallInfo fcinfo, ByteView weights)
{
	uint8_t		expected[SHA256_BYTES];
	uint8_t		digest[SHA256_BYTES];
	char		hex[SHA256_HEX_SIZE];

	if (PG_ARGISNULL(IMPORT_WEIGHTS_SHA256))
		return;
	argument_sha256("weights_sha256", argument_text(fcinfo, IMPORT_WEIGHTS_SHA256, "weights_sha256"), expected);
	sha256_digest(weights.bytes, weights.size, digest);
	if (memcmp(digest, expected, SHA256_BYTES) == 0)
		return;
	sha256_hex(digest, hex);
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("these weights have the SHA-256 %s, which is not weights_sha256", hex),
			 errhint("They changed on their way, or belong to another version. Export them again, without dtype.")));
}

/* lesion_model_import(name, weights, architecture, config, image_size,
 * threshold, promote, weights_sha256, traits) returns int */
Datum
lesion_model_import(PG_FUNCTION_ARGS)
{
	Import		import = {
		.store = store_open(fcinfo, false),
		.name = argument_text(fcinfo, IMPORT_NAME, "name"),
		.architecture = argument_text_or_null(fcinfo, IMPORT_ARCHITECTURE),
		.image_size = PG_ARGISNULL(IMPORT_IMAGE_SIZE) ? 0 : PG_GETARG_INT32(IMPORT_IMAGE_SIZE),
	};
	NewVersion	content = {
		.split = {.test_fraction = SPLIT_TEST_FRACTION,.validation_fraction = SPLIT_VALIDATION_FRACTION},
	};
	bool		promote = PG_ARGISNULL(IMPORT_PROMOTE) || PG_GETARG_BOOL(IMPORT_PROMOTE);
	Call	   *call = call_create(CurrentMemoryContext, 1);
	const Architecture *architecture;
	ArchConfig	config;
	Model	   *model;
	ModelVersion *version;

	argument_needed(fcinfo, IMPORT_WEIGHTS, "weights");
	argument_needed(fcinfo, IMPORT_CONFIG, "config");
	if (!PG_ARGISNULL(IMPORT_THRESHOLD))
		argument_check_threshold(PG_GETARG_FLOAT8(IMPORT_THRESHOLD));
	if (!PG_ARGISNULL(IMPORT_IMAGE_SIZE) && import.image_size < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("image_size is %d, it must be positive", import.image_size),
				 errhint("Leave it out to take what the file says.")));
	import.config = PG_GETARG_JSONB_P(IMPORT_CONFIG);
	import.file = bytes_view(PG_GETARG_DATUM(IMPORT_WEIGHTS));
	store_check_rights(&import.store, "lesion_version", ACL_INSERT, "import");
	if (promote)
		store_check_rights(&import.store, "lesion_promotion", ACL_INSERT, "import and promote");
	check_argument(call, "weights", weights_read_info(call, import.file.bytes, import.file.size, &import.info));
	import_check_sha256(fcinfo, import.file);
	weights_info_take(&import.info, &content.traits, &content.split);
	if (!PG_ARGISNULL(IMPORT_TRAITS))
		traits_apply(PG_GETARG_JSONB_P(IMPORT_TRAITS), &content.traits);
	if (import.image_size == 0)
		import.image_size = content.traits.image_size;
	if (!PG_ARGISNULL(IMPORT_THRESHOLD))
		content.traits.threshold = PG_GETARG_FLOAT8(IMPORT_THRESHOLD);

	SPI_connect();
	model_lock(&import.store, import.name, LOCK_TRANSACTION);
	model = store_find_model(&import.store, import.name);
	architecture = import_architecture(&import, model);
	config = import_config(&import, architecture, model);
	content.config = config_jsonb(architecture, &config);
	content.weights_size = import.file.size;
	if (import.info.format_version != 0)	/* it is stored as it is */
		store_check_size(&content);
	import_weights(&import, architecture, &config, call, &content);
	if (model == NULL)
	{
		store_check_rights(&import.store, "lesion_model", ACL_INSERT, "make a model");
		store_create_model(&import.store, import.name, architecture->name, content.config);
	}
	version = store_add_version(&import.store, import.name, &content);
	if (promote)
		store_promote(&import.store, import.name, version->number, "import");
	SPI_finish();
	call_destroy(call);
	PG_RETURN_INT32(version->number);
}

/* The number format of that name. */
static WeightsStorage
storage_named(const char *name)
{
	static const char *const names[] = {
		[WEIGHTS_F32] = "f32",
		[WEIGHTS_BF16] = "bf16",
		[WEIGHTS_F16] = "f16",
	};

	for (size_t i = 0; i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (WeightsStorage) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("dtype \"%s\" does not exist", name),
			 errhint("Weights are written as 'f32', 'bf16' or 'f16', or as they are stored with NULL.")));
}

/* The weights of a version, written anew in another number format. */
static Datum
convert_weights(const ModelVersion *version, Datum stored, WeightsStorage storage)
{
	Call	   *call = call_create(CurrentMemoryContext, 1);
	const Architecture *architecture = config_architecture(version->architecture);
	ArchConfig	config = config_read(architecture, version->config);
	ByteView	file = bytes_view(stored);
	Network    *network;
	void	   *bytes = NULL;
	size_t		size = 0;
	Datum		result;
	Status		status;

	check_status(call, network_create(&call->host, architecture, &config, &network));
	status = network_load(network, call, file.bytes, file.size);
	network->traits = version->traits;
	if (version->split.columns != NULL)
		snprintf(network->split, sizeof network->split, "%s", split_to_json(&version->split));
	if (status.code == LS_OK)
		status = network_save(network, call, storage, JsonbToCString(NULL, &version->config->root, 0), &bytes, &size);
	network_free(network);
	check_argument(call, psprintf("model \"%s\", version %d", version->model, version->number), status);
	result = bytes_datum(bytes, size);
	call_destroy(call);
	return result;
}

enum
{
	EXPORT_NAME, EXPORT_VERSION, EXPORT_DTYPE
};

/* lesion_model_export(name, version, dtype) returns bytea */
Datum
lesion_model_export(PG_FUNCTION_ARGS)
{
	ModelStore	store = store_open(fcinfo, true);
	char	   *name = argument_text(fcinfo, EXPORT_NAME, "name");
	int			number = PG_ARGISNULL(EXPORT_VERSION) ? 0 : PG_GETARG_INT32(EXPORT_VERSION);
	bool		convert = !PG_ARGISNULL(EXPORT_DTYPE);
	WeightsStorage storage = convert ? storage_named(text_to_cstring(PG_GETARG_TEXT_PP(EXPORT_DTYPE))) : WEIGHTS_F32;
	ModelVersion *version;
	Datum		weights;

	SPI_connect();
	version = store_need_version(&store, name, PG_ARGISNULL(EXPORT_VERSION) ? NULL : &number);
	if (is_ensemble(version->architecture))
		(void) config_architecture(version->architecture);
	weights = SPI_datumTransfer(store_weights_datum(&store, version), false, -1);
	SPI_finish();
	PG_RETURN_DATUM(convert ? convert_weights(version, weights, storage) : weights);
}

enum
{
	TRAITS_NAME, TRAITS_VERSION
};

/* lesion_model_traits(name, version) returns jsonb */
Datum
lesion_model_traits(PG_FUNCTION_ARGS)
{
	ModelStore	store = store_open(fcinfo, true);
	char	   *name = argument_text(fcinfo, TRAITS_NAME, "name");
	int			number = PG_ARGISNULL(TRAITS_VERSION) ? 0 : PG_GETARG_INT32(TRAITS_VERSION);
	ModelVersion *version;

	SPI_connect();
	version = store_need_version(&store, name, PG_ARGISNULL(TRAITS_VERSION) ? NULL : &number);
	SPI_finish();
	PG_RETURN_JSONB_P(traits_jsonb(&version->traits));
}

enum
{
	PROMOTE_NAME, PROMOTE_VERSION
};

/* lesion_model_promote(name, version) */
Datum
lesion_model_promote(PG_FUNCTION_ARGS)
{
	ModelStore	store = store_open(fcinfo, false);
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(PROMOTE_NAME));
	int			number = PG_GETARG_INT32(PROMOTE_VERSION);
	ModelVersion *version;

	store_check_rights(&store, "lesion_promotion", ACL_INSERT, "promote");
	SPI_connect();
	version = store_need_version(&store, name, &number);
	store_promote(&store, name, version->number, "by hand");
	SPI_finish();
	PG_RETURN_VOID();
}

/* lesion_model_drop(name) */
Datum
lesion_model_drop(PG_FUNCTION_ARGS)
{
	ModelStore	store = store_open(fcinfo, false);
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Oid			types[] = {TEXTOID};
	Datum		values[] = {PointerGetDatum(PG_GETARG_TEXT_PP(0))};

	store_check_rights(&store, "lesion_model", ACL_DELETE, "drop a model");
	SPI_connect();
	model_lock(&store, name, LOCK_TRANSACTION);
	if (store_need_model(&store, name)->bundled)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop model \"%s\", it comes with the extension", name),
				 errhint("To drop the versions that you made: "
						 "DELETE FROM %slesion_version WHERE model = %s AND number > 0.",
						 store_prefix(&store), quote_literal_cstr(name))));
	store_execute(&store, "DELETE FROM @lesion_model WHERE name OPERATOR(pg_catalog.=) $1", 1, types, values, NULL,
				  SPI_OK_DELETE);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				 errmsg("model \"%s\" is still there", name),
				 errdetail("A policy or a trigger of lesion_model keeps its row.")));
	SPI_finish();
	PG_RETURN_VOID();
}

/* Trigger: refuse to change a version. */
Datum
lesion_version_immutable(PG_FUNCTION_ARGS)
{
	(void) need_trigger(fcinfo);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("a version of a model is never changed"),
			 errhint("Import or train a new version, and promote it.")));
}
