/*
 * dicom_write.c: SQL functions that make DICOM objects from an image and its
 * results: a segmentation, a picture, a report.
 *
 * The same arguments give the same bytes: UIDs are digests of them.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "dicom/data/read.h"
#include "dicom/writing/capture.h"
#include "dicom/writing/report.h"
#include "dicom/writing/seg_write.h"
#include "dicom/segmentation.h"
#include "image/codec/codec.h"
#include "image/mask_decode.h"
#include "measure/diameters.h"
#include "pg/base/values/arguments.h"
#include "pg/base/values/bytes.h"
#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/base/sha256.h"
#include "pg/models/model_store.h"

#define WEIGHTS_DIGITS 16		/* digits of the weights' SHA-256 in objects */

PG_FUNCTION_INFO_V1(lesion_dicom_seg);
PG_FUNCTION_INFO_V1(lesion_dicom_picture);
PG_FUNCTION_INFO_V1(lesion_dicom_report);

/* One call: the source that was read, and the author of the new object. */
typedef struct Writing
{
	Call	   *call;
	ByteView	source_bytes;
	DicomSet	source;
	DicomAuthor author;
	char		weights[SHA256_HEX_SIZE];	/* all digits; "" without a model */
	DicomSeeds	seeds;
} Writing;

/* Find the version that arguments n (model) and n + 1 (version) name. */
static void
find_author(FunctionCallInfo fcinfo, int n, Writing *writing)
{
	ModelStore	store;
	ModelVersion *version;
	int			number = PG_ARGISNULL(n + 1) ? 0 : PG_GETARG_INT32(n + 1);
	char	   *head;

	writing->weights[0] = '\0';
	memset(&writing->author, 0, sizeof writing->author);
	if (PG_ARGISNULL(n))
	{
		if (!PG_ARGISNULL(n + 1))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("version is given, model is not"),
					 errhint("Name the model that made the mask, or neither.")));
		return;
	}
	store = store_open(fcinfo, true);
	SPI_connect();
	version = store_need_version(&store, text_to_cstring(PG_GETARG_TEXT_PP(n)), PG_ARGISNULL(n + 1) ? NULL : &number);
	SPI_finish();
	sha256_hex(version->sha256, writing->weights);
	head = pnstrdup(writing->weights, WEIGHTS_DIGITS);
	writing->author.model = version->model;
	writing->author.version = version->number;
	writing->author.weights = head;
}

/* The pixels of an image: two files that show the same are the same content. */
static ByteView
pixels_view(const Image *image)
{
	ByteView	view = {
		.bytes = image->pixels,
		.size = (size_t) image->width * (size_t) image->height * (size_t) image->channels,
	};

	return view;
}

/* Digest some texts and some bytes. */
static void
make_seed(const char *text, const ByteView *bytes, uint8_t seed[DICOM_SEED])
{
	StringInfoData all;

	StaticAssertStmt(DICOM_SEED == SHA256_BYTES, "a seed is a SHA-256");
	initStringInfo(&all);
	appendStringInfoString(&all, text);
	if (bytes != NULL)
	{
		uint8_t		digest[SHA256_BYTES];

		sha256_digest(bytes->bytes, bytes->size, digest);
		appendBinaryStringInfo(&all, (char *) digest, sizeof digest);
	}
	sha256_digest(all.data, all.len, seed);
	pfree(all.data);
}

/* The author of the mask as text: two versions with the same weights are two
 * authors. */
static char *
describe_author(const Writing *writing)
{
	if (writing->author.model == NULL)
		return pstrdup("");
	return psprintf("%s, version %d of %s", writing->weights, writing->author.version, writing->author.model);
}

/* Read the source in argument 0, and find the author. */
static void
begin_writing(FunctionCallInfo fcinfo, int model_argument, Writing *writing)
{
	find_author(fcinfo, model_argument, writing);
	writing->call = call_create(CurrentMemoryContext, 1);
	writing->source_bytes = bytes_view(PG_GETARG_DATUM(0));
	check_argument(writing->call, "source", dicom_read(writing->call, writing->source_bytes.bytes,
													   writing->source_bytes.size, DICOM_ALL, &writing->source));
}

/* Make the seeds for an object of that kind with that content. */
static void
make_seeds(const char *kind, const ByteView *content, Writing *writing)
{
	DicomInfo	info;
	char	   *author = describe_author(writing);

	check_argument(writing->call, "source", dicom_info(&writing->source, &info));
	make_seed(psprintf("%s instance of %s by %s", kind, info.sop_instance, author), content, writing->seeds.instance);
	make_seed(psprintf("%s series of %s by %s", kind, info.series, author), NULL, writing->seeds.series);
}

/* The written bytes. */
static Datum
end_writing(Writing *writing, ByteBuffer *out)
{
	Datum		result = bytes_datum(out->bytes, out->size);

	call_destroy(writing->call);
	return result;
}

enum
{
	SEG_SOURCE, SEG_MASK, SEG_MODEL, SEG_VERSION
};

/* lesion_dicom_seg(source bytea, mask bytea, model text, version int) -> DICOM */
Datum
lesion_dicom_seg(PG_FUNCTION_ARGS)
{
	Writing		writing;
	ByteView	view;
	ByteView	pixels;
	Image		mask;
	ByteBuffer	out;

	if (PG_ARGISNULL(SEG_SOURCE) || PG_ARGISNULL(SEG_MASK))
		PG_RETURN_NULL();
	view = bytes_view(PG_GETARG_DATUM(SEG_MASK));
	begin_writing(fcinfo, SEG_MODEL, &writing);
	check_argument(writing.call, "mask",
				   mask_decode(writing.call, view.bytes, view.size, TURN_UPRIGHT, &mask, NULL));
	pixels = pixels_view(&mask);
	make_seeds("SEG", &pixels, &writing);
	buffer_init(&out, writing.call);
	check_status(writing.call, dicom_seg_write(&writing.source, &mask, &writing.author, &writing.seeds, &out));
	PG_RETURN_DATUM(end_writing(&writing, &out));
}

enum
{
	PICTURE_SOURCE, PICTURE_PICTURE, PICTURE_DESCRIPTION, PICTURE_MODEL, PICTURE_VERSION
};

/* lesion_dicom_picture(source, picture, description, model, version) -> DICOM */
Datum
lesion_dicom_picture(PG_FUNCTION_ARGS)
{
	Writing		writing;
	ByteView	view;
	ByteView	pixels;
	Image		picture;
	ByteBuffer	out;
	char	   *description = NULL;

	if (PG_ARGISNULL(PICTURE_SOURCE) || PG_ARGISNULL(PICTURE_PICTURE))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(PICTURE_DESCRIPTION))
		description = text_to_cstring(PG_GETARG_TEXT_PP(PICTURE_DESCRIPTION));
	view = bytes_view(PG_GETARG_DATUM(PICTURE_PICTURE));
	begin_writing(fcinfo, PICTURE_MODEL, &writing);
	check_argument(writing.call, "picture", image_decode(writing.call, view.bytes, view.size, DECODE_RGB, &picture));
	pixels = pixels_view(&picture);
	make_seeds(psprintf("picture of %d columns \"%s\"", picture.width, description == NULL ? "" : description), &pixels,
			   &writing);
	buffer_init(&out, writing.call);
	check_status(writing.call, dicom_capture_write(&writing.source, &picture, description, &writing.author,
												   &writing.seeds, &out));
	PG_RETURN_DATUM(end_writing(&writing, &out));
}

/* Measure the lesion; false if no spacing is known or there is no lesion. */
static bool
measure_lesion(const Writing *writing, const DicomSet *segmentation, DicomMeasures *measures)
{
	DicomInfo	info;
	Image		mask;
	Diameters	diameters;

	check_argument(writing->call, "source", dicom_info(&writing->source, &info));
	check_argument(writing->call, "seg", dicom_segment_mask(segmentation, 1, &mask));
	if (info.spacing_from == NULL)
		return false;
	check_status(writing->call, diameters_measure(writing->call, &mask, info.spacing[1], info.spacing[0], &diameters));
	measures->area = diameters.area;
	measures->long_axis = diameters.longest;
	measures->short_axis = diameters.across;
	return diameters.area > 0;
}

enum
{
	REPORT_SOURCE, REPORT_SEG, REPORT_MODEL, REPORT_VERSION
};

/* lesion_dicom_report(source, seg, model, version) -> DICOM */
Datum
lesion_dicom_report(PG_FUNCTION_ARGS)
{
	Writing		writing;
	ByteView	view;
	DicomSet	segmentation;
	DicomMeasures measures;
	bool		measured;
	ByteBuffer	out;

	if (PG_ARGISNULL(REPORT_SOURCE) || PG_ARGISNULL(REPORT_SEG))
		PG_RETURN_NULL();
	view = bytes_view(PG_GETARG_DATUM(REPORT_SEG));
	begin_writing(fcinfo, REPORT_MODEL, &writing);
	make_seeds("report", &view, &writing);
	check_argument(writing.call, "seg", dicom_read(writing.call, view.bytes, view.size, DICOM_ALL, &segmentation));
	measured = measure_lesion(&writing, &segmentation, &measures);
	buffer_init(&out, writing.call);
	check_status(writing.call, dicom_report_write(&writing.source, &segmentation, measured ? &measures : NULL,
												  &writing.author, &writing.seeds, &out));
	PG_RETURN_DATUM(end_writing(&writing, &out));
}
