/*
 * enhance.c: the list of steps and of their options, and the way to each.
 */
#include "enhance/enhance.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "enhance/steps/steps.h"

/* One step. */
typedef struct StepEntry
{
	const char *name;
	Status		(*apply) (const HostContext *host, const EnhanceOptions *options, Image *image);
} StepEntry;

static const StepEntry steps[ENHANCE_STEPS] = {
	[ENHANCE_DENOISE] = {"denoise", step_denoise},
	[ENHANCE_HAIR] = {"hair", step_hair},
	[ENHANCE_ILLUMINATION] = {"illumination", step_illumination},
	[ENHANCE_EXPOSURE] = {"exposure", step_exposure},
	[ENHANCE_LEVELS] = {"levels", step_levels},
	[ENHANCE_COLOUR_CONSTANCY] = {"colour_constancy", step_colour_constancy},
	[ENHANCE_WHITE_BALANCE] = {"white_balance", step_white_balance},
	[ENHANCE_CONTRAST] = {"contrast", step_contrast},
	[ENHANCE_SHARPEN] = {"sharpen", step_sharpen},
	[ENHANCE_UPSCALE] = {"upscale", step_upscale},
};

/* One option. */
typedef struct OptionEntry
{
	const char *key;
	size_t		offset;			/* in EnhanceOptions */
	double		minimum;
	double		maximum;
	double		default_value;
	bool		integer;
} OptionEntry;

#define OPTION(key) #key, offsetof(EnhanceOptions, key)

static const OptionEntry option_list[] = {
	{OPTION(denoise_strength), 0.1, 3, 1, false},
	{OPTION(denoise_search), 1, 10, 5, true},
	{OPTION(denoise_patch), 1, 3, 2, true},
	{OPTION(contrast_clip), 1, 40, 2, false},
	{OPTION(contrast_tiles), 1, 32, 8, true},
	{OPTION(sharpen_amount), 0, 5, 1, false},
	{OPTION(sharpen_radius), 0, 12, 0, false},
	{OPTION(upscale_factor), 1, 4, 2, false},
};

#define OPTIONS ((int) (sizeof option_list / sizeof option_list[0]))

static double *
option_value(EnhanceOptions *options, const OptionEntry *entry)
{
	return (double *) ((char *) options + entry->offset);
}

EnhanceOptions
enhance_options_default(void)
{
	EnhanceOptions options;

	for (int i = 0; i < OPTIONS; i++)
		*option_value(&options, &option_list[i]) = option_list[i].default_value;
	return options;
}

/* Add text to a hint that may be full. */
static void
add_to_hint(Status *status, const char *text)
{
	size_t		used = strlen(status->hint);

	snprintf(status->hint + used, sizeof status->hint - used, "%s", text);
}

Status
enhance_options_set(EnhanceOptions *options, const char *key, double value)
{
	Status		status;

	for (int i = 0; i < OPTIONS; i++)
	{
		const OptionEntry *entry = &option_list[i];

		if (strcmp(key, entry->key) != 0)
			continue;
		if (!(value >= entry->minimum && value <= entry->maximum) || (entry->integer && value != (int) value))
			return status_with_hint(status_error(LS_INVALID_ARGUMENT, "option \"%s\" is %g", key, value),
									"It is %s from %g to %g, %g by default.", entry->integer ? "an integer" : "a number",
									entry->minimum, entry->maximum, entry->default_value);
		*option_value(options, entry) = value;
		return status_ok();
	}
	status = status_with_hint(status_error(LS_INVALID_ARGUMENT, "there is no option \"%s\"", key), "Known:");
	for (int i = 0; i < OPTIONS; i++)
	{
		add_to_hint(&status, i == 0 ? " " : ", ");
		add_to_hint(&status, option_list[i].key);
	}
	return status;
}

const char *
enhance_step_name(EnhanceStep step)
{
	return steps[step].name;
}

Status
enhance_find(const char *name, EnhanceStep *step)
{
	Status		status;

	for (int i = 0; i < ENHANCE_STEPS; i++)
	{
		if (strcmp(name, steps[i].name) == 0)
		{
			*step = (EnhanceStep) i;
			return status_ok();
		}
	}
	status = status_with_hint(status_error(LS_INVALID_ARGUMENT, "there is no enhancement step \"%s\"", name), "Known:");
	for (int i = 0; i < ENHANCE_STEPS; i++)
	{
		add_to_hint(&status, i == 0 ? " " : ", ");
		add_to_hint(&status, steps[i].name);
	}
	return status;
}

/* Has image not a single difference between its pixels? */
static bool
is_constant(const Image *image)
{
	size_t		channels = (size_t) image->channels;
	size_t		samples = (size_t) image->height * samples_in_row(image);

	return memcmp(image->pixels, image->pixels + channels, samples - channels) == 0;
}

Status
enhance_apply(const HostContext *host, EnhanceStep step, const EnhanceOptions *options, Image *image)
{
	/* nothing in it tells the light from what is lit, nor noise from detail */
	if (step != ENHANCE_UPSCALE && is_constant(image))
		return host_poll(host);
	return steps[step].apply(host, options, image);
}

Status
enhance_run(const HostContext *host, const EnhancePlan *plan, const EnhanceOptions *options, Image *image)
{
	for (int i = 0; i < plan->count; i++)
		TRY(enhance_apply(host, plan->steps[i], options, image));
	return status_ok();
}
