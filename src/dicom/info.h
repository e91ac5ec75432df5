/*
 * info.h: what one wants to know of a DICOM file at a glance.
 */
#ifndef LESIONSEG_DICOM_INFO_H
#define LESIONSEG_DICOM_INFO_H

#include <stdbool.h>

#include "dicom/data/data_set.h"

/* Texts are "" where the file has none. */
typedef struct DicomInfo
{
	char		sop_class[DICOM_UID_SIZE];
	char		sop_instance[DICOM_UID_SIZE];
	char		series[DICOM_UID_SIZE];
	char		study[DICOM_UID_SIZE];
	char		patient[261];	/* PatientID, UTF-8; 64 characters of at most 4 bytes */
	char		modality[17];
	const char *transfer_syntax;	/* its UID */
	bool		has_image;		/* else the four that follow are not set */
	int			frames;
	int			width;
	int			height;
	char		photometric[17];
	double		spacing[2];		/* mm between rows, between columns; 0 where it is not known */
	const char *spacing_from;	/* the attribute: PixelSpacing, ...; NULL where there is none */
	char		acquired_at[40]; /* 2024-02-29 10:11:12.5, as the file's own clock had it */
} DicomInfo;

/* Read it; the file may be a header alone. */
Status		dicom_info(const DicomSet *set, DicomInfo *info);

#endif
