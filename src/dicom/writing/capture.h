/*
 * capture.h: a picture as a secondary capture (PS3.3 section A.8.1) in its
 * source's study. Every viewer shows these.
 */
#ifndef LESIONSEG_DICOM_CAPTURE_H
#define LESIONSEG_DICOM_CAPTURE_H

#include "dicom/writing/derive.h"
#include "image/image.h"

/*
 * Append a whole file to out, a secondary capture: the picture (RGB) as JPEG,
 * with a band below it that says "AI, not for diagnosis" and names model and
 * version. description, ASCII, is the series' description; NULL for ours.
 */
Status		dicom_capture_write(const DicomSet *source, const Image *picture, const char *description,
								const DicomAuthor *author, const DicomSeeds *seeds, ByteBuffer *out);

#endif
