/*
 * shape_measures.c: see shape_measures.h. Work is done in the smallest
 * rectangle around the lesion.
 */
#include "measure/shape/shape_measures.h"

#include <string.h>

#include "measure/components.h"
#include "measure/shape/asymmetry.h"
#include "measure/shape/outline.h"

/* Measure the lesion in its box. */
static Status
measure_box(const Call *call, const Image *lesion, PixelSpacing spacing, ShapeMeasures *measures)
{
	MirrorAxis	axis;
	Mirror		mirror;

	TRY(geometry_measure(call, lesion, (PixelSpacing) {1, 1}, &measures->pixels));
	measures->spaced = geometry_scale(&measures->pixels, spacing.down);
	if (spacing.down != spacing.across)
		TRY(geometry_measure(call, lesion, spacing, &measures->spaced));
	axis = (MirrorAxis) {
		measures->spaced.centroid_x, measures->spaced.centroid_y, measures->spaced.orientation, spacing
	};
	mirror = mirror_make(&axis, false);
	TRY(asymmetry_measure(call, lesion, &mirror, &measures->asymmetry_major));
	mirror = mirror_make(&axis, true);
	TRY(asymmetry_measure(call, lesion, &mirror, &measures->asymmetry_minor));
	return outline_dimension(call, lesion, &measures->dimension);
}

Status
shape_measure(const Call *call, Image *mask, PixelSpacing spacing, ShapeMeasures *measures)
{
	Image		lesion;
	Status		status;

	memset(measures, 0, sizeof *measures);
	TRY(lesion_shape(call, mask, &measures->box));
	measures->components = measures->box.components;
	measures->spacing = spacing;
	if (measures->components == 0)
		return status_ok();
	if (measures->components > 1)
	{
		TRY(mask_keep_largest(call, mask));
		TRY(lesion_shape(call, mask, &measures->box));
	}
	TRY(image_crop(call, mask, measures->box.x, measures->box.y, measures->box.width, measures->box.height, &lesion));
	status = measure_box(call, &lesion, spacing, measures);
	image_free(call, &lesion);
	measures->pixels.centroid_x += measures->box.x;
	measures->pixels.centroid_y += measures->box.y;
	return status;
}
