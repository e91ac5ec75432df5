/*
 * link.h: a session on another server, by the extension dblink.
 *
 * A server is a foreign server of this database, reached by the caller's user
 * mapping: who may use which, and with what password, is PostgreSQL's own to
 * decide. Errors of the other server are raised here with its name before
 * them. Callers stand inside SPI_connect().
 */
#ifndef LESIONSEG_PG_ACROSS_LINK_H
#define LESIONSEG_PG_ACROSS_LINK_H

#include "postgres.h"

/* Functions of the extension dblink. Their schema may be renamed while a call goes on. */
typedef struct Dblink
{
	Oid			is_busy;		/* looks for an answer */
	Oid			disconnect;
} Dblink;

typedef struct Link
{
	const char *server;			/* the foreign server's name */
	Datum		name;			/* of the connection, a text; of this call alone */
	Dblink		dblink;
	bool		open;
	bool		busy;			/* a query was sent, and its result not taken */
	size_t		received;		/* bytes of the answer that stand in this process's memory */
} Link;

/* The functions of dblink, or an error that says how to install it. */
Dblink		link_find_dblink(void);

/* Connect. What belongs to the link lives in `context`, the server's name is the caller's: both must stay valid until
 * it is closed. After an error, too, it must be closed: there may be a connection. */
void		link_open(Link *link, MemoryContext context, Dblink dblink, const char *server, int number);

/* End the session, and what it is at. Raises nothing. */
void		link_close(Link *link);

/* Send a query without waiting for it. */
void		link_send(Link *link, const char *query);

/* Is the answer to what was sent still to come? Needs and takes no snapshot. An answer above lesionseg.max_memory is an
 * error: the server is another's, and could send without end. */
bool		link_is_waiting(Link *link);

/* Sleep before asking again, at first for an instant (*pause is 0), then longer. Interrupts are answered. */
void		link_pause(int *pause);

/*
 * Take the answer: its rows stand in SPI_tuptable with these columns, as in
 * "number int, sha256 text", and their number is returned. An answer of other
 * types is an error, because each value is read as its column's type. The
 * caller frees SPI_tuptable.
 */
uint64		link_take(Link *link, const char *columns);

/* A value of the first row of an answer. NULL is an error that names the server. */
Datum		link_needed(const Link *link, const char *column, Oid type);

/* Is an error what another server said, and not one of this server? */
bool		link_was_told(const ErrorData *error);

/* A text as a literal of a query, or NULL. */
const char *link_text(const char *text);

/* Send, wait, take. */
uint64		link_query(Link *link, const char *query, const char *columns);

#endif
