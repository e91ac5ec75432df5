/*
 * column_casts.h: whose code the casts of a table's columns run.
 */
#ifndef LESIONSEG_PG_IMAGES_COLUMN_CASTS_H
#define LESIONSEG_PG_IMAGES_COLUMN_CASTS_H

#include "postgres.h"

#include "utils/relcache.h"

/*
 * Raise an error where a column becomes text (ids, groups) or bytea (images,
 * masks) by a function that belongs to neither a superuser nor a role that the
 * caller is a member of: it would run with the caller's rights. Who owns a type may
 * make such a cast at any time, so this is asked before each use.
 */
void		column_casts_check(Relation relation);

#endif
