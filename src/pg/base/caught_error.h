/*
 * caught_error.h: errors that are caught now and raised again later.
 *
 * CopyErrorData copies all of an error into memory of its caller (since 15.8
 * and 16.4 the names of file, function, domains and message too), and
 * ReThrowError copies all but those five names back. So a report of an error
 * that was raised again points into the caller's memory, which is gone where
 * something on the way out deletes it. What is caught here has its names
 * elsewhere: ReThrowError is then safe, whatever is freed afterwards.
 */
#ifndef LESIONSEG_PG_BASE_CAUGHT_ERROR_H
#define LESIONSEG_PG_BASE_CAUGHT_ERROR_H

#include "postgres.h"

/*
 * Copy the error that is being handled into `context`, end its handling, and
 * go back to the memory context `caller`; call in PG_CATCH. Never raises:
 * where memory does not suffice for the copy, the error is that. The five
 * names stay as long as the process.
 */
ErrorData  *caught_error(MemoryContext context, MemoryContext caller);

#endif
