/*
 * dicom_read.c: SQL functions that read DICOM files.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "dicom/data/read.h"
#include "dicom/pixels/decode.h"
#include "dicom/info.h"
#include "dicom/json.h"
#include "dicom/pixels/pixels.h"
#include "dicom/segmentation.h"
#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/base/error.h"
#include "pg/base/call.h"

/* In nearly every file, all but the pixels is within so many bytes. */
#define HEADER_BYTES (16 * 1024)

#define JSONB_TIMES 32			/* memory that jsonb_in takes at most, in sizes of its text */

PG_FUNCTION_INFO_V1(lesion_dicom_info);
PG_FUNCTION_INFO_V1(lesion_dicom_tags);
PG_FUNCTION_INFO_V1(lesion_dicom_frame);
PG_FUNCTION_INFO_V1(lesion_dicom_mask);

/* Convert UTF-8 of the library to the database's encoding. U+FFFD, in place of bytes without a meaning, is "?" where
 * that encoding has not all of Unicode: it never has this character. May change utf8. */
static char *
utf8_to_server(char *utf8)
{
	static const char replacement[] = "\xEF\xBF\xBD";
	char	   *out = utf8;

	if (GetDatabaseEncoding() != PG_UTF8 && GetDatabaseEncoding() != PG_SQL_ASCII)
	{
		for (const char *in = utf8; *in != '\0'; out++)
		{
			bool		unknown = strncmp(in, replacement, sizeof replacement - 1) == 0;

			*out = unknown ? '?' : *in;
			in += unknown ? sizeof replacement - 1 : 1;
		}
		*out = '\0';
	}
	return pg_any_to_server(utf8, (int) strlen(utf8), PG_UTF8);
}

/* The same as text. */
static Datum
utf8_datum(const char *utf8)
{
	return CStringGetTextDatum(utf8_to_server(pstrdup(utf8)));
}

/* Set a column to a text; NULL if it is empty. */
static void
set_text(RowBuilder *row, const char *column, const char *text)
{
	if (text != NULL && text[0] != '\0')
		row_set(row, column, TEXTOID, utf8_datum(text));
}

/* Set the columns of lesion_dicom_info. */
static void
set_info(const DicomInfo *info, RowBuilder *row)
{
	set_text(row, "sop_class", info->sop_class);
	set_text(row, "sop_instance", info->sop_instance);
	set_text(row, "series", info->series);
	set_text(row, "study", info->study);
	set_text(row, "patient", info->patient);
	set_text(row, "modality", info->modality);
	set_text(row, "transfer_syntax", info->transfer_syntax);
	if (info->has_image)
	{
		if (info->frames >= 1)
			row_set(row, "frames", INT4OID, Int32GetDatum(info->frames));
		row_set(row, "width", INT4OID, Int32GetDatum(info->width));
		row_set(row, "height", INT4OID, Int32GetDatum(info->height));
	}
	set_text(row, "photometric", info->photometric);
	set_text(row, "spacing_from", info->spacing_from);
	if (info->spacing_from != NULL)
	{
		Datum		spacing[2] = {Float8GetDatum(info->spacing[0]), Float8GetDatum(info->spacing[1])};

		row_set(row, "pixel_spacing", FLOAT8ARRAYOID,
				PointerGetDatum(construct_array(spacing, 2, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
												TYPALIGN_DOUBLE)));
	}
	if (info->acquired_at[0] != '\0')
		row_set(row, "acquired_at", TIMESTAMPOID,
				DirectFunctionCall3(timestamp_in, CStringGetDatum(info->acquired_at),
									ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	set_text(row, "manufacturer", info->manufacturer);
}

/*
 * lesion_dicom_info(dicom bytea) -> one row
 *
 * Of a file that is stored out of line only the first pages are fetched; the
 * whole is read where they do not hold all but the pixels.
 */
Datum
lesion_dicom_info(PG_FUNCTION_ARGS)
{
	RowBuilder	row = row_begin_result(fcinfo);
	Call	   *call = call_create(CurrentMemoryContext, 1);
	ByteView	view = bytes_view(PointerGetDatum(PG_GETARG_BYTEA_P_SLICE(0, 0, HEADER_BYTES)));
	DicomSet	set;
	DicomInfo	info;
	Status		status;

	status = dicom_read(call, view.bytes, view.size, DICOM_HEADER, &set);
	if (view.size == HEADER_BYTES && (status.code != LS_OK || !set.at_pixels))
	{
		if (status.code == LS_OK)	/* an element ended where the first pages do */
			dicom_free(&set);
		view = bytes_view(PG_GETARG_DATUM(0));
		status = dicom_read(call, view.bytes, view.size, DICOM_HEADER, &set);
	}
	check_argument(call, "dicom", status);
	check_argument(call, "dicom", dicom_info(&set, &info));
	call_destroy(call);
	set_info(&info, &row);
	PG_RETURN_DATUM(row_datum(&row));
}

/* Read the file in argument `n`; the set needs the view, so release it last. */
static void
read_argument(Call *call, FunctionCallInfo fcinfo, int n, const char *name, ByteView *view, DicomSet *set)
{
	*view = bytes_view(PG_GETARG_DATUM(n));
	check_argument(call, name, dicom_read(call, view->bytes, view->size, DICOM_ALL, set));
}

/*
 * Raise an error where the attributes, so many bytes of JSON, are too many. jsonb_in counts no memory; it was seen to
 * take up to 27 times the text, for many small elements.
 */
static void
check_json_size(const Call *call, size_t size)
{
	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("dicom: the attributes take %zu bytes as JSON", size),
				 errhint("PostgreSQL's text ends at %zu bytes.", (size_t) MaxAllocSize)));
	if (size > call->host.max_memory / JSONB_TIMES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("dicom: the attributes take %zu bytes as JSON, and jsonb may need %d times as much memory: the "
						"limit is %zu bytes", size, JSONB_TIMES, call->host.max_memory),
				 errhint("Raise lesionseg.max_memory.")));
}

/* lesion_dicom_tags(dicom bytea) -> jsonb */
Datum
lesion_dicom_tags(PG_FUNCTION_ARGS)
{
	Call	   *call = call_create(CurrentMemoryContext, 1);
	ByteView	view;
	DicomSet	set;
	ByteBuffer	json;
	char	   *text;

	read_argument(call, fcinfo, 0, "dicom", &view, &set);
	buffer_init(&json, call);
	check_argument(call, "dicom", dicom_json(&set, &json));
	buffer_add(&json, "", 1);
	check_status(call, json.status);
	check_json_size(call, json.size);
	text = utf8_to_server((char *) json.bytes);
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

enum
{
	FRAME_DICOM, FRAME_NUMBER
};

/* lesion_dicom_frame(dicom bytea, frame int) -> PNG */
Datum
lesion_dicom_frame(PG_FUNCTION_ARGS)
{
	Call	   *call = call_create(CurrentMemoryContext, 1);
	DecodeRequest request = {.as = DECODE_RGB};
	ByteView	view;
	DicomSet	set;
	DicomPixels pixels;
	Image		image;
	Datum		result;

	read_argument(call, fcinfo, FRAME_DICOM, "dicom", &view, &set);
	check_argument(call, "dicom", dicom_pixels(&set, &pixels));
	if (pixels.samples == 1 && pixels.photometric != PHOTOMETRIC_PALETTE)
		request.as = DECODE_GREY;
	check_argument(call, "dicom", dicom_decode_frame(&set, PG_GETARG_INT32(FRAME_NUMBER), &request, &image));
	result = image_png(call, &image);
	call_destroy(call);
	PG_RETURN_DATUM(result);
}

enum
{
	MASK_SEG, MASK_SEGMENT
};

/* lesion_dicom_mask(seg bytea, segment int) -> PNG */
Datum
lesion_dicom_mask(PG_FUNCTION_ARGS)
{
	Call	   *call = call_create(CurrentMemoryContext, 1);
	ByteView	view;
	DicomSet	set;
	Image		mask;
	Datum		result;

	read_argument(call, fcinfo, MASK_SEG, "seg", &view, &set);
	check_argument(call, "seg", dicom_segment_mask(&set, PG_GETARG_INT32(MASK_SEGMENT), &mask));
	result = image_png(call, &mask);
	call_destroy(call);
	PG_RETURN_DATUM(result);
}
