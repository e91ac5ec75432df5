/*
 * pixel_spacing.h: the distance between the pixels of an image.
 */
#ifndef LESIONSEG_PG_IMAGES_PIXEL_SPACING_H
#define LESIONSEG_PG_IMAGES_PIXEL_SPACING_H

#include "postgres.h"

#include "utils/array.h"

#include "core/call.h"
#include "measure/distance.h"

/* A pixel_spacing argument: {between rows, between columns}, or one number for
 * both. An error unless spacing_check (image/spacing.h) lets them pass. */
PixelSpacing pixel_spacing_of(ArrayType *array);

/* As float8[], {between rows, between columns}. */
Datum		pixel_spacing_datum(PixelSpacing spacing);

/* The spacing in mm that an image's file states; only DICOM files may. False
 * if it states none. */
bool		pixel_spacing_stated(const Call *call, const void *bytes, size_t size, PixelSpacing *spacing);

#endif
