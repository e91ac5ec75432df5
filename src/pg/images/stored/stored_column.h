/*
 * stored_column.h: is a column of a relation read as it is stored on this server?
 */
#ifndef LESIONSEG_PG_IMAGES_STORED_STORED_COLUMN_H
#define LESIONSEG_PG_IMAGES_STORED_STORED_COLUMN_H

#include "postgres.h"

/* Are all rows of a relation in tables of this server, so that they have a tid? Partitions and children may be foreign
 * tables. Of a view none are. */
bool		rows_are_stored(Oid relation);

/*
 * Is a column stored on this server: one of a table that is not computed when it is read, or of a view that only
 * passes on such columns, through joins, subqueries, UNION and other views? What passes through a function, an
 * expression, a foreign table, WITH or GROUP BY counts as computed.
 */
bool		column_is_stored(Oid relation, AttrNumber column);

#endif
