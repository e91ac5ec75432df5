/*
 * pixel_spacing.c: see pixel_spacing.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "dicom/data/read.h"
#include "dicom/info.h"
#include "image/codec/codec.h"
#include "image/spacing.h"
#include "pg/base/error.h"
#include "pg/images/pixel_spacing.h"

PixelSpacing
pixel_spacing_of(ArrayType *array)
{
	PixelSpacing spacing;
	const float8 *values = (const float8 *) ARR_DATA_PTR(array);

	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] > 2 || ARR_HASNULL(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pixel_spacing is not one or two numbers"),
				 errhint("Write the distance between rows and that between columns, as DICOM's PixelSpacing has them: "
						 "'{0.05,0.05}'.")));
	spacing.down = values[0];
	spacing.across = values[ARR_DIMS(array)[0] - 1];
	check_argument(NULL, "pixel_spacing", spacing_check(spacing.down, spacing.across));
	return spacing;
}

Datum
pixel_spacing_datum(PixelSpacing spacing)
{
	Datum		values[2] = {Float8GetDatum(spacing.down), Float8GetDatum(spacing.across)};

	return PointerGetDatum(construct_array(values, 2, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
										   TYPALIGN_DOUBLE));
}

bool
pixel_spacing_stated(const Call *call, const void *bytes, size_t size, PixelSpacing *spacing)
{
	ImageInfo	image;
	DicomSet	set;
	DicomInfo	info;

	check_argument(call, "image", image_info(call, bytes, size, &image));
	if (image.format != IMAGE_FORMAT_DICOM)
		return false;
	check_argument(call, "image", dicom_read(call, bytes, size, DICOM_HEADER, &set));
	check_argument(call, "image", dicom_info(&set, &info));
	if (info.spacing_from == NULL)
		return false;
	*spacing = (PixelSpacing) {info.spacing[0], info.spacing[1]};
	return true;
}
