/*
 * syntax.c: the table of transfer syntaxes.
 */
#include "dicom/data/syntax.h"

#include <string.h>

const DicomSyntax dicom_implicit_little_endian = {
	.uid = "1.2.840.10008.1.2", .name = "Implicit VR Little Endian", .implicit = true
};

const DicomSyntax dicom_explicit_little_endian = {
	.uid = "1.2.840.10008.1.2.1", .name = "Explicit VR Little Endian"
};

const DicomSyntax dicom_explicit_big_endian = {
	.uid = "1.2.840.10008.1.2.2", .name = "Explicit VR Big Endian", .big_endian = true
};

static const DicomSyntax others[] = {
	{.uid = "1.2.840.10008.1.2.1.99", .name = "Deflated Explicit VR Little Endian", .deflated = true},
	{.uid = "1.2.840.10008.1.2.5", .name = "RLE Lossless", .coding = DICOM_RLE},
	{.uid = "1.2.840.10008.1.2.4.50", .name = "JPEG Baseline (Process 1)", .coding = DICOM_JPEG, .lossy = true},
	{.uid = "1.2.840.10008.1.2.4.51", .name = "JPEG Extended (Process 2 and 4)", .coding = DICOM_JPEG, .lossy = true},
	{.uid = "1.2.840.10008.1.2.4.53", .name = "JPEG Spectral Selection (Process 6 and 8)", .coding = DICOM_JPEG,
	 .lossy = true},
	{.uid = "1.2.840.10008.1.2.4.55", .name = "JPEG Full Progression (Process 10 and 12)", .coding = DICOM_JPEG,
	 .lossy = true},
	{.uid = "1.2.840.10008.1.2.4.57", .name = "JPEG Lossless (Process 14)", .coding = DICOM_JPEG},
	{.uid = "1.2.840.10008.1.2.4.70", .coding = DICOM_JPEG,
		.name = "JPEG Lossless, First-Order Prediction (Process 14, Selection Value 1)"},
	{.uid = "1.2.840.10008.1.2.4.80", .name = "JPEG-LS Lossless", .coding = DICOM_JPEG_LS},
	{.uid = "1.2.840.10008.1.2.4.81", .name = "JPEG-LS Near-Lossless", .coding = DICOM_JPEG_LS, .lossy = true},
	{.uid = "1.2.840.10008.1.2.4.90", .name = "JPEG 2000 Lossless", .coding = DICOM_JPEG_2000},
	{.uid = "1.2.840.10008.1.2.4.91", .name = "JPEG 2000", .coding = DICOM_JPEG_2000, .lossy = true},
	{.uid = "1.2.840.10008.1.2.1.98", .coding = DICOM_NOT_HANDLED,
		.name = "Encapsulated Uncompressed Explicit VR Little Endian"},
	{.uid = "1.2.840.10008.1.2.4.92", .name = "JPEG 2000 Part 2 Multi-component Lossless", .coding = DICOM_NOT_HANDLED},
	{.uid = "1.2.840.10008.1.2.4.93", .name = "JPEG 2000 Part 2 Multi-component", .coding = DICOM_NOT_HANDLED},
	{.uid = "1.2.840.10008.1.2.4.94", .name = "JPIP Referenced", .coding = DICOM_NOT_HANDLED},
	{.uid = "1.2.840.10008.1.2.4.95", .name = "JPIP Referenced Deflate", .coding = DICOM_NOT_HANDLED},
	{.uid = "1.2.840.10008.1.2.4.100", .name = "MPEG2 Main Profile, Main Level", .coding = DICOM_NOT_HANDLED},
	{.uid = "1.2.840.10008.1.2.4.101", .name = "MPEG2 Main Profile, High Level", .coding = DICOM_NOT_HANDLED},
	{.uid = "1.2.840.10008.1.2.4.102", .name = "MPEG-4 AVC/H.264 High Profile", .coding = DICOM_NOT_HANDLED},
	{.uid = "1.2.840.10008.1.2.4.103", .coding = DICOM_NOT_HANDLED,
		.name = "MPEG-4 AVC/H.264 BD-compatible High Profile"},
	{.uid = "1.2.840.10008.1.2.4.104", .coding = DICOM_NOT_HANDLED,
		.name = "MPEG-4 AVC/H.264 High Profile for 2D Video"},
	{.uid = "1.2.840.10008.1.2.4.105", .coding = DICOM_NOT_HANDLED,
		.name = "MPEG-4 AVC/H.264 High Profile for 3D Video"},
	{.uid = "1.2.840.10008.1.2.4.106", .name = "MPEG-4 AVC/H.264 Stereo High Profile", .coding = DICOM_NOT_HANDLED},
	{.uid = "1.2.840.10008.1.2.4.107", .name = "HEVC/H.265 Main Profile", .coding = DICOM_NOT_HANDLED},
	{.uid = "1.2.840.10008.1.2.4.108", .name = "HEVC/H.265 Main 10 Profile", .coding = DICOM_NOT_HANDLED},
	{.uid = "1.2.840.10008.1.2.4.110", .name = "JPEG XL Lossless", .coding = DICOM_NOT_HANDLED},
	{.uid = "1.2.840.10008.1.2.4.111", .name = "JPEG XL JPEG Recompression", .coding = DICOM_NOT_HANDLED},
	{.uid = "1.2.840.10008.1.2.4.112", .name = "JPEG XL", .coding = DICOM_NOT_HANDLED},
	{.uid = "1.2.840.10008.1.2.4.201", .name = "High-Throughput JPEG 2000 Lossless", .coding = DICOM_NOT_HANDLED},
	{.uid = "1.2.840.10008.1.2.4.202", .coding = DICOM_NOT_HANDLED,
		.name = "High-Throughput JPEG 2000 with RPCL Lossless"},
	{.uid = "1.2.840.10008.1.2.4.203", .name = "High-Throughput JPEG 2000", .coding = DICOM_NOT_HANDLED},
	{.uid = "1.2.840.10008.1.2.8.1", .name = "Deflated Image Frame Compression", .coding = DICOM_NOT_HANDLED},
};

const DicomSyntax *
dicom_syntax_find(const char *uid)
{
	static const DicomSyntax *const plain[] = {
		&dicom_implicit_little_endian, &dicom_explicit_little_endian, &dicom_explicit_big_endian
	};

	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
	{
		if (strcmp(plain[i]->uid, uid) == 0)
			return plain[i];
	}
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
	{
		if (strcmp(others[i].uid, uid) == 0)
			return &others[i];
	}
	return NULL;
}

Status
dicom_syntax_not_handled(const DicomSyntax *syntax)
{
	return status_with_hint(status_error(LS_UNSUPPORTED, "the DICOM file's transfer syntax is %s (%s)",
										 syntax->name, syntax->uid),
							"Convert it outside the database to Explicit VR Little Endian (1.2.840.10008.1.2.1), "
							"for example with gdcmconv --raw, or ask the archive for that syntax.");
}
