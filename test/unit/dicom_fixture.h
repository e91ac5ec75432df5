/*
 * dicom_fixture.h: what the DICOM tests share: the call that lends the DICOM
 * codec, and files of test/data/dicom (test/dicom/generate.py).
 */
#ifndef LESIONSEG_TEST_DICOM_FIXTURE_H
#define LESIONSEG_TEST_DICOM_FIXTURE_H

#include "image_fixture.h"

#include "dicom/data/read.h"
#include "dicom/pixels/decode.h"

/* The standalone call with the codec. */
static inline Call
dicom_call(void)
{
	Call call = *call_standalone();

	call.codec = &dicom_codec;
	return call;
}

/* Read test/data/dicom/name. */
static inline File
load_dicom(const char *name)
{
	char		path[128];

	snprintf(path, sizeof path, "dicom/%s", name);
	return load(path);
}

/* Fail unless two images are the same but for so many levels. */
static inline void
assert_near(const char *name, const Image *image, const Image *expected, int levels)
{
	if (image->width != expected->width || image->height != expected->height ||
		image->channels != expected->channels)
		fail_msg("%s: %d x %d x %d", name, image->width, image->height, image->channels);
	for (size_t i = 0; i < samples_of(image); i++)
	{
		if (abs(image->pixels[i] - expected->pixels[i]) > levels)
			fail_msg("%s: sample %zu is %d, not %d", name, i, image->pixels[i], expected->pixels[i]);
	}
}

#endif
