/*
 * fuzz_frame.h: for decoders of single frames: the first byte says how many
 * samples of how many bits, the next two how large, the rest is the frame.
 */
#ifndef LESIONSEG_TEST_FUZZ_FRAME_H
#define LESIONSEG_TEST_FUZZ_FRAME_H

#include "fuzz.h"

#include "dicom/pixels/raster.h"

#define FRAME_HEADER 3

typedef Status (*FrameDecoder) (const Call *call, const DicomPixels *pixels, const uint8_t *bytes, size_t size,
								Raster *raster);

/* Run a decoder, and read all it made. */
static inline int
fuzz_frame(const uint8_t *data, size_t size, FrameDecoder decode)
{
	Call call = fuzz_host();
	DicomPixels pixels = {.frames = 1};
	Raster		raster;
	uint8_t    *bytes;
	volatile uint8_t sum = 0;

	if (size <= FRAME_HEADER)
		return 0;
	pixels.samples = data[0] & 1 ? 3 : 1;
	pixels.photometric = data[0] & 1 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MONOCHROME2;
	pixels.bits_allocated = data[0] & 2 ? 16 : 8;
	pixels.bits_stored = pixels.bits_allocated;
	pixels.high_bit = pixels.bits_stored - 1;
	pixels.width = data[1] + 1;
	pixels.height = data[2] + 1;
	size -= FRAME_HEADER;
	bytes = malloc(size);
	memcpy(bytes, data + FRAME_HEADER, size);
	if (decode(&call, &pixels, bytes, size, &raster).code == LS_OK)
	{
		for (int y = 0; y < raster.height; y++)
		{
			for (int x = 0; x < raster.width; x++)
				sum = (uint8_t) (sum + raster.bytes[(size_t) y * raster.row_step + (size_t) x * raster.pixel_step]);
		}
		raster_free(&call, &raster);
	}
	free(bytes);
	return 0;
}

#endif
