/*
 * fuzz_jpeg.c: any bytes behind a JPEG signature, at full and reduced scale.
 */
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_decode(data, size, "\xFF\xD8\xFF", 3);
}
