/*
 * fuzz_jpeg_lossless.c: any bytes as a frame of lossless JPEG.
 */
#include "fuzz_frame.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_frame(data, size, jpeg_lossless_decode);
}
