/*
 * derive.h: the common part of segmentations, secondary captures and reports:
 * objects that are made of a source image and belong to its study.
 *
 * The same source, seed and author give the same bytes: UIDs and dates come
 * from them, never from a clock.
 */
#ifndef LESIONSEG_DICOM_DERIVE_H
#define LESIONSEG_DICOM_DERIVE_H

#include <stdint.h>

#include "core/buffer.h"
#include "dicom/data/data_set.h"
#include "dicom/info.h"

#define DICOM_SEED 32

#define EXPLICIT_LITTLE_ENDIAN "1.2.840.10008.1.2.1"

/* The author of the mask. model NULL: not a model of this database. */
typedef struct DicomAuthor
{
	const char *model;			/* UTF-8 */
	int			version;
	const char *weights;		/* first digits of the weights' SHA-256, hexadecimal */
} DicomAuthor;

/* The two digests that UIDs are made of. */
typedef struct DicomSeeds
{
	uint8_t		instance[DICOM_SEED];	/* digest of all that distinguishes this object */
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
	DicomInfo	info;			/* facts of the source */
	const DicomAuthor *author;
	const DicomSeeds *seeds;
	char		instance[UID_SIZE];
	char		series[UID_SIZE];
	char		algorithm[65];	/* "model version 3", ASCII; "" without a model */
} Derivation;

/* Begin an object: LS_INVALID_IMAGE if the source lacks a UID that the object
 * must refer to, or has something else in its place. */
Status		derive_begin(const DicomSet *source, const DicomAuthor *author, const DicomSeeds *seeds, Derivation *made);

/* Make a UID below 2.25 from a digest. */
void		derive_uid(const uint8_t seed[DICOM_SEED], DicomUidRole role, char uid[UID_SIZE]);

/* The attributes that differ between kinds of objects. */
typedef struct DerivedKind
{
	const char *sop_class;
	const char *modality;
	const char *image_type;		/* NULL for a document, which is no image */
	const char *conversion;		/* ConversionType of secondary captures, else NULL */
	const char *series_description;
	int			series_number;
	bool		refer;			/* write ReferencedSeriesSequence, */
	bool		procedure_step;	/* an empty ReferencedPerformedProcedureStepSequence, */
	const char *derivation;		/* DerivationDescription with SourceImageSequence; NULL for none */
} DerivedKind;

/* Append the groups 0008, 0010, 0018 and 0020 up to InstanceNumber. */
void		derive_header(ByteBuffer *out, const Derivation *made, const DerivedKind *kind);

/* Append a reference to the source (class and instance) as the content of an
 * item. */
void		derive_reference(ByteBuffer *out, const Derivation *made);

/*
 * Append a sequence with that tag that refers to the source by study, series
 * and instance and also, unless other_class is NULL, to another object of that
 * class (PS3.3 table C.17-3).
 */
void		derive_evidence(ByteBuffer *out, const Derivation *made, uint32_t tag, const char *other_class,
							const char *other_instance, const char *other_series);

#endif
