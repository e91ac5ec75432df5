/*
 * hint.h: segmentation within a box that a person drew around the lesion.
 *
 * A box says more than where to look. Experts' masks of lesions fill 65 to 80 % of
 * their bounding boxes, and are likelier in the middle than in the corners. So the
 * network's probabilities are moved by where in the box a pixel is, and all of
 * them together until that share of the box is above the threshold.
 */
#ifndef LESIONSEG_INFER_HINT_H
#define LESIONSEG_INFER_HINT_H

#include "infer/blend.h"

/* LS_INVALID_ARGUMENT for a box that is not within an image of width x height,
 * or has no pixels. */
Status		hint_check_box(const Window *box, int width, int height);

/* The part of the image that the networks see: the box with a margin. */
Window		hint_window(const Window *box, int width, int height);

/*
 * Fit what a network says of the window to the box: to the logit of each pixel
 * in the box is added HINT_PRIOR (1 - r), where r is 0 in the middle and 1 on the
 * curve |a|^2.25 + |b|^2.25 = 1 that touches the four sides. Then a constant is
 * added to all, if need be, so that 65 to 80 % of the box are above the threshold
 * (0 to 1, neither of them). Pixels outside of the box stay as they are.
 */
Status		hint_fit_box(const Call *call, const Window *box, const Window *window, double threshold,
						 ProbabilityMap *map);

/* The only look: at the window, and valid in the box alone. */
SecondLook	hint_look(const ProbabilityMap *maps, const Window *box, const Window *window, int width, int height);

#endif
