/*
 * fuzz_png.c: any bytes behind a PNG signature.
 *
 * Every PNG chunk ends with a checksum, and a plain mutation breaks it before
 * it reaches anything else. So most mutations are followed by a repair of the
 * checksums; the rest stay broken.
 */
#include "fuzz.h"

#include <zlib.h>

#define SIGNATURE "\x89PNG\r\n\x1a\n"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_decode(data, size, SIGNATURE, 8);
}

/* Write the right checksum behind each chunk. */
static void
repair_checksums(uint8_t *data, size_t size)
{
	size_t		at = 8;

	while (at + 12 <= size)
	{
		size_t		length = (size_t) data[at] << 24 | (size_t) data[at + 1] << 16 |
			(size_t) data[at + 2] << 8 | data[at + 3];
		uint32_t	crc;

		if (length > size - at - 12)
			return;
		crc = (uint32_t) crc32(0, data + at + 4, (uInt) length + 4);
		for (int i = 0; i < 4; i++)
			data[at + 8 + length + (size_t) i] = (uint8_t) (crc >> (24 - 8 * i));
		at += 12 + length;
	}
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	size = LLVMFuzzerMutate(data, size, max_size);
	if (seed % 8 != 0)
		repair_checksums(data, size);
	return size;
}
