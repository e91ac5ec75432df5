/*
 * report.h: a measurement report (PS3.16 TID 1500) of a segmented lesion.
 */
#ifndef LESIONSEG_DICOM_REPORT_H
#define LESIONSEG_DICOM_REPORT_H

#include "dicom/writing/derive.h"

/* The measures to report. */
typedef struct DicomMeasures
{
	double		area;			/* mm2 */
	double		long_axis;		/* mm: the greatest distance of two points of the outline */
	double		short_axis;		/* mm: the greatest extent at right angles to it */
} DicomMeasures;

/*
 * Append a whole file to out, a Comprehensive SR document that refers to the
 * source and to segment 1 of `segmentation`, which dicom_seg_write made of the
 * same source. measures NULL = no spacing is known: the report then only names
 * the lesion. LS_INVALID_ARGUMENT for a segmentation of another study.
 */
Status		dicom_report_write(const DicomSet *source, const DicomSet *segmentation, const DicomMeasures *measures,
							   const DicomAuthor *author, const DicomSeeds *seeds, ByteBuffer *out);

#endif
