/*
 * report.c: see report.h. The tree is TID 1500 with one planar measurement
 * group (TID 1410).
 */
#include "dicom/writing/report.h"

#include <math.h>
#include <string.h>

#include "dicom/data/tags.h"
#include "dicom/data/values.h"
#include "dicom/segmentation.h"
#include "dicom/writing/write.h"

#define REPORT_CLASS "1.2.840.10008.5.1.4.1.1.88.33"
#define SERIES_NUMBER 9003
#define DEVICE_UID "2.25.287306283404523408361215817543285419371"
#define CS DICOM_VR('C', 'S')

/* A coded concept. */
typedef struct Code
{
	const char *value;
	const char *scheme;
	const char *meaning;
} Code;

static const Code report_title = {"126000", "DCM", "Imaging Measurement Report"};
static const Code language = {"121049", "DCM", "Language of Content Item and Descendants"};
static const Code english = {"en", "RFC5646", "English"};
static const Code observer_type = {"121005", "DCM", "Observer Type"};
static const Code device = {"121007", "DCM", "Device"};
static const Code device_uid = {"121012", "DCM", "Device Observer UID"};
static const Code device_name = {"121013", "DCM", "Device Observer Name"};
static const Code procedure = {"121058", "DCM", "Procedure reported"};
static const Code imaging = {"363679005", "SCT", "Imaging procedure"};
static const Code image_library = {"111028", "DCM", "Image Library"};
static const Code library_group = {"126200", "DCM", "Image Library Group"};
static const Code measurements = {"126010", "DCM", "Imaging Measurements"};
static const Code measurement_group = {"125007", "DCM", "Measurement Group"};
static const Code tracking_id = {"112039", "DCM", "Tracking Identifier"};
static const Code tracking_uid = {"112040", "DCM", "Tracking Unique Identifier"};
static const Code finding = {"121071", "DCM", "Finding"};
static const Code skin_lesion = {"95324001", "SCT", "Skin lesion"};
static const Code referenced_segment = {"121191", "DCM", "Referenced Segment"};
static const Code source_image = {"121233", "DCM", "Source image for segmentation"};
static const Code algorithm_name = {"111001", "DCM", "Algorithm Name"};
static const Code algorithm_version = {"111003", "DCM", "Algorithm Version"};
static const Code area = {"42798000", "SCT", "Area"};
static const Code long_axis = {"103339001", "SCT", "Long Axis"};
static const Code short_axis = {"103340004", "SCT", "Short Axis"};
static const Code square_millimetre = {"mm2", "UCUM", "square millimeter"};
static const Code millimetre = {"mm", "UCUM", "millimeter"};

static void
add_code(ByteBuffer *out, uint32_t tag, const Code *code)
{
	write_code(out, tag, code->value, code->scheme, code->meaning);
}

/* Begin a content item; name NULL for none. */
static size_t
open_item(ByteBuffer *out, const char *relationship, const char *type, const Code *name)
{
	size_t		item = write_item(out);

	write_text(out, TAG_RelationshipType, CS, relationship);
	write_text(out, TAG_ValueType, CS, type);
	if (name != NULL)
		add_code(out, TAG_ConceptNameCodeSequence, name);
	return item;
}

/* Begin a container; *content is its open ContentSequence. */
static size_t
open_container(ByteBuffer *out, const Code *name, const char *template, size_t *content)
{
	size_t		item = open_item(out, "CONTAINS", "CONTAINER", name);

	write_text(out, TAG_ContinuityOfContent, CS, "SEPARATE");
	if (template != NULL)
	{
		size_t		sequence = write_sequence(out, TAG_ContentTemplateSequence);
		size_t		template_item = write_item(out);

		write_text(out, TAG_MappingResource, CS, "DCMR");
		write_text(out, TAG_TemplateIdentifier, CS, template);
		write_end(out, template_item);
		write_end(out, sequence);
	}
	*content = write_sequence(out, TAG_ContentSequence);
	return item;
}

static void
close_container(ByteBuffer *out, size_t item, size_t content)
{
	write_end(out, content);
	write_end(out, item);
}

static void
add_code_item(ByteBuffer *out, const char *relationship, const Code *name, const Code *value)
{
	size_t		item = open_item(out, relationship, "CODE", name);

	add_code(out, TAG_ConceptCodeSequence, value);
	write_end(out, item);
}

static void
add_text_item(ByteBuffer *out, const char *relationship, const Code *name, const char *text)
{
	size_t		item = open_item(out, relationship, "TEXT", name);

	write_text(out, TAG_TextValue, DICOM_VR('U', 'T'), text);
	write_end(out, item);
}

static void
add_uid_item(ByteBuffer *out, const char *relationship, const Code *name, const char *uid)
{
	size_t		item = open_item(out, relationship, "UIDREF", name);

	write_text(out, TAG_UID, DICOM_VR('U', 'I'), uid);
	write_end(out, item);
}

static void
add_number_item(ByteBuffer *out, const Code *name, double value, const Code *unit)
{
	size_t		item = open_item(out, "CONTAINS", "NUM", name);
	size_t		sequence = write_sequence(out, TAG_MeasuredValueSequence);
	size_t		value_item = write_item(out);

	add_code(out, TAG_MeasurementUnitsCodeSequence, unit);
	write_ds(out, TAG_NumericValue, round(value * 1000) / 1000);
	write_end(out, value_item);
	write_end(out, sequence);
	write_end(out, item);
}

/* Write a reference to an image or, with segment, to segment 1 of a
 * segmentation. */
static void
add_image_item(ByteBuffer *out, const Code *name, const char *sop_class, const char *instance, bool segment)
{
	size_t		item = write_item(out);
	size_t		sequence = write_sequence(out, TAG_ReferencedSOPSequence);
	size_t		reference = write_item(out);

	write_text(out, TAG_ReferencedSOPClassUID, DICOM_VR('U', 'I'), sop_class);
	write_text(out, TAG_ReferencedSOPInstanceUID, DICOM_VR('U', 'I'), instance);
	if (segment)
		write_us(out, TAG_ReferencedSegmentNumber, 1);
	write_end(out, reference);
	write_end(out, sequence);
	write_text(out, TAG_RelationshipType, CS, "CONTAINS");
	write_text(out, TAG_ValueType, CS, "IMAGE");
	if (name != NULL)
		add_code(out, TAG_ConceptNameCodeSequence, name);
	write_end(out, item);
}

/* Write the report's context: who observed what. */
static void
add_context(ByteBuffer *out)
{
	add_code_item(out, "HAS CONCEPT MOD", &language, &english);
	add_code_item(out, "HAS OBS CONTEXT", &observer_type, &device);
	add_uid_item(out, "HAS OBS CONTEXT", &device_uid, DEVICE_UID);
	add_text_item(out, "HAS OBS CONTEXT", &device_name, "lesionseg");
	add_code_item(out, "HAS CONCEPT MOD", &procedure, &imaging);
}

static void
add_library(ByteBuffer *out, const Derivation *made)
{
	size_t		content;
	size_t		group_content;
	size_t		container = open_container(out, &image_library, NULL, &content);
	size_t		group = open_container(out, &library_group, NULL, &group_content);

	add_image_item(out, NULL, made->info.sop_class, made->info.sop_instance, false);
	close_container(out, group, group_content);
	close_container(out, container, content);
}

/* Write the measurements of the lesion. */
static void
add_measurements(ByteBuffer *out, const Derivation *made, const DicomInfo *segmentation, const char *lesion,
				 const DicomMeasures *measures)
{
	size_t		content;
	size_t		group_content;
	size_t		container = open_container(out, &measurements, NULL, &content);
	size_t		group = open_container(out, &measurement_group, "1410", &group_content);

	add_text_item(out, "HAS OBS CONTEXT", &tracking_id, "Skin lesion");
	add_uid_item(out, "HAS OBS CONTEXT", &tracking_uid, lesion);
	if (made->author->model != NULL)
	{
		add_text_item(out, "HAS CONCEPT MOD", &algorithm_name, made->algorithm);
		add_text_item(out, "HAS CONCEPT MOD", &algorithm_version, made->author->weights);
	}
	add_code_item(out, "CONTAINS", &finding, &skin_lesion);
	add_image_item(out, &referenced_segment, segmentation->sop_class, segmentation->sop_instance, true);
	add_image_item(out, &source_image, made->info.sop_class, made->info.sop_instance, false);
	if (measures != NULL)
	{
		add_number_item(out, &area, measures->area, &square_millimetre);
		add_number_item(out, &long_axis, measures->long_axis, &millimetre);
		add_number_item(out, &short_axis, measures->short_axis, &millimetre);
	}
	close_container(out, group, group_content);
	close_container(out, container, content);
}

/* Write the document's root: title, evidence and content. */
static void
write_document(ByteBuffer *out, const Derivation *made, const DicomInfo *segmentation, const char *lesion,
			   const DicomMeasures *measures)
{
	size_t		sequence;
	size_t		item;

	write_text(out, TAG_ValueType, CS, "CONTAINER");
	add_code(out, TAG_ConceptNameCodeSequence, &report_title);
	write_text(out, TAG_ContinuityOfContent, CS, "SEPARATE");
	write_end(out, write_sequence(out, TAG_PerformedProcedureCodeSequence));
	derive_evidence(out, made, TAG_CurrentRequestedProcedureEvidenceSequence, segmentation->sop_class,
					segmentation->sop_instance, segmentation->series);
	write_text(out, TAG_CompletionFlag, CS, "COMPLETE");
	write_text(out, TAG_VerificationFlag, CS, "UNVERIFIED");
	sequence = write_sequence(out, TAG_ContentTemplateSequence);
	item = write_item(out);
	write_text(out, TAG_MappingResource, CS, "DCMR");
	write_text(out, TAG_TemplateIdentifier, CS, "1500");
	write_end(out, item);
	write_end(out, sequence);
	sequence = write_sequence(out, TAG_ContentSequence);
	add_context(out);
	add_library(out, made);
	add_measurements(out, made, segmentation, lesion, measures);
	write_end(out, sequence);
}

static Status
other_image(void)
{
	return status_with_hint(status_error(LS_INVALID_ARGUMENT, "the segmentation is not one of the source image"),
							"Give what lesion_dicom_seg made of it.");
}

/* Refuse a segmentation that was drawn on another image of the study. */
static Status
check_drawn_on(const Derivation *made, const DicomSet *segmentation, const DicomInfo *other)
{
	char		drawn_on[UID_SIZE];

	TRY(dicom_segment_source(segmentation, 1, drawn_on));
	if (strcmp(drawn_on, made->info.sop_instance) != 0 || !made->info.has_image ||
		other->width != made->info.width || other->height != made->info.height)
		return other_image();
	return status_ok();
}

Status
dicom_report_write(const DicomSet *source, const DicomSet *segmentation, const DicomMeasures *measures,
				   const DicomAuthor *author, const DicomSeeds *seeds, ByteBuffer *out)
{
	static const DerivedKind kind = {
		.sop_class = REPORT_CLASS,
		.modality = "SR",
		.series_description = "Skin lesion measurements (AI)",
		.series_number = SERIES_NUMBER,
		.procedure_step = true,
	};
	const DicomElement *segment = dicom_find_item(segmentation, NULL, TAG_SegmentSequence);
	char		lesion[UID_SIZE];
	Derivation	made;
	DicomInfo	other;

	TRY(derive_begin(source, author, seeds, &made));
	TRY(dicom_info(segmentation, &other));
	if (segment == NULL || !dicom_string(dicom_find(segmentation, segment, TAG_TrackingUID), 0, lesion,
										 sizeof lesion) ||
		strcmp(other.study, made.info.study) != 0)
		return other_image();
	TRY(check_drawn_on(&made, segmentation, &other));
	write_file_header(out, kind.sop_class, made.instance, EXPLICIT_LITTLE_ENDIAN);
	derive_header(out, &made, &kind);
	write_copy(out, source, TAG_LongitudinalTemporalInformationModified, DICOM_VR('C', 'S'), false);
	write_document(out, &made, &other, lesion, measures);
	return out->status;
}
