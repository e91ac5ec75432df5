/*
 * jpeg_stream.h: the headers of a JPEG stream (ISO 10918-1) before its first
 * scan: the coding process and the colours.
 */
#ifndef LESIONSEG_DICOM_JPEG_STREAM_H
#define LESIONSEG_DICOM_JPEG_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "dicom/pixels/pixels.h"

#define JPEG_COMPONENTS_MAX 4

typedef struct JpegStream
{
	int			process;		/* the low half of the frame marker: 0 baseline, 1 extended, 2 progressive,
								 * 3 lossless, 9 to 11 the same with arithmetic coding */
	int			precision;		/* bits of a sample */
	int			width;
	int			height;
	int			components;
	struct
	{
		int			id;
		int			horizontal; /* sampling factors */
		int			vertical;
	}			component[JPEG_COMPONENTS_MAX];
	bool		jfif;			/* an APP0 marker of JFIF */
	int			adobe;			/* the transform of an Adobe marker; -1 when there is none */
	size_t		after_frame;	/* offset behind the frame header */
} JpegStream;

/* Read up to the frame header. */
Status		jpeg_stream_read(const uint8_t *bytes, size_t size, JpegStream *stream);

/* Are the three components Y, Cb, Cr? With JFIF, yes; else the Adobe marker
 * decides; else the data set. */
bool		jpeg_stream_is_ybr(const JpegStream *stream, Photometric photometric);

#endif
