/*
 * plan.c: choose the steps that an image's measured quality asks for, and give
 * the reasons.
 *
 * Only steps that were shown to help a network are planned
 * (docs/enhancement.md has the figures). Others must be asked for by name.
 */
#include <stdio.h>
#include <string.h>

#include "enhance/quality/quality_parts.h"
#include "enhance/steps/steps.h"

/*
 * Bounds beyond which a step is applied, set on the training part of the ISIC
 * 2017 challenge (docs/enhancement.md): few good photographs are beyond them.
 */
#define NOISY 2.5				/* grey levels */
#define HAIRY 0.0035			/* share of the frame */
#define UNEVEN 0.36				/* slope of the light */
#define DARK 0.48				/* mean luma */
#define VEILED 0.30
#define CAST 0.27

/* Add a step with its reason. */
static void
take_step(EnhancePlan *plan, EnhanceStep step, const char *format, double value)
{
	plan->steps[plan->count] = step;
	snprintf(plan->reasons[plan->count], sizeof plan->reasons[0], format, value);
	plan->count++;
}

/* Measures of the frame after each step. */
typedef struct PlanFrame
{
	const Call *call;
	EnhanceOptions options;
	Image		frame;
	Quality		light;
} PlanFrame;

/* Add a step to the plan, apply it to the frame, and measure its light
 * again. */
static Status
take_on_frame(PlanFrame *state, EnhancePlan *plan, EnhanceStep step, const char *format, double value)
{
	take_step(plan, step, format, value);
	TRY(enhance_apply(state->call, step, &state->options, &state->frame));
	return quality_light(state->call, &state->frame, &state->light);
}

/* Luma's standard deviation times saturation, as a ratio to the usual values.
 * A grey veil lowers both. */
static double
veil_measure(const Quality *light)
{
	return light->luma_stddev * light->saturation / (SKIN_LUMA_STDDEV * SKIN_SATURATION);
}

/* Plan the steps of light and colour. */
static Status
plan_light(PlanFrame *state, EnhancePlan *plan)
{
	const Quality *light = &state->light;

	TRY(quality_light(state->call, &state->frame, &state->light));
	if (light->slope > UNEVEN)
		TRY(take_on_frame(state, plan, ENHANCE_ILLUMINATION, "the light falls by %.0f %% from one side to the other",
						  100 * light->slope));
	if (light->brightness < DARK)
		TRY(take_on_frame(state, plan, ENHANCE_EXPOSURE, "mean brightness is %.2f", light->brightness));
	if (state->frame.channels == 3 && veil_measure(light) < VEILED)
		TRY(take_on_frame(state, plan, ENHANCE_LEVELS, "contrast and saturation together are %.2f of what is usual",
						  veil_measure(light)));
	if (state->frame.channels == 3 && light->colour_cast > CAST)
		TRY(take_on_frame(state, plan, ENHANCE_WHITE_BALANCE,
						  "the colour is %.2f away from that of skin in white light",
						  light->colour_cast));
	return status_ok();
}

Status
enhance_plan(const Call *call, const Image *image, const Quality *quality, EnhancePlan *plan)
{
	PlanFrame	state = {.call = call, .options = enhance_options_default()};
	Status		status;

	memset(plan, 0, sizeof *plan);
	if (quality->noise > NOISY)
		take_step(plan, ENHANCE_DENOISE, "the noise has a standard deviation of %.1f grey levels", quality->noise);
	if (quality->hair > HAIRY)
		take_step(plan, ENHANCE_HAIR, "hair covers %.1f %% of the frame", 100 * quality->hair);
	TRY(quality_frame(call, image, &state.frame));
	status = plan_light(&state, plan);
	image_free(call, &state.frame);
	return status;
}

/*
 * The steps of mode "always", for training and comparisons: those that hardly
 * harm an image that does not need them. Illumination and levels are not among
 * them, because they do (docs/enhancement.md).
 */
static EnhancePlan
plan_always(const Image *image)
{
	EnhancePlan plan = {0};

	take_step(&plan, ENHANCE_DENOISE, "always", 0);
	take_step(&plan, ENHANCE_HAIR, "always", 0);
	take_step(&plan, ENHANCE_EXPOSURE, "always", 0);
	if (image->channels == 3)
		take_step(&plan, ENHANCE_WHITE_BALANCE, "always", 0);
	return plan;
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
		plan = plan_always(image);
	else
	{
		TRY(quality_measure(call, image, &quality));
		TRY(enhance_plan(call, image, &quality, &plan));
	}
	return enhance_run(call, &plan, &options, image);
}
