/*
 * call.h: what the server lends to a call of the library.
 */
#ifndef LESIONSEG_PG_BASE_CALL_H
#define LESIONSEG_PG_BASE_CALL_H

#include "postgres.h"

#include "core/call.h"

/*
 * Make a call. Its allocations are in a child memory context of `parent` and
 * are freed with it, its poll processes interrupts, and its spill file is a
 * PostgreSQL temporary file that may outlive a transaction (temp_tablespaces
 * and temp_file_limit apply).
 */
Call	   *call_create(MemoryContext parent, int threads);

/* Free everything that was allocated through call, and call itself. */
void		call_destroy(Call *call);

/*
 * Call work(argument). Calls created in it stop once it has taken
 * lesionseg.remake_timeout: for masks by models that others chose.
 */
void		call_limited(void (*work) (void *argument), void *argument);

/* Has that time passed? For loops without a Call. */
bool		call_limit_passed(void);

/* Let call (from call_create) go on nevertheless: where it does what must be done whole, and does not take long. */
void		call_lift_limit(Call *call);

/* Did that stop call (from call_create), and not a cancel? Its LS_CANCELLED then is LS_LIMIT_EXCEEDED (error.c). */
bool		call_ran_out(const Call *call);

/* Raise the error that a callback of call (which must be from call_create)
 * caught; return if there is none. Called by check_status. */
void		call_rethrow(const Call *call);

#endif
