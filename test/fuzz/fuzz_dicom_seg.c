/*
 * fuzz_dicom_seg.c: any bytes as a segmentation object.
 */
#include "fuzz.h"

#include "dicom/data/read.h"
#include "dicom/segmentation.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Call call = fuzz_host();
	uint8_t    *bytes = malloc(size > 0 ? size : 1);
	DicomSet	set;

	if (size > 0)
		memcpy(bytes, data, size);
	if (dicom_read(&call, bytes, size, DICOM_ALL, &set).code == LS_OK)
	{
		for (int segment = 1; segment <= 3; segment++)
		{
			Image		mask;

			if (dicom_segment_mask(&set, segment, &mask).code == LS_OK)
				fuzz_touch(&call, &mask);
		}
		dicom_free(&set);
	}
	free(bytes);
	return 0;
}
