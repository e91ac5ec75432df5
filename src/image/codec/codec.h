/*
 * codec.h: from bytes to pixels and back. One file per format behind it.
 */
#ifndef LESIONSEG_IMAGE_CODEC_H
#define LESIONSEG_IMAGE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

typedef enum ImageFormat
{
	IMAGE_FORMAT_PNG,
	IMAGE_FORMAT_JPEG,
	IMAGE_FORMAT_BMP,
	IMAGE_FORMAT_DICOM			/* if the call has a codec for it */
} ImageFormat;

/* The contents of the header. Width and height are those of the upright image,
 * after EXIF orientation (of a JPEG, or of a PNG's eXIf chunk). */
typedef struct ImageInfo
{
	ImageFormat format;
	int			width;
	int			height;
	/* As stored: 1, 2 (grey + alpha), 3 or 4. A palette counts as 3 or 4; a
	 * BMP's grey palette as 1, because BMP has no other grey. */
	int			channels;
	int			bits;			/* per channel (of a palette: per index) as stored: 1, 2, 4, 8, 16;
								 * of a 16- or 32-bit BMP as many as green has */
	int			orientation;	/* EXIF, 1..8; 1 when there is none */
	bool		exif_unread;	/* the bytes end where an orientation might still come */
	bool		alpha;			/* pixels may be transparent */
	bool		palette;		/* pixels are numbers of colours; not in a BMP whose colours are all grey */
} ImageInfo;

typedef enum DecodeAs
{
	DECODE_RGB,					/* 3 channels; alpha blended on black */
	DECODE_GREY,				/* 1 channel; luma of colour images; palette indices resolved */
	DECODE_ALPHA,				/* 1 channel: how opaque, 255 where nothing says so */
	DECODE_INDEX				/* 1 channel: the number of the colour, of images with a palette alone */
} DecodeAs;

/* Which way up. */
typedef enum ImageTurn
{
	TURN_UPRIGHT,				/* as a viewer shows it, turned by the EXIF orientation */
	TURN_AS_STORED
} ImageTurn;

/* "upright" and "as_stored", in the enum's order, and NULL. */
extern const char *const image_turn_names[];

/* "png", "jpeg", "bmp" or "dicom". */
const char *image_format_name(ImageFormat format);

/* Exchange width and height if the image lies on its side and `turn` asks for
 * the stored way. */
void		image_info_turn(ImageInfo *info, ImageTurn turn);

/*
 * Read the header alone. LS_INVALID_IMAGE for bytes that are none of the
 * formats. Does not check max_pixels. A PNG is needed in whole, because its
 * orientation may be behind the pixels; exif_unread is set if it may be.
 */
Status		image_info(const Call *call, const void *bytes, size_t size, ImageInfo *info);

/*
 * How much work it is to decode an image of that header and so many bytes: the
 * pixels of a grey PNG of 8 bits that takes as long, 3 to 12 ns each. At least
 * 10,000, which is what a call takes.
 */
int64_t		image_work(const ImageInfo *info, size_t size);

/* Decode to 8 bits, upright. Checks max_pixels before any pixel
 * is decoded, polls the call per block of rows. */
Status		image_decode(const Call *call, const void *bytes, size_t size, DecodeAs as, Image *image);

/*
 * Decode for a caller that needs no more than (width, height): a JPEG is
 * decoded at the smallest DCT scale of 1/8, 1/4, 1/2 and 1 that is at least as
 * large in both directions; other formats come at full size. The result's size
 * varies; resize it. (Masks are read by mask_decode, mask_decode.h.)
 */
Status		image_decode_at_least(const Call *call, const void *bytes, size_t size, DecodeAs as,
								  ImageTurn turn, int width, int height, Image *image);

/*
 * Who takes an image row by row, so that it need not be in memory. `begin` is
 * called once, before the first row, with the size of what comes; `row` with one
 * row after the other, top to bottom. Neither may jump: decoders are underway.
 */
typedef struct RowSink
{
	Status		(*begin) (void *user, int width, int height);
	Status		(*row) (void *user, const uint8_t *pixels);
	void	   *user;
} RowSink;

/*
 * The same as image_decode_at_least, or with width and height 0 as image_decode,
 * but for rows, which are given to the sink. After an error some may have been
 * given. The image is in memory nevertheless where it must be turned, and in
 * DICOM files; of a PNG that is interlaced libpng's rows are.
 */
Status		image_decode_rows(const Call *call, const void *bytes, size_t size, DecodeAs as, ImageTurn turn,
							  int width, int height, const RowSink *sink);

/* The same for an image that is in memory. */
Status		image_give_rows(const Call *call, const Image *image, const RowSink *sink);

typedef struct EncodedImage
{
	uint8_t    *bytes;			/* owned; call_free */
	size_t		size;
} EncodedImage;

/* Encode a grey or RGB image as 8-bit PNG. */
Status		png_encode(const Call *call, const Image *image, EncodedImage *encoded);

/* A PNG that is written row by row, so that its image need not be in memory. */
typedef struct PngWriter PngWriter;

/* Start a PNG of 1 or 3 channels. `mask` says that all values will be 0 or 255:
 * that packs better, and png_encode gives the same bytes for such an image. */
Status		png_writer_create(const Call *call, int width, int height, int channels, bool mask, PngWriter **writer);

/* Write the next rows, which follow each other without padding. After a
 * failure the writer can only be freed. */
Status		png_writer_rows(PngWriter *writer, const uint8_t *pixels, int rows);

/* End a PNG whose rows are all written. The caller frees the bytes, and the writer. */
Status		png_writer_finish(PngWriter *writer, EncodedImage *encoded);
void		png_writer_free(PngWriter *writer);

/* Encode as JPEG, quality 1..100, 4:4:4. */
Status		jpeg_encode(const Call *call, const Image *image, int quality, EncodedImage *encoded);

/* The same with one colour for each two pixels of a row (4:2:2), as DICOM
 * viewers expect. */
Status		jpeg_encode_422(const Call *call, const Image *image, int quality, EncodedImage *encoded);

/* Encode as 24-bit or 8-bit grey BMP. */
Status		bmp_encode(const Call *call, const Image *image, EncodedImage *encoded);

#endif
