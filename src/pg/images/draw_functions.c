/*
 * draw_functions.c: SQL functions that draw pictures to look at.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "image/codec/codec.h"
#include "image/drawing/draw.h"
#include "image/drawing/heat_map.h"
#include "image/drawing/draw_png.h"
#include "image/drawing/probability.h"
#include "pg/base/values/arguments.h"
#include "pg/base/values/bytes.h"
#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/images/pixel_spacing.h"
#include "pg/images/image_arguments.h"

PG_FUNCTION_INFO_V1(lesion_overlay);
PG_FUNCTION_INFO_V1(lesion_panel);
PG_FUNCTION_INFO_V1(lesion_probability_picture);
PG_FUNCTION_INFO_V1(lesion_heat_map);

enum
{
	OVERLAY_IMAGE, OVERLAY_MASK, OVERLAY_TRUTH, OVERLAY_LEGEND
};

/* The mm per column that an image states; 0 if it states none. */
static double
stated_spacing(const Call *call, const ByteView *view)
{
	PixelSpacing spacing;

	return pixel_spacing_stated(call, view->bytes, view->size, &spacing) ? spacing.across : 0;
}

/* The image in argument n, which begins like one and is not too large: so these faults come before those of masks. */
static ByteView
image_view(const Call *call, FunctionCallInfo fcinfo, int n)
{
	ByteView	view = bytes_view(PG_GETARG_DATUM(n));
	ImageInfo	info;

	check_argument(call, "image", image_info(call, view.bytes, view.size, &info));
	image_info_turn(&info, TURN_AS_STORED);
	check_argument(call, "image", image_check_size(call, info.width, info.height));
	return view;
}

/* Raise what failed while a picture was drawn, which may be about the image. */
static void
check_drawn(const Call *call, Status status, bool of_image)
{
	if (of_image)
		check_argument(call, "image", status);
	check_status(call, status);
}

/* lesion_overlay(image, mask, truth, legend) -> PNG; truth may be NULL. With three
 * arguments there is no legend: the picture has the size of the image. */
Datum
lesion_overlay(PG_FUNCTION_ARGS)
{
	Call	   *call;
	ByteView	view;
	Image		mask;
	Image		truth;
	OverlayParts parts = {.mask = &mask};
	EncodedImage picture;
	bool		of_image;
	Status		status;
	Datum		result;

	if (PG_ARGISNULL(OVERLAY_IMAGE) || PG_ARGISNULL(OVERLAY_MASK))
		PG_RETURN_NULL();

	call = call_create(CurrentMemoryContext, 1);
	view = image_view(call, fcinfo, OVERLAY_IMAGE);
	argument_mask(call, fcinfo, OVERLAY_MASK, "mask", &mask);
	if (!PG_ARGISNULL(OVERLAY_TRUTH))
	{
		argument_mask(call, fcinfo, OVERLAY_TRUTH, "truth", &truth);
		parts.truth = &truth;
	}
	parts.legend = PG_NARGS() > OVERLAY_LEGEND && !PG_ARGISNULL(OVERLAY_LEGEND) && PG_GETARG_BOOL(OVERLAY_LEGEND);
	if (parts.legend)
		parts.mm_per_pixel = stated_spacing(call, &view);
	status = overlay_png(call, view.bytes, view.size, &parts, &picture, &of_image);
	check_drawn(call, status, of_image);
	bytes_release(&view);
	result = encoded_datum(call, &picture);
	call_destroy(call);
	PG_RETURN_DATUM(result);
}

enum
{
	PANEL_IMAGE, PANEL_TRUTH, PANEL_PREDICTED
};

/* lesion_panel(image, truth, predicted) -> PNG */
Datum
lesion_panel(PG_FUNCTION_ARGS)
{
	Call	   *call = call_create(CurrentMemoryContext, 1);
	ByteView	view = image_view(call, fcinfo, PANEL_IMAGE);
	Image		truth;
	Image		predicted;
	EncodedImage picture;
	bool		of_image;
	Status		status;
	Datum		result;

	argument_mask(call, fcinfo, PANEL_TRUTH, "truth", &truth);
	argument_mask(call, fcinfo, PANEL_PREDICTED, "predicted", &predicted);
	status = panel_png(call, view.bytes, view.size, &truth, &predicted, &picture, &of_image);
	check_drawn(call, status, of_image);
	bytes_release(&view);
	result = encoded_datum(call, &picture);
	call_destroy(call);
	PG_RETURN_DATUM(result);
}

enum
{
	PROBABILITY_IMAGE, PROBABILITY_MAP
};

/* lesion_probability_picture(image, probability) -> PNG */
Datum
lesion_probability_picture(PG_FUNCTION_ARGS)
{
	Call	   *call = call_create(CurrentMemoryContext, 1);
	Image		image;
	Image		map;
	Image		picture;
	ByteView	view;
	Datum		result;

	argument_image(call, fcinfo, PROBABILITY_IMAGE, "image", &image);
	argument_image_as_is(call, fcinfo, PROBABILITY_MAP, "probability", &map);
	view = bytes_view(PG_GETARG_DATUM(PROBABILITY_IMAGE));
	check_status(call, probability_picture(call, &image, &map, stated_spacing(call, &view), &picture));
	bytes_release(&view);
	result = image_png(call, &picture);
	call_destroy(call);
	PG_RETURN_DATUM(result);
}

/* The strings of a text[] argument, without NULLs. */
static const char *const *
name_list(FunctionCallInfo fcinfo, int n, const char *argument, int *count)
{
	Datum	   *values;
	bool	   *nulls;
	const char **names;

	argument_needed(fcinfo, n, argument);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, count);
	if (*count < 1 || *count > HEAT_MAP_MOST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has %d elements", argument, *count),
				 errhint("It has 1 to %d.", HEAT_MAP_MOST)));
	names = palloc(*count * sizeof(char *));
	for (int i = 0; i < *count; i++)
		names[i] = nulls[i] ? "" : TextDatumGetCString(values[i]);
	return names;
}

enum
{
	HEAT_ROW_NAMES, HEAT_COLUMN_NAMES, HEAT_CELLS, HEAT_WORST, HEAT_TITLE
};

/* lesion_heat_map(row_names, column_names, cells, worst, title) -> PNG; in 0.2 without a title */
Datum
lesion_heat_map(PG_FUNCTION_ARGS)
{
	HeatMap		map = {0};
	Call	   *call;
	Image		picture;
	Datum	   *values;
	bool	   *nulls;
	double	   *cells;
	double		largest = 0;
	int			count;
	Datum		result;

	map.row_names = name_list(fcinfo, HEAT_ROW_NAMES, "row_names", &map.rows);
	map.column_names = name_list(fcinfo, HEAT_COLUMN_NAMES, "column_names", &map.columns);
	argument_needed(fcinfo, HEAT_CELLS, "cells");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(HEAT_CELLS), FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &values, &nulls, &count);
	if (count != map.rows * map.columns)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d cells do not fill %d rows of %d columns", count, map.rows, map.columns),
				 errhint("Give rows times columns numbers, row by row; NULL leaves a cell empty.")));
	cells = palloc(count * sizeof(double));
	for (int i = 0; i < count; i++)
	{
		cells[i] = nulls[i] || !isfinite(DatumGetFloat8(values[i])) ? NAN : DatumGetFloat8(values[i]);
		largest = cells[i] > largest ? cells[i] : largest;
	}
	map.cells = cells;
	map.worst = PG_ARGISNULL(HEAT_WORST) ? largest : PG_GETARG_FLOAT8(HEAT_WORST);
	if (PG_NARGS() > HEAT_TITLE)
		map.title = argument_text_or_null(fcinfo, HEAT_TITLE);

	call = call_create(CurrentMemoryContext, 1);
	check_status(call, heat_map_draw(call, &map, &picture));
	result = image_png(call, &picture);
	call_destroy(call);
	PG_RETURN_DATUM(result);
}
