/*
 * draw_functions.c: SQL functions that draw pictures to look at.
 */
#include "postgres.h"

#include "fmgr.h"

#include "image/codec.h"
#include "image/draw.h"
#include "pg/glue.h"

PG_FUNCTION_INFO_V1(lesion_overlay);
PG_FUNCTION_INFO_V1(lesion_panel);

/* Decode the image in argument number `number`. */
static void
decode_image(HostContext *host, FunctionCallInfo fcinfo, int number, const char *name, Image *image)
{
	ByteView	view = bytes_view(PG_GETARG_DATUM(number));

	check_argument(host, name, image_decode(host, view.bytes, view.size, DECODE_RGB, image));
	bytes_release(&view);
}

/* Decode the mask in argument number `number`. */
static void
decode_mask(HostContext *host, FunctionCallInfo fcinfo, int number, const char *name, Image *mask)
{
	ByteView	view = bytes_view(PG_GETARG_DATUM(number));

	check_argument(host, name, mask_decode(host, view.bytes, view.size, mask));
	bytes_release(&view);
}

/* lesion_overlay(image, mask, truth) -> PNG; truth may be NULL */
Datum
lesion_overlay(PG_FUNCTION_ARGS)
{
	HostContext *host;
	Image		image;
	Image		mask;
	Image		truth;
	Image		picture;
	bool		has_truth = !PG_ARGISNULL(2);
	Datum		result;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();

	host = host_create(CurrentMemoryContext, 1);
	decode_image(host, fcinfo, 0, "image", &image);
	decode_mask(host, fcinfo, 1, "mask", &mask);
	if (has_truth)
		decode_mask(host, fcinfo, 2, "truth", &truth);
	check_status(host, draw_overlay(host, &image, &mask, has_truth ? &truth : NULL, &picture));
	result = image_png(host, &picture);
	host_destroy(host);
	PG_RETURN_DATUM(result);
}

/* lesion_panel(image, truth, predicted) -> PNG */
Datum
lesion_panel(PG_FUNCTION_ARGS)
{
	HostContext *host = host_create(CurrentMemoryContext, 1);
	Image		image;
	Image		truth;
	Image		predicted;
	Image		picture;
	Datum		result;

	decode_image(host, fcinfo, 0, "image", &image);
	decode_mask(host, fcinfo, 1, "truth", &truth);
	decode_mask(host, fcinfo, 2, "predicted", &predicted);
	check_status(host, draw_panel(host, &image, &truth, &predicted, &picture));
	result = image_png(host, &picture);
	host_destroy(host);
	PG_RETURN_DATUM(result);
}
