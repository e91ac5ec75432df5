/*
 * image_functions.c: SQL functions about single images: facts of the header,
 * errors of an image or a mask, and rendered examples.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "image/codec/codec.h"
#include "image/mask_decode.h"
#include "image/synthetic.h"
#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/base/settings.h"
#include "pg/images/image_arguments.h"
#include "pg/images/images_source.h"

/* Nearly every image's header is within so many bytes. */
#define HEADER_BYTES (16 * 1024)

PG_FUNCTION_INFO_V1(lesion_image_info);
PG_FUNCTION_INFO_V1(lesion_image_work);
PG_FUNCTION_INFO_V1(lesion_image_error);
PG_FUNCTION_INFO_V1(lesion_mask_error);
PG_FUNCTION_INFO_V1(lesion_mask_fits);
PG_FUNCTION_INFO_V1(lesion_synthetic);

/*
 * lesion_image_info(image bytea) -> (format, width, height, channels, bits)
 *
 * Of an image that is stored out of line only the first pages are fetched;
 * the whole is read where they do not hold a complete header, or all of a PNG,
 * whose orientation may stand behind the pixels.
 */
Datum
lesion_image_info(PG_FUNCTION_ARGS)
{
	RowBuilder	row = row_begin_result(fcinfo);
	Call	   *call = call_create(CurrentMemoryContext, 1);
	ByteView	view;
	ImageInfo	info;
	Status		status;

	view = bytes_view(PointerGetDatum(PG_GETARG_BYTEA_P_SLICE(0, 0, HEADER_BYTES)));
	status = image_info(call, view.bytes, view.size, &info);
	if ((status.code != LS_OK || info.exif_unread) && view.size == HEADER_BYTES)
	{
		view = bytes_view(PG_GETARG_DATUM(0));
		status = image_info(call, view.bytes, view.size, &info);
	}
	check_argument(call, "image", status);
	call_destroy(call);

	row_set(&row, "format", TEXTOID, CStringGetTextDatum(image_format_name(info.format)));
	row_set(&row, "width", INT4OID, Int32GetDatum(info.width));
	row_set(&row, "height", INT4OID, Int32GetDatum(info.height));
	row_set(&row, "channels", INT4OID, Int32GetDatum(info.channels));
	row_set(&row, "bits", INT4OID, Int32GetDatum(info.bits));
	PG_RETURN_DATUM(row_datum(&row));
}

/* lesion_image_work(image bytea) -> what it takes to decode the image, or NULL */
Datum
lesion_image_work(PG_FUNCTION_ARGS)
{
	size_t		size = toast_raw_datum_size(PG_GETARG_DATUM(0)) - VARHDRSZ;
	ImageInfo	info;

	if (!image_header(PG_GETARG_DATUM(0), &info) || (int64) info.width * info.height > lesionseg_max_pixels)
		PG_RETURN_NULL();
	PG_RETURN_INT64(image_work(&info, size));
}

/* Does a message already end with a full stop? */
static bool
is_question(const char *message)
{
	return message[0] != '\0' && message[strlen(message) - 1] == '?';
}

/* Return a status about an argument from an SQL function: its message as text,
 * NULL for success. A failure that is not the argument's fault is raised. */
static Datum
fault_datum(FunctionCallInfo fcinfo, Call *call, Status status)
{
	if (status.code == LS_OK)
	{
		call_destroy(call);
		PG_RETURN_NULL();
	}
	if (!broken_or_too_large(status))
		check_status(call, status);
	call_destroy(call);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s%s %s", status.message,
											  is_question(status.message) ? "" : ".", status.hint)));
}

/* lesion_image_error(image) -> what is wrong with it, or NULL */
Datum
lesion_image_error(PG_FUNCTION_ARGS)
{
	Call	   *call = call_create(CurrentMemoryContext, 1);
	ByteView	view = bytes_view(PG_GETARG_DATUM(0));
	Image		image;
	Status		status = image_decode(call, view.bytes, view.size, DECODE_RGB, &image);

	bytes_release(&view);
	return fault_datum(fcinfo, call, status);
}

/* Can the image in argument `n` have a mask of that size? */
static Status
check_image_shape(FunctionCallInfo fcinfo, int n, const Call *call, const Image *mask)
{
	ByteView	view = bytes_view(PG_GETARG_DATUM(n));
	ImageInfo	info;
	Status		status = image_info(call, view.bytes, view.size, &info);

	bytes_release(&view);
	if (broken_or_too_large(status))
		return status_ok();		/* the image is wrong, not the mask */
	TRY(status);
	return mask_check_shape(&info, TURN_UPRIGHT, mask->width, mask->height);
}

enum
{
	ERROR_MASK, ERROR_IMAGE
};

/* lesion_mask_error(mask, image) -> what is wrong with the mask, or NULL */
Datum
lesion_mask_error(PG_FUNCTION_ARGS)
{
	Call	   *call;
	ByteView	view;
	Image		mask;
	Status		status;

	if (PG_ARGISNULL(ERROR_MASK))
		PG_RETURN_NULL();
	call = call_create(CurrentMemoryContext, 1);
	view = bytes_view(PG_GETARG_DATUM(ERROR_MASK));
	status = mask_decode(call, view.bytes, view.size, TURN_UPRIGHT, &mask, NULL);
	bytes_release(&view);
	if (status.code == LS_OK && !PG_ARGISNULL(ERROR_IMAGE))
		status = check_image_shape(fcinfo, ERROR_IMAGE, call, &mask);
	return fault_datum(fcinfo, call, status);
}

/* lesion_mask_fits(mask, image) -> can the mask be one of the image, by their headers? */
Datum
lesion_mask_fits(PG_FUNCTION_ARGS)
{
	ImageInfo	mask;
	ImageInfo	image;
	Status		status;

	if (!image_header(PG_GETARG_DATUM(ERROR_MASK), &mask))
		PG_RETURN_BOOL(false);
	if (!image_header(PG_GETARG_DATUM(ERROR_IMAGE), &image))
		PG_RETURN_NULL();
	status = mask_check_shape(&image, TURN_UPRIGHT, mask.width, mask.height);
	PG_RETURN_BOOL(status.code == LS_OK);
}

enum
{
	SYNTHETIC_SEED, SYNTHETIC_WIDTH, SYNTHETIC_HEIGHT, SYNTHETIC_SEVERITY
};

/* lesion_synthetic(seed, width, height, severity) -> (image, mask) */
Datum
lesion_synthetic(PG_FUNCTION_ARGS)
{
	RowBuilder	row = row_begin_result(fcinfo);
	Call	   *call = call_create(CurrentMemoryContext, 1);
	Image		image;
	Image		mask;

	check_status(call, synthetic_lesion(call, PG_GETARG_INT64(SYNTHETIC_SEED), PG_GETARG_INT32(SYNTHETIC_WIDTH),
										PG_GETARG_INT32(SYNTHETIC_HEIGHT), PG_GETARG_INT32(SYNTHETIC_SEVERITY),
										&image, &mask));
	row_set(&row, "image", BYTEAOID, image_png(call, &image));
	row_set(&row, "mask", BYTEAOID, image_png(call, &mask));
	call_destroy(call);
	PG_RETURN_DATUM(row_datum(&row));
}
