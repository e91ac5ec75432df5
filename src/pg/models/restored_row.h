/*
 * restored_row.h: rows of the store that a restore brings back.
 *
 * pg_restore and COPY put rows back as they were, table by table in any
 * order, at the same time with -j. Triggers on the tables of the store take
 * such a row as it is: nothing happens now that it tells of.
 */
#ifndef LESIONSEG_PG_MODELS_RESTORED_ROW_H
#define LESIONSEG_PG_MODELS_RESTORED_ROW_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"

/*
 * Is the row that a trigger sees one that a restore brings back? Its time (a
 * timestamptz column that defaults to the clock) is not of this transaction,
 * and it takes the table's owner to say so. Where time_column is NULL the
 * table has no such column, and all that its owner inserts is taken as it is.
 */
bool		row_is_restored(HeapTuple row, TupleDesc columns, const char *time_column, Oid owner);

#endif
