/*
 * raster.h: one decoded frame, before its colours are converted. Decoders fill
 * it in; colour.c reads it.
 */
#ifndef LESIONSEG_DICOM_RASTER_H
#define LESIONSEG_DICOM_RASTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "dicom/pixels/pixels.h"

/* Sample c of pixel (x, y) stands at bytes + y * row_step + x * pixel_step +
 * c * sample_step. */
typedef struct Raster
{
	int			width;
	int			height;
	int			samples;		/* per pixel, 1 or 3 */
	int			sample_bytes;	/* 1 or 2 */
	bool		big_endian;		/* order of a sample's two bytes */
	int			bits;			/* that count; the lowest but for `shift` */
	int			shift;			/* unused bits below */
	bool		is_signed;
	Photometric photometric;	/* the meaning of the samples */
	size_t		row_step;
	size_t		pixel_step;
	size_t		sample_step;
	const uint8_t *bytes;
	void	   *owned;			/* memory to free; NULL for a view of the file */
} Raster;

/* Make a raster with its own memory: samples of 1 or 2 bytes, interleaved, low
 * byte first. All else comes from pixels; *bytes is the memory to write to. */
Status		raster_create(const Call *call, const DicomPixels *pixels, int sample_bytes, Raster *raster,
						  uint8_t **bytes);

/* Set the bits per sample in the coded stream. The data set's bits are kept if
 * they fit into these: many encoders code all allocated bits. */
void		raster_set_precision(Raster *raster, int precision);

void		raster_free(const Call *call, Raster *raster);

/* Decoders: from the bytes of one frame to a raster. On failure there is
 * nothing to free. */
Status		native_raster(const DicomSet *set, const DicomPixels *pixels, const FrameBytes *frame, Raster *raster);
Status		rle_decode(const Call *call, const DicomPixels *pixels, const uint8_t *bytes, size_t size,
					   Raster *raster);
Status		jpeg_lossless_decode(const Call *call, const DicomPixels *pixels, const uint8_t *bytes, size_t size,
								 Raster *raster);
Status		jpeg_ls_decode(const Call *call, const DicomPixels *pixels, const uint8_t *bytes, size_t size,
						   Raster *raster);
Status		jpeg_2000_decode(const Call *call, const DicomPixels *pixels, const uint8_t *bytes, size_t size,
							 Raster *raster);

#endif
