/*
 * pictures.c: images with the outlines of masks, small enough for a page.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "enhance/enhance.h"
#include "image/codec/codec.h"
#include "image/drawing/draw.h"
#include "image/mask_decode.h"
#include "pg/base/call.h"
#include "pg/base/error.h"
#include "pg/base/rights/column_rights.h"
#include "pg/base/sha256.h"
#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/images/images_source.h"
#include "pg/report/job.h"
#include "pg/segment/model_segment.h"

#define PICTURE_SIDE 320		/* pixels of the longer side */
#define PICTURE_QUALITY 80
#define MASK_WORK (64 * 1000 * 1000)	/* of image_work: a grey mask of 64 megapixels */

/* ---- which images ---- */

/* Does a table of images have true masks that the caller may read? */
static bool
has_truth(const ReportJob *job, Oid table)
{
	AttrNumber	column = get_attnum(table, job->mask_column);

	return column > 0 && column_is_readable(table, column);
}

void
report_open_images(ReportJob *job, ArrayType *tables)
{
	ImagesColumns columns = {.image = job->image_column,.mask = job->mask_column,.id = job->id_column};
	Datum	   *values;
	bool	   *nulls;

	deconstruct_array(tables, REGCLASSOID, sizeof(Oid), true, TYPALIGN_INT, &values, &nulls, &job->image_tables);
	job->images = palloc0((job->image_tables + 1) * sizeof *job->images);
	for (int i = 0; i < job->image_tables; i++)
	{
		ReportImages *images = &job->images[i];
		Oid			table = DatumGetObjectId(values[i]);

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("element %d of images is NULL", i + 1),
					 errhint("Name tables of images, as in '{archive}'.")));
		images->with_truth = has_truth(job, table);
		images->source = images->with_truth ? images_open(table, &columns) :
			images_open_unmasked(table, job->image_column, job->id_column);
	}
}

/* The table that a row names, if the caller named it too. */
static const ReportImages *
find_images(const ReportJob *job, const char *name)
{
	for (int i = 0; name != NULL && i < job->image_tables; i++)
		if (strcmp(job->images[i].source->name, name) == 0)
			return &job->images[i];
	return NULL;
}

/* Is it the expected image? */
static bool
is_meant(const ReportPicture *picture, Datum image)
{
	ByteView	bytes;
	ByteView	wanted;
	uint8_t		digest[SHA256_BYTES];
	bool		same;

	if (picture->image_sha256 == (Datum) 0)
		return true;
	bytes = bytes_view(image);
	wanted = bytes_view(picture->image_sha256);
	sha256_digest(bytes.bytes, bytes.size, digest);
	same = wanted.size == SHA256_BYTES && memcmp(digest, wanted.bytes, SHA256_BYTES) == 0;
	bytes_release(&wanted);
	bytes_release(&bytes);
	return same;
}

/* Read the row of a picture: its image and, if wanted, its mask. False if
 * there is none. */
static bool
read_row(const ReportPicture *picture, const ReportImages *images, Datum *image, Datum *truth)
{
	const ImagesSource *source = images->source;
	Oid			type = TEXTOID;
	Datum		id;
	bool		isnull;

	if (picture->id == NULL || (picture->with_truth && !images->with_truth))
		return false;
	id = CStringGetTextDatum(picture->id);
	relation_check(&source->known);
	if (images_execute(psprintf("reading an image of %s", source->name),
					   psprintf("SELECT s.image, %s AS mask FROM (%s) AS s "
								"WHERE s.id OPERATOR(pg_catalog.=) $1 LIMIT 1",
								picture->with_truth ? "s.mask" : "NULL::pg_catalog.bytea", source->rows),
					   1, &type, &id, 1) != SPI_OK_SELECT || SPI_processed == 0)
		return false;
	*image = first_row_value("image", BYTEAOID, &isnull);
	if (isnull || !is_meant(picture, *image))
		return false;
	*truth = first_row_value("mask", BYTEAOID, &isnull);
	if (isnull)
		*truth = (Datum) 0;
	return true;
}

/* ---- pictures ---- */

/* The options with which the evaluation segmented. */
static SegmentOptions
segment_options(const ReportPicture *picture)
{
	SegmentOptions options = {.threshold = picture->threshold,.tta = picture->tta};

	if (picture->options != (Datum) 0)
		segment_options_apply(DatumGetJsonbP(picture->options), &options);
	if (picture->enhance != NULL)
		check_status(NULL, enhance_mode_find(picture->enhance, &options.enhance));
	return options;
}

/* Decode the mask of a row. Anyone who may write such rows decides which masks
 * the page shows: none must keep its reader waiting. */
static Status
row_mask(const Call *call, Datum datum, Image *mask)
{
	ByteView	view = bytes_view(datum);
	ImageInfo	info;
	Status		status = image_info(call, view.bytes, view.size, &info);

	if (status.code == LS_OK && image_work(&info, view.size) > MASK_WORK)
		status = status_error(LS_LIMIT_EXCEEDED, "the mask takes too long to decode");
	if (status.code == LS_OK)
		status = mask_decode(call, view.bytes, view.size, TURN_UPRIGHT, mask, NULL);
	bytes_release(&view);
	return status;
}

/* The mask of a picture, at the size of the small image; false: there is none to draw. */
static Status
picture_mask(const ReportJob *job, const Call *call, const ReportPicture *picture, const ByteView *image,
			 const SegmentOptions *options, const Image *small, Image *mask)
{
	if (picture->model != NULL)
	{
		ModelVersion *version = store_need_version(&job->store, picture->model, &picture->version);
		Segmented	segmented;

		/* Whoever made such a model must not end the page of others. */
		if (!model_fits(&job->store, version))
			return status_error(LS_LIMIT_EXCEEDED, "the model needs more memory than this caller may take");
		TRY(model_segment(&job->store, version, call, image, options, small->width, small->height, false,
						  &segmented));
		*mask = segmented.mask;
		return status_ok();
	}
	if (picture->mask == (Datum) 0)
		return image_create(call, small->width, small->height, 1, mask);
	return row_mask(call, picture->mask, mask);
}

/* Decode an image and reduce it, keeping its shape. */
static Status
small_image(const Call *call, const ByteView *bytes, ImageTurn turn, Image *small)
{
	Image		image;
	double		scale;
	int			width;
	int			height;
	Status		status;

	TRY(image_decode_at_least(call, bytes->bytes, bytes->size, DECODE_RGB, turn, PICTURE_SIDE, PICTURE_SIDE, &image));
	scale = (double) PICTURE_SIDE / Max(image.width, image.height);
	width = Max(1, (int) (image.width * scale + 0.5));
	height = Max(1, (int) (image.height * scale + 0.5));
	status = image_resize(call, &image, width, height, small);
	image_free(call, &image);
	return status;
}

/* Make the JPEG of a picture. */
static Status
draw_picture(const ReportJob *job, const Call *call, const ReportPicture *picture, Datum image_datum,
			 Datum truth_datum, EncodedImage *jpeg)
{
	ByteView	bytes = bytes_view(image_datum);
	SegmentOptions options = segment_options(picture);
	Image		small;
	Image		mask;
	Image		truth;
	Image		drawn;

	TRY(small_image(call, &bytes, options.turn, &small));
	TRY(picture_mask(job, call, picture, &bytes, &options, &small, &mask));
	if (truth_datum != (Datum) 0)
	{
		ByteView	view = bytes_view(truth_datum);

		TRY(mask_decode(call, view.bytes, view.size, options.turn, &truth, NULL));
	}
	TRY(draw_overlay(call, &small, &mask, truth_datum != (Datum) 0 ? &truth : NULL, &drawn));
	TRY(jpeg_encode(call, &drawn, PICTURE_QUALITY, jpeg));
	image_free(call, &drawn);
	image_free(call, &mask);
	if (truth_datum != (Datum) 0)
		image_free(call, &truth);
	image_free(call, &small);
	bytes_release(&bytes);
	return status_ok();
}

/* A picture to put on the page. */
typedef struct Drawing
{
	ReportJob  *job;
	ReportPicture *picture;
	Datum		image;
	Datum		truth;			/* 0: none */
	bool		shown;
} Drawing;

/* Put one picture on the page, if it can be made. */
static void
put_picture(void *work)
{
	Drawing    *drawing = work;
	ReportJob  *job = drawing->job;
	ReportPicture *picture = drawing->picture;
	Call	   *call = call_create(CurrentMemoryContext, job->call->threads);
	EncodedImage jpeg;
	Status		status = check_cancel(call, draw_picture(job, call, picture, drawing->image, drawing->truth, &jpeg));

	picture->ran_out = status.code != LS_OK && picture->model != NULL && call_ran_out(call);
	if (status.code != LS_OK && !broken_or_too_large(status) && status.code != LS_INVALID_ARGUMENT &&
		status.code != LS_INVALID_WEIGHTS)
		check_status(call, status);
	if (status.code == LS_OK)
		page_picture(&job->page, jpeg.bytes, jpeg.size,
					 psprintf("Image %s with outlines. %s", report_shown(CStringGetTextDatum(picture->id)),
							  picture->caption), picture->caption);
	drawing->shown = status.code == LS_OK;
	call_destroy(call);
}

/* Has the version that makes this picture's mask taken too long for one before it? */
static bool
ran_out_before(const ReportPicture *pictures, int i)
{
	for (int j = 0; j < i; j++)
		if (pictures[j].ran_out && pictures[j].version == pictures[i].version &&
			strcmp(pictures[j].model, pictures[i].model) == 0)
			return true;
	return false;
}

/* Show a picture; false if it cannot be. */
static bool
show_picture(ReportJob *job, ReportPicture *pictures, int i, const ReportImages *images)
{
	Drawing		drawing = {.job = job,.picture = &pictures[i]};

	if (pictures[i].model != NULL && ran_out_before(pictures, i))
		return false;
	if (!read_row(&pictures[i], images, &drawing.image, &drawing.truth))
		return false;
	call_limited(put_picture, &drawing);
	return drawing.shown;
}

void
report_pictures(ReportJob *job, ReportPicture *pictures, int count)
{
	int			unnamed = 0;
	int			hidden = 0;

	if (count == 0)
		return;
	page_pictures_begin(&job->page, pictures[0].with_truth);
	for (int i = 0; i < count; i++)
	{
		const ReportImages *images = find_images(job, pictures[i].images);

		CHECK_FOR_INTERRUPTS();
		if (images == NULL)
			unnamed++;
		else if (!show_picture(job, pictures, i, images))
			hidden++;
	}
	page_figures_end(&job->page);
	if (unnamed > 0)
		page_nothing(&job->page, psprintf("%d not shown: the table of the image was not named (images => '{archive}').",
										  unnamed));
	if (hidden > 0)
		page_nothing(&job->page, psprintf("%d cannot be shown: the row is gone or may not be read by this role, the "
										  "image has changed, image or mask cannot be decoded, or they or the model "
										  "are above lesionseg.max_pixels or max_memory, or the mask takes longer to "
										  "decode than a grey one of 64 megapixels, or to make than "
										  "lesionseg.remake_timeout, or the table has no such mask_column.", hidden));
}
