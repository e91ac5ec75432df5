/*
 * image.c: making and freeing pixel buffers. Every image of the library is
 * made here, so that the limits of its size are checked in one place.
 */
#include "image/image.h"

#include <string.h>

#include "core/checked.h"
#include "image/codec/formats.h"

Status
image_check_size(const Call *call, int width, int height)
{
	if (width < 1 || height < 1)
		return status_with_hint(status_error(LS_INVALID_IMAGE, "the image is %d x %d pixels", width, height),
								"An image has at least one pixel in each direction.");
	if (width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX)
		return status_with_hint(status_error(LS_ABOVE_ALL_LIMITS, "the image is %d x %d pixels", width, height),
								"An image has at most %d pixels in each direction.", IMAGE_SIDE_MAX);
	if ((int64_t) width * height > call->max_pixels)
		return status_with_hint(status_error(LS_LIMIT_EXCEEDED,
											 "the image is %d x %d pixels, the limit is %lld pixels",
											 width, height, (long long) call->max_pixels),
								"Raise lesionseg.max_pixels, or store a smaller image.");
	return status_ok();
}

Status
image_allocate(const Call *call, int width, int height, int channels, Image *image)
{
	size_t		samples;
	void	   *pixels;

	memset(image, 0, sizeof *image);
	TRY(image_check_size(call, width, height));
	if (channels != 1 && channels != 3)
		return status_error(LS_INVALID_ARGUMENT, "an image has 1 or 3 channels, not %d", channels);
	if (!checked_mul((size_t) width, (size_t) height, &samples) || !checked_mul(samples, (size_t) channels, &samples))
		return status_error(LS_LIMIT_EXCEEDED, "an image of %d x %d pixels does not fit in memory",
							width, height);
	TRY(call_alloc(call, samples, &pixels));
	image->width = width;
	image->height = height;
	image->channels = channels;
	image->pixels = pixels;
	return status_ok();
}

Status
image_create(const Call *call, int width, int height, int channels, Image *image)
{
	Status		status;

	TRY(image_allocate(call, width, height, channels, image));
	status = call_clear(call, image->pixels, (size_t) width * (size_t) height * (size_t) channels);
	if (status.code != LS_OK)
		image_free(call, image);
	return status;
}

/* Bytes that are copied between two polls. */
#define CROP_BYTES (1 << 24)

Status
image_crop(const Call *call, const Image *source, int x, int y, int width, int height, Image *result)
{
	size_t		row = (size_t) width * (size_t) source->channels;
	size_t		copied = 0;

	TRY(image_allocate(call, width, height, source->channels, result));
	for (int i = 0; i < height; i++)
	{
		const uint8_t *from = source->pixels +
			((size_t) (y + i) * (size_t) source->width + (size_t) x) * (size_t) source->channels;

		memcpy(result->pixels + (size_t) i * row, from, row);
		copied += row;
		if (copied >= CROP_BYTES)
		{
			Status		status = call_poll(call);

			copied = 0;
			if (status.code != LS_OK)
			{
				image_free(call, result);
				return status;
			}
		}
	}
	return status_ok();
}

bool
image_shapes_match(int width, int height, int other_width, int other_height)
{
	int64_t		across = (int64_t) width * other_height;
	int64_t		down = (int64_t) height * other_width;
	bool		larger = (int64_t) width * height > (int64_t) other_width * other_height;
	int			longest = larger ? (width > height ? width : height) :
		(other_width > other_height ? other_width : other_height);

	/*
	 * With the larger scaled to the smaller's width, the heights differ by
	 * |across - down| / (the larger's width); with the heights made equal, the
	 * widths do so likewise.
	 */
	return (across > down ? across - down : down - across) < longest;
}

void
image_free(const Call *call, Image *image)
{
	call_free(call, image->pixels);
	memset(image, 0, sizeof *image);
}
