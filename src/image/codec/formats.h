/*
 * formats.h: what codec.c and the codecs behind it share; private to this
 * folder and to src/dicom, whose codec the call lends (Call.codec).
 *
 * A codec offers two functions: one reads the header, one decodes. It knows
 * nothing of orientation or masks' values; codec.c and mask_decode.c do. Each is only called
 * with bytes that start with its signature.
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

#define POLL_ROWS 16			/* rows between two polls of the call */

/* What three components of a JPEG are. */
typedef enum JpegColour
{
	JPEG_COLOUR_BY_FILE,		/* as the file's own markers say */
	JPEG_COLOUR_RGB,
	JPEG_COLOUR_YBR
} JpegColour;

/* How the caller wants the pixels. */
typedef struct DecodeRequest
{
	DecodeAs	as;
	ImageTurn	turn;
	bool		keep_faint;		/* for masks: what is not black never rounds to 0 */
	bool		cut_wide;		/* samples of 16 bits are cut to 255, not scaled */
	bool		ignore_alpha;	/* show what transparency hides */
	int			width;			/* as stored, before orientation: a size of at */
	int			height;			/* least this is enough; 0 asks for full size */
	JpegColour	jpeg_colour;	/* for a JPEG that another file tells about */
} DecodeRequest;

/* One accepted format. */
typedef struct ImageCodec
{
	ImageFormat format;
	bool		(*recognise) (const uint8_t *bytes, size_t size);
	Status		(*header) (const Call *call, const uint8_t *bytes, size_t size, ImageInfo *info);
	Status		(*decode) (const Call *call, const uint8_t *bytes, size_t size,
						   const DecodeRequest *request, Image *image);
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

/* Decode what a request asks for, its size given as the turned image has it. */
Status		decode_request(const Call *call, const void *bytes, size_t size, DecodeRequest request,
						   Image *image);

/* What a file says of its EXIF orientation. */
typedef struct Exif
{
	int			orientation;	/* 1..8; 1 where it says nothing, or nothing that can be read */
	bool		unread;			/* the bytes end where it might still come */
} Exif;

/* Look for the orientation in a JPEG (no further than its first scan) or a
 * PNG (in all of it). Fails only with LS_CANCELLED. */
Status		exif_read(const Call *call, ImageFormat format, const uint8_t *bytes, size_t size, Exif *exif);

/* Channels of the image that a request asks for. */
static inline int
request_channels(const DecodeRequest *request)
{
	return request->as == DECODE_RGB ? 3 : 1;
}

/* Turn one row of 8-bit pixels with 1 (grey), 2 (grey, alpha), 3 (RGB) or 4
 * (RGB, alpha) channels into what the request asks for. */
void		pixels_store(const DecodeRequest *request, const uint8_t *row, int channels, int width,
						 uint8_t *out);

/* Reduce count big-endian 16-bit samples to 8 bits, in place. */
void		pixels_narrow(const DecodeRequest *request, uint8_t *samples, size_t count);

/* LS_INVALID_IMAGE for a size without pixels, LS_LIMIT_EXCEEDED for one above
 * call->max_pixels. */
Status		image_check_size(const Call *call, int width, int height);

/* The same as image_create, but with pixels of any value: every one of them
 * will be written. */
Status		image_allocate(const Call *call, int width, int height, int channels, Image *image);

/* Failures that every codec words the same way; `format` is "PNG", ... */
Status		format_truncated(const char *format, size_t size);
Status		format_broken(const char *format, const char *reason);
Status		format_unsupported(const char *format, const char *feature);

#endif
