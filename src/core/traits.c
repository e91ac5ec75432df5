/*
 * traits.c: the names of modes of enhancement.
 */
#include "core/traits.h"

#include <string.h>

const char *const enhance_mode_names[] = {
	[ENHANCE_MODE_OFF] = "off",
	[ENHANCE_MODE_AUTO] = "auto",
	[ENHANCE_MODE_ALWAYS] = "always",
	NULL,
};

const char *
enhance_mode_name(EnhanceMode mode)
{
	return enhance_mode_names[mode];
}

Status
enhance_mode_find(const char *name, EnhanceMode *mode)
{
	for (size_t i = 0; enhance_mode_names[i] != NULL; i++)
	{
		if (strcmp(name, enhance_mode_names[i]) == 0)
		{
			*mode = (EnhanceMode) i;
			return status_ok();
		}
	}
	return status_with_hint(status_error(LS_INVALID_ARGUMENT, "enhance is \"%s\"", name),
							"It is 'off', 'auto' or 'always'.");
}
