/*
 * pictures.c: images with the outlines of masks, small enough for a page.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "enhance/enhance.h"
#include "image/codec/codec.h"
#include "image/drawing/draw.h"
#include "image/mask_decode.h"
#include "pg/base/error.h"
#include "pg/base/user_tables.h"
#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/images/images_source.h"
#include "pg/report/job.h"
#include "pg/segment/model_segment.h"

#define PICTURE_SIDE 320		/* pixels of the longer side */
#define PICTURE_QUALITY 80

/* The table of that name, as rows of masks and evaluations have it: they may have been written by hand, so it is
 * compared and not parsed, which a name that is none would end the report by. */
static Oid
find_table(const char *name)
{
	Oid			type = TEXTOID;
	Datum		value = CStringGetTextDatum(name);

	if (user_table_select(name, "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
						  "WHERE quote_ident(n.nspname) || '.' || quote_ident(c.relname) = $1", 1, &type, &value,
						  NULL) !=
		SPI_OK_SELECT || SPI_processed == 0)
		return InvalidOid;
	return DatumGetObjectId(row_needed(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, OIDOID));
}

/* The table of that name, if it is there and the caller may read what is wanted of it. */
static Oid
find_images(const ReportJob *job, const ReportPicture *picture)
{
	Oid			table = find_table(picture->images);
	const char *columns[] = {job->image_column, picture->with_truth ? job->mask_column : NULL, job->id_column};

	if (!OidIsValid(table))
		return InvalidOid;
	if (pg_class_aclcheck(table, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		return InvalidOid;
	for (int i = 0; i < (int) lengthof(columns); i++)
		if (columns[i] != NULL && get_attnum(table, columns[i]) <= 0)
			return InvalidOid;
	return table;
}

/* Read the row of a picture: its image and, where wanted, its mask. False where there is none. */
static bool
read_row(const ReportJob *job, const ReportPicture *picture, Datum *image, Datum *truth)
{
	Oid			table = InvalidOid;
	ImagesColumns columns = {.image = job->image_column,.mask = job->mask_column,.id = job->id_column};
	Oid			type = TEXTOID;
	Datum		id;
	ImagesSource *source;
	bool		isnull;

	if (picture->images != NULL && picture->id != NULL)
		table = find_images(job, picture);
	if (!OidIsValid(table))
		return false;
	id = CStringGetTextDatum(picture->id);
	source = picture->with_truth ? images_open(table, &columns) :
		images_open_unmasked(table, job->image_column, job->id_column);
	if (images_execute(psprintf("reading an image of %s", source->name),
					   psprintf("SELECT s.image, %s FROM (%s) AS s WHERE s.id OPERATOR(pg_catalog.=) $1 LIMIT 1",
								picture->with_truth ? "s.mask" : "NULL::pg_catalog.bytea", source->rows),
					   1, &type, &id, 1) != SPI_OK_SELECT || SPI_processed == 0)
		return false;
	*image = row_value(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, BYTEAOID, &isnull);
	if (isnull)
		return false;
	*truth = row_value(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, BYTEAOID, &isnull);
	if (isnull)
		*truth = (Datum) 0;
	return true;
}

/* How the evaluation segmented. */
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

/* The mask of a picture, at the size of the small image; false: there is none to draw. */
static Status
picture_mask(const ReportJob *job, const ReportPicture *picture, const ByteView *image, const SegmentOptions *options,
			 const Image *small, Image *mask)
{
	ByteView	view;

	if (picture->model != NULL)
	{
		ModelVersion *version = store_need_version(&job->store, picture->model, &picture->version);
		Segmented	segmented;

		TRY(model_segment(&job->store, version, job->call, image, options, small->width, small->height, false,
						  &segmented));
		*mask = segmented.mask;
		return status_ok();
	}
	if (picture->mask == (Datum) 0)
		return image_create(job->call, small->width, small->height, 1, mask);
	view = bytes_view(picture->mask);
	return mask_decode(job->call, view.bytes, view.size, TURN_UPRIGHT, mask, NULL);
}

/* Decode an image and make it small, of its own shape. */
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
draw_picture(const ReportJob *job, const ReportPicture *picture, Datum image_datum, Datum truth_datum,
			 EncodedImage *jpeg)
{
	const Call *call = job->call;
	ByteView	bytes = bytes_view(image_datum);
	SegmentOptions options = segment_options(picture);
	Image		small;
	Image		mask;
	Image		truth;
	Image		drawn;

	TRY(small_image(call, &bytes, options.turn, &small));
	TRY(picture_mask(job, picture, &bytes, &options, &small, &mask));
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

void
report_pictures(ReportJob *job, ReportPicture *pictures, int count)
{
	int			hidden = 0;

	if (count == 0)
		return;
	page_pictures_begin(&job->page, pictures[0].with_truth);
	for (int i = 0; i < count; i++)
	{
		Datum		image;
		Datum		truth;
		EncodedImage jpeg;
		Status		status;

		CHECK_FOR_INTERRUPTS();
		if (!read_row(job, &pictures[i], &image, &truth))
		{
			hidden++;
			continue;
		}
		status = draw_picture(job, &pictures[i], image, truth, &jpeg);
		if (status.code != LS_OK && !broken_is_rows_fault(status) && status.code != LS_INVALID_ARGUMENT)
			check_status(job->call, status);
		if (status.code != LS_OK)
		{
			hidden++;
			continue;
		}
		page_picture(&job->page, jpeg.bytes, jpeg.size, psprintf("Image %s with outlines. %s",
																 report_utf8(pictures[i].id),
																 pictures[i].caption), pictures[i].caption);
		call_free(job->call, jpeg.bytes);
	}
	page_figures_end(&job->page);
	if (hidden > 0)
		page_nothing(&job->page, psprintf("%d more cannot be shown: their table or row is gone, has other columns "
										  "(image_column, "
										  "mask_column, id_column), cannot be decoded or may not be read by this "
										  "role.", hidden));
}
