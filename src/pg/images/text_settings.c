/*
 * text_settings.c: see text_settings.h.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "pg/base/settings.h"
#include "pg/images/text_settings.h"

static const struct
{
	const char *name;
	const char *value;
}			text_settings[] = {
	{"DateStyle", "ISO, MDY"},
	{"TimeZone", "UTC"},
	{"IntervalStyle", "postgres"},
	{"extra_float_digits", "1"},
	{"bytea_output", "hex"},
	{"lc_monetary", "C"},
	{"quote_all_identifiers", "off"},
};

/* Is it the session's temporary schema, or that of another? */
static bool
is_temporary(const char *schema)
{
	return strcmp(schema, "pg_temp") == 0 || strncmp(schema, "pg_temp_", strlen("pg_temp_")) == 0;
}

/* Put temporary tables behind all others. They come first unless the search_path names them. */
static void
put_temporary_last(void)
{
	char	   *names = pstrdup(namespace_search_path);
	List	   *schemas;
	ListCell   *cell;
	StringInfoData path;

	initStringInfo(&path);
	if (!SplitIdentifierString(names, ',', &schemas))
		elog(ERROR, "search_path is no list");
	foreach(cell, schemas)
		if (!is_temporary(lfirst(cell)))
			appendStringInfo(&path, "%s, ", quote_identifier(lfirst(cell)));
	appendStringInfoString(&path, "pg_temp");
	settings_save("search_path", path.data);
	list_free(schemas);
	pfree(names);
	pfree(path.data);
}

int
text_settings_begin(void)
{
	int			level = NewGUCNestLevel();

	for (size_t i = 0; i < lengthof(text_settings); i++)
		settings_save(text_settings[i].name, text_settings[i].value);
	put_temporary_last();
	return level;
}

void
text_settings_end(int level)
{
	AtEOXact_GUC(true, level);
}
