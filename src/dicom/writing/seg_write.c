/*
 * seg_write.c: a mask as a BINARY segmentation of its source image.
 *
 * Viewers need more than the standard requires: the reference to the source
 * both in ReferencedSeriesSequence and at the frame, and a PlaneOrientation
 * even for a photograph; without it some viewers crash.
 */
#include "dicom/writing/seg_write.h"

#include <string.h>

#include "dicom/data/tags.h"
#include "dicom/data/values.h"
#include "dicom/writing/write.h"

#define SEGMENTATION_CLASS "1.2.840.10008.5.1.4.1.1.66.4"
#define SERIES_NUMBER 9001		/* large, so that it comes after the series of the study's devices */

/* A strong orange as CIELab, scaled to 16 bits (PS3.3 section C.10.7.1.1). */
static const unsigned display_colour[3] = {43597, 46400, 51430};

/* Write how the segment was made and, for a model, its name and version. */
static void
write_algorithm(ByteBuffer *out, const Derivation *made)
{
	size_t		sequence;
	size_t		item;

	if (made->author->model == NULL)
		return;
	sequence = write_sequence(out, TAG_SegmentationAlgorithmIdentificationSequence);
	item = write_item(out);
	write_code(out, TAG_AlgorithmFamilyCodeSequence, "123109", "DCM", "Artificial Intelligence");
	write_text(out, TAG_AlgorithmVersion, DICOM_VR('L', 'O'), made->author->weights);
	write_text(out, TAG_AlgorithmName, DICOM_VR('L', 'O'), made->algorithm);
	write_end(out, item);
	write_end(out, sequence);
}

/* Write SegmentSequence: one segment. */
static void
write_segment(ByteBuffer *out, const Derivation *made)
{
	size_t		sequence = write_sequence(out, TAG_SegmentSequence);
	size_t		item = write_item(out);
	char		uid[UID_SIZE];
	uint8_t		colour[6];

	derive_uid(made->seeds->instance, UID_TRACKING, uid);
	for (int i = 0; i < 3; i++)
	{
		colour[2 * i] = (uint8_t) display_colour[i];
		colour[2 * i + 1] = (uint8_t) (display_colour[i] >> 8);
	}
	write_code(out, TAG_SegmentedPropertyCategoryCodeSequence, "49755003", "SCT", "Morphologically Abnormal Structure");
	write_us(out, TAG_SegmentNumber, 1);
	write_text(out, TAG_SegmentLabel, DICOM_VR('L', 'O'), "Skin lesion");
	write_algorithm(out, made);
	write_text(out, TAG_SegmentAlgorithmType, DICOM_VR('C', 'S'), made->author->model != NULL ? "AUTOMATIC" : "MANUAL");
	if (made->author->model != NULL)
		write_text(out, TAG_SegmentAlgorithmName, DICOM_VR('L', 'O'), made->algorithm);
	write_bytes(out, TAG_RecommendedDisplayCIELabValue, DICOM_VR('U', 'S'), colour, sizeof colour);
	write_code(out, TAG_SegmentedPropertyTypeCodeSequence, "95324001", "SCT", "Skin lesion");
	write_text(out, TAG_TrackingID, DICOM_VR('U', 'T'), "Skin lesion");
	write_text(out, TAG_TrackingUID, DICOM_VR('U', 'I'), uid);
	write_end(out, item);
	write_end(out, sequence);
}

/* Write the frames' only dimension: the segment number. */
static void
write_dimensions(ByteBuffer *out, const Derivation *made)
{
	char		uid[UID_SIZE];
	size_t		sequence = write_sequence(out, TAG_DimensionOrganizationSequence);
	size_t		item = write_item(out);

	derive_uid(made->seeds->instance, UID_DIMENSIONS, uid);
	write_text(out, TAG_DimensionOrganizationUID, DICOM_VR('U', 'I'), uid);
	write_end(out, item);
	write_end(out, sequence);
	sequence = write_sequence(out, TAG_DimensionIndexSequence);
	item = write_item(out);
	write_text(out, TAG_DimensionOrganizationUID, DICOM_VR('U', 'I'), uid);
	write_tag(out, TAG_DimensionIndexPointer, TAG_ReferencedSegmentNumber);
	write_tag(out, TAG_FunctionalGroupPointer, TAG_SegmentIdentificationSequence);
	write_text(out, TAG_DimensionDescriptionLabel, DICOM_VR('L', 'O'), "ReferencedSegmentNumber");
	write_end(out, item);
	write_end(out, sequence);
}

/* Write the groups shared by all frames. */
static void
write_shared_groups(ByteBuffer *out, const Derivation *made)
{
	size_t		sequence = write_sequence(out, TAG_SharedFunctionalGroups);
	size_t		item = write_item(out);
	size_t		group = write_sequence(out, TAG_PlaneOrientationSequence);
	size_t		group_item = write_item(out);

	write_text(out, TAG_ImageOrientationPatient, DICOM_VR('D', 'S'), "1\\0\\0\\0\\1\\0");
	write_end(out, group_item);
	write_end(out, group);
	if (made->info.spacing_from != NULL)
	{
		group = write_sequence(out, TAG_PixelMeasuresSequence);
		group_item = write_item(out);
		write_ds(out, TAG_SliceThickness, made->info.spacing[0]);
		write_ds_pair(out, TAG_PixelSpacing, made->info.spacing[0], made->info.spacing[1]);
		write_end(out, group_item);
		write_end(out, group);
	}
	write_end(out, item);
	write_end(out, sequence);
}

/* Write DerivationImageSequence: the frame was made of the source's frame
 * 1. */
static void
write_derivation(ByteBuffer *out, const Derivation *made)
{
	size_t		derivation = write_sequence(out, TAG_DerivationImageSequence);
	size_t		derivation_item = write_item(out);
	size_t		source = write_sequence(out, TAG_SourceImageSequence);
	size_t		source_item = write_item(out);

	derive_reference(out, made);
	if (made->info.frames > 1)
		write_text(out, TAG_ReferencedFrameNumber, DICOM_VR('I', 'S'), "1");
	write_text(out, TAG_SpatialLocationsPreserved, DICOM_VR('C', 'S'), "YES");
	write_code(out, TAG_PurposeOfReferenceCodeSequence, "121322", "DCM", "Source image for image processing operation");
	write_end(out, source_item);
	write_end(out, source);
	write_code(out, TAG_DerivationCodeSequence, "113076", "DCM", "Segmentation");
	write_end(out, derivation_item);
	write_end(out, derivation);
}

/* Write the groups of the one frame. */
static void
write_frame_groups(ByteBuffer *out, const Derivation *made)
{
	size_t		sequence = write_sequence(out, TAG_PerFrameFunctionalGroups);
	size_t		item = write_item(out);
	size_t		group;
	size_t		group_item;

	write_derivation(out, made);
	group = write_sequence(out, TAG_FrameContentSequence);
	group_item = write_item(out);
	write_ul(out, TAG_DimensionIndexValues, 1);
	write_end(out, group_item);
	write_end(out, group);
	group = write_sequence(out, TAG_PlanePositionSequence);
	group_item = write_item(out);
	write_text(out, TAG_ImagePositionPatient, DICOM_VR('D', 'S'), "0\\0\\0");
	write_end(out, group_item);
	write_end(out, group);
	group = write_sequence(out, TAG_SegmentIdentificationSequence);
	group_item = write_item(out);
	write_us(out, TAG_ReferencedSegmentNumber, 1);
	write_end(out, group_item);
	write_end(out, group);
	write_end(out, item);
	write_end(out, sequence);
}

/* Write the mask, one bit per pixel, packed across rows, the lowest bit of a
 * byte first. */
static Status
write_bits(ByteBuffer *out, const Image *mask)
{
	size_t		count = (size_t) mask->width * (size_t) mask->height;
	size_t		size = (count + 7) / 8;
	uint8_t    *bits;

	size += size % 2;
	write_bytes(out, TAG_PixelData, DICOM_VR('O', 'B'), "", 0);
	TRY(out->status);
	buffer_put_u32(out, out->size - 4, (uint32_t) size);
	bits = buffer_extend(out, size);
	TRY(out->status);
	TRY(call_clear(out->call, bits, size));
	for (size_t i = 0; i < count; i++)
	{
		if (i % ((size_t) mask->width * POLL_ROWS) == 0)
			TRY(call_poll(out->call));
		if (mask->pixels[i] != 0)
			bits[i / 8] |= (uint8_t) (1u << i % 8);
	}
	return status_ok();
}

/* Does that attribute of the source have a text? */
static bool
has_text(const DicomSet *source, uint32_t tag)
{
	char		text[UID_SIZE];

	return dicom_string(dicom_find(source, NULL, tag), 0, text, sizeof text) && text[0] != '\0';
}

/* Refuse a mask that cannot belong to the source's frame. */
static Status
check_size(const Derivation *made, const Image *mask)
{
	if (!made->info.has_image)
		return status_with_hint(status_error(LS_INVALID_IMAGE, "the DICOM file holds no image"),
								"A segmentation is made of an image.");
	if (mask->width != made->info.width || mask->height != made->info.height)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT,
											 "the mask is %d x %d pixels, the DICOM image %d x %d as stored",
											 mask->width, mask->height, made->info.width, made->info.height),
								"A segmentation has its source's size: segment the DICOM file itself.");
	return status_ok();
}

Status
dicom_seg_write(const DicomSet *source, const Image *mask, const DicomAuthor *author, const DicomSeeds *seeds,
				ByteBuffer *out)
{
	static const DerivedKind kind = {
		.sop_class = SEGMENTATION_CLASS,
		.modality = "SEG",
		.image_type = "DERIVED\\PRIMARY",
		.series_description = "Skin lesion segmentation",
		.series_number = SERIES_NUMBER,
		.refer = true,
	};
	Derivation	made;

	TRY(derive_begin(source, author, seeds, &made));
	TRY(check_size(&made, mask));
	write_file_header(out, kind.sop_class, made.instance, EXPLICIT_LITTLE_ENDIAN);
	derive_header(out, &made, &kind);
	write_copy(out, source, TAG_FrameOfReferenceUID, DICOM_VR('U', 'I'), false);
	if (has_text(source, TAG_FrameOfReferenceUID))
		write_copy(out, source, TAG_PositionReferenceIndicator, DICOM_VR('L', 'O'), true);
	write_dimensions(out, &made);
	write_us(out, TAG_SamplesPerPixel, 1);
	write_text(out, TAG_PhotometricInterpretation, DICOM_VR('C', 'S'), "MONOCHROME2");
	write_text(out, TAG_NumberOfFrames, DICOM_VR('I', 'S'), "1");
	write_us(out, TAG_Rows, (unsigned) mask->height);
	write_us(out, TAG_Columns, (unsigned) mask->width);
	write_us(out, TAG_BitsAllocated, 1);
	write_us(out, TAG_BitsStored, 1);
	write_us(out, TAG_HighBit, 0);
	write_us(out, TAG_PixelRepresentation, 0);
	write_copy(out, source, TAG_LongitudinalTemporalInformationModified, DICOM_VR('C', 'S'), false);
	if (has_text(source, TAG_LossyImageCompression))
		write_copy(out, source, TAG_LossyImageCompression, DICOM_VR('C', 'S'), true);
	else
		write_text(out, TAG_LossyImageCompression, DICOM_VR('C', 'S'), source->syntax->lossy ? "01" : "00");
	write_copy(out, source, TAG_LossyImageCompressionRatio, DICOM_VR('D', 'S'), false);
	write_copy(out, source, TAG_LossyImageCompressionMethod, DICOM_VR('C', 'S'), false);
	write_text(out, TAG_SegmentationType, DICOM_VR('C', 'S'), "BINARY");
	write_segment(out, &made);
	write_text(out, TAG_ContentLabel, DICOM_VR('C', 'S'), "SKIN_LESION");
	write_text(out, TAG_ContentDescription, DICOM_VR('L', 'O'), "Skin lesion segmentation");
	write_text(out, TAG_ContentCreatorName, DICOM_VR('P', 'N'), "");
	write_shared_groups(out, &made);
	write_frame_groups(out, &made);
	TRY(write_bits(out, mask));
	return out->status;
}
