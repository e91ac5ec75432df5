/*
 * restored_row.c: see restored_row.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/acl.h"
#include "utils/timestamp.h"

#include "pg/base/rights/acting_role.h"
#include "pg/base/values/row_values.h"
#include "pg/models/restored_row.h"

bool
row_is_restored(HeapTuple row, TupleDesc columns, const char *time_column, Oid owner)
{
	TimestampTz at;
	bool		isnull;
	int			number;

	/* Whoever acts, not the owner that a trigger may work as. */
	if (!has_privs_of_role(acting_role(), owner))
		return false;
	if (time_column == NULL)
		return true;
	number = SPI_fnumber(columns, time_column);
	if (number <= 0)
		elog(ERROR, "a table of models has no column %s", time_column);
	at = DatumGetTimestampTz(row_value(row, columns, number, TIMESTAMPTZOID, &isnull));

	/* The clock of the server that was dumped may have been ahead. */
	return !isnull && (at < GetCurrentTransactionStartTimestamp() || at > GetCurrentTimestamp());
}
