/*
 * seg_write.h: a segmentation object of a source image (PS3.3 section A.51).
 */
#ifndef LESIONSEG_DICOM_SEG_WRITE_H
#define LESIONSEG_DICOM_SEG_WRITE_H

#include "dicom/writing/derive.h"
#include "image/codec/formats.h"

/*
 * Append a BINARY segmentation to out, a whole file: one segment, "Skin
 * lesion", where the mask, of the source's size as stored, is not 0. Patient
 * and study are the source's, the series is new. LS_INVALID_ARGUMENT for a
 * mask of another size.
 */
Status		dicom_seg_write(const DicomSet *source, const Image *mask, const DicomAuthor *author,
							const DicomSeeds *seeds, ByteBuffer *out);

#endif
