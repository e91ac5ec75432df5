/*
 * outline.h: length and roughness of a lesion's outline.
 */
#ifndef LESIONSEG_MEASURE_OUTLINE_H
#define LESIONSEG_MEASURE_OUTLINE_H

#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"
#include "measure/distance.h"

/*
 * The length of the outline, holes included, in the unit of spacing. Pixels
 * make steps, so counting them or their edges gives wrong lengths. Therefore
 * the mask is smoothed by (1 4 6 4 1) / 16 both ways, which is our own choice,
 * and the line at the value one half is followed between pixels (marching
 * squares, the plane form of Lorensen and Cline's cubes, SIGGRAPH 1987). For
 * straight lines the error is below 1 % in any direction. A line one pixel wide
 * has no outline, and of such lines one pixel apart only all together have one:
 * then *enclosed, the pixels within the outline, are far from those of the
 * lesion.
 */
Status		outline_length(const Call *call, const Image *mask, PixelSpacing spacing, double *length,
						   int64_t *enclosed);

/*
 * The fractal dimension of the outline by counting boxes (Mandelbrot, Science
 * 156, 1967; of skin lesions: Cross et al., Am. J. Dermatopathology 17(4),
 * 1995): of sides 1, 2, 4, ... up to a quarter of the mask's longer side, by
 * least squares of the logarithms. Where the grid lies changes the count of
 * large boxes much, so it is the mean over grids that are a quarter of a side
 * apart (2 by 2 grids for side 2, 4 by 4 from 4 on). The boundary is lesion
 * pixels with a neighbour, of eight, that is no lesion: a line whose pixels
 * share edges. 1 = smooth, towards 2 = rough. NAN where fewer than three sides
 * fit.
 */
Status		outline_dimension(const Call *call, const Image *mask, double *dimension);

#endif
