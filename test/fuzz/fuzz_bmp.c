/*
 * fuzz_bmp.c: any bytes behind a BMP signature.
 */
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_decode(data, size, "BM", 2);
}
