/*
 * inflate.h: the data set of a deflated file (PS3.5 annex A.5).
 */
#ifndef LESIONSEG_DICOM_INFLATE_H
#define LESIONSEG_DICOM_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"

/* Expand a raw deflate stream into *inflated, which the caller frees through
 * call. LS_LIMIT_EXCEEDED above max_memory. */
Status		dicom_inflate(const Call *call, const uint8_t *bytes, size_t size, uint8_t **inflated,
						  size_t *inflated_size);

#endif
