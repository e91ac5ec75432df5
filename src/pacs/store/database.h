/*
 * database.h: the connection to PostgreSQL, by libpq.
 */
#ifndef LESIONSEG_PACS_STORE_DATABASE_H
#define LESIONSEG_PACS_STORE_DATABASE_H

#include <libpq-fe.h>
#include <stddef.h>

#include "core/status.h"

/* A parameter of a statement: text, or bytes with their number. */
typedef struct DbValue
{
	const char *data;			/* NULL: NULL */
	size_t		size;
	int			binary;
} DbValue;

static inline DbValue
db_text(const char *text)
{
	return (DbValue) {text, 0, 0};
}

static inline DbValue
db_bytes(const char *data, size_t size)
{
	return (DbValue) {data, size, 1};
}

/* A message of another program: what is no UTF-8 in it becomes '?'. room holds
 * the text. */
#define DB_MESSAGE_SIZE 1024
DbValue		db_message(const char *message, char room[DB_MESSAGE_SIZE]);

/* How values of a result come. */
typedef enum DbFormat
{
	DB_TEXT = 0,
	DB_BINARY = 1
} DbFormat;

#define DB_VALUES_MAX 8

/*
 * Connect. conninfo NULL: what the environment says. LS_HOST_ERROR. The connection is the caller's to close in any
 * case.
 */
Status		db_open(const char *conninfo, PGconn **connection);

/*
 * Run a statement; what is ours has an @ before its name (names.h). LS_HOST_ERROR where the connection is lost,
 * LS_CANCELLED where a signal came and it took too long, LS_INVALID_ARGUMENT where the values are wrong, else
 * LS_LIMIT_EXCEEDED: it may do later (a timeout, no room, no right); both with "SQLSTATE: message" and the server's
 * hint. The result is the caller's to PQclear; NULL after an error.
 */
Status		db_run(PGconn *connection, const char *sql, int count, const DbValue *values, DbFormat format,
				   PGresult **result);

/* The same for a statement whose result says nothing. */
Status		db_do(PGconn *connection, const char *sql, int count, const DbValue *values);

#endif
