/*
 * codec.c: recognise a format, call its codec, and turn the image upright by
 * its EXIF orientation.
 */
#include "image/codec/codec.h"

#include <string.h>

#include "image/codec/foreign.h"
#include "image/codec/formats.h"
#include "image/codec/turn.h"

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
	{IMAGE_FORMAT_PNG, is_png, png_header, png_decode, .by_rows = true},
	{IMAGE_FORMAT_JPEG, is_jpeg, jpeg_header, jpeg_decode, .by_rows = true},
	{IMAGE_FORMAT_BMP, is_bmp, bmp_header, bmp_decode, .by_rows = true},
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

/* Find a file's codec and orientation, and turn the size that is enough the way the
 * file is stored. */
static Status
prepare_request(const Call *call, const void *bytes, size_t size, DecodeRequest *request, const ImageCodec **codec,
				int *orientation)
{
	Exif		exif = {.orientation = 1};

	TRY(find_codec(call, bytes, size, codec));
	if (request->turn == TURN_UPRIGHT)
		TRY(exif_read(call, (*codec)->format, bytes, size, &exif));
	if (orientation_transposes(exif.orientation))
		exchange_ints(&request->width, &request->height);
	*orientation = exif.orientation;
	return status_ok();
}

Status
decode_request(const Call *call, const void *bytes, size_t size, DecodeRequest request, Image *image)
{
	const ImageCodec *codec;
	int			orientation;
	Status		status;

	memset(image, 0, sizeof *image);
	TRY(prepare_request(call, bytes, size, &request, &codec, &orientation));
	status = codec->decode(call, bytes, size, &request, image);
	if (status.code == LS_OK)
		status = turn_upright(call, image, orientation);
	if (status.code != LS_OK)
		image_free(call, image);
	return status;
}

/* Give the rows of a decoded image, turned upright. */
static Status
give_rows(const Call *call, const Image *image, int orientation, const RowSink *sink)
{
	TurnedView	view = turned_view(image, orientation);
	Status		status = sink->begin(sink->user, view.width, view.height);
	void	   *row = NULL;

	if (status.code == LS_OK)
		status = call_alloc_array(call, (size_t) view.width, (size_t) image->channels, &row);
	for (int y = 0; status.code == LS_OK && y < view.height; y++)
	{
		turned_row(&view, y, row);
		status = sink->row(sink->user, row);
		if (status.code == LS_OK && y % POLL_ROWS == 0)
			status = call_poll(call);
	}
	call_free(call, row);
	return status;
}

Status
image_give_rows(const Call *call, const Image *image, const RowSink *sink)
{
	return give_rows(call, image, 1, sink);
}

Status
image_decode_rows(const Call *call, const void *bytes, size_t size, DecodeAs as, ImageTurn turn, int width, int height,
				  const RowSink *sink)
{
	DecodeRequest request = {.as = as, .turn = turn, .width = width, .height = height};
	const ImageCodec *codec;
	int			orientation;
	Image		image = {0};
	Status		status;

	TRY(prepare_request(call, bytes, size, &request, &codec, &orientation));
	if (codec->by_rows && orientation == 1)
		request.rows = sink;
	status = codec->decode(call, bytes, size, &request, &image);
	if (status.code == LS_OK && request.rows == NULL)
		status = give_rows(call, &image, orientation, sink);
	image_free(call, &image);
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
