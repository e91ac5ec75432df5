/*
 * read.h: from the bytes of a DICOM file to a table of its elements.
 */
#ifndef LESIONSEG_DICOM_READ_H
#define LESIONSEG_DICOM_READ_H

#include "dicom/data/data_set.h"

/* How much of a file to read. */
typedef enum DicomPart
{
	DICOM_ALL,
	DICOM_HEADER				/* up to the pixel data, which may be missing */
} DicomPart;

/* Do these bytes look like a DICOM file, with or without the preamble? */
bool		dicom_recognise(const uint8_t *bytes, size_t size);

/*
 * Read a file. LS_INVALID_IMAGE if it breaks the rules of the encoding,
 * LS_UNSUPPORTED for an unknown transfer syntax, LS_LIMIT_EXCEEDED above
 * max_memory, LS_ABOVE_ALL_LIMITS where sequences are too deep, or where a
 * deflated file whose header is read has more than 64 MiB before its pixels.
 * Free the set with dicom_free; after a failure there is nothing to free.
 */
Status		dicom_read(const Call *call, const uint8_t *bytes, size_t size, DicomPart part, DicomSet *set);

#endif
