/*
 * column_casts.h: whose code runs where the values of a table's columns are
 * cast.
 */
#ifndef LESIONSEG_PG_IMAGES_COLUMN_CASTS_H
#define LESIONSEG_PG_IMAGES_COLUMN_CASTS_H

#include "postgres.h"

#include "utils/relcache.h"

/* Did an object come with the server, so that only superusers can change it? */
bool		came_with_server(Oid oid);

/*
 * Raise an error where another role's function would make text (ids, groups)
 * or bytea (images, masks) of a column. It would run with the caller's rights.
 * A function of a superuser, or of a role that the caller is a member of, is
 * allowed. The owner of a type may make such a cast at any time, so this is
 * asked before each use.
 */
void		column_casts_check(Relation relation);

#endif
