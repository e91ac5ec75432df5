/*
 * decode.h: a frame of a DICOM file as an image.
 */
#ifndef LESIONSEG_DICOM_DECODE_H
#define LESIONSEG_DICOM_DECODE_H

#include "dicom/data/data_set.h"
#include "image/codec/formats.h"

/*
 * Decode frame n, from 1, as the request asks. Checks max_pixels before any
 * pixel is decoded. A frame of a segmentation object is black and white.
 */
Status		dicom_decode_frame(const DicomSet *set, int n, const DecodeRequest *request, Image *image);

/* DICOM among the formats that image/codec/codec.h decodes: for Call.codec.
 * It decodes frame 1, of a segmentation object segment 1 (segmentation.h). */
extern const ImageCodec dicom_codec;

#endif
