/*
 * lock.c: the lock that one lesionseg-pacs at a time holds.
 *
 * It is an advisory lock, which lasts as long as the connection and holds up
 * nothing else. But any role that may connect can take such a lock. So one counts
 * only where its holder may write our tables, and there are many: the key is the
 * OID of a table and a number, and who comes takes the first number that is free.
 */
#include <stdbool.h>
#include <string.h>

#include "pacs/log.h"
#include "pacs/stop.h"
#include "pacs/store/database.h"
#include "pacs/store/lock.h"
#include "pacs/store/names.h"

/* The locks of the family; $1 is the table. A prepared transaction has no process: it is nobody's. */
#define HELD \
	"WITH held AS (SELECT l.objid, a.usename, l.pid = pg_backend_pid() AS mine, " \
	"has_table_privilege(a.usesysid, l.classid, 'INSERT') AS counts " \
	"FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid " \
	"WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 " \
	"AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) " \
	"AND l.classid = $1::regclass::oid) "

/* Does another program hold one of the locks? */
static const char others_query[] =
HELD "SELECT count(*) FROM held WHERE counts AND NOT mine";

/* Take the first that is free: whether it was got, its number, and who holds those before it. */
static const char take_query[] =
HELD ", free AS MATERIALIZED (SELECT min(n) AS n FROM generate_series(0, (SELECT count(*) FROM held)::int) AS n "
"WHERE n NOT IN (SELECT objid::bigint FROM held)) "
"SELECT pg_try_advisory_lock($1::regclass::oid::int, n), n, "
"(SELECT string_agg(DISTINCT coalesce(usename, 'a prepared transaction'), ', ') FROM held WHERE counts IS NOT TRUE) "
"FROM free";

/* Does another program work on the tables? */
static Status
find_others(PGconn *connection, const DbValue *table, bool *others)
{
	PGresult   *result;

	TRY(db_run(connection, others_query, 1, table, DB_TEXT, &result));
	*others = strcmp(PQgetvalue(result, 0, 0), "0") != 0;
	PQclear(result);
	return status_ok();
}

/* Try to take a lock. */
static Status
take_lock(PGconn *connection, const DbValue *table, bool *got)
{
	PGresult   *result;
	bool		others = false;
	Status		status;

	TRY(db_run(connection, take_query, 1, table, DB_TEXT, &result));
	*got = PQgetvalue(result, 0, 0)[0] == 't';
	/* Two that came at once may each have one, where a number became free between. Both give way. */
	status = *got ? find_others(connection, table, &others) : status_ok();
	if (others)
	{
		DbValue		values[] = {*table, db_text(PQgetvalue(result, 0, 1))};

		status = db_do(connection, "SELECT pg_advisory_unlock($1::regclass::oid::int, $2::int)", 2, values);
		*got = false;
	}
	else if (*got && !PQgetisnull(result, 0, 2))
		log_text("passes by locks for lesionseg-pacs that are held without the right to write its tables, by %s",
				 PQgetvalue(result, 0, 2));
	PQclear(result);
	return status;
}

static Status
wait_for(PGconn *connection, const DbValue *table)
{
	bool		said = false;
	bool		others;
	bool		got = false;

	for (;;)
	{
		TRY(find_others(connection, table, &others));
		if (!others)
			TRY(take_lock(connection, table, &got));
		if (got)
			return status_ok();
		if (!said)
			log_text("waits for another lesionseg-pacs, which is at work on this database");
		said = true;
		stop_sleep(1);
		TRY(stop_check());
	}
}

Status
lock_wait(PGconn *connection)
{
	Bytes		name = {0};
	Status		status = names_put("@lesion_pacs_object", &name);
	DbValue		table = db_text(name.data);

	if (status.code == LS_OK)
		status = wait_for(connection, &table);
	bytes_free(&name);
	return status;
}
