/*
 * jpeg_2000_header.h: the headers of a JPEG 2000 codestream (ISO 15444-1,
 * annex A).
 *
 * OpenJPEG allocates all precincts and code blocks of a tile before it reads
 * data, up to 2 kB each, without a limit: a file of 500 bytes could take
 * gigabytes, and minutes that no cancel can end. So they are counted here,
 * from the headers of the stream and of its tiles. More than real encoders
 * make is refused.
 */
#ifndef LESIONSEG_DICOM_JPEG_2000_HEADER_H
#define LESIONSEG_DICOM_JPEG_2000_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

/* The contents of the headers. */
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
	bool		transformed;	/* the components are a transform of RGB */
} Jpeg2000Header;

/*
 * Find the codestream in a frame, which may be a file of boxes (JP2), and read
 * its headers. LS_INVALID_IMAGE if they are broken, LS_UNSUPPORTED if a tile
 * has more parts than OpenJPEG can make in a fraction of a second.
 */
Status		jpeg_2000_header(const uint8_t **bytes, size_t *size, Jpeg2000Header *header);

#endif
