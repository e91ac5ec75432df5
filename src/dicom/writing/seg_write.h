/*
 * seg_write.h: a segmentation object of a source image (PS3.3 section A.51).
 */
#ifndef LESIONSEG_DICOM_SEG_WRITE_H
#define LESIONSEG_DICOM_SEG_WRITE_H

#include "dicom/writing/derive.h"
#include "image/codec/formats.h"

/*
 * Append a whole file to out, a BINARY segmentation with one segment, "Skin
 * lesion": the pixels where the mask is not 0. The mask has the source's size
 * as stored. Patient and study are the source's, the series is new.
 * LS_INVALID_ARGUMENT for a mask of another size.
 */
Status		dicom_seg_write(const DicomSet *source, const Image *mask, const DicomAuthor *author,
							const DicomSeeds *seeds, ByteBuffer *out);

#endif
