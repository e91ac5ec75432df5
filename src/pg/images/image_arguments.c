/*
 * image_arguments.c: see image_arguments.h.
 */
#include "postgres.h"

#include "image/mask_decode.h"
#include "pg/base/call.h"
#include "pg/base/error.h"
#include "pg/base/values/bytes.h"
#include "pg/images/image_arguments.h"
#include "pg/images/images_source.h"

#define JPEG_QUALITY 95

/* No more of a header is read where the rows are anybody's. */
#define MOST_HEADER_BYTES (128 * 1024)

void
argument_image(Call *call, FunctionCallInfo fcinfo, int number, const char *name, Image *image)
{
	ByteView	view = bytes_view(PG_GETARG_DATUM(number));

	check_argument(call, name, image_decode(call, view.bytes, view.size, DECODE_RGB, image));
	bytes_release(&view);
}

ImageFormat
argument_image_as_is(Call *call, FunctionCallInfo fcinfo, int number, const char *name, Image *image)
{
	ByteView	view = bytes_view(PG_GETARG_DATUM(number));
	ImageInfo	info;

	check_argument(call, name, image_info(call, view.bytes, view.size, &info));
	check_argument(call, name, image_decode(call, view.bytes, view.size,
											info.channels < 3 ? DECODE_GREY : DECODE_RGB, image));
	bytes_release(&view);
	return info.format;
}

void
argument_mask(Call *call, FunctionCallInfo fcinfo, int number, const char *name, Image *mask)
{
	ByteView	view = bytes_view(PG_GETARG_DATUM(number));

	check_argument(call, name, mask_decode(call, view.bytes, view.size, TURN_UPRIGHT, mask, NULL));
	bytes_release(&view);
}

bool
image_header(Datum image, ImageInfo *info)
{
	Call	   *call = call_create(CurrentMemoryContext, 1);
	ByteView	view = bytes_view(PointerGetDatum(PG_DETOAST_DATUM_SLICE(image, 0, MOST_HEADER_BYTES)));
	Status		status = image_info(call, view.bytes, view.size, info);

	if (status.code != LS_OK && !broken_or_too_large(status))
		check_status(call, status);
	call_destroy(call);
	return status.code == LS_OK;
}

Datum
image_in_format(Call *call, ImageFormat format, const Image *image)
{
	EncodedImage encoded;
	Datum		result;

	if (format == IMAGE_FORMAT_JPEG)
		check_status(call, jpeg_encode(call, image, JPEG_QUALITY, &encoded));
	else if (format == IMAGE_FORMAT_BMP)
		check_status(call, bmp_encode(call, image, &encoded));
	else
		check_status(call, png_encode(call, image, &encoded));
	result = bytes_datum(encoded.bytes, encoded.size);
	call_free(call, encoded.bytes);
	return result;
}
