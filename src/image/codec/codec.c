/*
 * codec.c: recognise a format, call its codec, and turn the image upright by
 * its EXIF orientation.
 */
#include "image/codec/codec.h"

#include <string.h>

#include "image/codec/foreign.h"
#include "image/codec/formats.h"

/* Do the bytes start with this signature? */
static bool
starts_with(const uint8_t *bytes, size_t size, const char *signature, size_t signature_size)
{
	return size >= signature_size && memcmp(bytes, signature, signature_size) == 0;
}

static bool
is_png(const uint8_t *bytes, size_t size)
{
	return starts_with(bytes, size, "\x89PNG\r\n\x1a\n", 8);
}

static bool
is_jpeg(const uint8_t *bytes, size_t size)
{
	return starts_with(bytes, size, "\xFF\xD8\xFF", 3);
}

static bool
is_bmp(const uint8_t *bytes, size_t size)
{
	return starts_with(bytes, size, "BM", 2);
}

static const ImageCodec codecs[] = {
	{IMAGE_FORMAT_PNG, is_png, png_header, png_decode},
	{IMAGE_FORMAT_JPEG, is_jpeg, jpeg_header, jpeg_decode},
	{IMAGE_FORMAT_BMP, is_bmp, bmp_header, bmp_decode},
};

#define CODECS ((int) (sizeof codecs / sizeof codecs[0]))

const char *
image_format_name(ImageFormat format)
{
	static const char *const names[] = {
		[IMAGE_FORMAT_PNG] = "png",
		[IMAGE_FORMAT_JPEG] = "jpeg",
		[IMAGE_FORMAT_BMP] = "bmp",
		[IMAGE_FORMAT_DICOM] = "dicom",
	};

	return names[format];
}

#define LEAST_WORK 10000

/* The work of a pixel. Each kind takes less for what it counts, in the worst
 * files that we made. */
static int
pixel_work(const ImageInfo *info)
{
	int			samples = info->channels * (info->bits > 8 ? 2 : 1);

	switch (info->format)
	{
		case IMAGE_FORMAT_JPEG:
			return 16 * samples;
		case IMAGE_FORMAT_DICOM:
			return 64 * samples;
		default:
			return samples == 1 ? 1 : 4 * samples;
	}
}

int64_t
image_work(const ImageInfo *info, size_t size)
{
	int64_t		work = (int64_t) info->width * info->height * pixel_work(info);

	if (work < (int64_t) size)
		work = (int64_t) size;
	return work < LEAST_WORK ? LEAST_WORK : work;
}

Status
format_truncated(const char *format, size_t size)
{
	return status_with_hint(status_error(LS_INVALID_IMAGE, "the %s image is truncated: it ends after %zu bytes",
										 format, size),
							"Store a complete copy of the file.");
}

Status
format_broken(const char *format, const char *reason)
{
	return status_with_hint(status_error(LS_INVALID_IMAGE, "the %s image is broken: %s", format, reason),
							"Store an intact copy of the file.");
}

Status
format_unsupported(const char *format, const char *feature)
{
	return status_with_hint(status_error(LS_UNSUPPORTED, "the %s image uses %s", format, feature),
							"Convert it to an 8-bit RGB PNG or JPEG.");
}

/* Find the codec for these bytes: one of ours, else the call's. */
static Status
find_codec(const Call *call, const uint8_t *bytes, size_t size, const ImageCodec **codec)
{
	for (int i = 0; i < CODECS; i++)
	{
		if (codecs[i].recognise(bytes, size))
		{
			*codec = &codecs[i];
			return status_ok();
		}
	}
	if (call->codec != NULL && call->codec->recognise(bytes, size))
	{
		*codec = call->codec;
		return status_ok();
	}
	return foreign_refuse(bytes, size);
}

/* Does this EXIF orientation exchange width and height? */
static bool
orientation_transposes(int orientation)
{
	return orientation >= 5;
}

/* Exchange two numbers. */
static void
exchange_ints(int *a, int *b)
{
	int			kept = *a;

	*a = *b;
	*b = kept;
}

Status
image_info(const Call *call, const void *bytes, size_t size, ImageInfo *info)
{
	const ImageCodec *codec;
	Exif		exif;

	memset(info, 0, sizeof *info);
	TRY(find_codec(call, bytes, size, &codec));
	info->format = codec->format;
	TRY(codec->header(call, bytes, size, info));
	TRY(exif_read(call, codec->format, bytes, size, &exif));
	info->orientation = exif.orientation;
	info->exif_unread = exif.unread;
	if (orientation_transposes(exif.orientation))
		exchange_ints(&info->width, &info->height);
	return status_ok();
}

void
image_info_turn(ImageInfo *info, ImageTurn turn)
{
	if (turn == TURN_AS_STORED && orientation_transposes(info->orientation))
		exchange_ints(&info->width, &info->height);
}

const char *const image_turn_names[] = {
	[TURN_UPRIGHT] = "upright",
	[TURN_AS_STORED] = "as_stored",
	NULL,
};

/*
 * Turn an image upright by its EXIF orientation.
 *
 * A row of the result is a row or a column of the stored image, read forwards
 * or backwards: the orientation's three properties give its start and the step
 * to the next pixel.
 */
static Status
turn_upright(const Call *call, Image *image, int orientation)
{
	bool		transpose = orientation_transposes(orientation);
	bool		from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
	bool		from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
	ptrdiff_t	step_x = from_right ? -1 : 1;	/* in stored pixels */
	ptrdiff_t	step_y = from_bottom ? -image->width : image->width;
	ptrdiff_t	origin = (from_right ? image->width - 1 : 0) +
		(from_bottom ? (ptrdiff_t) (image->height - 1) * image->width : 0);
	ptrdiff_t	along = transpose ? step_y : step_x;
	ptrdiff_t	down = transpose ? step_x : step_y;
	int			channels = image->channels;
	Image		turned;

	if (orientation == 1)
		return status_ok();
	TRY(image_create(call, transpose ? image->height : image->width,
					 transpose ? image->width : image->height, channels, &turned));
	for (int y = 0; y < turned.height; y++)
	{
		const uint8_t *in = image->pixels + (origin + y * down) * channels;
		uint8_t    *out = turned.pixels + (size_t) y * (size_t) turned.width * (size_t) channels;
		Status		status = y % POLL_ROWS == 0 ? call_poll(call) : status_ok();

		if (status.code != LS_OK)
		{
			image_free(call, &turned);
			return status;
		}
		for (int x = 0; x < turned.width; x++)
		{
			for (int c = 0; c < channels; c++)
				out[c] = in[c];
			in += along * channels;
			out += channels;
		}
	}
	image_free(call, image);
	*image = turned;
	return status_ok();
}

Status
decode_request(const Call *call, const void *bytes, size_t size, DecodeRequest request, Image *image)
{
	const ImageCodec *codec;
	Exif		exif = {.orientation = 1};
	Status		status;

	memset(image, 0, sizeof *image);
	TRY(find_codec(call, bytes, size, &codec));
	if (request.turn == TURN_UPRIGHT)
		TRY(exif_read(call, codec->format, bytes, size, &exif));
	if (orientation_transposes(exif.orientation))
		exchange_ints(&request.width, &request.height);
	status = codec->decode(call, bytes, size, &request, image);
	if (status.code == LS_OK)
		status = turn_upright(call, image, exif.orientation);
	if (status.code != LS_OK)
		image_free(call, image);
	return status;
}

Status
image_decode(const Call *call, const void *bytes, size_t size, DecodeAs as, Image *image)
{
	DecodeRequest request = {.as = as};

	return decode_request(call, bytes, size, request, image);
}

Status
image_decode_at_least(const Call *call, const void *bytes, size_t size, DecodeAs as, ImageTurn turn,
					  int width, int height, Image *image)
{
	DecodeRequest request = {.as = as, .turn = turn, .width = width, .height = height};

	memset(image, 0, sizeof *image);
	if (width < 1 || height < 1)
		return status_error(LS_INVALID_ARGUMENT, "the size asked for is %d x %d pixels", width, height);
	return decode_request(call, bytes, size, request, image);
}
