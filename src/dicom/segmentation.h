/*
 * segmentation.h: segmentation objects (PS3.3 section A.51): masks as DICOM
 * has them. BINARY ones hold a bit for each pixel, FRACTIONAL ones a value.
 */
#ifndef LESIONSEG_DICOM_SEGMENTATION_H
#define LESIONSEG_DICOM_SEGMENTATION_H

#include <stdbool.h>

#include "dicom/data/data_set.h"
#include "image/codec/formats.h"

/* Is it a segmentation object? */
bool		dicom_is_segmentation(const DicomSet *set);

/*
 * The mask of a segment, 1 channel of 0/255: all of its frames that lie on
 * frame 1 of the image it was drawn on, put together. A fraction of half and
 * more counts as lesion. LS_INVALID_ARGUMENT for a segment that is not there,
 * LS_UNSUPPORTED where its frames lie on several images or are tiles of one.
 */
Status		dicom_segment_mask(const DicomSet *set, int segment, Image *mask);

/* The same as what a request asks for. */
Status		dicom_segment_image(const DicomSet *set, int segment, const DecodeRequest *request, Image *image);

#endif
