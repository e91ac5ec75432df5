/*
 * derive.c: see derive.h. Modules are those of PS3.3: patient (C.7.1.1), study
 * (C.7.2.1), series (C.7.3.1), equipment (C.7.5), SOP common (C.12.1).
 */
#include "dicom/writing/derive.h"

#include <stdio.h>
#include <string.h>

#include "core/uid.h"
#include "dicom/data/tags.h"
#include "dicom/data/values.h"
#include "dicom/writing/write.h"

#define COUNT(array) ((int) (sizeof(array) / sizeof((array)[0])))
#define MANUFACTURER "lesionseg"

/* The date if the source has none: the attribute must have a value. */
#define NO_DATE "19000101"
#define NO_TIME "000000"

/* What is written where the source has no value: nothing, the attribute where
 * the source has it, or the attribute in any case. Where the standard wants an
 * attribute that may be empty (type 2), leaving it out would break the object. */
typedef enum WithoutValue
{
	LEAVE_OUT,
	AS_SOURCE,
	EMPTY
} WithoutValue;

/* An attribute that is copied. */
typedef struct Copied
{
	uint32_t	tag;
	char		vr[3];
	WithoutValue without;
} Copied;

static const Copied study_attributes[] = {
	{0x00080090, "PN", EMPTY},	/* ReferringPhysicianName */
	{0x00080096, "SQ", LEAVE_OUT},	/* ReferringPhysicianIdentificationSequence */
	{0x00080201, "SH", LEAVE_OUT},	/* TimezoneOffsetFromUTC, of the dates and times that are copied */
	{0x00081030, "LO", LEAVE_OUT},	/* StudyDescription */
	{0x00081032, "SQ", LEAVE_OUT},	/* ProcedureCodeSequence */
};

static const Copied physician_attributes[] = {
	{0x00081048, "PN", LEAVE_OUT},	/* PhysiciansOfRecord */
	{0x00081060, "PN", LEAVE_OUT},	/* NameOfPhysiciansReadingStudy */
	{0x00081080, "LO", LEAVE_OUT},	/* AdmittingDiagnosesDescription */
};

static const Copied patient_attributes[] = {
	{0x00100010, "PN", EMPTY},	/* PatientName */
	{0x00100020, "LO", EMPTY},	/* PatientID */
	{0x00100021, "LO", LEAVE_OUT},	/* IssuerOfPatientID */
	{0x00100022, "CS", LEAVE_OUT},	/* TypeOfPatientID */
	{0x00100024, "SQ", LEAVE_OUT},	/* IssuerOfPatientIDQualifiersSequence */
	{0x00100030, "DA", EMPTY},	/* PatientBirthDate */
	{0x00100032, "TM", LEAVE_OUT},	/* PatientBirthTime */
	{0x00100040, "CS", EMPTY},	/* PatientSex */
	{0x00100200, "CS", LEAVE_OUT},	/* QualityControlSubject */
	{0x00101000, "LO", LEAVE_OUT},	/* OtherPatientIDs */
	{0x00101001, "PN", LEAVE_OUT},	/* OtherPatientNames */
	{0x00101002, "SQ", LEAVE_OUT},	/* OtherPatientIDsSequence */
	{0x00101010, "AS", LEAVE_OUT},	/* PatientAge */
	{0x00101020, "DS", LEAVE_OUT},	/* PatientSize */
	{0x00101030, "DS", LEAVE_OUT},	/* PatientWeight */
	{0x00102160, "SH", LEAVE_OUT},	/* EthnicGroup */
	{0x00102180, "SH", LEAVE_OUT},	/* Occupation */
	{0x001021B0, "LT", LEAVE_OUT},	/* AdditionalPatientHistory */
	{0x00102201, "LO", LEAVE_OUT},	/* PatientSpeciesDescription */
	{0x00102202, "SQ", LEAVE_OUT},	/* PatientSpeciesCodeSequence */
	{0x00102203, "CS", AS_SOURCE},	/* PatientSexNeutered */
	{0x00102292, "LO", AS_SOURCE},	/* PatientBreedDescription */
	{0x00102293, "SQ", AS_SOURCE},	/* PatientBreedCodeSequence */
	{0x00102294, "SQ", AS_SOURCE},	/* BreedRegistrationSequence */
	{0x00102297, "PN", AS_SOURCE},	/* ResponsiblePerson */
	{0x00102298, "CS", LEAVE_OUT},	/* ResponsiblePersonRole */
	{0x00102299, "LO", AS_SOURCE},	/* ResponsibleOrganization */
	{0x00104000, "LT", LEAVE_OUT},	/* PatientComments */
};

static const Copied trial_attributes[] = {
	{0x00120010, "LO", LEAVE_OUT},	/* ClinicalTrialSponsorName */
	{0x00120020, "LO", LEAVE_OUT},	/* ClinicalTrialProtocolID */
	{0x00120021, "LO", AS_SOURCE},	/* ClinicalTrialProtocolName */
	{0x00120030, "LO", AS_SOURCE},	/* ClinicalTrialSiteID */
	{0x00120031, "LO", AS_SOURCE},	/* ClinicalTrialSiteName */
	{0x00120040, "LO", LEAVE_OUT},	/* ClinicalTrialSubjectID */
	{0x00120042, "LO", LEAVE_OUT},	/* ClinicalTrialSubjectReadingID */
	{0x00120050, "LO", AS_SOURCE},	/* ClinicalTrialTimePointID */
	{0x00120051, "ST", LEAVE_OUT},	/* ClinicalTrialTimePointDescription */
	{0x00120062, "CS", LEAVE_OUT},	/* PatientIdentityRemoved */
	{0x00120063, "LO", LEAVE_OUT},	/* DeidentificationMethod */
	{0x00120064, "SQ", LEAVE_OUT},	/* DeidentificationMethodCodeSequence */
	{0x00120081, "LO", LEAVE_OUT},	/* ClinicalTrialProtocolEthicsCommitteeName */
	{0x00120082, "LO", LEAVE_OUT},	/* ClinicalTrialProtocolEthicsCommitteeApprovalNumber */
};

static void
copy_attributes(ByteBuffer *out, const DicomSet *source, const Copied *attributes, int count)
{
	for (int i = 0; i < count; i++)
	{
		const Copied *copied = &attributes[i];
		bool		always = copied->without == EMPTY ||
			(copied->without == AS_SOURCE && dicom_find(source, NULL, copied->tag) != NULL);

		write_copy(out, source, copied->tag, DICOM_VR(copied->vr[0], copied->vr[1]), always);
	}
}

void
derive_uid(const uint8_t seed[DICOM_SEED], DicomUidRole role, char uid[UID_SIZE])
{
	uint8_t		number[16];
	char		digits[40];
	int			count = 0;
	bool		more = true;

	memcpy(number, seed, sizeof number);
	number[15] ^= (uint8_t) role;
	number[6] = (uint8_t) ((number[6] & 0x0F) | 0x80);	/* a UUID of version 8: its bits may be chosen freely */
	number[8] = (uint8_t) ((number[8] & 0x3F) | 0x80);
	while (more)
	{
		unsigned	remainder = 0;

		more = false;
		for (int i = 0; i < 16; i++)
		{
			unsigned	value = remainder << 8 | number[i];

			number[i] = (uint8_t) (value / 10);
			remainder = value % 10;
			more = more || number[i] != 0;
		}
		digits[count++] = (char) ('0' + remainder);
	}
	strcpy(uid, "2.25.");
	for (int i = 0; i < count; i++)
		uid[5 + i] = digits[count - 1 - i];
	uid[5 + count] = '\0';
}

/* Write "model version 3" in ASCII, not longer than an LO. */
static void
name_algorithm(const DicomAuthor *author, char name[65])
{
	int			length = 0;

	name[0] = '\0';
	if (author->model == NULL)
		return;
	for (const char *c = author->model; *c != '\0' && length < 40; c++)
		name[length++] = *c >= ' ' && *c < 127 && *c != '\\' ? *c : '_';
	snprintf(name + length, (size_t) (65 - length), " version %d", author->version);
}

/* Refuse a UID that is missing or none: it would go into new objects. */
static Status
check_uid(const char *uid, const char *name)
{
	if (is_uid(uid))
		return status_ok();
	return status_with_hint(uid[0] == '\0' ? status_error(LS_INVALID_IMAGE, "the DICOM file has no %s", name)
							: status_error(LS_INVALID_IMAGE, "the DICOM file's %s is no UID", name),
							"What is made of an image refers to it by its UIDs; "
							"take the file as the archive has it.");
}

Status
derive_begin(const DicomSet *source, const DicomAuthor *author, const DicomSeeds *seeds, Derivation *made)
{
	memset(made, 0, sizeof *made);
	made->source = source;
	made->author = author;
	made->seeds = seeds;
	TRY(dicom_info(source, &made->info));
	TRY(check_uid(made->info.sop_class, "SOPClassUID (0008,0016)"));
	TRY(check_uid(made->info.sop_instance, "SOPInstanceUID (0008,0018)"));
	TRY(check_uid(made->info.study, "StudyInstanceUID (0020,000D)"));
	TRY(check_uid(made->info.series, "SeriesInstanceUID (0020,000E)"));
	derive_uid(seeds->instance, UID_OBJECT, made->instance);
	derive_uid(seeds->series, UID_OBJECT, made->series);
	name_algorithm(author, made->algorithm);
	return status_ok();
}

void
derive_reference(ByteBuffer *out, const Derivation *made)
{
	write_text(out, TAG_ReferencedSOPClassUID, DICOM_VR('U', 'I'), made->info.sop_class);
	write_text(out, TAG_ReferencedSOPInstanceUID, DICOM_VR('U', 'I'), made->info.sop_instance);
}

/* Write the content's date and time, which are the source's. */
static void
content_time(const Derivation *made, char date[9], char time[7])
{
	const char *at = made->info.acquired_at;

	strcpy(date, NO_DATE);
	strcpy(time, NO_TIME);
	if (at[0] == '\0')
		return;
	snprintf(date, 9, "%.4s%.2s%.2s", at, at + 5, at + 8);
	snprintf(time, 7, "%.2s%.2s%.2s", at + 11, at + 14, at + 17);
}

/* ReferencedSeriesSequence: the source's series with the source in it. */
static void
write_referenced_series(ByteBuffer *out, const Derivation *made)
{
	size_t		series = write_sequence(out, TAG_ReferencedSeriesSequence);
	size_t		series_item = write_item(out);
	size_t		instances = write_sequence(out, TAG_ReferencedInstanceSequence);
	size_t		instance_item = write_item(out);

	derive_reference(out, made);
	write_end(out, instance_item);
	write_end(out, instances);
	write_text(out, TAG_SeriesInstanceUID, DICOM_VR('U', 'I'), made->info.series);
	write_end(out, series_item);
	write_end(out, series);
}

/* DerivationDescription and SourceImageSequence of a picture. */
static void
write_source_image(ByteBuffer *out, const Derivation *made, const char *derivation)
{
	size_t		sequence;
	size_t		item;

	write_text(out, TAG_DerivationDescription, DICOM_VR('S', 'T'), derivation);
	sequence = write_sequence(out, TAG_SourceImageSequence);
	item = write_item(out);
	derive_reference(out, made);
	write_code(out, TAG_PurposeOfReferenceCodeSequence, "121322", "DCM", "Source image for image processing operation");
	write_end(out, item);
	write_end(out, sequence);
}

/* Group 0008. */
static void
write_identification(ByteBuffer *out, const Derivation *made, const DerivedKind *kind)
{
	char		date[9];
	char		time[7];

	content_time(made, date, time);
	write_copy(out, made->source, TAG_SpecificCharacterSet, DICOM_VR('C', 'S'), false);
	if (kind->image_type != NULL)
		write_text(out, TAG_ImageType, DICOM_VR('C', 'S'), kind->image_type);
	write_text(out, TAG_SOPClassUID, DICOM_VR('U', 'I'), kind->sop_class);
	write_text(out, TAG_SOPInstanceUID, DICOM_VR('U', 'I'), made->instance);
	write_copy(out, made->source, TAG_StudyDate, DICOM_VR('D', 'A'), true);
	write_text(out, TAG_ContentDate, DICOM_VR('D', 'A'), date);
	write_copy(out, made->source, TAG_StudyTime, DICOM_VR('T', 'M'), true);
	write_text(out, TAG_ContentTime, DICOM_VR('T', 'M'), time);
	write_copy(out, made->source, TAG_AccessionNumber, DICOM_VR('S', 'H'), true);
	write_text(out, TAG_Modality, DICOM_VR('C', 'S'), kind->modality);
	if (kind->conversion != NULL)
		write_text(out, TAG_ConversionType, DICOM_VR('C', 'S'), kind->conversion);
	write_text(out, TAG_Manufacturer, DICOM_VR('L', 'O'), MANUFACTURER);
	copy_attributes(out, made->source, study_attributes, COUNT(study_attributes));
	write_text(out, TAG_SeriesDescription, DICOM_VR('L', 'O'), kind->series_description);
	copy_attributes(out, made->source, physician_attributes, COUNT(physician_attributes));
	write_text(out, TAG_ManufacturerModelName, DICOM_VR('L', 'O'), MANUFACTURER);
	if (kind->procedure_step)
		write_end(out, write_sequence(out, TAG_ReferencedPerformedProcedureStepSequence));
	if (kind->refer)
		write_referenced_series(out, made);
	if (kind->derivation != NULL)
		write_source_image(out, made, kind->derivation);
}

void
derive_header(ByteBuffer *out, const Derivation *made, const DerivedKind *kind)
{
	char		number[12];
	int			instance;

	write_identification(out, made, kind);
	copy_attributes(out, made->source, patient_attributes, COUNT(patient_attributes));
	copy_attributes(out, made->source, trial_attributes, COUNT(trial_attributes));
	write_text(out, TAG_DeviceSerialNumber, DICOM_VR('L', 'O'),
			   made->author->model != NULL ? made->author->weights : "0");
	write_text(out, TAG_SoftwareVersions, DICOM_VR('L', 'O'),
			   made->author->model != NULL ? made->algorithm : MANUFACTURER);
	write_text(out, TAG_StudyInstanceUID, DICOM_VR('U', 'I'), made->info.study);
	write_text(out, TAG_SeriesInstanceUID, DICOM_VR('U', 'I'), made->series);
	write_copy(out, made->source, TAG_StudyID, DICOM_VR('S', 'H'), true);
	snprintf(number, sizeof number, "%d", kind->series_number);
	write_text(out, TAG_SeriesNumber, DICOM_VR('I', 'S'), number);
	if (!dicom_integer(made->source, dicom_find(made->source, NULL, TAG_InstanceNumber), 0, &instance))
		instance = 1;
	snprintf(number, sizeof number, "%d", instance);
	write_text(out, TAG_InstanceNumber, DICOM_VR('I', 'S'), number);
}

/* Refer to one series with one object in it. */
static void
write_evidence_series(ByteBuffer *out, const char *sop_class, const char *instance, const char *series)
{
	size_t		item = write_item(out);
	size_t		objects = write_sequence(out, TAG_ReferencedSOPSequence);
	size_t		object = write_item(out);

	write_text(out, TAG_ReferencedSOPClassUID, DICOM_VR('U', 'I'), sop_class);
	write_text(out, TAG_ReferencedSOPInstanceUID, DICOM_VR('U', 'I'), instance);
	write_end(out, object);
	write_end(out, objects);
	write_text(out, TAG_SeriesInstanceUID, DICOM_VR('U', 'I'), series);
	write_end(out, item);
}

void
derive_evidence(ByteBuffer *out, const Derivation *made, uint32_t tag, const char *other_class,
				const char *other_instance,
				const char *other_series)
{
	size_t		sequence = write_sequence(out, tag);
	size_t		study = write_item(out);
	size_t		series = write_sequence(out, TAG_ReferencedSeriesSequence);

	write_evidence_series(out, made->info.sop_class, made->info.sop_instance, made->info.series);
	if (other_class != NULL)
		write_evidence_series(out, other_class, other_instance, other_series);
	write_end(out, series);
	write_text(out, TAG_StudyInstanceUID, DICOM_VR('U', 'I'), made->info.study);
	write_end(out, study);
	write_end(out, sequence);
}
