/*
 * outline.h: how long the outline of a lesion is, and how rough.
 */
#ifndef LESIONSEG_MEASURE_OUTLINE_H
#define LESIONSEG_MEASURE_OUTLINE_H

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"
#include "measure/distance.h"

/*
 * The length of the outline, holes included, in the unit of spacing. Pixels
 * are steps, which a count of them or of their edges would follow. So the mask
 * is smoothed by (1 4 6 4 1) / 16 both ways, and the line at half of a lesion
 * is followed between pixels (marching squares, Lorensen and Cline, SIGGRAPH
 * 1987). Of straight lines it is right within 1 % in any direction. What is
 * thinner than two pixels has no outline.
 */
Status		outline_length(const Call *call, const Image *mask, PixelSpacing spacing, double *length);

/*
 * The fractal dimension of the outline by counting boxes (Mandelbrot 1967; the
 * boundary is lesion pixels of which one of the eight neighbours is none,
 * a line whose pixels share edges): of sides 1, 2, 4, ... up to a quarter of the
 * mask's longer side, by least squares of the logarithms. 1 = smooth, towards
 * 2 = rough. NAN where fewer than three sides fit.
 */
Status		outline_dimension(const Call *call, const Image *mask, double *dimension);

#endif
