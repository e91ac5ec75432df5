/*
 * tags.h: the elements that this room names (PS3.6).
 */
#ifndef LESIONSEG_DICOM_TAGS_H
#define LESIONSEG_DICOM_TAGS_H

#define TAG_GROUP(tag) ((unsigned) ((tag) >> 16))
#define TAG_ELEMENT(tag) ((unsigned) ((tag) & 0xFFFF))

#define TAG_FileMetaInformationGroupLength 0x00020000
#define TAG_TransferSyntaxUID 0x00020010
#define TAG_SpecificCharacterSet 0x00080005
#define TAG_SOPClassUID 0x00080016
#define TAG_SOPInstanceUID 0x00080018
#define TAG_StudyDate 0x00080020
#define TAG_ContentDate 0x00080023
#define TAG_AcquisitionDateTime 0x0008002A
#define TAG_AcquisitionDate 0x00080022
#define TAG_StudyTime 0x00080030
#define TAG_AcquisitionTime 0x00080032
#define TAG_ContentTime 0x00080033
#define TAG_Modality 0x00080060
#define TAG_ReferencedSOPInstanceUID 0x00081155
#define TAG_ReferencedFrameNumber 0x00081160
#define TAG_SourceImageSequence 0x00082112
#define TAG_DerivationImageSequence 0x00089124
#define TAG_PatientID 0x00100020
#define TAG_PixelSpacing 0x00280030
#define TAG_ImagerPixelSpacing 0x00181164
#define TAG_NominalScannedPixelSpacing 0x00182010
#define TAG_StudyInstanceUID 0x0020000D
#define TAG_SeriesInstanceUID 0x0020000E
#define TAG_FrameOfReferenceUID 0x00200052
#define TAG_SamplesPerPixel 0x00280002
#define TAG_PhotometricInterpretation 0x00280004
#define TAG_PlanarConfiguration 0x00280006
#define TAG_NumberOfFrames 0x00280008
#define TAG_Rows 0x00280010
#define TAG_Columns 0x00280011
#define TAG_BitsAllocated 0x00280100
#define TAG_BitsStored 0x00280101
#define TAG_HighBit 0x00280102
#define TAG_PixelRepresentation 0x00280103
#define TAG_WindowCenter 0x00281050
#define TAG_WindowWidth 0x00281051
#define TAG_RescaleIntercept 0x00281052
#define TAG_RescaleSlope 0x00281053
#define TAG_VOILUTFunction 0x00281056
#define TAG_RedPaletteDescriptor 0x00281101
#define TAG_RedPaletteData 0x00281201
#define TAG_SegmentedRedPaletteData 0x00281221
#define TAG_TotalPixelMatrixColumns 0x00480006
#define TAG_TotalPixelMatrixRows 0x00480007
#define TAG_SegmentationType 0x00620001
#define TAG_SegmentSequence 0x00620002
#define TAG_SegmentNumber 0x00620004
#define TAG_SegmentIdentificationSequence 0x0062000A
#define TAG_ReferencedSegmentNumber 0x0062000B
#define TAG_MaximumFractionalValue 0x0062000E
#define TAG_SharedFunctionalGroups 0x52009229
#define TAG_PerFrameFunctionalGroups 0x52009230
#define TAG_PixelMeasuresSequence 0x00289110
#define TAG_ExtendedOffsetTable 0x7FE00001
#define TAG_ExtendedOffsetTableLengths 0x7FE00002
#define TAG_FloatPixelData 0x7FE00008
#define TAG_DoubleFloatPixelData 0x7FE00009
#define TAG_PixelData 0x7FE00010
#define TAG_Item 0xFFFEE000
#define TAG_ItemEnd 0xFFFEE00D
#define TAG_SequenceEnd 0xFFFEE0DD

#endif
