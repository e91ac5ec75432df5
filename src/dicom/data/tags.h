/*
 * tags.h: tags of the elements that this room uses (PS3.6), and VRs as
 * numbers.
 */
#ifndef LESIONSEG_DICOM_TAGS_H
#define LESIONSEG_DICOM_TAGS_H

/* A value representation: its two letters. 0 for items. */
#define DICOM_VR(a, b) ((uint16_t) ((a) << 8 | (b)))

#define TAG_GROUP(tag) ((unsigned) ((tag) >> 16))
#define TAG_ELEMENT(tag) ((unsigned) ((tag) & 0xFFFF))

#define TAG_FileMetaInformationGroupLength 0x00020000
#define TAG_FileMetaInformationVersion 0x00020001
#define TAG_MediaStorageSOPClassUID 0x00020002
#define TAG_MediaStorageSOPInstanceUID 0x00020003
#define TAG_TransferSyntaxUID 0x00020010
#define TAG_ImplementationClassUID 0x00020012
#define TAG_ImplementationVersionName 0x00020013
#define TAG_SpecificCharacterSet 0x00080005
#define TAG_ImageType 0x00080008
#define TAG_SOPClassUID 0x00080016
#define TAG_SOPInstanceUID 0x00080018
#define TAG_StudyDate 0x00080020
#define TAG_AcquisitionDate 0x00080022
#define TAG_ContentDate 0x00080023
#define TAG_AcquisitionDateTime 0x0008002A
#define TAG_StudyTime 0x00080030
#define TAG_AcquisitionTime 0x00080032
#define TAG_ContentTime 0x00080033
#define TAG_AccessionNumber 0x00080050
#define TAG_Modality 0x00080060
#define TAG_ConversionType 0x00080064
#define TAG_Manufacturer 0x00080070
#define TAG_CodeValue 0x00080100
#define TAG_CodingSchemeDesignator 0x00080102
#define TAG_CodeMeaning 0x00080104
#define TAG_MappingResource 0x00080105
#define TAG_SeriesDescription 0x0008103E
#define TAG_ManufacturerModelName 0x00081090
#define TAG_ReferencedPerformedProcedureStepSequence 0x00081111
#define TAG_ReferencedSeriesSequence 0x00081115
#define TAG_ReferencedInstanceSequence 0x0008114A
#define TAG_ReferencedSOPClassUID 0x00081150
#define TAG_ReferencedSOPInstanceUID 0x00081155
#define TAG_ReferencedFrameNumber 0x00081160
#define TAG_ReferencedSOPSequence 0x00081199
#define TAG_DerivationDescription 0x00082111
#define TAG_SourceImageSequence 0x00082112
#define TAG_DerivationImageSequence 0x00089124
#define TAG_DerivationCodeSequence 0x00089215
#define TAG_PatientID 0x00100020
#define TAG_SliceThickness 0x00180050
#define TAG_DeviceSerialNumber 0x00181000
#define TAG_SoftwareVersions 0x00181020
#define TAG_ImagerPixelSpacing 0x00181164
#define TAG_NominalScannedPixelSpacing 0x00182010
#define TAG_StudyInstanceUID 0x0020000D
#define TAG_SeriesInstanceUID 0x0020000E
#define TAG_StudyID 0x00200010
#define TAG_SeriesNumber 0x00200011
#define TAG_InstanceNumber 0x00200013
#define TAG_PatientOrientation 0x00200020
#define TAG_ImagePositionPatient 0x00200032
#define TAG_ImageOrientationPatient 0x00200037
#define TAG_FrameOfReferenceUID 0x00200052
#define TAG_Laterality 0x00200060
#define TAG_PositionReferenceIndicator 0x00201040
#define TAG_FrameContentSequence 0x00209111
#define TAG_PlanePositionSequence 0x00209113
#define TAG_PlaneOrientationSequence 0x00209116
#define TAG_DimensionIndexValues 0x00209157
#define TAG_DimensionOrganizationUID 0x00209164
#define TAG_DimensionIndexPointer 0x00209165
#define TAG_FunctionalGroupPointer 0x00209167
#define TAG_DimensionOrganizationSequence 0x00209221
#define TAG_DimensionIndexSequence 0x00209222
#define TAG_DimensionDescriptionLabel 0x00209421
#define TAG_SamplesPerPixel 0x00280002
#define TAG_PhotometricInterpretation 0x00280004
#define TAG_PlanarConfiguration 0x00280006
#define TAG_NumberOfFrames 0x00280008
#define TAG_Rows 0x00280010
#define TAG_Columns 0x00280011
#define TAG_PixelSpacing 0x00280030
#define TAG_BitsAllocated 0x00280100
#define TAG_BitsStored 0x00280101
#define TAG_HighBit 0x00280102
#define TAG_PixelRepresentation 0x00280103
#define TAG_BurnedInAnnotation 0x00280301
#define TAG_RecognizableVisualFeatures 0x00280302
#define TAG_LongitudinalTemporalInformationModified 0x00280303
#define TAG_WindowCenter 0x00281050
#define TAG_WindowWidth 0x00281051
#define TAG_RescaleIntercept 0x00281052
#define TAG_RescaleSlope 0x00281053
#define TAG_VOILUTFunction 0x00281056
#define TAG_RedPaletteDescriptor 0x00281101
#define TAG_RedPaletteData 0x00281201
#define TAG_SegmentedRedPaletteData 0x00281221
#define TAG_SpatialLocationsPreserved 0x0028135A
#define TAG_LossyImageCompression 0x00282110
#define TAG_LossyImageCompressionRatio 0x00282112
#define TAG_LossyImageCompressionMethod 0x00282114
#define TAG_PixelMeasuresSequence 0x00289110
#define TAG_MeasurementUnitsCodeSequence 0x004008EA
#define TAG_RelationshipType 0x0040A010
#define TAG_ValueType 0x0040A040
#define TAG_ConceptNameCodeSequence 0x0040A043
#define TAG_ContinuityOfContent 0x0040A050
#define TAG_UID 0x0040A124
#define TAG_TextValue 0x0040A160
#define TAG_ConceptCodeSequence 0x0040A168
#define TAG_PurposeOfReferenceCodeSequence 0x0040A170
#define TAG_MeasuredValueSequence 0x0040A300
#define TAG_NumericValue 0x0040A30A
#define TAG_PerformedProcedureCodeSequence 0x0040A372
#define TAG_CurrentRequestedProcedureEvidenceSequence 0x0040A375
#define TAG_CompletionFlag 0x0040A491
#define TAG_VerificationFlag 0x0040A493
#define TAG_ContentTemplateSequence 0x0040A504
#define TAG_ContentSequence 0x0040A730
#define TAG_TemplateIdentifier 0x0040DB00
#define TAG_TotalPixelMatrixColumns 0x00480006
#define TAG_TotalPixelMatrixRows 0x00480007
#define TAG_SegmentationType 0x00620001
#define TAG_SegmentSequence 0x00620002
#define TAG_SegmentedPropertyCategoryCodeSequence 0x00620003
#define TAG_SegmentNumber 0x00620004
#define TAG_SegmentLabel 0x00620005
#define TAG_SegmentationAlgorithmIdentificationSequence 0x00620007
#define TAG_SegmentAlgorithmType 0x00620008
#define TAG_SegmentAlgorithmName 0x00620009
#define TAG_SegmentIdentificationSequence 0x0062000A
#define TAG_ReferencedSegmentNumber 0x0062000B
#define TAG_RecommendedDisplayCIELabValue 0x0062000D
#define TAG_MaximumFractionalValue 0x0062000E
#define TAG_SegmentedPropertyTypeCodeSequence 0x0062000F
#define TAG_TrackingID 0x00620020
#define TAG_TrackingUID 0x00620021
#define TAG_AlgorithmFamilyCodeSequence 0x0066002F
#define TAG_AlgorithmVersion 0x00660031
#define TAG_AlgorithmName 0x00660036
#define TAG_ContentLabel 0x00700080
#define TAG_ContentDescription 0x00700081
#define TAG_ContentCreatorName 0x00700084
#define TAG_SharedFunctionalGroups 0x52009229
#define TAG_PerFrameFunctionalGroups 0x52009230
#define TAG_ExtendedOffsetTable 0x7FE00001
#define TAG_FloatPixelData 0x7FE00008
#define TAG_DoubleFloatPixelData 0x7FE00009
#define TAG_PixelData 0x7FE00010
#define TAG_Item 0xFFFEE000
#define TAG_ItemEnd 0xFFFEE00D
#define TAG_SequenceEnd 0xFFFEE0DD

#endif
