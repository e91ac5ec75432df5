/*
 * enhance_functions.c: SQL functions that make images worse and say how bad
 * they are.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/threads.h"
#include "enhance/degrade.h"
#include "enhance/quality.h"
#include "image/codec.h"
#include "pg/glue.h"

#define JPEG_QUALITY 95			/* of JPEG images that come back changed */
#define PNG_COMPRESSION 3

PG_FUNCTION_INFO_V1(lesion_degrade);
PG_FUNCTION_INFO_V1(lesion_degradations);
PG_FUNCTION_INFO_V1(lesion_quality);

/* Start a host for one image. */
static HostContext *
image_host(void)
{
	return host_create(CurrentMemoryContext, settings_threads(false));
}

/* Decode argument 0, grey as one channel, and tell its format. */
static ImageFormat
decode_argument(HostContext *host, FunctionCallInfo fcinfo, Image *image)
{
	ByteView	view = bytes_view(PG_GETARG_DATUM(0));
	ImageInfo	info;

	check_argument(host, "image", image_info(host, view.bytes, view.size, &info));
	check_argument(host, "image", image_decode(host, view.bytes, view.size,
											   info.channels < 3 ? DECODE_GREY : DECODE_RGB, image));
	bytes_release(&view);
	return info.format;
}

/* Encode image in a format. */
static Datum
encode_result(HostContext *host, ImageFormat format, const Image *image)
{
	EncodedImage encoded;
	Datum		result;

	if (format == IMAGE_FORMAT_JPEG)
		check_status(host, jpeg_encode(host, image, JPEG_QUALITY, &encoded));
	else if (format == IMAGE_FORMAT_BMP)
		check_status(host, bmp_encode(host, image, &encoded));
	else
		check_status(host, png_encode(host, image, PNG_COMPRESSION, &encoded));
	result = bytes_datum(encoded.bytes, encoded.size);
	host_free(host, encoded.bytes);
	return result;
}

/* lesion_degrade(image, kind, severity, seed) -> image of the same format */
Datum
lesion_degrade(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	HostContext *host = image_host();
	DegradeKind kind;
	ImageFormat format;
	Image		image;
	Datum		result;

	check_status(host, degrade_find(name, &kind));
	format = decode_argument(host, fcinfo, &image);
	check_status(host, degrade_image(host, kind, PG_GETARG_INT32(2), PG_GETARG_INT64(3), &image));
	result = encode_result(host, format, &image);
	host_destroy(host);
	PG_RETURN_DATUM(result);
}

/* lesion_degradations() -> set of (kind, description) */
Datum
lesion_degradations(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int kind = 0; kind < DEGRADE_KINDS; kind++)
	{
		Datum		values[2];
		bool		nulls[2] = {false};

		values[0] = CStringGetTextDatum(degrade_name((DegradeKind) kind));
		values[1] = CStringGetTextDatum(degrade_description((DegradeKind) kind));
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* The names of the issues, as text[]. */
static Datum
issues_array(const Quality *quality)
{
	Datum		names[ISSUES];
	int			count = 0;

	for (int i = 0; i < ISSUES; i++)
	{
		if (quality->issues[i])
			names[count++] = CStringGetTextDatum(quality_issue_name((QualityIssue) i));
	}
	return PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* lesion_quality(image) -> the measures, score and issues */
Datum
lesion_quality(PG_FUNCTION_ARGS)
{
	TupleDesc	descriptor;
	Datum		values[13];
	bool		nulls[13] = {false};
	HostContext *host;
	Image		image;
	Quality		quality;
	int			n = 0;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "lesion_quality must return a row");

	host = image_host();
	threads_use(host->threads);
	decode_argument(host, fcinfo, &image);
	check_status(host, quality_measure(host, &image, &quality));
	host_destroy(host);

	values[n++] = Float8GetDatum(quality.sharpness);
	values[n++] = Float8GetDatum(quality.noise);
	values[n++] = Float8GetDatum(quality.contrast);
	values[n++] = Float8GetDatum(quality.brightness);
	values[n++] = Float8GetDatum(quality.unevenness);
	values[n++] = Float8GetDatum(quality.colour_cast);
	values[n++] = Float8GetDatum(quality.hair);
	values[n++] = Float8GetDatum(quality.resolution);
	values[n++] = Float8GetDatum(quality.glare);
	values[n++] = Float8GetDatum(quality.ink);
	values[n++] = Float8GetDatum(quality.blocking);
	values[n++] = Float8GetDatum(quality.score);
	values[n++] = issues_array(&quality);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
