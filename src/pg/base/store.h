/*
 * store.h: the extension's tables, read and written through SPI with the
 * rights of the caller.
 *
 * Callers stand inside SPI_connect()/SPI_finish().
 */
#ifndef LESIONSEG_PG_STORE_H
#define LESIONSEG_PG_STORE_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/parsenodes.h"

/* Where the tables are and how to look at them. */
typedef struct ModelStore
{
	Oid			schema;			/* the extension's */
	const char *prefix;			/* its name, quoted, and a dot */
	bool		read_only;		/* look with the query's snapshot; no writes */
} ModelStore;

/* Is the extension's script in this database of the version of the library? */
bool		store_is_current(void);

/* The store of the extension that the called function belongs to. An error
 * where its script is of another version than the library: so tables have the
 * columns, and functions the arguments, that the library knows. Call it before
 * looking at arguments whose type or number a release has changed. */
ModelStore	store_open(FunctionCallInfo fcinfo, bool read_only);

/* Run a query on the store; in its text '@' stands for the prefix. Others may
 * have made functions in that schema: give each argument of a call with the
 * exact type of ours, so that none of theirs fits better.
 * Raises an error when the result is not `expected` (an SPI_OK_ code). */
void		store_execute(const ModelStore *store, const char *query, int count, Oid *types,
						  Datum *values, const char *nulls, int expected);

/* Is a query of store_execute() that writes under way? Then what is written comes of our functions. */
bool		store_is_writing(void);

/*
 * Raise an error where a table of the store was given to a role that may do less
 * than the one in effect: triggers, constraints and views are its code. Called
 * before a function that runs with the rights of its owner reads there.
 */
void		store_check_owner(const ModelStore *store, const char *table);

/*
 * The same, and raise an error where the table has a trigger whose function is not
 * its owner's: somebody was granted TRIGGER. Called before the rights of a
 * function's owner are used to write there, which the trigger would have too.
 */
void		store_check_triggers(const ModelStore *store, const char *table);

/* Raise an error unless the caller has `mode` rights on a table of the
 * store; `purpose` completes "to ...". Called before long work. */
void		store_check_rights(const ModelStore *store, const char *table, AclMode mode, const char *purpose);

#endif
