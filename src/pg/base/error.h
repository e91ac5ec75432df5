/*
 * error.h: a Status becomes a PostgreSQL error.
 */
#ifndef LESIONSEG_PG_BASE_ERROR_H
#define LESIONSEG_PG_BASE_ERROR_H

#include "postgres.h"

#include "core/call.h"
#include "core/status.h"

/*
 * Return if status is OK, else raise an error: for CANCELLED and HOST_ERROR
 * the one that the callback caught, else one with the SQLSTATE of the code.
 * The library's memory is freed with the call's memory context. call is from
 * call_create, or NULL.
 */
void		check_status(const Call *call, Status status);

/* Raise a cancel, and what the host's callback caught; return any other status. */
Status		check_cancel(const Call *call, Status status);

/* The same as check_status for a status about one argument: "truth: not an image". */
void		check_argument(const Call *call, const char *argument, Status status);

/* A valid copy of a text of the library, palloc'd. The library may have cut it
 * within a character, because it knows no encoding but UTF-8. */
char	   *whole_characters(const char *text);

/* The SQLSTATE of a code. */
int			status_sqlstate(StatusCode code);

#endif
