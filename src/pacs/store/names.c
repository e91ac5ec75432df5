/*
 * names.c: see names.h.
 */
#include <string.h>

#include "pacs/store/names.h"

#define OURS "lesion_"
#define OUR_TABLES OURS "pacs_"

/* "schema." or nothing. */
static Bytes extension_prefix;
static Bytes tables_prefix;

static Status
settle(Bytes *prefix, const char *schema)
{
	bytes_reset(prefix);
	TRY(bytes_append(prefix, schema, strlen(schema)));
	return schema[0] == '\0' ? status_ok() : bytes_append(prefix, ".", 1);
}

Status
names_settle(const char *extension, const char *tables)
{
	TRY(settle(&extension_prefix, extension));
	return settle(&tables_prefix, tables);
}

/* Does a text begin so? */
static bool
begins(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

Status
names_put(const char *statement, Bytes *sql)
{
	const char *at;

	for (; (at = strchr(statement, '@')) != NULL; statement = at + 1)
	{
		const Bytes *prefix = begins(at + 1, OUR_TABLES) ? &tables_prefix : &extension_prefix;

		/* Other signs @ are operators, or part of a JSON path. */
		if (!begins(at + 1, OURS))
		{
			TRY(bytes_append(sql, statement, (size_t) (at + 1 - statement)));
			continue;
		}
		TRY(bytes_append(sql, statement, (size_t) (at - statement)));
		if (prefix->size > 0)
			TRY(bytes_append(sql, prefix->data, prefix->size));
	}
	return bytes_append(sql, statement, strlen(statement));
}
