/*
 * colour.h: from a raster to the 8-bit grey or RGB image that the caller
 * asked for (PS3.3 sections C.7.6.3.1.2 and C.11.2, C.7.6.3.1.5 for palettes).
 */
#ifndef LESIONSEG_DICOM_COLOUR_H
#define LESIONSEG_DICOM_COLOUR_H

#include "dicom/pixels/raster.h"
#include "image/codec/formats.h"

/*
 * Make an image of a raster. Grey goes through the window of the data set
 * (WindowCenter and WindowWidth of its first view, after RescaleSlope and
 * RescaleIntercept) or, where there is none, from the least to the greatest
 * value that its bits can hold; MONOCHROME1 is turned round. Colours of more
 * than 8 bits keep their proportion.
 */
Status		raster_to_image(const DicomSet *set, const DicomPixels *pixels, const Raster *raster,
							const DecodeRequest *request, Image *image);

/* The same of a grey image of 8 bits that a JPEG decoder made, into what the
 * request asks for. */
Status		grey_to_image(const DicomSet *set, const DicomPixels *pixels, const Image *grey,
						  const DecodeRequest *request, Image *image);

#endif
