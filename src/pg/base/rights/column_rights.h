/*
 * column_rights.h: which columns the role in effect may read.
 */
#ifndef LESIONSEG_PG_BASE_RIGHTS_COLUMN_RIGHTS_H
#define LESIONSEG_PG_BASE_RIGHTS_COLUMN_RIGHTS_H

#include "postgres.h"

#include "access/attnum.h"

/* May the role select the column of the relation, by a right on either? */
bool		column_is_readable(Oid relation, AttrNumber column);

#endif
