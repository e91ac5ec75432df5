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

#include "lib/stringinfo.h"
#include "pg/base/split.h"

/* The longest text that a row is known by, in bytes. Those of many rows are
 * kept in memory. */
#define COLUMN_TEXT_BYTES 8192

/* Did an object come with the server, so that only superusers can change it? */
bool		came_with_server(Oid oid);

/* Do names in the text of a type (regclass and the like, and what is made of
 * them) have a schema or none, as the session's search_path says? */
bool		text_depends_on_search_path(Oid type);

/*
 * An SQL expression of type text for a column of a relation, in the current
 * memory context; it is NULL if the column is. An error if there is no such
 * column.
 */
char	   *column_text(Oid relation, const char *column);

/* The same for columns together; of no column it is the SHA-256 of the image. */
char	   *columns_text(Oid relation, const SplitColumns *columns, const char *image_column);

/* Append the condition that this text is too long, joined by OR to one that is
 * there; nothing where no row has such a text. */
void		columns_too_long(Oid relation, const SplitColumns *columns, StringInfo condition);

#endif
