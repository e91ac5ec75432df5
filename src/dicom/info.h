/*
 * info.h: the most useful facts of a DICOM file.
 */
#ifndef LESIONSEG_DICOM_INFO_H
#define LESIONSEG_DICOM_INFO_H

#include <stdbool.h>

#include "dicom/data/data_set.h"

/* Texts that the file lacks are "". */
typedef struct DicomInfo
{
	char		sop_class[UID_SIZE];
	char		sop_instance[UID_SIZE];
	char		series[UID_SIZE];
	char		study[UID_SIZE];
	char		patient[261];	/* PatientID, UTF-8; 64 characters of at most 4 bytes */
	char		modality[17];
	const char *transfer_syntax;	/* its UID */
	bool		has_image;		/* of 1 x 1 to 65535 x 65535 pixels; else the four that follow are not set */
	int			frames;			/* below 1: a broken number */
	int			width;
	int			height;
	char		photometric[17];
	double		spacing[2];		/* mm between rows, between columns, as image/spacing.h bounds them; 0 = not known */
	const char *spacing_from;	/* the attribute: PixelSpacing, ...; NULL where there is none */
	char		manufacturer[261];	/* as patient; "" where it is longer */
	char		acquired_at[40]; /* "2024-02-29 10:11:12.5", in the file's own time zone, whose offset is left out */
} DicomInfo;

/* Read the facts; the file may be only a header. */
Status		dicom_info(const DicomSet *set, DicomInfo *info);

#endif
