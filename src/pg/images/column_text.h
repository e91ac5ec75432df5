/*
 * column_text.h: the text of a column's values, without running code of other
 * users.
 *
 * The owner of a type can make a cast from it to text at any time. That is a
 * function, and it would run with the rights of the reader. So the text of such
 * a type is made by its output function, which is the server's or a
 * superuser's.
 */
#ifndef LESIONSEG_PG_IMAGES_COLUMN_TEXT_H
#define LESIONSEG_PG_IMAGES_COLUMN_TEXT_H

#include "postgres.h"

/* Did an object come with the server, so that only superusers can change it? */
bool		came_with_server(Oid oid);

/*
 * An SQL expression of type text for a column of a relation, in the current
 * memory context; it is NULL if the column is. An error if there is no such
 * column.
 */
char	   *column_text(Oid relation, const char *column);

#endif
