/*
 * inflate.h: the data set of a deflated file (PS3.5 annex A.5).
 */
#ifndef LESIONSEG_DICOM_INFLATE_H
#define LESIONSEG_DICOM_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"

/* Expand a raw deflate stream into *inflated, which the caller frees through
 * call: to its end, or a bit more than `most` bytes of it. *whole says which.
 * LS_LIMIT_EXCEEDED above max_memory. */
Status		dicom_inflate(const Call *call, const uint8_t *bytes, size_t size, size_t most, uint8_t **inflated,
						  size_t *inflated_size, bool *whole);

#endif
