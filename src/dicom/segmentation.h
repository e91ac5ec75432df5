/*
 * segmentation.h: segmentation objects (PS3.3 section A.51), DICOM's masks.
 * BINARY ones hold a bit for each pixel, FRACTIONAL ones a value.
 */
#ifndef LESIONSEG_DICOM_SEGMENTATION_H
#define LESIONSEG_DICOM_SEGMENTATION_H

#include <stdbool.h>

#include "dicom/data/data_set.h"
#include "image/codec/formats.h"

/* Is it a segmentation object? */
bool		dicom_is_segmentation(const DicomSet *set);

/*
 * The mask of a segment, 1 channel of 0/255: the union of its frames that were
 * drawn on frame 1 of their image. A fraction of one half or more is lesion.
 * LS_INVALID_ARGUMENT for a missing segment, LS_UNSUPPORTED if its frames
 * belong to several images, are tiles of one, or were all drawn on frames
 * other than the first. A segment without any frame is a black mask.
 */
Status		dicom_segment_mask(const DicomSet *set, int segment, Image *mask);

/* The UID of the image that a segment's first frame was drawn on; "" where no
 * frame of the segment says it. */
Status		dicom_segment_source(const DicomSet *set, int segment, char uid[UID_SIZE]);

/* The mask, converted as a request asks. */
Status		dicom_segment_image(const DicomSet *set, int segment, const DecodeRequest *request, Image *image);

/* Frame n of the object itself, from 1, of whatever segment.
 * LS_INVALID_ARGUMENT for a missing frame. */
Status		dicom_segmentation_frame(const DicomSet *set, int n, const DecodeRequest *request, Image *image);

#endif
