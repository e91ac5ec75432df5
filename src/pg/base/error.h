/*
 * error.h: a Status becomes a PostgreSQL error.
 */
#ifndef LESIONSEG_PG_BASE_ERROR_H
#define LESIONSEG_PG_BASE_ERROR_H

#include "postgres.h"

#include "core/call.h"
#include "core/status.h"

/*
 * Return when status is OK. Otherwise: CANCELLED and HOST_ERROR rethrow what
 * the callback caught; anything else is an ereport with the SQLSTATE of its
 * code. What core owned goes with the call's memory context. call is from
 * call_create, or NULL.
 */
void		check_status(const Call *call, Status status);

/* The same for a status about one argument: "truth: not an image". */
void		check_argument(const Call *call, const char *argument, Status status);

/* A text of the library as valid text, palloc'd. The library may have cut it
 * within a character, since it knows no encoding but UTF-8. */
char	   *whole_characters(const char *text);

/* The SQLSTATE of a code. */
int			status_sqlstate(StatusCode code);

#endif
