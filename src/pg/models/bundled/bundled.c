/*
 * bundled.c: the weights that come with the extension.
 *
 * `make install` puts models/NAME.safetensors, and models/lesion.json of an
 * ensemble of them, into the folder lesionseg beside the extension's control
 * file. The scripts that CREATE EXTENSION and ALTER EXTENSION UPDATE run call
 * lesion_register_bundled once, which makes them version 0 of the models of that
 * name. It takes no argument, reads no other files and works only while such a
 * script runs; the scripts drop it.
 *
 * An update may bring other weights than a database has. They become a version
 * with the next number: version 0 and what was made with it stay as they are.
 *
 * A file NAME.traits.json beside the weights says how they are used, where that was
 * fitted again after they were written; the weights and their SHA-256 stay as they
 * are (models/calibrate).
 *
 * The script of an older version, which CREATE EXTENSION VERSION and an update
 * over several versions run, has tables that this library does not write to.
 * The script of the update to this version then calls it again.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "arch/network.h"
#include "pg/base/values/bytes.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/models/active/active_version.h"
#include "pg/models/bundled/bundled_ensemble.h"
#include "pg/models/model_config.h"
#include "pg/models/model_store.h"

PG_FUNCTION_INFO_V1(lesion_register_bundled);

/* An architecture's weights that came with the extension. */
typedef struct Bundle
{
	const char *folder;
	const Architecture *architecture;
	ByteView	weights;
} Bundle;

/* The folder of the extension's control file: the server took the first on its path. */
static char *
extension_folder(void)
{
	char		share[MAXPGPATH];
	char	   *rest = pstrdup(compat_extension_path());
	char	   *element;

	get_share_path(my_exec_path, share);
	while ((element = strsep(&rest, ":")) != NULL)
	{
		char	   *folder = psprintf("%s/extension", strcmp(element, "$system") == 0 ? share : element);

		if (access(psprintf("%s/lesionseg.control", folder), F_OK) == 0)
			return folder;
	}
	return psprintf("%s/extension", share);
}

/* Read a file of ours in a folder, with a 0 behind it; false where there is none. */
static bool
read_file(const char *folder, const char *name, ByteView *file)
{
	char	   *path = psprintf("%s/lesionseg/%s", folder, name);
	FILE	   *stream;
	struct stat info;

	stream = AllocateFile(path, PG_BINARY_R);
	if (stream == NULL && errno == ENOENT)
		return false;
	if (stream == NULL || fstat(fileno(stream), &info) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path)));
	if ((uint64) info.st_size >= MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("file \"%s\" is too large", path)));
	file->size = (size_t) info.st_size;
	file->copy = palloc0(file->size + 1);
	file->bytes = file->copy;
	if (fread(file->copy, 1, file->size, stream) != file->size)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\"", path)));
	FreeFile(stream);
	return true;
}

/* Take over what the file of traits says, where there is one. One of other weights is an error. */
static void
take_traits(const Bundle *bundle, Traits *traits)
{
	const char *name = bundle->architecture->name;
	uint8_t		digest[SHA256_BYTES];
	char		hex[SHA256_HEX_SIZE];
	ByteView	file;
	Datum		json;
	Datum		sha256;
	Datum		object;

	if (!read_file(bundle->folder, psprintf("%s.traits.json", name), &file))
		return;
	json = DirectFunctionCall1(jsonb_in, CStringGetDatum((const char *) file.bytes));
	sha256 = DirectFunctionCall2(jsonb_object_field_text, json, CStringGetTextDatum("sha256"));
	object = DirectFunctionCall2(jsonb_object_field, json, CStringGetTextDatum("traits"));
	sha256_digest(bundle->weights.bytes, bundle->weights.size, digest);
	sha256_hex(digest, hex);
	if (strcmp(TextDatumGetCString(sha256), hex) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the file \"%s.traits.json\" is not of the bundled weights of \"%s\"", name, name),
				 errdetail("The weights have the SHA-256 %s.", hex),
				 errhint("Remove it or make it again with models/calibrate, and install the files again.")));
	traits_apply(DatumGetJsonbP(object), traits);
	bytes_release(&file);
}

/* Make a weight file a version, bundled as version 0; one that cannot be used is an error. */
static ModelVersion *
register_version(const ModelStore *store, const Bundle *bundle, bool bundled)
{
	const Architecture *architecture = bundle->architecture;
	const ByteView *file = &bundle->weights;
	Call	   *call = call_create(CurrentMemoryContext, 1);
	char	   *subject = psprintf("bundled weights of \"%s\"", architecture->name);
	NewVersion	content = {
		.weights = file->bytes,
		.weights_size = file->size,
		.split = {.test_fraction = SPLIT_TEST_FRACTION,.validation_fraction = SPLIT_VALIDATION_FRACTION},
		.bundled = bundled,
		.metadata = bundled ? NULL : version_mark_bundled(),
	};
	ModelVersion *version;
	WeightsInfo info;
	ArchConfig	config;
	Network    *network;
	Status		status;

	check_argument(call, subject, weights_read_info(call, file->bytes, file->size, &info));
	check_argument(call, subject, arch_config_parse(architecture, info.config, &config));
	check_argument(call, subject, network_create(&call->host, architecture, &config, &network));
	status = network_load(network, call, file->bytes, file->size);
	if (status.code == LS_OK)
		status = network_check_size(network, network->traits.image_size, network->traits.image_size);
	network_free(network);
	check_argument(call, subject, status);

	content.config = config_jsonb(architecture, &config);
	weights_info_take(&info, &content.traits, &content.split);
	content.split.columns = NULL;	/* of a table that nobody has here */
	take_traits(bundle, &content.traits);
	version = store_add_version(store, architecture->name, &content);
	call_destroy(call);
	return version;
}

/* Is there a bundled version of the architecture's model? */
static bool
is_registered(const ModelStore *store, const Architecture *architecture)
{
	int			number = BUNDLED_VERSION;

	return store_find_version(store, architecture->name, &number) != NULL;
}

/* Does a query find a row? $1 is the model's name, $2 the digest where there is one. */
static bool
is_found(const ModelStore *store, const char *query, const char *model, const uint8_t *digest)
{
	Oid			types[] = {TEXTOID, BYTEAOID};
	Datum		values[] = {CStringGetTextDatum(model), 0};

	if (digest != NULL)
		values[1] = bytes_datum(digest, SHA256_BYTES);
	store_execute(store, query, digest != NULL ? 2 : 1, types, values, NULL, SPI_OK_SELECT);
	return SPI_processed > 0;
}

/* Make a version active where nobody has promoted one of its model. */
static void
activate(const ModelStore *store, const ModelVersion *version)
{
	if (!is_found(store, "SELECT FROM @lesion_promotion WHERE model = $1", version->model, NULL))
		store_promote(store, version->model, version->number, "bundled");
}

/*
 * Bring a model that has bundled weights those of this release, where they
 * are others. Active they are only where nobody has promoted a version. That somebody
 * has imported them before counts for nothing: how they are used, he chose.
 */
static void
renew_version(const ModelStore *store, const Bundle *bundle)
{
	const Architecture *architecture = bundle->architecture;
	uint8_t		digest[SHA256_BYTES];

	sha256_digest(bundle->weights.bytes, bundle->weights.size, digest);
	if (is_found(store, "SELECT FROM @lesion_version v WHERE model = $1 AND sha256 = $2 AND " VERSION_IS_BUNDLED("v"),
				 architecture->name, digest))
		return;
	activate(store, register_version(store, bundle, false));
}

/* Bring the ensemble of this release, in the same way. */
static void
bring_ensemble(const ModelStore *store, const char *folder)
{
	ByteView	file;
	Datum		json;
	ModelVersion *version;

	if (!read_file(folder, BUNDLED_ENSEMBLE ".json", &file))
		return;
	json = DirectFunctionCall1(jsonb_in, CStringGetDatum((const char *) file.bytes));
	version = bundled_ensemble_register(store, DatumGetJsonbP(json));
	if (version != NULL)
		activate(store, version);
	bytes_release(&file);
}

/* lesion_register_bundled() */
Datum
lesion_register_bundled(PG_FUNCTION_ARGS)
{
	ModelStore	store;
	char	   *folder = extension_folder();
	int			count;
	const Architecture *const *architectures = arch_list(&count);

	if (!creating_extension)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("lesion_register_bundled is for the extension's scripts alone")));
	if (!store_is_current())
		PG_RETURN_VOID();
	store = store_open(fcinfo, false);
	SPI_connect();
	for (int i = 0; i < count; i++)
	{
		Bundle		bundle = {folder, architectures[i], {0}};

		if (!read_file(folder, psprintf("%s.safetensors", architectures[i]->name), &bundle.weights))
			continue;
		if (is_registered(&store, architectures[i]))
			renew_version(&store, &bundle);
		else
			(void) register_version(&store, &bundle, true);
		bytes_release(&bundle.weights);
	}
	bring_ensemble(&store, folder);
	SPI_finish();
	PG_RETURN_VOID();
}
