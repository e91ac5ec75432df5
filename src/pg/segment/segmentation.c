/*
 * segmentation.c: see segmentation.h.
 */
#include "postgres.h"

#include "core/threads.h"
#include "enhance/quality/quality.h"
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

/* Measure how good a photograph is, on its pixels as they are and upright. So
 * a JPEG that was decoded smaller, or an image that was read as stored, is
 * decoded again. */
static Status
measure_quality(const Call *call, const ByteView *bytes, const ImageInfo *info, ImageTurn turn, const Image *decoded,
				double *score)
{
	bool		whole = decoded->width == info->width && decoded->height == info->height &&
		(turn == TURN_UPRIGHT || info->orientation == 1);
	Image		image;
	Quality		quality;
	Status		status;

	if (whole)
		status = quality_measure(call, decoded, &quality);
	else
	{
		TRY(image_decode(call, bytes->bytes, bytes->size, DECODE_RGB, &image));
		status = quality_measure(call, &image, &quality);
		image_free(call, &image);
	}
	TRY(status);
	*score = quality.score;
	return status_ok();
}

/* An image before a network sees it. */
typedef struct Prepared
{
	int			width;			/* of the mask */
	int			height;
	Image		image;
	double		quality;
} Prepared;

/* Decode an image and measure it. On any thread. */
static Status
prepare(const ModelVersion *version, const Call *call, const ByteView *bytes, const SegmentOptions *options,
		Prepared *prepared)
{
	ImageInfo	info;
	ImageInfo	turned;

	memset(prepared, 0, sizeof *prepared);
	TRY(image_info(call, bytes->bytes, bytes->size, &info));
	turned = info;
	image_info_turn(&turned, options->turn);
	prepared->width = turned.width;
	prepared->height = turned.height;
	TRY(model_decode(version, call, bytes, options->turn, &prepared->image));
	return measure_quality(call, bytes, &info, options->turn, &prepared->image, &prepared->quality);
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
	Looks		looks = {0};
	Status		status = prepare(version, call, bytes, options, &prepared);

	if (status.code == LS_OK)
		status = looks_take(store, version, call, &(SegmentInput) {&prepared.image, bytes}, options, &looks);
	if (status.code == LS_OK)
		status = finish(version, call, &prepared, options, &looks, result);
	image_free(call, &prepared.image);
	looks_free(&looks, call);
	if (status.code == LS_CANCELLED || status.code == LS_HOST_ERROR)
		check_status(call, status);
	return status;
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

		if (item->status.code == LS_OK)
			item->status = looks_take(store, group->version, call,
									  &(SegmentInput) {&group->prepared[i].image, &item->bytes}, group->options,
									  &group->looks[i]);
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
			image_free(&group.on_thread, &group.prepared[i].image);
			call_free(&group.on_thread, group.masks[i].bytes);
			looks_free(&group.looks[i], call);
		}
	}
	PG_END_TRY();
}
