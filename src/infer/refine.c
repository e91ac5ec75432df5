/*
 * refine.c: see refine.h.
 */
#include "infer/refine.h"

#include "measure/morphology.h"

/* These were chosen by the validation rows of whole frames and of lesions in larger frames (docs/comparison.md):
 * skin on every side of the lesion, as a share of its longer side; the largest window, as a share of the image's
 * area; and how much the second look counts. */
#define REFINE_MARGIN 0.35
#define REFINE_LARGEST 0.4
#define REFINE_WEIGHT 0.7

Status
refine_window(const Call *call, const ProbabilityMap *maps, const double *weights, int count, double threshold,
			  int size, int width, int height, Window *window, bool *worth)
{
	const MaskOptions options = {.width = size,.height = size,.threshold = threshold,.largest_component = true};
	LesionShape shape;
	Window		lesion;
	Image		mask;
	Status		status;

	*worth = false;
	TRY(mask_create(call, maps, weights, count, &options, &mask, NULL));
	status = lesion_shape(call, &mask, &shape);
	image_free(call, &mask);
	if (status.code != LS_OK || shape.area == 0)
		return status;
	lesion = (Window) {shape.x, shape.y, shape.width, shape.height};
	*window = window_around(window_scale(lesion, size, size, width, height), REFINE_MARGIN, width, height);
	*worth = (double) window->width * window->height <= REFINE_LARGEST * width * height;
	return status_ok();
}

SecondLook
refine_second_look(const ProbabilityMap *maps, Window window, int width, int height)
{
	int			shorter = window.width < window.height ? window.width : window.height;

	return (SecondLook) {
		.maps = maps,
		.window = window,
		.image_width = width,
		.image_height = height,
		.valid = window,
		.weight = REFINE_WEIGHT,
		.ramp = REFINE_MARGIN / (1 + 2 * REFINE_MARGIN) * shorter,	/* where the window is a square: the margin */
	};
}
