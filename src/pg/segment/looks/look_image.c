/*
 * look_image.c: see look_image.h.
 */
#include "postgres.h"

#include "image/reduce.h"
#include "pg/segment/looks/look_image.h"

/* The sizes of networks, each once; returns how many. */
static int
distinct_sizes(ModelVersion *const *networks, int count, int *sizes)
{
	int			found = 0;

	for (int i = 0; i < count; i++)
	{
		int			known = 0;

		while (known < found && sizes[known] != networks[i]->traits.image_size)
			known++;
		sizes[known] = networks[i]->traits.image_size;
		if (known == found)
			found++;
	}
	return found;
}

/* Do the options take the whole image? A JPEG is decoded at a scale of its own for
 * the first look, so a second look decodes it again anyway. */
static bool
needs_whole(const SegmentOptions *options, ImageFormat format)
{
	bool		near = options->refine || options->box.width > 0;

	return options->tta || (near && format != IMAGE_FORMAT_JPEG);
}

Status
look_image_decode(ModelVersion *const *networks, int count, const Call *call, const ByteView *bytes,
				  const SegmentOptions *options, const RowSink *also, LookImage *image)
{
	int			sizes[ENSEMBLE_MAX_MEMBERS];
	int			distinct = distinct_sizes(networks, count, sizes);
	int			largest = 0;
	ImageInfo	info;

	TRY(image_info(call, bytes->bytes, bytes->size, &info));
	if (!needs_whole(options, info.format))
	{
		TRY(image_decode_reduced(call, bytes->bytes, bytes->size, options->turn, NULL, sizes, distinct, also,
								 image->reduced));
		image->reduced_count = distinct;
		return status_ok();
	}
	for (int i = 0; i < distinct; i++)
		largest = Max(largest, sizes[i]);
	return image_decode_at_least(call, bytes->bytes, bytes->size, DECODE_RGB, options->turn, largest, largest,
								 &image->whole);
}

Status
look_image_decode_window(ModelVersion *const *networks, int count, const Call *call, const ByteView *bytes,
						 ImageTurn turn, const Window *window, LookImage *image)
{
	const ImagePart part = {window->x, window->y, window->width, window->height};
	int			sizes[ENSEMBLE_MAX_MEMBERS];
	int			distinct = distinct_sizes(networks, count, sizes);

	TRY(image_decode_reduced(call, bytes->bytes, bytes->size, turn, &part, sizes, distinct, NULL, image->reduced));
	image->reduced_count = distinct;
	return status_ok();
}

void
look_image_free(const Call *call, LookImage *image)
{
	image_free(call, &image->whole);
	for (int i = 0; i < image->reduced_count; i++)
		image_free(call, &image->reduced[i]);
	image->reduced_count = 0;
}

SegmentInput
look_image_input(const LookImage *image, const ByteView *bytes)
{
	return (SegmentInput) {
		.image = &image->whole,
		.bytes = bytes,
		.reduced = image->reduced,
		.reduced_count = image->reduced_count,
	};
}
