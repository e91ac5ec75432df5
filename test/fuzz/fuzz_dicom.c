/*
 * fuzz_dicom.c: any bytes as a DICOM file, through everything that reads one.
 */
#include "fuzz.h"

#include "dicom/data/read.h"
#include "dicom/pixels/decode.h"
#include "dicom/info.h"
#include "dicom/json.h"
#include "image/mask_decode.h"

/* Decode the file's frames, the first few. */
static void
decode_frames(const DicomSet *set)
{
	for (int n = 1; n <= 3; n++)
	{
		DecodeRequest request = {.as = n == 2 ? DECODE_GREY : DECODE_RGB, .width = n == 3 ? 5 : 0,
								 .height = n == 3 ? 4 : 0};
		Image		image;

		if (dicom_decode_frame(set, n, &request, &image).code == LS_OK)
			fuzz_touch(set->call, &image);
	}
}

/* Turn the file's attributes into text, as far as they can be. */
static void
read_attributes(const DicomSet *set)
{
	ByteBuffer	json;
	DicomInfo	info;

	buffer_init(&json, set->call);
	dicom_json(set, &json);
	buffer_free(&json);
	dicom_info(set, &info);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Call call = fuzz_host();
	uint8_t    *bytes = malloc(size > 0 ? size : 1);
	DicomSet	set;
	Image		mask;
	ImageInfo	info;

	call.codec = &dicom_codec;
	if (size > 0)
		memcpy(bytes, data, size);
	image_info(&call, bytes, size, &info);
	if (dicom_read(&call, bytes, size, DICOM_ALL, &set).code == LS_OK)
	{
		decode_frames(&set);
		read_attributes(&set);
		dicom_free(&set);
	}
	if (mask_decode(&call, bytes, size, TURN_UPRIGHT, &mask, NULL).code == LS_OK)
		fuzz_touch(&call, &mask);
	free(bytes);
	return 0;
}
