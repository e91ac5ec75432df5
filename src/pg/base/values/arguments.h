/*
 * arguments.h: arguments of functions that accept some NULLs, and how a
 * function was called: as a trigger, or as a procedure that may commit.
 */
#ifndef LESIONSEG_PG_BASE_VALUES_ARGUMENTS_H
#define LESIONSEG_PG_BASE_VALUES_ARGUMENTS_H

#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"

#include "pg/base/sha256.h"

/* Raise an error where argument `n`, of that name, is NULL. */
void		argument_needed(FunctionCallInfo fcinfo, int n, const char *name);

/* Arguments that must not be NULL. */
char	   *argument_text(FunctionCallInfo fcinfo, int n, const char *name);
Oid			argument_oid(FunctionCallInfo fcinfo, int n, const char *name);
int			argument_int(FunctionCallInfo fcinfo, int n, const char *name);
double		argument_double(FunctionCallInfo fcinfo, int n, const char *name);

/* How many elements the array in argument `n` has, which is not NULL. */
int			argument_elements(FunctionCallInfo fcinfo, int n);

/* Raise an error where the array in argument `n`, not NULL, has more than `most`
 * elements: before they are looked at, since an argument may have millions. */
void		argument_at_most(FunctionCallInfo fcinfo, int n, const char *name, int most);

/* Read a SHA-256 in hexadecimal; an error that names the argument where the text is none. */
void		argument_sha256(const char *name, const char *text, uint8_t sha256[SHA256_BYTES]);

/* A text that may be NULL. */
char	   *argument_text_or_null(FunctionCallInfo fcinfo, int n);

/* A limit in minutes, converted to seconds; INFINITY for NULL. It must be
 * above 0. */
double		argument_seconds(FunctionCallInfo fcinfo, int n, const char *name);

/* The trigger data of a call; an error where the function was not called as a trigger. */
TriggerData *need_trigger(FunctionCallInfo fcinfo);

/* May the procedure commit, in the way it was called? */
bool		procedure_may_commit(FunctionCallInfo fcinfo);

/* Raise an error unless 0 < threshold < 1. */
void		argument_check_threshold(double threshold);

#endif
