/*
 * follow_functions.c: SQL functions about two photographs of one lesion.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"

#include "enhance/enhance.h"
#include "image/drawing/draw.h"
#include "measure/components.h"
#include "measure/follow/change.h"
#include "measure/follow/register.h"
#include "pg/base/call.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/images/image_arguments.h"
#include "pg/images/pixel_spacing.h"

PG_FUNCTION_INFO_V1(lesion_follow);
PG_FUNCTION_INFO_V1(lesion_follow_picture);

/* Arguments of lesion_follow_picture (all but the last) and lesion_follow. */
enum
{
	ARGUMENT_IMAGE_BEFORE, ARGUMENT_MASK_BEFORE, ARGUMENT_IMAGE_AFTER, ARGUMENT_MASK_AFTER, ARGUMENT_PIXEL_SPACING
};

/* One visit. */
typedef struct Visit
{
	Image		image;
	Image		mask;			/* at the image's size */
	Image		frame;			/* the image reduced, without hair */
	Image		small_mask;		/* at the frame's size */
	double		scale;			/* pixels of the frame to one of the image */
} Visit;

/* Raise an error if reducing a long image changed its shape: a rotation of the
 * reduced image would be none of the image. */
static void
check_frame(const char *name, const Visit *visit)
{
	if (!image_shapes_match(visit->image.width, visit->image.height, visit->frame.width, visit->frame.height))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("%s is %d x %d pixels, which is too narrow", name, visit->image.width, visit->image.height),
				 errhint("Cut out the lesion with lesion_crop(image, mask, 0.5), and its mask likewise.")));
}

/* Read the visit whose image and mask are arguments n and n + 1. */
static void
read_visit(Call *call, FunctionCallInfo fcinfo, int n, const char *image, const char *mask, Visit *visit)
{
	const EnhanceOptions options = enhance_options_default();
	Image		as_given;

	argument_image(call, fcinfo, n, image, &visit->image);
	argument_mask(call, fcinfo, n + 1, mask, &as_given);
	if (!image_shapes_match(visit->image.width, visit->image.height, as_given.width, as_given.height))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is %d x %d pixels, %s %d x %d", image, visit->image.width, visit->image.height, mask,
						as_given.width, as_given.height),
				 errhint("They have one aspect ratio. Give the mask of this image.")));
	check_status(call, mask_keep_largest(call, &as_given));
	check_status(call, image_resize_nearest(call, &as_given, visit->image.width, visit->image.height, &visit->mask));
	image_free(call, &as_given);
	check_status(call, quality_frame(call, &visit->image, &visit->frame));
	check_frame(image, visit);
	check_status(call, enhance_apply(call, ENHANCE_HAIR, &options, &visit->frame));
	check_status(call, image_resize_nearest(call, &visit->mask, visit->frame.width, visit->frame.height,
											&visit->small_mask));
	visit->scale = sqrt((double) visit->frame.width / visit->image.width *
						((double) visit->frame.height / visit->image.height));
}

/* Register two visits; the map is between their images. */
static Registration
register_visits(Call *call, const Visit *before, const Visit *after)
{
	Registration registration;

	check_status(call, register_images(call, &before->frame, &before->small_mask, &after->frame, &after->small_mask,
									   &registration));
	registration.to_after = similarity_rescale(&registration.to_after, 1 / before->scale, 1 / after->scale);
	return registration;
}

/* Set the columns of the map between the photographs. */
static void
set_map(RowBuilder *row, const Registration *registration, const Visit *before, const Visit *after)
{
	const Similarity *map = &registration->to_after;
	double		x = before->image.width / 2.0;
	double		y = before->image.height / 2.0;

	row_set(row, "sure", BOOLOID, BoolGetDatum(registration->sure));
	row_set_float8(row, "confidence", registration->confidence);
	row_set_float8(row, "rotation", 0 - atan2(map->b, map->a) * 180 / M_PI);	/* y points down; 0 - x avoids -0 */
	row_set_float8(row, "scale", hypot(map->a, map->b));
	row_set_float8(row, "shift_x", map->a * x - map->b * y + map->x0 - after->image.width / 2.0);
	row_set_float8(row, "shift_y", map->b * x + map->a * y + map->y0 - after->image.height / 2.0);
}

/* Set the columns of the lesion's change. */
static void
set_change(RowBuilder *row, const LesionChange *change, const Visit *before, const PixelSpacing *spacing)
{
	double		difference = (double) (change->after - change->before);

	row_set_float8(row, "area_before", (double) change->before);
	row_set_float8(row, "area_after", (double) change->after);
	row_set_float8(row, "change_percent", change->before > 0 ? 100 * difference / (double) change->before : NAN);
	row_set(row, "new_pixels", INT8OID, Int64GetDatum(change->fresh));
	row_set(row, "gone_pixels", INT8OID, Int64GetDatum(change->gone));
	if (spacing != NULL)
		row_set_float8(row, "change_mm2", difference * spacing->down * spacing->across);
	row_set_float8(row, "common", (double) change->common / ((double) before->image.width * before->image.height));
}

/* The spacing of the first image: the argument's, or what its file states. */
static bool
settle_spacing(const Call *call, FunctionCallInfo fcinfo, PixelSpacing *spacing)
{
	ByteView	image;
	bool		stated;

	if (!PG_ARGISNULL(ARGUMENT_PIXEL_SPACING))
	{
		*spacing = pixel_spacing_of(PG_GETARG_ARRAYTYPE_P(ARGUMENT_PIXEL_SPACING));
		return true;
	}
	image = bytes_view(PG_GETARG_DATUM(ARGUMENT_IMAGE_BEFORE));
	stated = pixel_spacing_stated(call, image.bytes, image.size, spacing);
	bytes_release(&image);
	return stated;
}

/* Is one of the images or masks NULL? */
static bool
lacks_argument(FunctionCallInfo fcinfo)
{
	return PG_ARGISNULL(ARGUMENT_IMAGE_BEFORE) || PG_ARGISNULL(ARGUMENT_MASK_BEFORE) ||
		PG_ARGISNULL(ARGUMENT_IMAGE_AFTER) || PG_ARGISNULL(ARGUMENT_MASK_AFTER);
}

/* lesion_follow(image_before, mask_before, image_after, mask_after, pixel_spacing) -> one row */
Datum
lesion_follow(PG_FUNCTION_ARGS)
{
	RowBuilder	row;
	Visit		before;
	Visit		after;
	PixelSpacing spacing;
	bool		has_spacing;
	Registration registration;
	LesionChange change;
	Call	   *call;

	if (lacks_argument(fcinfo))
		PG_RETURN_NULL();
	row = row_begin_result(fcinfo);
	call = call_create(CurrentMemoryContext, settings_threads(false));
	read_visit(call, fcinfo, ARGUMENT_IMAGE_BEFORE, "image_before", "mask_before", &before);
	read_visit(call, fcinfo, ARGUMENT_IMAGE_AFTER, "image_after", "mask_after", &after);
	has_spacing = settle_spacing(call, fcinfo, &spacing);
	registration = register_visits(call, &before, &after);
	set_map(&row, &registration, &before, &after);
	if (registration.sure)
	{
		check_status(call, change_measure(call, &before.mask, &after.mask, &registration.to_after, &change));
		set_change(&row, &change, &before, has_spacing ? &spacing : NULL);
	}
	call_destroy(call);
	PG_RETURN_DATUM(row_datum(&row));
}

/* lesion_follow_picture(image_before, mask_before, image_after, mask_after) -> PNG */
Datum
lesion_follow_picture(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"before", "after"};
	Call	   *call = call_create(CurrentMemoryContext, settings_threads(false));
	Visit		before;
	Visit		after;
	Registration registration;
	Image		turned;
	Image		turned_mask;
	Image		left;
	Image		right;
	Image		picture;
	Datum		result;

	read_visit(call, fcinfo, ARGUMENT_IMAGE_BEFORE, "image_before", "mask_before", &before);
	read_visit(call, fcinfo, ARGUMENT_IMAGE_AFTER, "image_after", "mask_after", &after);
	registration = register_visits(call, &before, &after);
	check_status(call, change_warp(call, &after.image, &registration.to_after, before.image.width,
								   before.image.height, &turned));
	check_status(call, change_warp(call, &after.mask, &registration.to_after, before.image.width,
								   before.image.height, &turned_mask));
	check_status(call, draw_overlay(call, &before.image, &before.mask, NULL, &left));
	check_status(call, draw_overlay(call, &turned, &turned_mask, &before.mask, &right));
	check_status(call, draw_pair(call, &left, &right, names, &picture));
	result = image_png(call, &picture);
	call_destroy(call);
	PG_RETURN_DATUM(result);
}
