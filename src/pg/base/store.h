/*
 * store.h: the extension's tables, read and written through SPI with the
 * rights of the caller.
 *
 * Callers stand inside SPI_connect()/SPI_finish().
 */
#ifndef LESIONSEG_PG_BASE_STORE_H
#define LESIONSEG_PG_BASE_STORE_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/parsenodes.h"

/* The place of the tables, and how to read them. */
typedef struct ModelStore
{
	Oid			schema;			/* the extension's */
	Oid			models;			/* its table lesion_model: the extension made anew has another */
	bool		read_only;		/* read with the query's snapshot, and write nothing */
} ModelStore;

/* What stands before the name of a table or function of the store in a query: the schema's name of now, quoted, and a
 * dot. Others may rename the schema between two transactions, and give its name to one of theirs. */
char	   *store_prefix(const ModelStore *store);

/* Does the extension's script in this database have the library's version? */
bool		store_is_current(void);

/*
 * The store of the extension that the called function belongs to. An error
 * unless read_only where the transaction may not write, as on a standby. An error if
 * its script has another version than the library. So tables have the columns,
 * and functions the arguments, that the library expects. Call it before
 * reading arguments whose type or number a release has changed.
 */
ModelStore	store_open(FunctionCallInfo fcinfo, bool read_only);

/* Run a query on the store; in its text '@' stands for store_prefix(). Others may
 * have made functions in that schema: give each argument of a call with the
 * exact type of ours, so that none of theirs fits better.
 * Raises an error when the result is not `expected` (an SPI_OK_ code), where an INSERT
 * without DO NOTHING stores no row, and where the extension was made anew since the
 * store was opened: numbers of its rows would be those of others now. */
void		store_execute(const ModelStore *store, const char *query, int count, Oid *types,
						  Datum *values, const char *nulls, int expected);

/* Is a TriggerEvent that of the query of store_execute() that is running? Then our
 * functions write. Yes is said once for each event of a query: what its rows
 * fire writes by itself. */
bool		store_take_writing(uint32 event);

/*
 * Raise an error if the owner of a table of the store has fewer rights than
 * the role in effect: the table's triggers, constraints and views are the
 * owner's code. Called before a function that runs with the rights of its
 * owner reads there.
 */
void		store_check_owner(const ModelStore *store, const char *table);

/*
 * The same, and raise an error if the table has a trigger whose function
 * belongs to another role than the table (which needs the right TRIGGER).
 * Called before a function writes there with its owner's rights, which the
 * trigger would get, too.
 */
void		store_check_triggers(const ModelStore *store, const char *table);

/* Raise an error unless the caller has `mode` rights on a table of the
 * store; `purpose` completes "to ...". Called before long work. */
void		store_check_rights(const ModelStore *store, const char *table, AclMode mode, const char *purpose);

/*
 * The store as all that is committed, and this transaction, have it, whatever the
 * transaction's snapshot shows: a query that reads only takes the snapshot that is
 * pushed here. PopActiveSnapshot() ends it.
 */
ModelStore	store_push_latest(const ModelStore *store);

/* Raise an error unless the caller may read a column of a table of the store. */
void		store_check_readable(const ModelStore *store, const char *table, const char *column, const char *purpose);

#endif
