/*
 * database.c: runs statements, and turns what the server says into a Status.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "pacs/store/database.h"
#include "pacs/web/bytes.h"
#include "pacs/log.h"
#include "pacs/stop.h"

#define POLL_MS 100
#define PATIENCE_MS 500

/* A server's WARNING becomes a line of log. */
static void
log_notice(void *user, const PGresult *result)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	(void) user;
	log_text("%s: %s", PQresultErrorField(result, PG_DIAG_SEVERITY), message == NULL ? "" : message);
}

/* An error in which libpq names the connection, without the lines that explain it. */
static Status
connection_lost(const char *message)
{
	return status_error(LS_HOST_ERROR, "the connection to the database is lost: %.*s", (int) strcspn(message, "\n"),
						message);
}

/* What is wrong with a result. */
static Status
failure_of(PGconn *connection, const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
	Status		status;

	/* 57P01 to 57P03, 57P05: the server ends or begins; the connection is lost or will be. */
	if (PQstatus(connection) != CONNECTION_OK || state == NULL || strncmp(state, "57P", 3) == 0)
		return connection_lost(message != NULL ? message : PQerrorMessage(connection));
	status = status_error(LS_INVALID_ARGUMENT, "%s: %.220s", state, message == NULL ? "" : message);
	if (strcmp(state, "42P01") == 0)
		hint = "The tables are made by psql -f \"$(pg_config --sharedir)/extension/lesionseg/pacs.sql\".";
	return hint == NULL ? status : status_with_hint(status, "%s", hint);
}

/* Send a statement. */
static Status
send_statement(PGconn *connection, const char *sql, int count, const DbValue *values, DbFormat format)
{
	const char *data[DB_VALUES_MAX];
	int			sizes[DB_VALUES_MAX];
	int			formats[DB_VALUES_MAX];
	int			i;

	for (i = 0; i < count; i++)
	{
		data[i] = values[i].data;
		sizes[i] = (int) values[i].size;	/* http.c lets no more than 1 GB come in */
		formats[i] = values[i].binary;
	}
	if (!PQsendQueryParams(connection, sql, count, NULL, data, sizes, formats, (int) format))
		return connection_lost(PQerrorMessage(connection));
	return status_ok();
}

/* Ask the server to end what it is at. */
static void
cancel_statement(PGconn *connection)
{
	PGcancel   *request = PQgetCancel(connection);
	char		error[256];

	if (request != NULL)
		PQcancel(request, error, sizeof error);
	PQfreeCancel(request);
}

/* Wait until the server has said something. After a signal a statement has PATIENCE
 * to end: what is short does, what waits for a lock or segments images is cancelled. */
static void
wait_for_server(PGconn *connection)
{
	int			waited = 0;

	while (PQisBusy(connection))
	{
		struct pollfd socket = {.fd = PQsocket(connection), .events = POLLIN};

		if (poll(&socket, 1, POLL_MS) == 0 && stop_wanted())
		{
			waited += POLL_MS;
			if (waited == PATIENCE_MS)
				cancel_statement(connection);
		}
		if (!PQconsumeInput(connection))
			return;
	}
}

/* Take the result of the statement that was sent. */
static Status
take_result(PGconn *connection, PGresult **result)
{
	PGresult   *next;

	*result = NULL;
	while (wait_for_server(connection), (next = PQgetResult(connection)) != NULL)
	{
		PQclear(*result);
		*result = next;
	}
	if (PQresultStatus(*result) != PGRES_TUPLES_OK && PQresultStatus(*result) != PGRES_COMMAND_OK)
	{
		const char *state = PQresultErrorField(*result, PG_DIAG_SQLSTATE);
		bool		cancelled = stop_wanted() && state != NULL && strcmp(state, "57014") == 0;
		Status		status = cancelled ? stop_check() : failure_of(connection, *result);

		PQclear(*result);
		*result = NULL;
		return status;
	}
	return status_ok();
}

Status
db_run(PGconn *connection, const char *sql, int count, const DbValue *values, DbFormat format, PGresult **result)
{
	*result = NULL;
	TRY(send_statement(connection, sql, count, values, format));
	return take_result(connection, result);
}

Status
db_do(PGconn *connection, const char *sql, int count, const DbValue *values)
{
	PGresult   *result;
	Status		status = db_run(connection, sql, count, values, DB_TEXT, &result);

	PQclear(result);
	return status;
}

/*
 * Let names be those of the server and of the extension before all others: a
 * role that may create objects in a schema of the user's search_path could
 * else have its functions called in their place. Statements give each argument of
 * a function of ours with its type, so that none in our schema fits better.
 */
static Status
set_search_path(PGconn *connection)
{
	return db_do(connection, "SELECT pg_catalog.set_config('search_path', pg_catalog.concat_ws(', '::text, "
				 "'pg_catalog'::text, (SELECT pg_catalog.quote_ident(n.nspname::text) "
				 "FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n "
				 "ON n.oid OPERATOR(pg_catalog.=) e.extnamespace "
				 "WHERE e.extname OPERATOR(pg_catalog.=) 'lesionseg'::name), "
				 "(SELECT pg_catalog.string_agg(pg_catalog.quote_ident(s.name::text), ', '::text) "
				 "FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) AS s (name)), 'pg_temp'::text), false)",
				 0, NULL);
}

/* One of our tables that another role put among them, or before them on the search path: its name and owner. The
 * owner of all that are there, the role that we run as and superusers are trusted. The owner of few is named before
 * that of many. */
static const char strange_query[] =
"SELECT t.name, r.rolname FROM (SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relowner, "
"count(*) OVER (PARTITION BY c.relowner) AS owned, count(*) OVER () AS found FROM pg_class AS c "
"JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = ANY (current_schemas(true)) "
"AND c.relname = ANY ('{lesion_pacs_instance,lesion_pacs_prediction,lesion_pacs_object,"
"lesion_pacs_mask,lesion_pacs_study}'::name[])) AS t JOIN pg_roles AS r ON r.oid = t.relowner "
"WHERE t.owned < t.found AND NOT r.rolsuper AND r.rolname <> current_user ORDER BY t.owned, t.name LIMIT 1";

/* Refuse to work on a table that somebody put where ours are looked for: its triggers
 * would run with our rights. */
static Status
check_owners(PGconn *connection)
{
	PGresult   *result;
	Status		status = status_ok();

	TRY(db_run(connection, strange_query, 0, NULL, DB_TEXT, &result));
	if (PQntuples(result) > 0)
	{
		status = status_error(LS_INVALID_ARGUMENT,
							  "42501: table \"%s\" belongs to role \"%s\", others of lesionseg-pacs to another role",
							  PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1));
		status = status_with_hint(status, "Its triggers would run with the rights of lesionseg-pacs: if you did not "
								  "make it, drop it and run pacs.sql again.");
	}
	PQclear(result);
	return status;
}

DbValue
db_message(const char *message, char room[DB_MESSAGE_SIZE])
{
	snprintf(room, DB_MESSAGE_SIZE, "%s", message);
	bytes_make_utf8(room);
	return db_text(room);
}

Status
db_open(const char *conninfo, PGconn **connection)
{
	*connection = PQconnectdb(conninfo == NULL ? "" : conninfo);
	if (PQstatus(*connection) != CONNECTION_OK)
	{
		const char *message = PQerrorMessage(*connection);

		return status_error(LS_HOST_ERROR, "no connection to the database: %.*s", (int) strcspn(message, "\n"),
							message);
	}
	if (PQsetClientEncoding(*connection, "UTF8") != 0)
		return status_error(LS_HOST_ERROR, "the database cannot be spoken to in UTF-8");
	PQsetNoticeReceiver(*connection, log_notice, NULL);
	TRY(db_do(*connection, "SELECT set_config('application_name', 'lesionseg-pacs', false), "
			  "set_config('client_min_messages', 'warning', false)", 0, NULL));
	TRY(set_search_path(*connection));
	return check_owners(*connection);
}
