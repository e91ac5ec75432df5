/*
 * column_text.h: the text of a column's values, without code of others.
 *
 * The owner of a type may make a cast from it to text at any time, a function
 * that would then run with the rights of whoever reads. The text of such a type
 * is therefore what its output function gives: that is the server's own, or a
 * superuser's.
 */
#ifndef LESIONSEG_PG_IMAGES_COLUMN_TEXT_H
#define LESIONSEG_PG_IMAGES_COLUMN_TEXT_H

#include "postgres.h"

/* Did an object come with the server, so that only superusers can change it? */
bool		came_with_server(Oid oid);

/* An SQL expression of type text for a column of a relation, in the current
 * memory context; NULL where the column is. An error where there is no such column. */
char	   *column_text(Oid relation, const char *column);

#endif
