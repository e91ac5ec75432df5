/*
 * capture.c: see capture.h. The picture is JPEG of a high quality:
 * uncompressed, thousands of pictures would fill an archive.
 */
#include "dicom/writing/capture.h"

#include <stdio.h>
#include <string.h>

#include "dicom/data/tags.h"
#include "dicom/data/values.h"
#include "dicom/writing/write.h"
#include "image/codec/codec.h"
#include "image/drawing/letters.h"

#define CAPTURE_CLASS "1.2.840.10008.5.1.4.1.1.7"
#define JPEG_BASELINE "1.2.840.10008.1.2.4.50"
#define JPEG_QUALITY 92
#define SERIES_NUMBER 9002
#define WARNING "AI, not for diagnosis"
#define LETTERS_A_LINE 32		/* or a few less, if the picture is wide enough */
#define DOT_MOST 6

/* The number of letters of a text that go on a line of so many dots: up to the last
 * space that fits, if there is one; at least one. */
static int
line_length(const char *text, int dots)
{
	int			length = 0;
	int			space = 0;

	for (; text[length] != '\0' && dots >= letter_width(text[length]); length++)
	{
		dots -= letter_width(text[length]);
		if (text[length] == ' ')
			space = length;
	}
	if (text[length] == '\0' || text[length] == ' ')
		return length > 0 ? length : 1;
	return space > 0 ? space : length > 0 ? length : 1;
}

/* The start of the next line: behind the space after a line of so many
 * letters. */
static const char *
next_line(const char *text, int length)
{
	return text + length + (text[length] == ' ');
}

/* Make an image of the picture with a black band of text below it. */
static Status
add_band(const Call *call, const Image *picture, const char *text, Image *banded)
{
	static const uint8_t white[3] = {255, 255, 255};
	int			dot = picture->width / (LETTERS_A_LINE * LETTER_DOTS);
	int			dots;
	int			lines = 0;
	const char *at;

	dot = dot < 1 ? 1 : dot > DOT_MOST ? DOT_MOST : dot;
	dots = picture->width / dot;
	for (at = text; *at != '\0'; at = next_line(at, line_length(at, dots)))
		lines++;
	TRY(image_create(call, picture->width, picture->height + (lines * LINE_DOTS + 3) * dot, 3, banded));
	memcpy(banded->pixels, picture->pixels, (size_t) picture->width * (size_t) picture->height * 3);
	at = text;
	for (int i = 0; i < lines; i++)
	{
		char		part[256];
		int			length = line_length(at, dots);

		snprintf(part, sizeof part, "%.*s", length, at);
		letters_draw(banded, part, 0, picture->height + (2 + i * LINE_DOTS) * dot, dot, white);
		at = next_line(at, length);
	}
	return status_ok();
}

/* Write what the source says of its picture, YES or NO: it is in the new one,
 * too. What the source leaves open stays open. */
static void
write_answer(ByteBuffer *out, const DicomSet *source, uint32_t tag)
{
	char		text[8];

	if (dicom_string(dicom_find(source, NULL, tag), 0, text, sizeof text) &&
		(strcmp(text, "YES") == 0 || strcmp(text, "NO") == 0))
		write_text(out, tag, DICOM_VR('C', 'S'), text);
}

/* Write the image's description and its one JPEG frame. */
static void
write_pixels(ByteBuffer *out, const Derivation *made, const Image *image, const EncodedImage *jpeg)
{
	size_t		fragment;
	size_t		raw = (size_t) image->width * (size_t) image->height * 3;

	write_text(out, TAG_PatientOrientation, DICOM_VR('C', 'S'), "");
	write_copy(out, made->source, TAG_Laterality, DICOM_VR('C', 'S'), true);
	write_us(out, TAG_SamplesPerPixel, 3);
	write_text(out, TAG_PhotometricInterpretation, DICOM_VR('C', 'S'), "YBR_FULL_422");
	write_us(out, TAG_PlanarConfiguration, 0);
	write_us(out, TAG_Rows, (unsigned) image->height);
	write_us(out, TAG_Columns, (unsigned) image->width);
	write_us(out, TAG_BitsAllocated, 8);
	write_us(out, TAG_BitsStored, 8);
	write_us(out, TAG_HighBit, 7);
	write_us(out, TAG_PixelRepresentation, 0);
	write_answer(out, made->source, TAG_BurnedInAnnotation);
	write_answer(out, made->source, TAG_RecognizableVisualFeatures);
	write_copy(out, made->source, TAG_LongitudinalTemporalInformationModified, DICOM_VR('C', 'S'), false);
	write_text(out, TAG_LossyImageCompression, DICOM_VR('C', 'S'), "01");
	write_ds(out, TAG_LossyImageCompressionRatio, (double) (int) ((double) raw / (double) jpeg->size * 100) / 100);
	write_text(out, TAG_LossyImageCompressionMethod, DICOM_VR('C', 'S'), "ISO_10918_1");
	write_bytes(out, TAG_PixelData, DICOM_VR('O', 'B'), "", 0);
	if (out->status.code == LS_OK)
		buffer_put_u32(out, out->size - 4, 0xFFFFFFFFu);
	write_end(out, write_item(out));	/* an empty offset table */
	fragment = write_item(out);
	buffer_add(out, jpeg->bytes, jpeg->size);
	buffer_add(out, "", jpeg->size % 2);	/* to an even length */
	write_end(out, fragment);
	buffer_add_u16(out, TAG_GROUP(TAG_SequenceEnd));
	buffer_add_u16(out, TAG_ELEMENT(TAG_SequenceEnd));
	buffer_add_u32(out, 0);
}

/* Only ASCII is certain to be in the source's character set. */
static Status
check_description(const char *description)
{
	for (const char *c = description; *c != '\0'; c++)
	{
		if (*c < ' ' || *c > '~' || *c == '\\')
			return status_with_hint(status_error(LS_INVALID_ARGUMENT,
												 "description holds a character that is not ASCII"),
									"The source's character set may lack it: use ASCII, without backslashes.");
	}
	if (strlen(description) > 64)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "description has %zu characters",
											 strlen(description)),
								"DICOM allows 64.");
	return status_ok();
}

Status
dicom_capture_write(const DicomSet *source, const Image *picture, const char *description, const DicomAuthor *author,
					const DicomSeeds *seeds, ByteBuffer *out)
{
	DerivedKind kind = {
		.sop_class = CAPTURE_CLASS,
		.modality = "OT",
		.image_type = "DERIVED\\SECONDARY",
		.conversion = "WSD",
		.series_description = description != NULL ? description : "Skin lesion overlay (AI)",
		.series_number = SERIES_NUMBER,
		.derivation = "Drawn by lesionseg on the source image. " WARNING ".",
	};
	Derivation	made;
	Image		banded;
	EncodedImage jpeg;
	char		text[128];
	Status		status;

	TRY(check_description(kind.series_description));
	TRY(derive_begin(source, author, seeds, &made));
	snprintf(text, sizeof text, "%s%s%s", WARNING, made.algorithm[0] == '\0' ? "" : " - ", made.algorithm);
	TRY(add_band(out->call, picture, text, &banded));
	status = jpeg_encode_422(out->call, &banded, JPEG_QUALITY, &jpeg);
	if (status.code == LS_OK)
	{
		write_file_header(out, kind.sop_class, made.instance, JPEG_BASELINE);
		derive_header(out, &made, &kind);
		write_pixels(out, &made, &banded, &jpeg);
		call_free(out->call, jpeg.bytes);
		status = out->status;
	}
	image_free(out->call, &banded);
	return status;
}
