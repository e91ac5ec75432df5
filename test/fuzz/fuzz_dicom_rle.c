/*
 * fuzz_dicom_rle.c: any bytes as a run-length coded frame.
 */
#include "fuzz_frame.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_frame(data, size, rle_decode);
}
