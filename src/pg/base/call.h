/*
 * call.h: what the server lends to a call of the library.
 */
#ifndef LESIONSEG_PG_BASE_CALL_H
#define LESIONSEG_PG_BASE_CALL_H

#include "postgres.h"

#include "core/call.h"

/*
 * A call whose allocations live in a child memory context of `parent` and go
 * with it, whose poll processes interrupts, and whose
 * spill file is a PostgreSQL temporary file that may outlive a transaction
 * (temp_tablespaces and temp_file_limit apply). threads as given.
 */
Call	   *call_create(MemoryContext parent, int threads);

/* Free everything that was allocated through call, and call itself. */
void		call_destroy(Call *call);

/* Raise what a callback of call (which must be from call_create) caught;
 * return if nothing. check_status does this where it belongs. */
void		call_rethrow(const Call *call);

#endif
