/*
 * pixels.h: a data set's description of its pixels, and the bytes of each
 * frame (PS3.3 section C.7.6.3, PS3.5 section 8 and annex A.4).
 */
#ifndef LESIONSEG_DICOM_PIXELS_H
#define LESIONSEG_DICOM_PIXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"
#include "dicom/data/data_set.h"

typedef enum Photometric
{
	PHOTOMETRIC_MONOCHROME1,	/* 0 is white */
	PHOTOMETRIC_MONOCHROME2,	/* 0 is black */
	PHOTOMETRIC_PALETTE,
	PHOTOMETRIC_RGB,			/* also YBR_RCT and YBR_ICT: the JPEG 2000 decoder returns RGB */
	PHOTOMETRIC_YBR_FULL,
	PHOTOMETRIC_YBR_FULL_422
} Photometric;

typedef struct DicomPixels
{
	int			width;
	int			height;
	int			frames;
	int			samples;		/* per pixel, 1 or 3 */
	int			bits_allocated; /* 1, 8 or 16 */
	int			bits_stored;
	int			high_bit;
	bool		is_signed;
	bool		planar;			/* RRR GGG BBB, in native data and RLE */
	Photometric photometric;
	const DicomElement *data;	/* the pixel data; NULL if only the header was read */
} DicomPixels;

/* Read and check the image pixel module. LS_UNSUPPORTED for a file without
 * pixels or with a layout that is not handled. */
Status		dicom_pixels(const DicomSet *set, DicomPixels *pixels);

/* The bytes of one frame. */
typedef struct FrameBytes
{
	const uint8_t *bytes;
	size_t		size;
	void	   *copy;			/* owned, if a frame consists of several fragments; else NULL */
} FrameBytes;

/* Bytes of a native frame. False if the number overflows. */
bool		dicom_native_size(const DicomPixels *pixels, size_t *size);

/* LS_INVALID_ARGUMENT unless there is a frame n, from 1. */
Status		dicom_check_frame(const DicomPixels *pixels, int n);

/* Find frame n, from 1. Free copy through the set's call. */
Status		dicom_frame_bytes(const DicomSet *set, const DicomPixels *pixels, int n, FrameBytes *frame);

/* Failures with the same words in all decoders of this room. */
Status		dicom_broken(const char *reason);
Status		dicom_unsupported(const char *feature);

#endif
