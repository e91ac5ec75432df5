/*
 * link.c: see link.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "pg/across/link.h"
#include "pg/base/caught_error.h"
#include "pg/base/host.h"
#include "pg/base/settings.h"
#include "pg/base/query/spi_context.h"
#include "pg/base/values/row_values.h"

/* How long to sleep before an answer is looked for again, in ms: from the first to the second, doubling. Each look
 * takes what has come, a few hundred kB at most, so a longer sleep would slow weights down. */
#define POLL_FIRST 1
#define POLL_LAST 10

Dblink
link_find_dblink(void)
{
	Dblink		dblink;

	if (spi_execute_as("looking for dblink",
					   "SELECT pg_catalog.max(p.oid) FILTER (WHERE p.proname OPERATOR(pg_catalog.=) 'dblink_is_busy') "
					   "AS is_busy, pg_catalog.max(p.oid) FILTER "
					   "(WHERE p.proname OPERATOR(pg_catalog.=) 'dblink_disconnect' "
					   "AND p.pronargs OPERATOR(pg_catalog.=) 1) AS disconnect "
					   "FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_depend AS d "
					   "ON d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass "
					   "AND d.refobjid OPERATOR(pg_catalog.=) e.oid AND d.deptype OPERATOR(pg_catalog.=) 'e' "
					   "JOIN pg_catalog.pg_proc AS p "
					   "ON d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass "
					   "AND p.oid OPERATOR(pg_catalog.=) d.objid "
					   "WHERE e.extname OPERATOR(pg_catalog.=) 'dblink' GROUP BY e.oid",
					   0, NULL, NULL, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "the catalog of extensions cannot be read");
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("other servers are reached by dblink, which is not in this database"),
				 errhint("CREATE EXTENSION dblink; it comes with PostgreSQL.")));
	dblink.is_busy = DatumGetObjectId(first_row_needed("is_busy", OIDOID));
	dblink.disconnect = DatumGetObjectId(first_row_needed("disconnect", OIDOID));
	return dblink;
}

/* Raise the error that is being handled again, with the server's name; call in PG_CATCH. */
static void
rethrow_named(const Link *link, MemoryContext caller)
{
	ErrorData	error = *caught_error(caller, caller);
	int			category;

	error.message = psprintf("server \"%s\": %s", link->server, error_text(error.message));
	error.detail = error.detail != NULL ? error_text(error.detail) : NULL;
	error.hint = error.hint != NULL ? error_text(error.hint) : NULL;
	error.context = error.context != NULL ? error_text(error.context) : NULL;

	/* A server may give its error the code of a success or of a warning. */
	category = ERRCODE_TO_CATEGORY(error.sqlerrcode);
	if (category == ERRCODE_SUCCESSFUL_COMPLETION || category == ERRCODE_WARNING || category == ERRCODE_NO_DATA)
		error.sqlerrcode = ERRCODE_PROTOCOL_VIOLATION;
	ReThrowError(&error);
}

/*
 * Run `select` with a call of a function of dblink behind it. Its arguments are
 * texts. An error gets the server's name.
 */
static uint64
call_dblink(const Link *link, const char *doing, const char *select, const char *call, int count, Datum *values)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid			types[] = {TEXTOID, TEXTOID};
	Oid			schema = get_func_namespace(link->dblink.is_busy);
	char	   *text;

	if (!OidIsValid(schema))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the extension dblink was dropped since the call began"),
				 errhint("Call again to go on when it is back.")));
	/* The schema may have another name by now, and its old name be another's. */
	text = psprintf("%s %s%s", select, schema_prefix(schema), call);
	PG_TRY();
	{
		(void) spi_execute_as(doing, text, count, types, values, NULL, false, 0);
	}
	PG_CATCH();
	{
		rethrow_named(link, caller);
	}
	PG_END_TRY();
	pfree(text);
	return SPI_processed;
}

/* Raise an error unless there is a foreign server of that name: dblink would take any other text for the
 * parameters of a connection. */
static void
check_server(const char *server)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(server)};

	(void) spi_execute_as("looking for a foreign server",
						  "SELECT FROM pg_catalog.pg_foreign_server WHERE srvname OPERATOR(pg_catalog.=) $1", 1, types,
						  values, NULL, true, 1);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("server \"%s\" does not exist", error_text(server)),
				 errhint("Make it with CREATE SERVER ... FOREIGN DATA WRAPPER dblink_fdw (or postgres_fdw), and a user "
						 "mapping with CREATE USER MAPPING.")));
}

/* A name for a connection that the session has no other one of. */
static char *
new_name(int number)
{
	uint8_t		random[16];
	char		digits[2 * sizeof random + 1];

	if (!pg_strong_random(random, sizeof random))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random bytes")));
	digits[hex_encode((const char *) random, sizeof random, digits)] = '\0';
	return psprintf("lesion_train_across %d %s", number, digits);
}

void
link_open(Link *link, MemoryContext context, Dblink dblink, const char *server, int number)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	Datum		values[2];

	link->server = server;
	link->name = CStringGetTextDatum(new_name(number));
	link->dblink = dblink;
	MemoryContextSwitchTo(caller);
	check_server(server);
	values[0] = link->name;
	values[1] = CStringGetTextDatum(server);

	/* A cancel that comes during a login is raised when it has been done: there may be a connection after an error. */
	link->open = true;
	(void) call_dblink(link, "connecting", "SELECT", "dblink_connect($1, $2)", 2, values);
}

/* Disconnect, whatever rights the role has by now. */
static void
disconnect_step(void *work)
{
	Link	   *link = work;

	(void) OidFunctionCall1(link->dblink.disconnect, link->name);
}

void
link_close(Link *link)
{
	uint32		holdoff;

	if (!link->open)
		return;
	link->open = false;

	/* The server sees that nobody listens and ends what it is at. A request to cancel is not sent: libpq waits for its
	 * receipt, uninterrupted, and a server that says nothing would hold this session for good. */
	holdoff = InterruptHoldoffCount;
	HOLD_INTERRUPTS();			/* a second cancel must not keep the connection */
	(void) caught_in_step(disconnect_step, link, CurrentMemoryContext);
	InterruptHoldoffCount = holdoff;	/* an error has set it to 0 */
	link->busy = false;
}

void
link_send(Link *link, const char *query)
{
	Datum		values[] = {link->name, CStringGetTextDatum(query)};
	bool		isnull;

	(void) call_dblink(link, "sending a query", "SELECT", "dblink_send_query($1, $2) AS sent", 2, values);
	pfree(DatumGetPointer(values[1]));
	if (DatumGetInt32(first_row_value("sent", INT4OID, &isnull)) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("server \"%s\": the connection is lost", link->server),
				 errhint("Call again to go on when it is back.")));
	SPI_freetuptable(SPI_tuptable);
	link->busy = true;
	link->received = 0;
}

/* Count what one look at the connection has brought. */
static void
count_received(Link *link, size_t before)
{
	size_t		now = process_bytes();

	if (now > before)
		link->received += now - before;
	if (link->received > (size_t) lesionseg_max_memory * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("server \"%s\": the answer takes more than lesionseg.max_memory", link->server),
				 errhint("Weights are sent as text and take several times their size; raise lesionseg.max_memory if "
						 "the server is to be trusted.")));
}

bool
link_is_waiting(Link *link)
{
	/* What dblink leaves of each look would be some GB while a hospital trains for days. */
	MemoryContext look = AllocSetContextCreate(CurrentMemoryContext, "lesionseg look", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(look);
	size_t		before = process_bytes();
	volatile bool waiting = false;

	/* Not by SPI, whose snapshot would keep VACUUM from the whole database while a hospital trains for hours. */
	PG_TRY();
	{
		waiting = DatumGetInt32(OidFunctionCall1(link->dblink.is_busy, link->name)) != 0;
	}
	PG_CATCH();
	{
		rethrow_named(link, caller);
	}
	PG_END_TRY();
	count_received(link, before);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(look);
	InvalidateCatalogSnapshot();
	return waiting;
}

void
link_pause(int *pause)
{
	*pause = Min(Max(2 * *pause, POLL_FIRST), POLL_LAST);
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, *pause, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* Wait until what comes next of an answer is there. */
static void
wait_for_answer(Link *link)
{
	int			pause = 0;

	while (link_is_waiting(link))
		link_pause(&pause);
}

/* Raise an error where a text of an answer is not in this database's encoding: stored, it could not be restored. */
static void
check_texts(const Link *link, const SPITupleTable *rows, uint64 count)
{
	for (int column = 1; column <= rows->tupdesc->natts; column++)
	{
		if (SPI_gettypeid(rows->tupdesc, column) != TEXTOID)
			continue;
		for (uint64 i = 0; i < count; i++)
		{
			char	   *text = SPI_getvalue(rows->vals[i], rows->tupdesc, column);

			if (text != NULL && !pg_verifymbstr(text, (int) strlen(text), true))
				ereport(ERROR,
						(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
						 errmsg("server \"%s\" gives text that is not in this database's encoding", link->server)));
		}
	}
}

uint64
link_take(Link *link, const char *columns)
{
	SPITupleTable *rows;
	uint64		count;
	char	   *call = psprintf("dblink_get_result($1) AS t (%s)", columns);

	count = call_dblink(link, "taking an answer", "SELECT * FROM", call, 1, &link->name);
	rows = SPI_tuptable;

	/* dblink wants to be asked until there is no more; asked too early, it waits, and nothing interrupts it. */
	wait_for_answer(link);
	if (call_dblink(link, "taking an answer", "SELECT * FROM", call, 1, &link->name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("server \"%s\" gave two answers to one query", link->server)));
	SPI_freetuptable(SPI_tuptable);
	pfree(call);
	link->busy = false;
	check_texts(link, rows, count);
	SPI_tuptable = rows;
	SPI_processed = count;
	return count;
}

Datum
link_needed(const Link *link, const char *column, Oid type)
{
	bool		isnull;
	Datum		value = first_row_value(column, type, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("server \"%s\" gives NULL as %s", link->server, column)));
	return value;
}

bool
link_was_told(const ErrorData *error)
{
	/* The function of dblink that raises what the other server said, in all releases. Codes and texts are the same. */
	return error->funcname != NULL && strcmp(error->funcname, "dblink_res_error") == 0;
}

const char *
link_text(const char *text)
{
	return text != NULL ? psprintf("%s::pg_catalog.text", quote_literal_cstr(text)) : "NULL::pg_catalog.text";
}

uint64
link_query(Link *link, const char *query, const char *columns)
{
	link_send(link, query);
	wait_for_answer(link);
	return link_take(link, columns);
}
