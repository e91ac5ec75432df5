/*
 * looks.c: see looks.h.
 */
#include "postgres.h"

#include <math.h>

#include "infer/hint.h"
#include "infer/refine.h"
#include "pg/base/error.h"
#include "pg/segment/looks/look_image.h"
#include "pg/segment/looks/looks.h"
#include "pg/segment/model_cache.h"

/*
 * Much noise is lost when the image is reduced and needs no mending, and the
 * rest costs a few milliseconds whatever the size of the photograph. Training
 * does the same (dataset.c).
 */
Status
model_enhance(const ModelVersion *version, const Call *call, const Image *image, EnhanceMode mode, Image *input)
{
	Status		status;

	TRY(image_resize(call, image, version->traits.image_size, version->traits.image_size, input));
	status = enhance_by_mode(call, mode, input);
	if (status.code != LS_OK)
		image_free(call, input);
	return status;
}

/* Predict an image, enhanced as the options say. */
static Status
predict_enhanced(const ModelStore *store, const ModelVersion *version, const Call *call, const Image *image,
				 const SegmentOptions *options, ProbabilityMap *map)
{
	EnhanceMode mode = options->as_trained ? version->traits.enhance : options->enhance;
	Image		input;
	Status		status;

	if (mode == ENHANCE_MODE_OFF)
		return model_cache_run(store, version, call, image, options->tta, options->threshold, map);
	TRY(model_enhance(version, call, image, mode, &input));
	status = model_cache_run(store, version, call, &input, options->tta, options->threshold, map);
	image_free(call, &input);
	return status;
}

/* The image from which a network of that size is given its own. */
static const Image *
input_image(const SegmentInput *input, int size)
{
	for (int i = 0; i < input->reduced_count; i++)
		if (input->reduced[i].width == size)
			return &input->reduced[i];
	return input->image;
}

Status
look_predict(const ModelStore *store, ModelVersion *const *versions, int count, const Call *call,
			 const SegmentInput *input, const SegmentOptions *options, ProbabilityMap *maps)
{
	for (int i = 0; i < count; i++)
		TRY(predict_enhanced(store, versions[i], call, input_image(input, versions[i]->traits.image_size), options,
							 &maps[i]));
	return status_ok();
}

/* The size of an image's file, or of the image where there is none. */
static Status
own_size(const Call *call, const SegmentInput *input, ImageTurn turn, int *width, int *height)
{
	ImageInfo	info = {.width = input->image->width,.height = input->image->height};

	if (input->bytes != NULL)
	{
		TRY(image_info(call, input->bytes->bytes, input->bytes->size, &info));
		image_info_turn(&info, turn);
	}
	*width = info.width;
	*height = info.height;
	return status_ok();
}

/* Cut a window out of an image at its own resolution. What was decoded smaller is decoded again. */
static Status
cut_window(const Call *call, const SegmentInput *input, ImageTurn turn, int width, int height, const Window *window,
		   Image *cut)
{
	const ByteView *bytes = input->bytes;
	Image		whole;
	Status		status;

	if (input->image->width == width && input->image->height == height)
		return image_crop(call, input->image, window->x, window->y, window->width, window->height, cut);
	TRY(image_decode_at_least(call, bytes->bytes, bytes->size, DECODE_RGB, turn, width, height, &whole));
	status = image_crop(call, &whole, window->x, window->y, window->width, window->height, cut);
	image_free(call, &whole);
	return status;
}

/* Look at a window of an image. Its reductions say nothing of its own resolution: the window is reduced
 * while the file is decoded again. */
static Status
look_nearer(const ModelStore *store, const Call *call, const SegmentInput *input, const SegmentOptions *options,
			Looks *looks)
{
	const SecondLook *second = &looks->second;
	const Window *window = &second->window;
	LookImage	reduced = {0};
	SegmentInput nearer;
	Image		cut = {0};
	Status		status;

	if (input->reduced_count > 0)
	{
		status = look_image_decode_window(looks->networks, looks->count, call, input->bytes, options->turn, window,
										  &reduced);
		nearer = look_image_input(&reduced, input->bytes);
	}
	else
	{
		status = cut_window(call, input, options->turn, second->image_width, second->image_height, window, &cut);
		nearer = (SegmentInput) {.image = &cut};
	}
	if (status.code == LS_OK)
		status = look_predict(store, looks->networks, looks->count, call, &nearer, options, looks->nearer);
	image_free(call, &cut);
	look_image_free(call, &reduced);
	return status;
}

/* Look at a person's box. */
static Status
look_into_box(const ModelStore *store, const Call *call, const SegmentInput *input, const SegmentOptions *options,
			  int width, int height, Looks *looks)
{
	const Window *box = &options->box;
	Window		window;

	TRY(hint_check_box(box, width, height));
	looks->boxed = true;
	window = hint_window(box, width, height);
	looks->second = hint_look(looks->nearer, box, &window, width, height);
	TRY(look_nearer(store, call, input, options, looks));
	for (int i = 0; i < looks->count; i++)
		TRY(hint_fit_box(call, box, &window, options->threshold, &looks->nearer[i]));
	return status_ok();
}

/* Look at the lesion that was found, if that is worth it. */
static Status
look_again(const ModelStore *store, const ModelVersion *version, const Call *call, const SegmentInput *input,
		   const SegmentOptions *options, int width, int height, Looks *looks)
{
	Window		window;

	TRY(refine_window(call, looks->frame, looks->weights, looks->count, options->threshold, version->traits.image_size,
					  width, height, &window, &looks->twice));
	if (!looks->twice)
		return status_ok();
	looks->second = refine_second_look(looks->nearer, window, width, height);
	return look_nearer(store, call, input, options, looks);
}

/* The same as looks_take, but a cancel is a Status like others. */
static Status
take_looks(const ModelStore *store, const ModelVersion *version, const Call *call, const SegmentInput *input,
		   const SegmentOptions *options, Looks *looks)
{
	static const double alone = 1;
	bool		ensemble = version->member_count > 0;
	int			width;
	int			height;

	looks->self = unconstify(ModelVersion *, version);
	looks->networks = ensemble ? version->members : &looks->self;
	looks->count = ensemble ? version->member_count : 1;
	looks->weights = ensemble ? version->weights : &alone;
	TRY(own_size(call, input, options->turn, &width, &height));
	looks->points = (PointHints) {&options->inside, &options->outside, width, height, false};
	TRY(points_check(&looks->points));
	if (options->box.width > 0)
		return look_into_box(store, call, input, options, width, height, looks);
	TRY(look_predict(store, looks->networks, looks->count, call, input, options, looks->frame));
	return options->refine ? look_again(store, version, call, input, options, width, height, looks) : status_ok();
}

Status
looks_take(const ModelStore *store, const ModelVersion *version, const Call *call, const SegmentInput *input,
		   const SegmentOptions *options, Looks *looks)
{
	return check_cancel(call, take_looks(store, version, call, input, options, looks));
}

void
looks_free(Looks *looks, const Call *call)
{
	for (int i = 0; i < looks->count; i++)
	{
		probability_map_free(call, &looks->frame[i]);
		probability_map_free(call, &looks->nearer[i]);
	}
}

double
looks_disagreement(const Looks *looks)
{
	double		frame = 0;
	double		nearer = 0;

	for (int i = 0; i < looks->count; i++)
	{
		frame += looks->weights[i] * looks->frame[i].disagreement;
		nearer += looks->weights[i] * looks->nearer[i].disagreement;
	}
	return fmax(frame, nearer);
}
