/*
 * measure_functions.c: the SQL function lesion_measure.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/threads.h"
#include "image/codec/codec.h"
#include "image/mask_decode.h"
#include "measure/colour/colour_measures.h"
#include "measure/shape/shape_measures.h"
#include "pg/base/call.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "pg/base/values/bytes.h"
#include "pg/images/image_arguments.h"
#include "pg/images/pixel_spacing.h"

PG_FUNCTION_INFO_V1(lesion_measure);

/* The columns of lesion_measure. */
typedef enum MeasureColumn
{
	MEASURE_COMPONENTS,
	MEASURE_AREA,
	MEASURE_PERIMETER,
	MEASURE_EQUIVALENT_DIAMETER,
	MEASURE_LARGEST_DIAMETER,
	MEASURE_SMALLEST_DIAMETER,
	MEASURE_MAJOR_AXIS,
	MEASURE_MINOR_AXIS,
	MEASURE_CENTROID_X,
	MEASURE_CENTROID_Y,
	MEASURE_ORIENTATION,
	MEASURE_ECCENTRICITY,
	MEASURE_CIRCULARITY,
	MEASURE_SOLIDITY,
	MEASURE_IRREGULARITY,
	MEASURE_FRACTAL_DIMENSION,
	MEASURE_ASYMMETRY_MAJOR,
	MEASURE_ASYMMETRY_MINOR,
	MEASURE_PIXEL_SPACING,
	MEASURE_AREA_MM2,
	MEASURE_PERIMETER_MM,
	MEASURE_EQUIVALENT_DIAMETER_MM,
	MEASURE_LARGEST_DIAMETER_MM,
	MEASURE_SMALLEST_DIAMETER_MM,
	MEASURE_MAJOR_AXIS_MM,
	MEASURE_MINOR_AXIS_MM,
	MEASURE_COLOUR_ASYMMETRY,
	MEASURE_BORDER_SHARPNESS,
	MEASURE_COLOUR_COUNT,
	MEASURE_COLOURS,
	MEASURE_COLOUR_VARIANCE,
	MEASURE_CONTRAST,
	MEASURE_COLUMNS
} MeasureColumn;

/* The row that is made; columns are NULL until they are set. */
typedef struct MeasureRow
{
	Datum		values[MEASURE_COLUMNS];
	bool		nulls[MEASURE_COLUMNS];
} MeasureRow;

/* Set a column; NAN stays NULL. */
static void
set_number(MeasureRow *row, MeasureColumn column, double value)
{
	row->values[column] = Float8GetDatum(value);
	row->nulls[column] = isnan(value);
}

/* Set area and lengths; `first` is the column of the area. */
static void
set_lengths(MeasureRow *row, MeasureColumn first, const Geometry *geometry)
{
	const double values[] = {
		geometry->area, geometry->perimeter, geometry->equivalent_diameter, geometry->largest_diameter,
		geometry->smallest_diameter, geometry->major_axis, geometry->minor_axis
	};

	for (int i = 0; i < (int) lengthof(values); i++)
		set_number(row, first + i, values[i]);
}

/* Set all that the mask says; has_spacing: in mm, too. */
static void
set_shape(MeasureRow *row, const ShapeMeasures *shape, bool has_spacing)
{
	row->values[MEASURE_COMPONENTS] = Int32GetDatum(shape->components);
	row->nulls[MEASURE_COMPONENTS] = false;
	set_lengths(row, MEASURE_AREA, &shape->pixels);
	if (has_spacing)
	{
		set_lengths(row, MEASURE_AREA_MM2, &shape->spaced);
		row->values[MEASURE_PIXEL_SPACING] = pixel_spacing_datum(shape->spacing);
		row->nulls[MEASURE_PIXEL_SPACING] = false;
	}
	if (shape->components == 0)
		return;
	set_number(row, MEASURE_CENTROID_X, shape->pixels.centroid_x);
	set_number(row, MEASURE_CENTROID_Y, shape->pixels.centroid_y);
	set_number(row, MEASURE_ORIENTATION, shape->spaced.orientation);
	set_number(row, MEASURE_ECCENTRICITY, shape->spaced.eccentricity);
	set_number(row, MEASURE_CIRCULARITY, shape->spaced.circularity);
	set_number(row, MEASURE_SOLIDITY, shape->spaced.solidity);
	set_number(row, MEASURE_IRREGULARITY, shape->spaced.irregularity);
	set_number(row, MEASURE_FRACTAL_DIMENSION, shape->dimension);
	set_number(row, MEASURE_ASYMMETRY_MAJOR, shape->asymmetry_major);
	set_number(row, MEASURE_ASYMMETRY_MINOR, shape->asymmetry_minor);
}

/* Set all that the image says. */
static void
set_colours(MeasureRow *row, const ColourMeasures *colours)
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
	set_number(row, MEASURE_COLOUR_ASYMMETRY, colours->asymmetry);
	set_number(row, MEASURE_COLOUR_VARIANCE, colours->variance);
	set_number(row, MEASURE_CONTRAST, colours->contrast);
	row->values[MEASURE_BORDER_SHARPNESS] =
		PointerGetDatum(construct_md_array(sharpness, no_border, 1, &sectors, &lower, FLOAT8OID, sizeof(float8),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	row->values[MEASURE_COLOURS] = PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
	row->values[MEASURE_COLOUR_COUNT] = Int32GetDatum(count);
	row->nulls[MEASURE_BORDER_SHARPNESS] = row->nulls[MEASURE_COLOURS] = row->nulls[MEASURE_COLOUR_COUNT] = false;
}

/* Measure the colours of an image; of a JPEG no more is decoded than they need. */
static void
measure_colours(const Call *call, const ByteView *bytes, const Image *mask, const ShapeMeasures *shape,
				MeasureRow *row)
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

/* Settle the spacing of the mask's pixels: that of the argument, else what the
 * image states. It is of the image where there is one. */
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
	if (!PG_ARGISNULL(2))
		*spacing = pixel_spacing_of(PG_GETARG_ARRAYTYPE_P(2));
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
	MeasureRow	row = {0};
	ByteView	image = {0};
	bool		has_image = !PG_ARGISNULL(1);
	bool		has_spacing;
	PixelSpacing spacing;
	ShapeMeasures shape;
	TupleDesc	descriptor;
	Image		mask;
	Call	   *call;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "lesion_measure must return a row");
	memset(row.nulls, true, sizeof row.nulls);
	call = call_create(CurrentMemoryContext, settings_threads(false));
	threads_use(call->threads);
	argument_mask(call, fcinfo, 0, "mask", &mask);
	if (has_image)
		image = bytes_view(PG_GETARG_DATUM(1));
	has_spacing = settle_spacing(call, fcinfo, has_image ? &image : NULL, &mask, &spacing);

	check_status(call, shape_measure(call, &mask, spacing, &shape));
	set_shape(&row, &shape, has_spacing);
	if (has_image && shape.components > 0)
		measure_colours(call, &image, &mask, &shape, &row);
	bytes_release(&image);
	call_destroy(call);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), row.values, row.nulls)));
}
