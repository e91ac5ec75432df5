/*
 * diameters.c: see diameters.h. The two points that lie farthest apart are
 * corners of the convex hull (Feret's maximum diameter).
 */
#include "measure/diameters.h"

#include <string.h>

#include "measure/morphology.h"
#include "measure/shape/hull.h"

Status
diameters_measure(const Call *call, const Image *mask, double width, double height, Diameters *diameters)
{
	LesionShape shape;
	HullPoint	along;
	Hull		hull;
	Status		status;

	memset(diameters, 0, sizeof *diameters);
	TRY(lesion_shape(call, mask, &shape));
	diameters->area = (double) shape.area * width * height;
	TRY(hull_make(call, mask, (PixelSpacing) {height, width}, HULL_RECTANGLES, &hull));
	status = hull_longest(call, &hull, &diameters->longest, &along);
	diameters->across = hull_across(&hull, along);
	hull_free(call, &hull);
	return status;
}
