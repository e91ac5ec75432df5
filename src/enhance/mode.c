/*
 * mode.c: enhancement as segmentation and training ask for it: off, what the
 * image needs, or always.
 */
#include <string.h>

#include "enhance/enhance.h"

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

Status
enhance_by_mode(const Call *call, EnhanceMode mode, Image *image)
{
	EnhanceOptions options = enhance_options_default();
	EnhancePlan plan;
	Quality		quality;

	if (mode == ENHANCE_MODE_OFF)
		return status_ok();
	if (mode == ENHANCE_MODE_ALWAYS)
		plan = enhance_plan_always(image);
	else
	{
		TRY(quality_measure(call, image, &quality));
		TRY(enhance_plan(call, image, &quality, &plan));
	}
	return enhance_run(call, &plan, &options, image);
}
