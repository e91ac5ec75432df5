/*
 * pixels.c: the image pixel module, read and checked.
 */
#include "dicom/pixels/pixels.h"

#include <string.h>

#include "core/checked.h"
#include "dicom/data/tags.h"
#include "dicom/data/values.h"

#define PDF_CLASS "1.2.840.10008.5.1.4.1.1.104.1"
#define COUNT(array) ((int) (sizeof(array) / sizeof((array)[0])))

static const struct
{
	const char *name;
	Photometric photometric;
	int			samples;
}			photometrics[] = {
	{"MONOCHROME1", PHOTOMETRIC_MONOCHROME1, 1},
	{"MONOCHROME2", PHOTOMETRIC_MONOCHROME2, 1},
	{"PALETTE COLOR", PHOTOMETRIC_PALETTE, 1},
	{"RGB", PHOTOMETRIC_RGB, 3},
	{"YBR_FULL", PHOTOMETRIC_YBR_FULL, 3},
	{"YBR_FULL_422", PHOTOMETRIC_YBR_FULL_422, 3},
	{"YBR_RCT", PHOTOMETRIC_RGB, 3},
	{"YBR_ICT", PHOTOMETRIC_RGB, 3},
};

Status
dicom_broken(const char *reason)
{
	return status_with_hint(status_error(LS_INVALID_IMAGE, "the DICOM image is broken: %s", reason),
							"Store an intact copy of the file.");
}

Status
dicom_unsupported(const char *feature)
{
	return status_with_hint(status_error(LS_UNSUPPORTED, "the DICOM image uses %s", feature),
							"Convert it outside the database to 8-bit RGB in Explicit VR Little Endian, "
							"for example with dcmj2pnm and img2dcm.");
}

/* Read a number that must exist and be in a range. */
static Status
read_number(const DicomSet *set, uint32_t tag, const char *name, int low, int high, int *number)
{
	const DicomElement *element = dicom_find(set, NULL, tag);

	if (!dicom_integer(set, element, 0, number))
		return status_with_hint(status_error(LS_INVALID_IMAGE, "the DICOM image is broken: %s (%04X,%04X) is %s", name,
											 TAG_GROUP(tag), TAG_ELEMENT(tag),
											 element == NULL ? "missing" : "no number"),
								"Store an intact copy of the file.");
	if (*number < low || *number > high)
		return status_with_hint(status_error(LS_INVALID_IMAGE,
											 "the DICOM image is broken: %s (%04X,%04X) is %d, not %d to %d", name,
											 TAG_GROUP(tag), TAG_ELEMENT(tag), *number, low, high),
								"Store an intact copy of the file.");
	return status_ok();
}

static Status
read_photometric(const DicomSet *set, DicomPixels *pixels)
{
	char		name[20];

	if (!dicom_string(dicom_find(set, NULL, TAG_PhotometricInterpretation), 0, name, sizeof name))
		return dicom_broken("PhotometricInterpretation (0028,0004) is missing");
	for (int i = 0; i < COUNT(photometrics); i++)
	{
		if (strcmp(photometrics[i].name, name) == 0)
		{
			if (photometrics[i].samples != pixels->samples)
				return dicom_broken("SamplesPerPixel (0028,0002) and PhotometricInterpretation (0028,0004) "
									"do not agree");
			pixels->photometric = photometrics[i].photometric;
			return status_ok();
		}
	}
	return status_with_hint(status_error(LS_UNSUPPORTED,
										 "the DICOM image's PhotometricInterpretation (0028,0004) is %s", name),
							"Convert it outside the database to RGB or MONOCHROME2.");
}

/* The failure of a file without an image. */
static Status
no_pixels(const DicomSet *set)
{
	char		uid[UID_SIZE];

	if (dicom_string(dicom_find(set, NULL, TAG_SOPClassUID), 0, uid, sizeof uid) && strcmp(uid, PDF_CLASS) == 0)
		return status_with_hint(status_error(LS_UNSUPPORTED, "the DICOM file holds a PDF document, not an image"),
								"Take the pages out of it as images, for example with dcm2pdf and pdftoppm.");
	return status_with_hint(status_error(LS_UNSUPPORTED, "the DICOM file holds no image (SOP class %s)",
										 uid[0] == '\0' ? "missing" : uid),
							"Only objects with PixelData (7FE0,0010) can be decoded.");
}

Status
dicom_pixels(const DicomSet *set, DicomPixels *pixels)
{
	int			number;

	memset(pixels, 0, sizeof *pixels);
	pixels->data = dicom_find(set, NULL, TAG_PixelData);
	if (dicom_find(set, NULL, TAG_FloatPixelData) != NULL || dicom_find(set, NULL, TAG_DoubleFloatPixelData) != NULL)
		return dicom_unsupported("pixels that are floating point numbers");
	if (dicom_find(set, NULL, TAG_Rows) == NULL)
		return no_pixels(set);
	TRY(read_number(set, TAG_Rows, "Rows", 1, 65535, &pixels->height));
	TRY(read_number(set, TAG_Columns, "Columns", 1, 65535, &pixels->width));
	TRY(read_number(set, TAG_SamplesPerPixel, "SamplesPerPixel", 1, 4, &pixels->samples));
	TRY(read_photometric(set, pixels));
	TRY(read_number(set, TAG_BitsAllocated, "BitsAllocated", 1, 64, &pixels->bits_allocated));
	if (pixels->bits_allocated != 1 && pixels->bits_allocated != 8 && pixels->bits_allocated != 16)
		return dicom_unsupported("samples that are not of 1, 8 or 16 bits");
	TRY(read_number(set, TAG_BitsStored, "BitsStored", 1, pixels->bits_allocated, &pixels->bits_stored));
	TRY(read_number(set, TAG_HighBit, "HighBit", pixels->bits_stored - 1, pixels->bits_allocated - 1,
					&pixels->high_bit));
	TRY(read_number(set, TAG_PixelRepresentation, "PixelRepresentation", 0, 1, &number));
	pixels->is_signed = number == 1;
	if (pixels->samples == 3 && pixels->is_signed)
		return dicom_unsupported("colours that have a sign");
	if (dicom_find(set, NULL, TAG_PlanarConfiguration) != NULL)
		TRY(read_number(set, TAG_PlanarConfiguration, "PlanarConfiguration", 0, 1, &number));
	else
		number = 0;
	pixels->planar = number == 1;
	pixels->frames = 1;
	if (dicom_value_count(dicom_find(set, NULL, TAG_NumberOfFrames)) > 0)
		TRY(read_number(set, TAG_NumberOfFrames, "NumberOfFrames", 1, INT32_MAX, &pixels->frames));
	return status_ok();
}

bool
dicom_native_size(const DicomPixels *pixels, size_t *size)
{
	int			samples = pixels->photometric == PHOTOMETRIC_YBR_FULL_422 ? 2 : pixels->samples;

	return checked_mul((size_t) pixels->width, (size_t) pixels->height, size) &&
		checked_mul(*size, (size_t) samples, size) &&
		checked_mul(*size, (size_t) (pixels->bits_allocated / 8), size);
}
