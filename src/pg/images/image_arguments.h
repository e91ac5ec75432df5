/*
 * image_arguments.h: images and masks as arguments of SQL functions, and
 * images as results.
 */
#ifndef LESIONSEG_PG_IMAGES_IMAGE_ARGUMENTS_H
#define LESIONSEG_PG_IMAGES_IMAGE_ARGUMENTS_H

#include "postgres.h"

#include "fmgr.h"

#include "core/call.h"
#include "image/codec/codec.h"

/* Decode the image in argument `number` upright as RGB. Errors begin with its
 * name. */
void		argument_image(Call *call, FunctionCallInfo fcinfo, int number, const char *name, Image *image);

/* The same, but grey stays one channel; returns the format. */
ImageFormat argument_image_as_is(Call *call, FunctionCallInfo fcinfo, int number, const char *name, Image *image);

/* Decode the mask in argument `number` to 0 and 255. */
void		argument_mask(Call *call, FunctionCallInfo fcinfo, int number, const char *name, Image *mask);

/* Read the header of an image of anybody, from its first bytes; false if they
 * hold none. */
bool		image_header(Datum image, ImageInfo *info);

/* Encode a changed image in its input's format; PNG for DICOM. */
Datum		image_in_format(Call *call, ImageFormat format, const Image *image);

#endif
