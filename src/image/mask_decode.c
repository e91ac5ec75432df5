/*
 * mask_decode.c: see mask_decode.h.
 *
 * Nearly every mask holds 0 and one other value, and is read in one go. For
 * other masks, transparency, palette and colours are examined; each is decoded
 * again as a plane of one channel, so that only unusual masks take longer.
 */
#include "image/mask_decode.h"

#include <string.h>

#include "image/codec/formats.h"
#include "image/mask_values.h"

#define POLL_PIXELS (1 << 20)	/* pixels between two polls */
#define INK_MAX 32				/* what is drawn no brighter than this is drawn black */

/* A mask that is being read. */
typedef struct MaskReader
{
	const Call *call;
	const void *bytes;
	size_t		size;
	DecodeRequest request;		/* how the grey plane was decoded */
	ImageInfo	info;
	Image	   *mask;			/* the grey plane, or another that tells more */
	MaskValues	values;			/* of mask */
	MaskKind	kind;
	bool		decided;		/* the values of lesion are known */
	LesionRange lesion;
} MaskReader;

/* The lowest, the lowest above 0 (255 if there is none) and the highest of all
 * values: enough for most masks. */
typedef struct ValueRange
{
	uint8_t		least;
	uint8_t		faintest;
	uint8_t		highest;
} ValueRange;

/* Widen range by the values of count pixels. */
static void
widen_range(const uint8_t *pixels, size_t count, ValueRange *range)
{
	uint8_t		least = range->least;
	uint8_t		faintest = range->faintest;
	uint8_t		highest = range->highest;

#pragma omp simd reduction(min:least, faintest) reduction(max:highest)
	for (size_t i = 0; i < count; i++)
	{
		uint8_t		value = pixels[i];
		uint8_t		above_0 = value == 0 ? 255 : value;

		least = value < least ? value : least;
		faintest = above_0 < faintest ? above_0 : faintest;
		highest = value > highest ? value : highest;
	}
	*range = (ValueRange) {least, faintest, highest};
}

/* Find the range of a mask's values. */
static Status
find_range(const Call *call, const Image *mask, ValueRange *range)
{
	size_t		pixels = (size_t) mask->width * (size_t) mask->height;

	*range = (ValueRange) {255, 255, 0};
	for (size_t done = 0; done < pixels; done += POLL_PIXELS)
	{
		TRY(call_poll(call));
		widen_range(mask->pixels + done, pixels - done < POLL_PIXELS ? pixels - done : POLL_PIXELS, range);
	}
	return status_ok();
}

/* Make count pixels 255 or 0. */
static void
binarise_pixels(uint8_t *pixels, size_t count, LesionRange lesion)
{
	uint8_t		span = (uint8_t) (lesion.to - lesion.from);

#pragma omp simd
	for (size_t i = 0; i < count; i++)
		pixels[i] = (uint8_t) (pixels[i] - lesion.from) <= span ? 255 : 0;
}

/* Make every pixel of a mask 255 or 0. */
static Status
apply_range(const Call *call, Image *mask, LesionRange lesion)
{
	size_t		pixels = (size_t) mask->width * (size_t) mask->height;

	for (size_t done = 0; done < pixels; done += POLL_PIXELS)
	{
		TRY(call_poll(call));
		binarise_pixels(mask->pixels + done, pixels - done < POLL_PIXELS ? pixels - done : POLL_PIXELS, lesion);
	}
	return status_ok();
}

/* Replace the mask by another plane and count its values. */
static Status
use_plane(MaskReader *reader, Image *plane)
{
	image_free(reader->call, reader->mask);
	*reader->mask = *plane;
	return mask_values_count(reader->call, reader->mask, &reader->values);
}

/* Decode the mask again as another plane and count its values. The caller
 * frees plane, also on failure. */
static Status
decode_plane(const MaskReader *reader, DecodeRequest request, Image *plane, MaskValues *values)
{
	TRY(decode_request(reader->call, reader->bytes, reader->size, request, plane));
	return mask_values_count(reader->call, plane, values);
}

/* Read small numbers in samples of 16 bits; scaled to 8 bits they would all
 * become 0 or 1. */
static Status
read_small_numbers(MaskReader *reader)
{
	Image		plane = {0};

	if (reader->info.bits != 16 || reader->values.highest > 1)
		return status_ok();
	reader->request.cut_wide = true;
	TRY(decode_request(reader->call, reader->bytes, reader->size, reader->request, &plane));
	return use_plane(reader, &plane);
}

/* Refuse an image that is fully transparent but has colours beneath. */
static Status
refuse_hidden(const MaskReader *reader)
{
	DecodeRequest request = reader->request;
	MaskValues	values;
	Image		plane = {0};
	Status		status;

	request.ignore_alpha = true;
	status = decode_plane(reader, request, &plane, &values);
	if (status.code == LS_OK && values.distinct > 1)
		status = mask_unclear("the mask is transparent everywhere and has %d values beneath", values.distinct);
	image_free(reader->call, &plane);
	return status;
}

/* Read black shapes on a transparent ground from alpha: blended on black, as
 * other images are, they would vanish. */
static Status
read_alpha(MaskReader *reader)
{
	DecodeRequest request = reader->request;
	MaskValues	values;
	Image		plane = {0};
	Status		status;

	if (!reader->info.alpha || reader->values.highest > INK_MAX)
		return status_ok();
	request.as = DECODE_ALPHA;
	status = decode_plane(reader, request, &plane, &values);
	if (status.code == LS_OK && values.highest == 0)
		status = refuse_hidden(reader);
	if (status.code == LS_OK && values.distinct > 1)
	{
		reader->kind = MASK_ALPHA;
		return use_plane(reader, &plane);
	}
	image_free(reader->call, &plane);
	return status;
}

/* Look for a palette with a border, as in the masks of PASCAL VOC: colour 0 is
 * skin, 1 is lesion, and 255 is left out of scores. */
static Status
read_palette(MaskReader *reader)
{
	DecodeRequest request = reader->request;
	MaskValues	values;
	Image		plane = {0};
	Status		status;

	if (!reader->info.palette || reader->values.distinct > 3)
		return status_ok();
	request.as = DECODE_INDEX;
	status = decode_plane(reader, request, &plane, &values);
	if (status.code == LS_OK && values.of[1] > 0 && values.of[255] > 0 &&
		values.of[0] + values.of[1] + values.of[255] == values.pixels)
	{
		reader->kind = MASK_BORDERED;
		reader->lesion = (LesionRange) {1, 1};
		reader->decided = true;
		return use_plane(reader, &plane);
	}
	image_free(reader->call, &plane);
	return status;
}

/* The brighter of two values. */
static inline uint8_t
brighter_of_two(uint8_t a, uint8_t b)
{
	return a > b ? a : b;
}

/* Reduce RGB to the brightest channel of each pixel. */
static Status
brightest_plane(const Call *call, const Image *rgb, Image *plane)
{
	TRY(image_allocate(call, rgb->width, rgb->height, 1, plane));
	for (int y = 0; y < rgb->height; y++)
	{
		const uint8_t *in = rgb->pixels + 3 * (size_t) y * (size_t) rgb->width;
		uint8_t    *out = plane->pixels + (size_t) y * (size_t) rgb->width;

		if (y % POLL_ROWS == 0)
			TRY(call_poll(call));
		for (int x = 0; x < rgb->width; x++, in += 3)
			out[x] = brighter_of_two(brighter_of_two(in[0], in[1]), in[2]);
	}
	return status_ok();
}

#define WITHOUT_COLOUR 7		/* one of the hues below: all three channels are lit */

/*
 * Find the hue of the pixels that are not dark: the set of channels that are
 * lit (at least 0.4 of the brightest one). Soft edges of a colour on black
 * have the same hue; more than a few pixels of another hue are a second
 * colour.
 */
static Status
find_hue(const MaskReader *reader, const Image *rgb, const Image *plane, int brightest, int *hue)
{
	int64_t		pixels[8] = {0};
	int64_t		all = 0;
	int			allowed = reader->info.format == IMAGE_FORMAT_JPEG ? 20 : 50;	/* one pixel in so many */

	*hue = WITHOUT_COLOUR;
	for (int y = 0; y < plane->height; y++)
	{
		size_t		start = (size_t) y * (size_t) plane->width;
		const uint8_t *pixel = rgb->pixels + 3 * start;

		if (y % POLL_ROWS == 0)
			TRY(call_poll(reader->call));
		for (int x = 0; x < plane->width; x++, pixel += 3)
		{
			int			lit = 2 * plane->pixels[start + (size_t) x];

			if (lit <= brightest)
				continue;
			pixels[(5 * pixel[0] >= lit) | (5 * pixel[1] >= lit) << 1 | (5 * pixel[2] >= lit) << 2]++;
			all++;
		}
	}
	for (int h = 0; h < 8; h++)
		if (pixels[h] > pixels[*hue])
			*hue = h;
	if ((all - pixels[*hue]) * allowed > all)
		return mask_unclear("a mask of several colours: which of them are lesion?");
	return status_ok();
}

/* Read one colour on black by its brightest channel: the luma of red or blue
 * is far lower. */
static Status
read_colour(MaskReader *reader)
{
	DecodeRequest request = reader->request;
	Image		rgb = {0};
	Image		plane = {0};
	MaskValues	values;
	int			hue = WITHOUT_COLOUR;
	Status		status;

	if (reader->decided || reader->kind != MASK_PLAIN || reader->info.channels < 3 ||
		mask_values_black_and_white(&reader->values))
		return status_ok();
	request.as = DECODE_RGB;
	status = decode_request(reader->call, reader->bytes, reader->size, request, &rgb);
	if (status.code == LS_OK)
		status = brightest_plane(reader->call, &rgb, &plane);
	if (status.code == LS_OK)
		status = mask_values_count(reader->call, &plane, &values);
	if (status.code == LS_OK)
		status = find_hue(reader, &rgb, &plane, values.highest, &hue);
	image_free(reader->call, &rgb);
	if (status.code == LS_OK && hue != WITHOUT_COLOUR)
	{
		reader->kind = MASK_COLOUR;
		return use_plane(reader, &plane);
	}
	image_free(reader->call, &plane);
	return status;
}

/* Interpret a mask that does not hold just 0 and one other value. */
static Status
read_unusual(MaskReader *reader)
{
	bool		lossy;

	TRY(image_info(reader->call, reader->bytes, reader->size, &reader->info));
	lossy = reader->info.format == IMAGE_FORMAT_JPEG;
	TRY(mask_values_count(reader->call, reader->mask, &reader->values));
	TRY(mask_values_refuse_photograph(&reader->values));
	TRY(read_small_numbers(reader));
	TRY(read_alpha(reader));
	TRY(read_palette(reader));
	TRY(read_colour(reader));
	if (reader->decided)
		return status_ok();
	return mask_values_lesion(&reader->values, lossy, &reader->lesion, &reader->kind);
}

const char *
mask_kind_name(MaskKind kind)
{
	static const char *const names[MASK_KINDS] = {
		[MASK_PLAIN] = "plain",
		[MASK_SOFT] = "soft",
		[MASK_FAINT] = "faint",
		[MASK_PERCENT] = "percent",
		[MASK_COLOUR] = "colour",
		[MASK_ALPHA] = "alpha",
		[MASK_BORDERED] = "bordered",
	};

	return names[kind];
}

Status
mask_decode(const Call *call, const void *bytes, size_t size, ImageTurn turn, Image *mask, MaskKind *kind)
{
	MaskReader	reader = {
		.call = call,
		.bytes = bytes,
		.size = size,
		.request = {.as = DECODE_GREY, .turn = turn, .keep_faint = true},
		.mask = mask,
		.lesion = {1, 255},
	};
	ValueRange	range;
	Status		status;

	TRY(decode_request(call, bytes, size, reader.request, mask));
	status = find_range(call, mask, &range);
	if (status.code == LS_OK && (range.least > 0 || range.faintest != range.highest || range.highest == 1))
		status = read_unusual(&reader);
	if (status.code == LS_OK)
		status = apply_range(call, mask, reader.lesion);
	if (status.code != LS_OK)
	{
		image_free(call, mask);
		return status;
	}
	if (kind != NULL)
		*kind = reader.kind;
	return status_ok();
}

Status
pair_fault(const char *half, Status status)
{
	bool		limited = status.code == LS_LIMIT_EXCEEDED || status.code == LS_ABOVE_ALL_LIMITS;
	StatusCode	code = limited ? LS_INVALID_IMAGE : status.code;

	if (code != LS_INVALID_IMAGE && code != LS_UNSUPPORTED)
		return status;
	return status_with_hint(status_error(code, "%s: %.240s", half, status.message), "%s", status.hint);
}

Status
mask_check_shape(const ImageInfo *image, ImageTurn turn, int width, int height)
{
	ImageInfo	turned = *image;
	Status		status;

	image_info_turn(&turned, turn);
	if (image_shapes_match(turned.width, turned.height, width, height))
		return status_ok();
	status = status_error(LS_INVALID_IMAGE, "the image is %d x %d pixels, its mask %d x %d",
						  turned.width, turned.height, width, height);
	if (image->orientation < 5 || !image_shapes_match(turned.height, turned.width, width, height))
		return status_with_hint(status, "A mask may differ from its image in size, not in aspect ratio.");
	if (turn == TURN_UPRIGHT)
		return status_with_hint(status,
								"The mask fits the image as it is stored, before its EXIF orientation (%d) turns it: "
								"turn the mask, or set options => '{\"orientation\": \"as_stored\"}'.",
								image->orientation);
	return status_with_hint(status,
							"The mask fits the image as its EXIF orientation (%d) turns it: leave out the option "
							"\"orientation\".", image->orientation);
}
