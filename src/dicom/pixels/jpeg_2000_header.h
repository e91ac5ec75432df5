/*
 * jpeg_2000_header.h: what the headers of a JPEG 2000 codestream say
 * (ISO 15444-1, annex A).
 *
 * OpenJPEG makes all precincts and code blocks of a tile before it looks at
 * data, up to 2 kB each and without asking anybody: a file of 500 bytes could
 * take gigabytes, and minutes that no cancel ends. So they are counted here, from the headers of the
 * stream and of its tiles, and no more are let through than encoders make.
 */
#ifndef LESIONSEG_DICOM_JPEG_2000_HEADER_H
#define LESIONSEG_DICOM_JPEG_2000_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/* What the headers say. */
typedef struct Jpeg2000Header
{
	uint32_t	width;			/* of the image, in pixels */
	uint32_t	height;
	uint32_t	left;			/* of the image on its grid */
	uint32_t	top;
	uint32_t	tile_width;		/* at most the image's */
	uint32_t	tile_height;
	uint32_t	components;
	uint64_t	tiles;
	bool		transformed;	/* its components are a transform of RGB */
} Jpeg2000Header;

/*
 * Find the codestream in a frame, which may be a file of boxes (JP2), and read
 * its headers. LS_INVALID_IMAGE where they make no sense, LS_UNSUPPORTED where
 * a tile has more parts than OpenJPEG makes in a fraction of a second.
 */
Status		jpeg_2000_header(const uint8_t **bytes, size_t *size, Jpeg2000Header *header);

#endif
