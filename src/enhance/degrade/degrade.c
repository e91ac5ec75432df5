/*
 * degrade.c: the list of degradations, and the call of each.
 */
#include "enhance/degrade/degrade.h"

#include <stdio.h>
#include <string.h>

#include "enhance/degrade/degrade_kinds.h"

/* One kind. */
typedef struct Degradation
{
	const char *name;
	const char *description;
	Status		(*apply) (const Call *call, int severity, Rng *rng, Image *image);
} Degradation;

static const Degradation degradations[DEGRADE_KINDS] = {
	[DEGRADE_NOISE] = {"noise", "Gaussian sensor noise, the same in bright and dark parts", degrade_noise},
	[DEGRADE_SHOT_NOISE] = {"shot_noise", "noise of few photons, stronger where it is bright", degrade_shot_noise},
	[DEGRADE_BLUR] = {"blur", "out of focus", degrade_blur},
	[DEGRADE_MOTION_BLUR] = {"motion_blur", "moved while the shutter was open", degrade_motion_blur},
	[DEGRADE_LOW_RESOLUTION] = {"low_resolution", "few pixels, enlarged", degrade_low_resolution},
	[DEGRADE_JPEG] = {"jpeg", "strong JPEG compression", degrade_jpeg},
	[DEGRADE_DARKNESS] = {"darkness", "underexposed", degrade_darkness},
	[DEGRADE_LOW_CONTRAST] = {"low_contrast", "a grey veil over the image", degrade_low_contrast},
	[DEGRADE_UNEVEN_LIGHT] = {"uneven_light", "light from one side, dark corners", degrade_uneven_light},
	[DEGRADE_COLOUR_CAST] = {"colour_cast", "light of a wrong colour", degrade_colour_cast},
	[DEGRADE_HAIR] = {"hair", "hairs across the image", degrade_strands},
	[DEGRADE_RULER_INK] = {"ruler_ink", "a ruler's marks along an edge and strokes of a pen", degrade_ruler_ink},
	[DEGRADE_BUBBLES] = {"bubbles", "bubbles in the gel, with glare", degrade_bubbles},
};

const char *
degrade_name(DegradeKind kind)
{
	return degradations[kind].name;
}

const char *
degrade_description(DegradeKind kind)
{
	return degradations[kind].description;
}

Status
degrade_find(const char *name, DegradeKind *kind)
{
	Status		status;
	size_t		used = 0;

	for (int i = 0; i < DEGRADE_KINDS; i++)
	{
		if (strcmp(name, degradations[i].name) == 0)
		{
			*kind = (DegradeKind) i;
			return status_ok();
		}
	}
	status = status_error(LS_INVALID_ARGUMENT, "there is no degradation \"%s\"", name);
	used = (size_t) snprintf(status.hint, sizeof status.hint, "Known:");
	for (int i = 0; i < DEGRADE_KINDS && used < sizeof status.hint; i++)
		used += (size_t) snprintf(status.hint + used, sizeof status.hint - used, "%s %s",
								  i == 0 ? "" : ",", degradations[i].name);
	return status;
}

Status
degrade_apply(const Call *call, DegradeKind kind, int severity, Rng *rng, Image *image)
{
	if (severity < 1 || severity > DEGRADE_SEVERITY_MAX)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "the severity is %d", severity),
								"Severities go from 1 (slight) to %d (severe).", DEGRADE_SEVERITY_MAX);
	return degradations[kind].apply(call, severity, rng, image);
}

Status
degrade_image(const Call *call, DegradeKind kind, int severity, int64_t seed, Image *image)
{
	Rng			rng;

	rng_seed(&rng, (uint64_t) seed, (uint64_t) kind);
	return degrade_apply(call, kind, severity, &rng, image);
}
