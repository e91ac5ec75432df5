/*
 * arguments.h: arguments of functions that take some NULLs, and how a
 * procedure was called.
 */
#ifndef LESIONSEG_PG_ARGUMENTS_H
#define LESIONSEG_PG_ARGUMENTS_H

#include "postgres.h"

#include "fmgr.h"

/* Raise an error where argument `n`, of that name, is NULL. */
void		argument_needed(FunctionCallInfo fcinfo, int n, const char *name);

/* Arguments that must not be NULL. */
char	   *argument_text(FunctionCallInfo fcinfo, int n, const char *name);
Oid			argument_oid(FunctionCallInfo fcinfo, int n, const char *name);
int			argument_int(FunctionCallInfo fcinfo, int n, const char *name);
double		argument_double(FunctionCallInfo fcinfo, int n, const char *name);

/* A text that may be NULL. */
char	   *argument_text_or_null(FunctionCallInfo fcinfo, int n);

/* A limit in minutes, as seconds; INFINITY where it is NULL. One that is not
 * above 0 is an error. */
double		argument_seconds(FunctionCallInfo fcinfo, int n, const char *name);

/* May a procedure commit as it was called? */
bool		procedure_may_commit(FunctionCallInfo fcinfo);

/* Raise an error unless a threshold lies between 0 and 1, both out. */
void		argument_check_threshold(double threshold);

#endif
