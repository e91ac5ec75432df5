/*
 * measure_functions.c: the SQL function lesion_measure.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "image/codec/codec.h"
#include "image/mask_decode.h"
#include "measure/colour/colour_measures.h"
#include "measure/shape/shape_measures.h"
#include "pg/base/call.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/images/image_arguments.h"
#include "pg/images/pixel_spacing.h"

PG_FUNCTION_INFO_V1(lesion_measure);

/* Arguments of lesion_measure. */
enum
{
	ARGUMENT_MASK, ARGUMENT_IMAGE, ARGUMENT_PIXEL_SPACING
};

/* Number of columns in pixels and, again, in mm: area and lengths. */
#define LENGTHS 7

/* Set area and lengths; names are those of the columns. */
static void
set_lengths(RowBuilder *row, const char *const *names, const Geometry *geometry)
{
	const double values[LENGTHS] = {
		geometry->area, geometry->perimeter, geometry->equivalent_diameter, geometry->largest_diameter,
		geometry->smallest_diameter, geometry->major_axis, geometry->minor_axis
	};

	for (int i = 0; i < LENGTHS; i++)
		row_set_float8(row, names[i], values[i]);
}

/* Set the columns that need only the mask; has_spacing: also in mm. */
static void
set_shape(RowBuilder *row, const ShapeMeasures *shape, bool has_spacing)
{
	static const char *const in_pixels[LENGTHS] = {
		"area", "perimeter", "equivalent_diameter", "largest_diameter", "smallest_diameter", "major_axis", "minor_axis"
	};
	static const char *const in_mm[LENGTHS] = {
		"area_mm2", "perimeter_mm", "equivalent_diameter_mm", "largest_diameter_mm", "smallest_diameter_mm",
		"major_axis_mm", "minor_axis_mm"
	};

	row_set(row, "components", INT4OID, Int32GetDatum(shape->components));
	set_lengths(row, in_pixels, &shape->pixels);
	if (has_spacing)
	{
		set_lengths(row, in_mm, &shape->spaced);
		row_set(row, "spacing", FLOAT8ARRAYOID, pixel_spacing_datum(shape->spacing));
	}
	if (shape->components == 0)
		return;
	row_set_float8(row, "centroid_x", shape->pixels.centroid_x);
	row_set_float8(row, "centroid_y", shape->pixels.centroid_y);
	row_set_float8(row, "orientation", shape->spaced.orientation);
	row_set_float8(row, "eccentricity", shape->spaced.eccentricity);
	row_set_float8(row, "circularity", shape->spaced.circularity);
	row_set_float8(row, "solidity", shape->spaced.solidity);
	row_set_float8(row, "irregularity", shape->spaced.irregularity);
	row_set_float8(row, "fractal_dimension", shape->dimension);
	row_set_float8(row, "asymmetry_major", shape->asymmetry_major);
	row_set_float8(row, "asymmetry_minor", shape->asymmetry_minor);
}

/* Set the columns that need the image. */
static void
set_colours(RowBuilder *row, const ColourMeasures *colours)
{
	Datum		sharpness[COLOUR_SECTORS];
	bool		no_border[COLOUR_SECTORS];
	Datum		names[LESION_COLOURS];
	int			count = 0;
	int			sectors = COLOUR_SECTORS;
	int			lower = 1;

	for (int i = 0; i < COLOUR_SECTORS; i++)
	{
		sharpness[i] = Float8GetDatum(colours->sharpness[i]);
		no_border[i] = isnan(colours->sharpness[i]);
	}
	for (int i = 0; i < LESION_COLOURS; i++)
		if (colours->colours[i])
			names[count++] = CStringGetTextDatum(lesion_colour_name(i));
	row_set_float8(row, "colour_asymmetry", colours->asymmetry);
	row_set_float8(row, "colour_variance", colours->variance);
	row_set_float8(row, "contrast", colours->contrast);
	row_set(row, "border_sharpness", FLOAT8ARRAYOID,
			PointerGetDatum(construct_md_array(sharpness, no_border, 1, &sectors, &lower, FLOAT8OID, sizeof(float8),
											   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
	row_set(row, "colours", TEXTARRAYOID,
			PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT)));
	row_set(row, "colour_count", INT4OID, Int32GetDatum(count));
}

/* Measure the colours of an image; a JPEG is decoded no larger than needed. */
static void
measure_colours(const Call *call, const ByteView *bytes, const Image *mask, const ShapeMeasures *shape,
				RowBuilder *row)
{
	int			side = Max(shape->box.width, shape->box.height);
	double		scale = Min((double) COLOUR_SIDE / side, 1);
	ColourMeasures colours;
	Image		image;

	check_argument(call, "image",
				   image_decode_at_least(call, bytes->bytes, bytes->size, DECODE_RGB, TURN_UPRIGHT,
										 (int) ceil(mask->width * scale), (int) ceil(mask->height * scale), &image));
	check_status(call, colour_measure(call, &image, mask, shape, &colours));
	set_colours(row, &colours);
}

/*
 * Find the spacing of the mask's pixels: from the argument, else from the
 * image's file. With an image, the given spacing is that of the image's
 * pixels.
 */
static bool
settle_spacing(const Call *call, FunctionCallInfo fcinfo, const ByteView *image, const Image *mask,
			   PixelSpacing *spacing)
{
	bool		stated = false;
	ImageInfo	info;

	if (image != NULL)
	{
		check_argument(call, "image", image_info(call, image->bytes, image->size, &info));
		check_argument(call, "mask", mask_check_shape(&info, TURN_UPRIGHT, mask->width, mask->height));
		stated = pixel_spacing_stated(call, image->bytes, image->size, spacing);
	}
	if (!PG_ARGISNULL(ARGUMENT_PIXEL_SPACING))
		*spacing = pixel_spacing_of(PG_GETARG_ARRAYTYPE_P(ARGUMENT_PIXEL_SPACING));
	else if (!stated)
	{
		*spacing = (PixelSpacing) {1, 1};
		return false;
	}
	if (image != NULL)
	{
		spacing->down *= (double) info.height / mask->height;
		spacing->across *= (double) info.width / mask->width;
	}
	return true;
}

/* lesion_measure(mask, image, pixel_spacing) -> one row */
Datum
lesion_measure(PG_FUNCTION_ARGS)
{
	RowBuilder	row;
	ByteView	image = {0};
	bool		has_image = !PG_ARGISNULL(ARGUMENT_IMAGE);
	bool		has_spacing;
	PixelSpacing spacing;
	ShapeMeasures shape;
	Image		mask;
	Call	   *call;

	if (PG_ARGISNULL(ARGUMENT_MASK))
		PG_RETURN_NULL();
	row = row_begin_result(fcinfo);
	call = call_create(CurrentMemoryContext, settings_threads(false));
	argument_mask(call, fcinfo, ARGUMENT_MASK, "mask", &mask);
	if (has_image)
		image = bytes_view(PG_GETARG_DATUM(ARGUMENT_IMAGE));
	has_spacing = settle_spacing(call, fcinfo, has_image ? &image : NULL, &mask, &spacing);

	check_status(call, shape_measure(call, &mask, spacing, &shape));
	set_shape(&row, &shape, has_spacing);
	if (has_image && shape.components > 0)
		measure_colours(call, &image, &mask, &shape, &row);
	bytes_release(&image);
	call_destroy(call);
	PG_RETURN_DATUM(row_datum(&row));
}
