/*
 * places.h: where our tables and the extension are in a database.
 */
#ifndef LESIONSEG_PACS_STORE_PLACES_H
#define LESIONSEG_PACS_STORE_PLACES_H

#include <libpq-fe.h>

#include "core/status.h"
#include "pacs/web/bytes.h"

/*
 * Find them once, by the search path of the connection, and let pg_catalog alone be searched from then on.
 * LS_INVALID_ARGUMENT where another role put a table among ours, or before them; else errors of db_run.
 */
Status		places_find(PGconn *connection);

/*
 * Append a table as an SQL identifier with its schema. A name without one is looked for by the search path that the
 * connection had. LS_INVALID_ARGUMENT where it is not there, or of a role that is not trusted; else errors of db_run.
 */
Status		places_table(PGconn *connection, const char *name, Bytes *table);

#endif
