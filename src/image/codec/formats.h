/*
 * formats.h: what codec.c and the codecs behind it share; private to this
 * folder and to src/dicom, which offers its codec through Call.codec.
 *
 * A codec offers two functions: one reads the header, one decodes. Orientation
 * is left to codec.c and the meaning of a mask's values to mask_decode.c. A
 * codec is only called with bytes that start with its signature.
 */
#ifndef LESIONSEG_IMAGE_FORMATS_H
#define LESIONSEG_IMAGE_FORMATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "image/codec/codec.h"
#include "image/image.h"

/* The meaning of three components of a JPEG. */
typedef enum JpegColour
{
	JPEG_COLOUR_BY_FILE,		/* the file's own markers decide */
	JPEG_COLOUR_RGB,
	JPEG_COLOUR_YBR
} JpegColour;

/* How the caller wants the pixels. */
typedef struct DecodeRequest
{
	DecodeAs	as;
	ImageTurn	turn;
	bool		keep_faint;		/* for masks: values above 0 never round to 0 */
	bool		cut_wide;		/* samples of 16 bits are cut to 255, not scaled */
	bool		ignore_alpha;	/* decode the colours as if all were opaque */
	int			width;			/* a size, before orientation, that is enough; */
	int			height;			/* 0 = full size */
	JpegColour	jpeg_colour;	/* for a JPEG that another file tells about */
	const RowSink *rows;		/* who takes the rows; NULL = they become an image. Only for codecs `by_rows` */
} DecodeRequest;

/* One accepted format. */
typedef struct ImageCodec
{
	ImageFormat format;
	bool		(*recognise) (const uint8_t *bytes, size_t size);
	Status		(*header) (const Call *call, const uint8_t *bytes, size_t size, ImageInfo *info);
	Status		(*decode) (const Call *call, const uint8_t *bytes, size_t size,
						   const DecodeRequest *request, Image *image);
	bool		by_rows;		/* decode gives rows to request->rows; of the image it makes one row then */
} ImageCodec;

Status		png_header(const Call *call, const uint8_t *bytes, size_t size, ImageInfo *info);
Status		png_decode(const Call *call, const uint8_t *bytes, size_t size,
					   const DecodeRequest *request, Image *image);

Status		jpeg_header(const Call *call, const uint8_t *bytes, size_t size, ImageInfo *info);
Status		jpeg_decode(const Call *call, const uint8_t *bytes, size_t size,
						const DecodeRequest *request, Image *image);

Status		bmp_header(const Call *call, const uint8_t *bytes, size_t size, ImageInfo *info);
Status		bmp_decode(const Call *call, const uint8_t *bytes, size_t size,
					   const DecodeRequest *request, Image *image);

/* Decode as a request asks; its size is that of the turned image. */
Status		decode_request(const Call *call, const void *bytes, size_t size, DecodeRequest request,
						   Image *image);

/* A file's EXIF orientation. */
typedef struct Exif
{
	int			orientation;	/* 1..8; 1 if there is none, or it cannot be read */
	bool		unread;			/* the bytes end where it might still come */
} Exif;

/* Look for the orientation in a JPEG (no further than its first scan) or a
 * PNG (in all of it). Fails only with LS_CANCELLED. */
Status		exif_read(const Call *call, ImageFormat format, const uint8_t *bytes, size_t size, Exif *exif);

/* Channels of the requested image. */
static inline int
request_channels(const DecodeRequest *request)
{
	return request->as == DECODE_RGB ? 3 : 1;
}

/* Make the image of a request of that size, as stored, or memory for one row of it if
 * the request's sink takes rows. The caller frees it either way. */
Status		rows_begin(const Call *call, const DecodeRequest *request, int width, int height, Image *image);

/* Where row y is to be written, and what to do when it is: rows come in order. */
uint8_t    *rows_at(const DecodeRequest *request, const Image *image, int y);
Status		rows_done(const DecodeRequest *request, const Image *image);

/* Convert one row of 8-bit pixels with 1 (grey), 2 (grey, alpha), 3 (RGB) or 4
 * (RGB, alpha) channels into the requested form. */
void		pixels_store(const DecodeRequest *request, const uint8_t *row, int channels, int width,
						 uint8_t *out);

/* Reduce count big-endian 16-bit samples to 8 bits, in place. */
void		pixels_narrow(const DecodeRequest *request, uint8_t *samples, size_t count);

/* The same as image_create, but pixels are not cleared: the caller writes all
 * of them. */
Status		image_allocate(const Call *call, int width, int height, int channels, Image *image);

/* Failures with the same words in every codec; `format` is "PNG", ... */
Status		format_truncated(const char *format, size_t size);
Status		format_broken(const char *format, const char *reason);
Status		format_unsupported(const char *format, const char *feature);

#endif
