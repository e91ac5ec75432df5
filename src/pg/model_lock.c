/*
 * model_lock.c: see model_lock.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "pg/model_lock.h"
#include "pg/sha256.h"

/* A model's key: the first 8 bytes of a SHA-256. */
static int64
model_key(const ModelStore *store, const char *model)
{
	char	   *text = psprintf("lesionseg:%s%s", store->prefix, model);
	uint8_t		digest[SHA256_BYTES];
	int64		key;

	sha256_digest(text, strlen(text), digest);
	memcpy(&key, digest, sizeof key);
	pfree(text);
	return key;
}

/* A column of the current result's only row; `missing` where it is NULL or
 * there is no row. */
static int64
result_bigint(int column, int64 missing)
{
	bool		isnull;
	Datum		datum;

	if (SPI_processed == 0)
		return missing;
	datum = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);
	return isnull ? missing : DatumGetInt64(datum);
}

/* Raise an error that says who holds the model of that key. */
static void
refuse(const ModelStore *store, const char *model, int64 key)
{
	Oid			types[] = {INT8OID, OIDOID};
	Datum		values[] = {Int64GetDatum(key), ObjectIdGetDatum(get_relname_relid("lesion_run", store->schema))};
	int64		pid;
	int64		run;

	store_execute(store,
				  "SELECT l.pid::pg_catalog.int8, (SELECT pg_catalog.max(r.objid::pg_catalog.int8) "
				  "FROM pg_catalog.pg_locks r WHERE r.pid = l.pid AND r.locktype = 'advisory' AND r.objsubid = 2 "
				  "AND r.database = l.database AND r.classid = $2) "
				  "FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d ON d.oid = l.database "
				  "WHERE d.datname = pg_catalog.current_database() AND l.locktype = 'advisory' AND l.granted "
				  "AND l.objsubid = 1 AND (l.classid::pg_catalog.int8 << 32 | l.objid::pg_catalog.int8) = $1 LIMIT 1",
				  2, types, values, NULL, SPI_OK_SELECT);
	pid = result_bigint(1, 0);
	run = result_bigint(2, 0);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("model \"%s\" is being trained or changed by another session", model),
			 run != 0 ? errdetail("It is run %lld, server process %lld.", (long long) run, (long long) pid) :
			 pid != 0 ? errdetail("It is server process %lld.", (long long) pid) : 0,
			 errhint("Wait until it is done, stop it with pg_cancel_backend, or train under another name.")));
}

int64
model_lock(const ModelStore *store, const char *model, LockSpan span)
{
	int64		key = model_key(store, model);
	PGFunction	try_lock = span == LOCK_SESSION ? pg_try_advisory_lock_int8 : pg_try_advisory_xact_lock_int8;

	if (!DatumGetBool(DirectFunctionCall1(try_lock, Int64GetDatum(key))))
		refuse(store, model, key);
	return key;
}

/* Take or release a lock whose key has two halves. */
static bool
call_with_halves(PGFunction function, int64 key)
{
	return DatumGetBool(DirectFunctionCall2(function, Int32GetDatum((int32) (key >> 32)), Int32GetDatum((int32) key)));
}

int64
run_lock(const ModelStore *store, int64 run, LockSpan span)
{
	int64		key = (int64) get_relname_relid("lesion_run", store->schema) << 32 | (uint32) run;

	if (!call_with_halves(span == LOCK_SESSION ? pg_try_advisory_lock_int4 : pg_try_advisory_xact_lock_int4, key))
		elog(ERROR, "the lock of run %lld is held by another session", (long long) run);
	return key;
}

void
model_unlock(int64 key)
{
	DirectFunctionCall1(pg_advisory_unlock_int8, Int64GetDatum(key));
}

void
run_unlock(int64 key)
{
	call_with_halves(pg_advisory_unlock_int4, key);
}
