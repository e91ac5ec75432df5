/*
 * enhance.c: the lists of steps and options, and the call of each step.
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
	Status		(*apply) (const Call *call, const EnhanceOptions *options, Image *image);
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

#define VALUE(key) offsetof(EnhanceOptions, key)

static const Option option_rows[] = {
	{"denoise_strength", OPTION_NUMBER, VALUE(denoise_strength), 0.1, 3, 1,
		"as if there were so many times the noise that is measured", NULL},
	{"denoise_search", OPTION_WHOLE, VALUE(denoise_search), 1, 10, 5, "half width of the search window in pixels",
	 NULL},
	{"denoise_patch", OPTION_WHOLE, VALUE(denoise_patch), 1, 3, 2, "half width of a patch in pixels", NULL},
	{"contrast_clip", OPTION_NUMBER, VALUE(contrast_clip), 1, 40, 2,
		"CLAHE's limit, in multiples of an even histogram", NULL},
	{"contrast_tiles", OPTION_WHOLE, VALUE(contrast_tiles), 1, 32, 8, "tiles along each side", NULL},
	{"sharpen_amount", OPTION_NUMBER, VALUE(sharpen_amount), 0, 5, 1, "share of the difference that is added", NULL},
	{"sharpen_radius", OPTION_NUMBER, VALUE(sharpen_radius), 0, 12, 0,
		"pixels; 0: as far as the image is blurred", NULL},
	{"upscale_factor", OPTION_NUMBER, VALUE(upscale_factor), 1, 4, 2, "how many times as wide and high", NULL},
};

const OptionTable enhance_option_table = OPTION_TABLE(option_rows);

EnhanceOptions
enhance_options_default(void)
{
	EnhanceOptions options;

	options_default(&enhance_option_table, &options);
	return options;
}

/* Append text to a hint; what does not fit is cut. */
static void
add_to_hint(Status *status, const char *text)
{
	size_t		used = strlen(status->hint);

	snprintf(status->hint + used, sizeof status->hint - used, "%s", text);
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

/* Are all pixels of the image equal? */
static bool
is_constant(const Image *image)
{
	size_t		channels = (size_t) image->channels;
	size_t		samples = (size_t) image->height * samples_in_row(image);

	return memcmp(image->pixels, image->pixels + channels, samples - channels) == 0;
}

Status
enhance_apply(const Call *call, EnhanceStep step, const EnhanceOptions *options, Image *image)
{
	/* a constant image has nothing to measure light or noise by */
	if (step != ENHANCE_UPSCALE && is_constant(image))
		return call_poll(call);
	return steps[step].apply(call, options, image);
}

Status
enhance_run(const Call *call, const EnhancePlan *plan, const EnhanceOptions *options, Image *image)
{
	for (int i = 0; i < plan->count; i++)
		TRY(enhance_apply(call, plan->steps[i], options, image));
	return status_ok();
}
