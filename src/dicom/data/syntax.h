/*
 * syntax.h: transfer syntaxes (PS3.5 annex A): how a data set and its pixels
 * are encoded.
 */
#ifndef LESIONSEG_DICOM_SYNTAX_H
#define LESIONSEG_DICOM_SYNTAX_H

#include <stdbool.h>

#include "core/status.h"

/* Who decodes the pixels. */
typedef enum DicomCoding
{
	DICOM_NATIVE,				/* samples as they are */
	DICOM_RLE,
	DICOM_JPEG,					/* any process of ISO 10918-1, as the frame's own header says */
	DICOM_JPEG_LS,
	DICOM_JPEG_2000,
	DICOM_NOT_HANDLED			/* known by name, but not decoded */
} DicomCoding;

typedef struct DicomSyntax
{
	const char *uid;
	const char *name;			/* for messages */
	DicomCoding coding;
	bool		implicit;		/* elements carry no VR */
	bool		big_endian;
	bool		deflated;
	bool		lossy;			/* pixels have lost detail, or may have */
} DicomSyntax;

/* The syntaxes that can be recognised without a file header. */
extern const DicomSyntax dicom_implicit_little_endian;
extern const DicomSyntax dicom_explicit_little_endian;
extern const DicomSyntax dicom_explicit_big_endian;

/* The syntax with that UID; NULL for an unknown one. */
const DicomSyntax *dicom_syntax_find(const char *uid);

/* The failure for pixels in a syntax that we do not decode: it names the
 * syntax and says how to convert the file. */
Status		dicom_syntax_not_handled(const DicomSyntax *syntax);

#endif
