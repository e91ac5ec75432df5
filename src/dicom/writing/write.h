/*
 * write.h: elements of a data set, in explicit little endian, appended to a
 * buffer. The caller writes them in ascending order of their tags.
 */
#ifndef LESIONSEG_DICOM_WRITE_H
#define LESIONSEG_DICOM_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "dicom/data/data_set.h"

/* Start a file: preamble and header, for an object of that class. */
void		write_file_header(ByteBuffer *out, const char *sop_class, const char *instance, const char *syntax);

/* Write text of any VR, padded to an even length. */
void		write_text(ByteBuffer *out, uint32_t tag, uint16_t vr, const char *text);

/* Bytes of any VR. */
void		write_bytes(ByteBuffer *out, uint32_t tag, uint16_t vr, const void *bytes, size_t size);

/* Write one number of VR US, one of VR UL, a DS, a tag (AT). */
void		write_us(ByteBuffer *out, uint32_t tag, unsigned value);
void		write_ul(ByteBuffer *out, uint32_t tag, uint32_t value);
void		write_tag(ByteBuffer *out, uint32_t tag, uint32_t value);
void		write_ds(ByteBuffer *out, uint32_t tag, double value);

/* Two numbers of VR DS. */
void		write_ds_pair(ByteBuffer *out, uint32_t tag, double first, double second);

/* Open a sequence or an item, and close it: `write_end` takes what open
 * returned. */
size_t		write_sequence(ByteBuffer *out, uint32_t tag);
size_t		write_item(ByteBuffer *out);
void		write_end(ByteBuffer *out, size_t opened);

/* Write a sequence of one item: a code, its scheme and its meaning. */
void		write_code(ByteBuffer *out, uint32_t tag, const char *value, const char *scheme, const char *meaning);

/*
 * Copy an attribute of another data set, unchanged. If it is absent, empty, or
 * of another VR than the one given, nothing is written or, with `always`, an
 * empty attribute.
 */
void		write_copy(ByteBuffer *out, const DicomSet *set, uint32_t tag, uint16_t vr, bool always);

#endif
