/*
 * caught_error.h: errors that are caught now and raised again later.
 *
 * CopyErrorData copies all of an error into memory of its caller (since 15.8
 * and 16.4 the names of file, function, domains and message too), and
 * ReThrowError copies all but those five names back. So the report of an error
 * that was raised again points into the caller's memory, which may already be
 * freed by then. Errors that are caught here have these names in lasting
 * memory, so ReThrowError is safe.
 */
#ifndef LESIONSEG_PG_BASE_CAUGHT_ERROR_H
#define LESIONSEG_PG_BASE_CAUGHT_ERROR_H

#include "postgres.h"

/*
 * Copy the error that is being handled into `context`, end its handling, and
 * go back to the memory context `caller`; call in PG_CATCH. Never raises: if
 * there is no memory for the copy, the result is an out-of-memory error. The
 * five names last as long as the process.
 */
ErrorData  *caught_error(MemoryContext context, MemoryContext caller);

/*
 * Call step(work) in a subtransaction. Returns the error that it raised, copied
 * into `keep` with what the step did undone, or NULL.
 */
ErrorData  *caught_in_step(void (*step) (void *work), void *work, MemoryContext keep);

/* No more of another server's text is shown or stored than these bytes. */
#define ERROR_TEXT_MAX 2000

/* An error's text, whole characters of it. Texts of other servers may have any bytes, and get a sentence in their
 * place: a dump with such bytes cannot be restored. */
char	   *error_text(const char *text);

#endif
