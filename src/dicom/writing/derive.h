/*
 * derive.h: objects that are made of a source image and join its study: what
 * a segmentation, a secondary capture and a report have in common.
 *
 * The same source, seed and author give the same bytes: UIDs and dates come
 * from them, never from a clock.
 */
#ifndef LESIONSEG_DICOM_DERIVE_H
#define LESIONSEG_DICOM_DERIVE_H

#include <stdint.h>

#include "dicom/data/buffer.h"
#include "dicom/data/data_set.h"
#include "dicom/info.h"

#define DICOM_SEED 32

#define EXPLICIT_LITTLE_ENDIAN "1.2.840.10008.1.2.1"

/* Who made the mask. model NULL: no model of ours did. */
typedef struct DicomAuthor
{
	const char *model;			/* UTF-8 */
	int			version;
	const char *weights;		/* the head of the weights' SHA-256, hexadecimal */
} DicomAuthor;

/* What UIDs are made of: two digests. */
typedef struct DicomSeeds
{
	uint8_t		instance[DICOM_SEED];	/* of all that makes this object itself */
	uint8_t		series[DICOM_SEED];	/* of what its series has in common */
} DicomSeeds;

/* Which of an object's UIDs. */
typedef enum DicomUidRole
{
	UID_OBJECT,
	UID_DIMENSIONS,
	UID_TRACKING
} DicomUidRole;

/* An object being derived. */
typedef struct Derivation
{
	const DicomSet *source;
	DicomInfo	info;			/* of the source */
	const DicomAuthor *author;
	const DicomSeeds *seeds;
	char		instance[DICOM_UID_SIZE];
	char		series[DICOM_UID_SIZE];
	char		algorithm[65];	/* "model version 3", ASCII; "" without a model */
} Derivation;

/* Begin: LS_INVALID_IMAGE where the source lacks a UID that must be referred to. */
Status		derive_begin(const DicomSet *source, const DicomAuthor *author, const DicomSeeds *seeds, Derivation *made);

/* A UID below 2.25 made of a digest. */
void		derive_uid(const uint8_t seed[DICOM_SEED], DicomUidRole role, char uid[DICOM_UID_SIZE]);

/* What differs from one kind of object to another. */
typedef struct DerivedKind
{
	const char *sop_class;
	const char *modality;
	const char *image_type;		/* NULL for what is no image */
	const char *conversion;		/* ConversionType of secondary captures, else NULL */
	const char *series_description;
	int			series_number;
	bool		refer;			/* write ReferencedSeriesSequence, */
	bool		procedure_step;	/* an empty ReferencedPerformedProcedureStepSequence, */
	const char *derivation;		/* DerivationDescription with SourceImageSequence; NULL for none */
} DerivedKind;

/* Append the groups 0008, 0010, 0018 and 0020 up to InstanceNumber. */
void		derive_header(ByteBuffer *out, const Derivation *made, const DerivedKind *kind);

/* A reference to the source: class and instance, as an item's content. */
void		derive_reference(ByteBuffer *out, const Derivation *made);

/* A sequence of that tag that refers to the source by study, series and
 * instance and, with it, to another object of that class (PS3.3 table C.17-3);
 * other_class NULL for none. */
void		derive_evidence(ByteBuffer *out, const Derivation *made, uint32_t tag, const char *other_class,
							const char *other_instance, const char *other_series);

#endif
