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
	const char *rest = statement;	/* what is not in sql yet */
	char		quote = '\0';		/* of the text or name in quotes at this place: these may be another's */

	for (const char *at = statement; *at != '\0'; at++)
	{
		const Bytes *prefix = begins(at + 1, OUR_TABLES) ? &tables_prefix : &extension_prefix;

		if (*at == quote)
			quote = '\0';
		else if (quote == '\0' && (*at == '\'' || *at == '"'))
			quote = *at;

		/* Other signs @ are operators, or part of a JSON path. */
		if (*at != '@' || quote != '\0' || !begins(at + 1, OURS))
			continue;
		TRY(bytes_append(sql, rest, (size_t) (at - rest)));
		if (prefix->size > 0)
			TRY(bytes_append(sql, prefix->data, prefix->size));
		rest = at + 1;
	}
	return bytes_append(sql, rest, strlen(rest));
}
