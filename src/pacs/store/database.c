/*
 * database.c: runs statements, and turns what the server says into a Status.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "pacs/store/database.h"
#include "pacs/store/names.h"
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

/* Is an error about the values of a statement? Classes of SQLSTATE: 0A what is not supported, 22 data, 23 constraints,
 * 27 and P0 what triggers say, 44 views' checks, 54 limits. All else is about the server at this time: the same
 * statement may do later. */
static bool
is_about_values(const char *state)
{
	static const char *const classes[] = {"0A", "22", "23", "27", "44", "54", "P0"};
	size_t		i;

	for (i = 0; i < sizeof classes / sizeof classes[0]; i++)
		if (strncmp(state, classes[i], 2) == 0)
			return true;
	return false;
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
	status = status_error(is_about_values(state) ? LS_INVALID_ARGUMENT : LS_LIMIT_EXCEEDED, "%s: %.220s", state,
						  message == NULL ? "" : message);
	if (strcmp(state, "42P01") == 0 || strcmp(state, "42703") == 0)
		hint = "The tables are made by psql -f \"$(pg_config --sharedir)/extension/lesionseg/pacs.sql\". "
			"Run it again after an update.";
	return hint == NULL ? status : status_with_hint(status, "%s", hint);
}

/* Send a statement, with the schemas of what is ours. */
static Status
send_statement(PGconn *connection, const char *sql, int count, const DbValue *values, DbFormat format)
{
	const char *data[DB_VALUES_MAX];
	int			sizes[DB_VALUES_MAX];
	int			formats[DB_VALUES_MAX];
	Bytes		named = {0};
	Status		status;
	int			i;

	for (i = 0; i < count; i++)
	{
		data[i] = values[i].data;
		sizes[i] = (int) values[i].size;	/* http.c lets no more than 1 GB come in */
		formats[i] = values[i].binary;
	}
	status = names_put(sql, &named);
	if (status.code == LS_OK &&
		!PQsendQueryParams(connection, named.data, count, NULL, data, sizes, formats, (int) format))
		status = connection_lost(PQerrorMessage(connection));
	bytes_free(&named);
	return status;
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
	return db_do(*connection, "SELECT pg_catalog.set_config('application_name', 'lesionseg-pacs', false), "
				 "pg_catalog.set_config('client_min_messages', 'warning', false)", 0, NULL);
}
