/*
 * colour.h: from a raster to the 8-bit grey or RGB image that the caller
 * asked for (PS3.3 sections C.7.6.3.1.2 and C.11.2, C.7.6.3.1.5 for palettes).
 */
#ifndef LESIONSEG_DICOM_COLOUR_H
#define LESIONSEG_DICOM_COLOUR_H

#include "dicom/pixels/raster.h"
#include "image/codec/formats.h"

/*
 * Make an image of a raster. Grey goes through the data set's first window
 * (WindowCenter and WindowWidth, after RescaleSlope and RescaleIntercept).
 * Without a window, black to white is the range of the stored bits.
 * MONOCHROME1 is inverted. Colours of more than 8 bits are scaled to 8.
 */
Status		raster_to_image(const DicomSet *set, const DicomPixels *pixels, const Raster *raster,
							const DecodeRequest *request, Image *image);

/* The same for a grey image of 8 bits from a JPEG decoder, converted as the
 * request asks. */
Status		grey_to_image(const DicomSet *set, const DicomPixels *pixels, const Image *grey,
						  const DecodeRequest *request, Image *image);

#endif
