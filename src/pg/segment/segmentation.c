/*
 * segmentation.c: see segmentation.h.
 */
#include "postgres.h"

#include "core/threads.h"
#include "enhance/quality/quality_rows.h"
#include "pg/base/error.h"
#include "pg/segment/looks/looks.h"
#include "pg/segment/segmentation.h"

/* The largest image of a group: all of them are in memory at once. */
#define SMALL_PIXELS (1600 * 1024)

/* A pixel is uncertain where its probability, in 8 bits, lies strictly between
 * these: 0.25 and 0.75 of 255. */
#define UNCERTAIN_ABOVE 63.75
#define UNCERTAIN_BELOW 191.25

/* Mean of |2p - 1| over a map of 255 p, and the share of uncertain pixels. */
static void
measure_certainty(const Image *map, double *confidence, double *uncertain)
{
	size_t		pixels = (size_t) map->width * map->height;
	int64		histogram[256] = {0};
	int64		distance = 0;
	int64		between = 0;

	for (size_t i = 0; i < pixels; i++)
		histogram[map->pixels[i]]++;
	for (int value = 0; value < 256; value++)
	{
		distance += histogram[value] * abs(2 * value - 255);
		if (value > UNCERTAIN_ABOVE && value < UNCERTAIN_BELOW)
			between += histogram[value];
	}
	*confidence = distance / 255.0 / pixels;
	*uncertain = (double) between / pixels;
}

/* Who measures how good a photograph is, on its pixels as they are and upright, from the rows that a network is
 * given, if they are those. */
typedef struct QualityWatch
{
	const Call *call;
	int			width;			/* of the photograph */
	int			height;
	bool		grey;			/* it has no colours */
	bool		shown;			/* the rows are those */
	QualityRows rows;
} QualityWatch;

static Status
watch_begin(void *user, int width, int height)
{
	QualityWatch *watch = user;

	watch->shown = width == watch->width && height == watch->height;
	return watch->shown ? quality_rows_begin(&watch->rows, watch->call, width, height, watch->grey) :
		status_ok();
}

static Status
watch_row(void *user, const uint8_t *pixels)
{
	QualityWatch *watch = user;

	if (watch->shown)
		quality_rows_take(&watch->rows, pixels);
	return status_ok();
}

/* An image before a network sees it. */
typedef struct Prepared
{
	int			width;			/* of the mask */
	int			height;
	LookImage	image;
	double		quality;
} Prepared;

/* Decode an image and measure it. Where the network's pixels are not those of the photograph, upright and at its
 * full size, it is decoded again. */
static Status
decode_and_measure(const ModelVersion *version, const Call *call, const ByteView *bytes, const SegmentOptions *options,
				   const ImageInfo *info, QualityWatch *watch, Prepared *prepared)
{
	const RowSink sink = {watch_begin, watch_row, watch};
	bool		upright = options->turn == TURN_UPRIGHT || info->orientation == 1;
	const Image *whole = &prepared->image.whole;
	bool		held;			/* the photograph is in memory */
	Quality		quality;

	TRY(model_decode_looks(version, call, bytes, options, upright ? &sink : NULL, &prepared->image));
	held = upright && whole->width == info->width && whole->height == info->height;
	if (held && !watch->grey)
		TRY(quality_measure(call, whole, &quality));
	else
	{
		if (held)
			TRY(image_give_rows(call, whole, &sink));
		else if (!watch->shown)
			TRY(image_decode_rows(call, bytes->bytes, bytes->size, DECODE_RGB, TURN_UPRIGHT, 0, 0, &sink));
		if (!watch->shown)
			return status_error(LS_INTERNAL, "the image has not the size that its header says");
		TRY(quality_rows_measure(&watch->rows, &quality));
	}
	prepared->quality = quality.score;
	return status_ok();
}

/* The same, with the size of the mask. On any thread. */
static Status
prepare(const ModelVersion *version, const Call *call, const ByteView *bytes, const SegmentOptions *options,
		Prepared *prepared)
{
	QualityWatch watch = {.call = call};
	ImageInfo	info;
	ImageInfo	turned;
	Status		status;

	memset(prepared, 0, sizeof *prepared);
	TRY(image_info(call, bytes->bytes, bytes->size, &info));
	turned = info;
	image_info_turn(&turned, options->turn);
	prepared->width = turned.width;
	prepared->height = turned.height;
	watch.width = info.width;
	watch.height = info.height;
	watch.grey = info.channels < 3;
	status = decode_and_measure(version, call, bytes, options, &info, &watch, prepared);
	quality_rows_free(&watch.rows);
	return status;
}

/* Make the mask of looks and measure it. On any thread. */
static Status
finish(const ModelVersion *version, const Call *call, const Prepared *prepared, const SegmentOptions *options,
	   const Looks *looks, Segmentation *result)
{
	const Image *mask = &result->segmented.mask;

	TRY(model_mask(version, call, looks, options, prepared->width, prepared->height, true, &result->segmented));
	TRY(lesion_shape(call, mask, &result->shape));
	measure_certainty(&result->segmented.probabilities, &result->confidence, &result->uncertain);
	result->area = (double) result->shape.area / ((double) mask->width * mask->height);
	result->needs_review = result->segmented.predicted_dice < version->traits.review_below;
	result->quality = prepared->quality;
	return status_ok();
}

Status
segmentation_make(const ModelStore *store, const ModelVersion *version, const Call *call, const ByteView *bytes,
				  const SegmentOptions *options, Segmentation *result)
{
	Prepared	prepared;
	SegmentInput input;
	Looks		looks = {0};
	Status		status = prepare(version, call, bytes, options, &prepared);

	input = look_image_input(&prepared.image, bytes);
	if (status.code == LS_OK)
		status = looks_take(store, version, call, &input, options, &looks);
	if (status.code == LS_OK)
		status = finish(version, call, &prepared, options, &looks, result);
	look_image_free(call, &prepared.image);
	looks_free(&looks, call);
	return check_cancel(call, status);
}

void
segmentation_make_item(const ModelStore *store, const ModelVersion *version, const Call *call,
					   const SegmentOptions *options, SegmentationItem *item)
{
	item->status = segmentation_make(store, version, call, &item->bytes, options, &item->made);
	if (item->status.code == LS_OK)
		item->png = image_png(call, &item->made.segmented.mask);
}

/* ---- a group of images ---- */

typedef struct Group
{
	const ModelVersion *version;
	const SegmentOptions *options;
	Call		on_thread;
	SegmentationItem *items;
	Prepared   *prepared;		/* of each item; pixels are memory of on_thread */
	Looks	   *looks;			/* at each item; maps are memory of the main thread's call */
	EncodedImage *masks;		/* memory of on_thread */
} Group;

/* On each thread: items before the network. */
static void
prepare_items(void *data, int worker, long begin, long end)
{
	Group	   *group = data;

	(void) worker;
	for (long i = begin; i < end; i++)
		group->items[i].status = prepare(group->version, &group->on_thread, &group->items[i].bytes, group->options,
										 &group->prepared[i]);
}

/* Make the mask of an item and encode it. */
static Status
finish_item(const Group *group, long i)
{
	Segmentation *made = &group->items[i].made;
	Status		status = finish(group->version, &group->on_thread, &group->prepared[i], group->options,
								&group->looks[i], made);

	if (status.code == LS_OK)
		status = png_encode(&group->on_thread, &made->segmented.mask, &group->masks[i]);
	image_free(&group->on_thread, &made->segmented.mask);
	image_free(&group->on_thread, &made->segmented.probabilities);
	return status;
}

/* On each thread: items after the network. */
static void
finish_items(void *data, int worker, long begin, long end)
{
	const Group *group = data;

	(void) worker;
	for (long i = begin; i < end; i++)
		if (group->items[i].status.code == LS_OK)
			group->items[i].status = finish_item(group, i);
}

/* Run a step for each item on a thread, and see to signals that came meanwhile: one may end the statement. */
static void
run_step(const Call *call, Group *group, int count, ThreadsTask step)
{
	threads_run(call->threads, count, step, group);
	check_status(call, call_poll(call));
}

/* Segment the items of a group; raises. An item that a signal stopped which ended nothing is made again, alone. */
static void
make_items(const ModelStore *store, const Call *call, Group *group, int count)
{
	run_step(call, group, count, prepare_items);
	for (int i = 0; i < count; i++)
	{
		SegmentationItem *item = &group->items[i];
		SegmentInput input = look_image_input(&group->prepared[i].image, &item->bytes);

		if (item->status.code == LS_OK)
			item->status = looks_take(store, group->version, call, &input, group->options, &group->looks[i]);
	}
	run_step(call, group, count, finish_items);
	for (int i = 0; i < count; i++)
	{
		SegmentationItem *item = &group->items[i];

		if (item->status.code == LS_CANCELLED)
			segmentation_make_item(store, group->version, call, group->options, item);
		else if (item->status.code == LS_OK)
			item->png = bytes_datum(group->masks[i].bytes, group->masks[i].size);
	}
}

bool
segmentation_is_small(const Call *call, const ByteView *bytes)
{
	ImageInfo	info;
	Status		status = image_info(call, bytes->bytes, bytes->size, &info);

	return status.code == LS_OK && (int64) info.width * info.height <= SMALL_PIXELS;
}

void
segmentation_make_group(const ModelStore *store, const ModelVersion *version, const Call *call,
						const SegmentOptions *options, SegmentationItem *items, int count)
{
	Group		group = {
		.version = version,
		.options = options,
		.on_thread = call_on_thread(call),
		.items = items,
		.prepared = palloc0_array(Prepared, count),
		.looks = palloc0_array(Looks, count),
		.masks = palloc0_array(EncodedImage, count),
	};

	group.on_thread.poll = threads_signalled;
	PG_TRY();
	{
		make_items(store, call, &group, count);
	}
	PG_FINALLY();
	{
		for (int i = 0; i < count; i++)
		{
			look_image_free(&group.on_thread, &group.prepared[i].image);
			call_free(&group.on_thread, group.masks[i].bytes);
			looks_free(&group.looks[i], call);
		}
	}
	PG_END_TRY();
}
