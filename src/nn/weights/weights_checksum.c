/*
 * weights_checksum.c: see weights_checksum.h.
 */
#include "nn/weights/weights_checksum.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

void
weights_checksum(const unsigned char *bytes, size_t size, char *text)
{
	char		digits[WEIGHTS_CHECKSUM_LENGTH + 1];

	snprintf(digits, sizeof digits, "%08lx", crc32_z(crc32_z(0, NULL, 0), bytes, size) & 0xffffffff);
	memcpy(text, digits, WEIGHTS_CHECKSUM_LENGTH);
}
