/*
 * text_settings.c: see text_settings.h.
 */
#include "postgres.h"

#include "utils/guc.h"

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
		(void) set_config_option(text_settings[i].name, text_settings[i].value, PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

void
text_settings_end(int level)
{
	AtEOXact_GUC(true, level);
}
