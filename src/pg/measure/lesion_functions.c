/*
 * lesion_functions.c: SQL functions of a photograph and a lesion's mask: crop
 * the lesion, and measure the skin around it.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "enhance/quality/quality.h"
#include "measure/colour/skin_tone.h"
#include "measure/components.h"
#include "measure/morphology.h"
#include "pg/base/values/row_values.h"
#include "pg/base/call.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "pg/images/image_arguments.h"

PG_FUNCTION_INFO_V1(lesion_crop);
PG_FUNCTION_INFO_V1(lesion_skin_tone);

/* Arguments of lesion_skin_tone (the first two) and lesion_crop. */
enum
{
	ARGUMENT_IMAGE, ARGUMENT_MASK, ARGUMENT_MARGIN
};

#define LARGEST_MARGIN 10.0

/* Raise an error unless a mask has the shape of an image. */
static void
check_shapes(const Image *image, const Image *mask)
{
	if (!image_shapes_match(image->width, image->height, mask->width, mask->height))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the image is %d x %d pixels, its mask %d x %d", image->width, image->height, mask->width,
						mask->height),
				 errhint("They have one aspect ratio. Give the mask of this image.")));
}

/* Crop the box of a mask's lesion out of the image, with a margin in shares of
 * the box's longer side, within the image. */
static Status
cut_lesion(const Call *call, const Image *image, const Image *mask, const LesionShape *box, double margin, Image *cut)
{
	double		across = (double) image->width / mask->width;
	double		down = (double) image->height / mask->height;
	double		around = margin * fmax(box->width * across, box->height * down);
	int			left = (int) fmax(floor(box->x * across - around), 0);
	int			top = (int) fmax(floor(box->y * down - around), 0);
	int			right = (int) fmin(ceil((box->x + box->width) * across + around), image->width);
	int			bottom = (int) fmin(ceil((box->y + box->height) * down + around), image->height);

	return image_crop(call, image, left, top, right - left, bottom - top, cut);
}

/* lesion_crop(image, mask, margin) -> the part of the image with the lesion */
Datum
lesion_crop(PG_FUNCTION_ARGS)
{
	double		margin = PG_GETARG_FLOAT8(ARGUMENT_MARGIN);
	Call	   *call;
	ImageFormat format;
	LesionShape box;
	Image		image;
	Image		mask;
	Image		cut;
	Datum		result;

	if (!(margin >= 0 && margin <= LARGEST_MARGIN))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("margin is %g, it must be between 0 and %g", margin, LARGEST_MARGIN),
				 errhint("It is a share of the lesion's longer side: 0.1 adds a tenth of it on every side.")));
	call = call_create(CurrentMemoryContext, 1);
	argument_mask(call, fcinfo, ARGUMENT_MASK, "mask", &mask);
	check_status(call, mask_keep_largest(call, &mask));
	check_status(call, lesion_shape(call, &mask, &box));
	format = argument_image_as_is(call, fcinfo, ARGUMENT_IMAGE, "image", &image);
	check_shapes(&image, &mask);
	if (box.area == 0)
	{
		call_destroy(call);
		PG_RETURN_NULL();
	}
	check_status(call, cut_lesion(call, &image, &mask, &box, margin, &cut));
	result = image_in_format(call, format, &cut);
	call_destroy(call);
	PG_RETURN_DATUM(result);
}

/* Measure the skin in a photograph. */
static SkinTone
judge_skin(Call *call, const Image *image, const Image *mask)
{
	QualityObjects objects;
	SkinTone	tone;
	Image		frame;
	Image		small;
	size_t		count;

	check_status(call, quality_frame(call, image, &frame));
	check_status(call, image_resize_nearest(call, mask, frame.width, frame.height, &small));
	check_status(call, quality_objects_mark(call, &frame, &objects));
	count = (size_t) frame.width * (size_t) frame.height;
	for (size_t i = 0; i < count; i++)
		objects.hair[i] |= objects.glare[i] | objects.ink[i];
	check_status(call, skin_tone(call, &frame, &small, objects.hair, &tone));
	return tone;
}

/* lesion_skin_tone(image, mask) -> (ita, category, lightness, b, pixels) */
Datum
lesion_skin_tone(PG_FUNCTION_ARGS)
{
	Call	   *call = call_create(CurrentMemoryContext, settings_threads(false));
	RowBuilder	row = row_begin_result(fcinfo);
	SkinTone	tone;
	Image		image;
	Image		mask;

	argument_image(call, fcinfo, ARGUMENT_IMAGE, "image", &image);
	argument_mask(call, fcinfo, ARGUMENT_MASK, "mask", &mask);
	check_shapes(&image, &mask);
	tone = judge_skin(call, &image, &mask);
	call_destroy(call);

	if (tone.category != NULL)
	{
		row_set_float8(&row, "ita", tone.ita);
		row_set(&row, "category", TEXTOID, CStringGetTextDatum(tone.category));
	}
	row_set_float8(&row, "lightness", tone.lightness);
	row_set_float8(&row, "b", tone.b);
	row_set(&row, "pixels", INT8OID, Int64GetDatum(tone.pixels));
	PG_RETURN_DATUM(row_datum(&row));
}
