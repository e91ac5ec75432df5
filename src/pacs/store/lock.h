/*
 * lock.h: one lesionseg-pacs at a time works on the tables of a database.
 */
#ifndef LESIONSEG_PACS_STORE_LOCK_H
#define LESIONSEG_PACS_STORE_LOCK_H

#include <libpq-fe.h>

#include "core/status.h"

/* Wait until no other lesionseg-pacs works on the tables, and keep others
 * waiting as long as the connection lives. Errors are those of db_run. */
Status		lock_wait(PGconn *connection);

#endif
