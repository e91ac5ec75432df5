/*
 * spacing.c: see spacing.h.
 */
#include "image/spacing.h"

#include <stdbool.h>

/* Is it a distance that pixels can have? NaN is none. */
static bool
in_range(double distance)
{
	return distance >= SPACING_LEAST && distance <= SPACING_MOST;
}

Status
spacing_check(double down, double across)
{
	if (in_range(down) && in_range(across) && down <= SPACING_RATIO * across && across <= SPACING_RATIO * down)
		return status_ok();
	return status_with_hint(status_error(LS_INVALID_ARGUMENT, "pixels cannot be %g and %g apart", down, across),
							"Give the distance between rows and that between columns, from %g to %g mm, the one at "
							"most %g times the other.", SPACING_LEAST, SPACING_MOST, SPACING_RATIO);
}
