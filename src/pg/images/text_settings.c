/*
 * text_settings.c: see text_settings.h.
 */
#include "postgres.h"

#include "utils/guc.h"

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
};

int
text_settings_begin(void)
{
	int			level = NewGUCNestLevel();

	for (size_t i = 0; i < lengthof(text_settings); i++)
		settings_save(text_settings[i].name, text_settings[i].value);
	return level;
}

void
text_settings_end(int level)
{
	AtEOXact_GUC(true, level);
}
