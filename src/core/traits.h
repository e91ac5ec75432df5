/*
 * traits.h: the settings with which a version of a model is used.
 *
 * The traits go wherever the weights go: weight files, networks, trainings and
 * rows of the database all carry this struct. So it stands in the lowest room.
 */
#ifndef LESIONSEG_CORE_TRAITS_H
#define LESIONSEG_CORE_TRAITS_H

#include "core/status.h"

/* Whether to enhance an image before something else is done with it. */
typedef enum EnhanceMode
{
	ENHANCE_MODE_OFF,
	ENHANCE_MODE_AUTO,			/* only the steps that the image's measured quality asks for */
	ENHANCE_MODE_ALWAYS			/* the steps that hardly harm any image (docs/enhancement.md) */
} EnhanceMode;

/* How many numbers a mask's predicted Dice follows from (infer/mask_statistics.h). */
#define TRAITS_DICE_COEFFICIENTS 6

/* None of them is larger than this, nor less than minus this. */
#define TRAITS_DICE_COEFFICIENT_MOST 1e6

typedef struct Traits
{
	int			image_size;		/* pixels along each side of what the network sees; 0 = not known */
	double		threshold;		/* a pixel is lesion where its probability is above; 0 = not known */
	double		temperature;	/* of its probabilities (infer/calibration.h); 0 = not known */
	double		review_below;	/* a mask of a lower predicted Dice is to be looked at; 0 = not known */
	double		dice_coefficients[TRAITS_DICE_COEFFICIENTS];	/* of the predicted Dice; all 0 = not known */
	EnhanceMode enhance;		/* how training enhanced its images */
} Traits;

/* "off", "auto", "always". */
const char *enhance_mode_name(EnhanceMode mode);

/* The names of the modes in the enum's order, NULL after the last. */
extern const char *const enhance_mode_names[];

/* Find a mode by name; LS_INVALID_ARGUMENT with the known ones as the hint. */
Status		enhance_mode_find(const char *name, EnhanceMode *mode);

#endif
