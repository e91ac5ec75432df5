/*
 * mean.c: the means of the rounds, versions of the coordinator's model.
 *
 * A mean's metadata say of which round it is, from what start, and all that
 * the trainings were asked for. By these it is found again.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "learn/federated/weights_mean.h"
#include "pg/across/across.h"
#include "pg/base/call.h"
#include "pg/base/error.h"
#include "pg/base/host.h"
#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/models/model_config.h"
#include "pg/models/model_store.h"

/* What a local training's file may be larger than the round's start: that may be of 16 bits. */
#define SIZE_MOST(size) (2 * (size) + 1024 * 1024)

/* The mean's metadata without what came of it: an object. */
#define ROUND_OBJECT \
	"jsonb_build_object('across', jsonb_build_object('round', $1, 'start_sha256', $2, 'epochs', $3, 'seed', $4, " \
	"'servers', $5, 'images', $6, 'group_column', $7, 'training', $8, 'clip_norm', $9, 'noise_multiplier', $10))"

#define ROUND_VALUES 10

/* Set the values of ROUND_OBJECT. */
static void
set_round_values(const Across *task, Oid *types, Datum *values, char *nulls)
{
	const TrainRequest *request = &task->request;
	const Oid	round_types[ROUND_VALUES] = {INT4OID, TEXTOID, INT4OID, INT8OID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID,
	JSONBOID, FLOAT8OID, FLOAT8OID};
	const char *group = request->group_column;

	memcpy(types, round_types, sizeof round_types);
	memset(nulls, ' ', ROUND_VALUES);
	values[0] = Int32GetDatum(task->round);
	values[1] = CStringGetTextDatum(task->current.sha256);
	values[2] = Int32GetDatum(request->epochs);
	values[3] = Int64GetDatum(request->seed);
	values[4] = task->servers;
	values[5] = task->images;
	values[6] = group != NULL ? CStringGetTextDatum(group) : (Datum) 0;
	if (group == NULL)
		nulls[6] = 'n';
	values[7] = JsonbPGetDatum(training_asked(task, 0));
	values[8] = Float8GetDatum(task->clip_norm);
	if (task->clip_norm == 0)
		nulls[8] = 'n';
	values[9] = Float8GetDatum(task->noise_multiplier);
}

bool
mean_find(const Across *task, SharedVersion *version)
{
	Oid			types[ROUND_VALUES + 1];
	Datum		values[lengthof(types)];
	char		nulls[lengthof(types) + 1] = "";
	int			number;

	set_round_values(task, types, values, nulls);
	types[ROUND_VALUES] = TEXTOID;
	values[ROUND_VALUES] = CStringGetTextDatum(task->model);
	nulls[ROUND_VALUES] = ' ';
	store_execute(&task->store,
				  "SELECT number FROM @lesion_version WHERE model = $11 AND created_by = current_user::text "
				  "AND (metadata -> 'across') - 'training_images' - 'sha256' = " ROUND_OBJECT " -> 'across' "
				  "ORDER BY number LIMIT 1",
				  lengthof(types), types, values, nulls, SPI_OK_SELECT);
	if (SPI_processed == 0)
		return false;
	number = DatumGetInt32(first_row_needed("number", INT4OID));
	SPI_freetuptable(SPI_tuptable);
	mean_read(task, number, version);
	return true;
}

/* The mean's metadata. */
static Jsonb *
round_metadata(const Across *task)
{
	Oid			types[ROUND_VALUES + 2];
	Datum		values[lengthof(types)];
	char		nulls[lengthof(types) + 1] = "";
	Datum	   *images = palloc(task->count * sizeof(Datum));
	Datum	   *digests = palloc(task->count * sizeof(Datum));

	for (int i = 0; i < task->count; i++)
	{
		images[i] = Int64GetDatum(task->hospitals[i].trained.training_images);
		digests[i] = CStringGetTextDatum(task->hospitals[i].trained.sha256);
	}
	set_round_values(task, types, values, nulls);
	types[ROUND_VALUES] = INT8ARRAYOID;
	values[ROUND_VALUES] = PointerGetDatum(construct_array(images, task->count, INT8OID, 8, FLOAT8PASSBYVAL,
														   TYPALIGN_DOUBLE));
	types[ROUND_VALUES + 1] = TEXTARRAYOID;
	values[ROUND_VALUES + 1] = PointerGetDatum(construct_array(digests, task->count, TEXTOID, -1, false, TYPALIGN_INT));
	nulls[ROUND_VALUES] = nulls[ROUND_VALUES + 1] = ' ';
	store_execute(&task->store,
				  "SELECT jsonb_insert(jsonb_insert(" ROUND_OBJECT ", '{across,training_images}', to_jsonb($11)), "
				  "'{across,sha256}', to_jsonb($12)) AS metadata",
				  lengthof(types), types, values, nulls, SPI_OK_SELECT);
	return DatumGetJsonbPCopy(first_row_needed("metadata", JSONBOID));
}

/*
 * What a hospital is asked for: its file, limited there if the call says so, and its digest. Versions are known by more
 * than their numbers: who may drop the model there could make others of these numbers since. A training's row
 * is its own, and the start has its digest. The functions see what the statement sees.
 */
static char *
fetch_query(const Across *task, const Hospital *hospital)
{
	const char *model = link_text(task->local_model);
	char	   *file = psprintf("%slesion_model_export(%s, %d)", hospital->prefix, model, hospital->trained.version);

	if (task->clip_norm > 0)
		file = psprintf("%slesion_weights_clip(%s, %slesion_model_export(%s, %d), '%s'::pg_catalog.float8, "
						"'%s'::pg_catalog.float8)", hospital->prefix, file, hospital->prefix, model, hospital->start,
						double_to_shortest_decimal(task->clip_norm),
						double_to_shortest_decimal(task->noise_multiplier));

	/* OFFSET 0: noise is drawn once. */
	return psprintf("SELECT f.weights, pg_catalog.encode(pg_catalog.sha256(f.weights), 'hex') "
					"FROM (SELECT %s AS weights FROM %slesion_version AS v "
					"JOIN %slesion_run AS r ON r.run OPERATOR(pg_catalog.=) v.run "
					"AND r.model OPERATOR(pg_catalog.=) v.model AND r.version OPERATOR(pg_catalog.=) v.number "
					"JOIN %slesion_version AS s ON s.model OPERATOR(pg_catalog.=) v.model "
					"WHERE v.model OPERATOR(pg_catalog.=) %s AND v.number OPERATOR(pg_catalog.=) %d "
					"AND r.started_by OPERATOR(pg_catalog.=) current_user::pg_catalog.text "
					"AND s.number OPERATOR(pg_catalog.=) %d "
					"AND s.sha256 OPERATOR(pg_catalog.=) pg_catalog.decode('%s', 'hex') OFFSET 0) AS f", file,
					hospital->prefix, hospital->prefix, hospital->prefix, quote_literal_cstr(task->local_model),
					hospital->trained.version, hospital->start, task->current.sha256);
}

/* Fetch what a hospital has trained, and add it to the mean. */
static void
add_hospital(const Across *task, Hospital *hospital, WeightsMean *mean, const Call *call)
{
	uint8_t		digest[SHA256_BYTES];
	char		hex[SHA256_HEX_SIZE];
	char	   *sent;
	ByteView	file;

	if (link_query(&hospital->link, fetch_query(task, hospital),
				   "weights pg_catalog.bytea, sha256 pg_catalog.text") != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("server \"%s\" no longer has what it trained, or what it started from", hospital->server),
				 errhint("Does somebody else drop that model there? Call again.")));
	sent = TextDatumGetCString(link_needed(&hospital->link, "sha256", TEXTOID));
	file = bytes_view(link_needed(&hospital->link, "weights", BYTEAOID));
	if (file.size > SIZE_MOST(task->current.size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("server \"%s\" gives weights of %zu bytes, those that it started from have %zu",
						hospital->server, file.size, task->current.size)));
	sha256_digest(file.bytes, file.size, digest);
	sha256_hex(digest, hex);
	if (strcmp(hex, sent) != 0 || (task->clip_norm == 0 && strcmp(hex, hospital->trained.sha256) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("server \"%s\": the weights that arrived are not those that were sent", hospital->server),
				 errdetail("Their SHA-256 is %s.", hex)));
	hospital->trained.sha256 = MemoryContextStrdup(task->context, hex);
	check_argument(call, psprintf("weights of server \"%s\"", hospital->server),
				   weights_mean_add(mean, call, file.bytes, file.size, (double) hospital->trained.training_images));
	bytes_release(&file);
	SPI_freetuptable(SPI_tuptable);
}

/* Store a mean as a version of the coordinator's model. */
static int
store_mean(const Across *task, const Call *call, const void *bytes, size_t size)
{
	WeightsInfo *info = palloc(sizeof *info);
	NewVersion	content = {
		.config = task->config,
		.weights = bytes,
		.weights_size = size,
		.split = {.test_fraction = task->request.test_fraction,.validation_fraction = task->plan.validation_fraction,
		.seed = task->request.split_seed},
		.metadata = round_metadata(task),
	};

	check_status(call, weights_read_info(call, bytes, size, info));
	weights_info_take(info, &content.traits, &content.split);
	return store_add_version(&task->store, task->model, &content)->number;
}

void
mean_make(Across *task, SharedVersion *version)
{
	Call	   *call = call_create(task->context, 1);
	WeightsMean *mean;
	void	   *bytes;
	size_t		size;
	int			number;

	check_status(call, weights_mean_create(host_create(CurrentMemoryContext), &mean));
	for (int i = 0; i < task->count; i++)
		add_hospital(task, &task->hospitals[i], mean, call);
	check_status(call, weights_mean_write(mean, call, &bytes, &size));
	weights_mean_free(mean);
	number = store_mean(task, call, bytes, size);
	call_destroy(call);
	mean_read(task, number, version);
}

void
mean_read(const Across *task, int number, SharedVersion *version)
{
	ModelVersion *found = store_need_version(&task->store, task->model, &number);
	ByteView	file = store_weights(&task->store, found);

	version->number = number;
	version->size = file.size;
	version->bytes = MemoryContextAlloc(task->context, file.size);
	memcpy(version->bytes, file.bytes, file.size);
	bytes_release(&file);
	sha256_hex(found->sha256, version->sha256);
}
