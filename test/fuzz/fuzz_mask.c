/*
 * fuzz_mask.c: any bytes as a mask. What comes out holds 0 and 255 alone and
 * survives being encoded and decoded again.
 */
#include "fuzz.h"

#include "image/mask_decode.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Call call = fuzz_host();
	EncodedImage encoded;
	Image		mask;
	Image		again;
	size_t		count;

	if (mask_decode(&call, data, size, TURN_UPRIGHT, &mask, NULL).code != LS_OK)
		return 0;
	count = (size_t) mask.width * (size_t) mask.height;
	for (size_t i = 0; i < count; i++)
	{
		if (mask.pixels[i] != 0 && mask.pixels[i] != 255)
			abort();
	}
	if (png_encode(&call, &mask, &encoded).code != LS_OK)
		abort();
	if (mask_decode(&call, encoded.bytes, encoded.size, TURN_UPRIGHT, &again, NULL).code != LS_OK)
		abort();
	if (again.width != mask.width || again.height != mask.height ||
		memcmp(again.pixels, mask.pixels, count) != 0)
		abort();
	call_free(&call, encoded.bytes);
	image_free(&call, &again);
	image_free(&call, &mask);
	return 0;
}
