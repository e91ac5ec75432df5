/*
 * palette.h: palette colour lookup tables (PS3.3 section C.7.6.3.1.5).
 */
#ifndef LESIONSEG_DICOM_PALETTE_H
#define LESIONSEG_DICOM_PALETTE_H

#include "dicom/pixels/raster.h"

/* Fill `table`, 2^bits entries of RGB, with the colour of each index. */
Status		palette_fill(const DicomSet *set, const Raster *raster, uint8_t *table);

#endif
