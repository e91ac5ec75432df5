/*
 * decode.c: from a data set to an image: choose the decoder of a frame, and
 * convert its colours.
 */
#include "dicom/data/read.h"
#include "dicom/pixels/decode.h"

#include <string.h>

#include "dicom/pixels/colour.h"
#include "dicom/pixels/jpeg_stream.h"
#include "dicom/pixels/pixels.h"
#include "dicom/pixels/raster.h"
#include "dicom/segmentation.h"

/* Decode with the codec of JPEG files, at the DCT scale that suits the
 * request. */
static Status
decode_jpeg(const DicomSet *set, const DicomPixels *pixels, const FrameBytes *frame, const JpegStream *stream,
			const DecodeRequest *request, Image *image)
{
	const Call *call = set->call;
	DecodeRequest inner = *request;
	Image		grey = {0};
	Status		status;

	if (stream->width != pixels->width || stream->height != pixels->height || stream->components != pixels->samples)
		return dicom_broken("its JPEG stream's size or components are not those of the data set");
	if (stream->precision != 8)
		return status_with_hint(status_error(LS_UNSUPPORTED, "the DICOM image is JPEG of %d bits (%s, %s)",
											 stream->precision, set->syntax->name, set->syntax->uid),
								"Convert it outside the database to Explicit VR Little Endian (1.2.840.10008.1.2.1), "
								"for example with dcmdjpeg.");
	if (pixels->samples == 3)
	{
		inner.jpeg_colour = jpeg_stream_is_ybr(stream, pixels->photometric) ? JPEG_COLOUR_YBR : JPEG_COLOUR_RGB;
		return jpeg_decode(call, frame->bytes, frame->size, &inner, image);
	}
	inner.as = DECODE_GREY;
	status = jpeg_decode(call, frame->bytes, frame->size, &inner, &grey);
	if (status.code == LS_OK)
		status = grey_to_image(set, pixels, &grey, request, image);
	image_free(call, &grey);
	return status;
}

/* Decode by this room's own decoders. */
static Status
decode_raster(const DicomSet *set, const DicomPixels *pixels, const FrameBytes *frame, const DecodeRequest *request,
			  Image *image)
{
	const Call *call = set->call;
	Raster		raster = {0};
	Status		status;

	switch (set->syntax->coding)
	{
		case DICOM_RLE:
			status = rle_decode(call, pixels, frame->bytes, frame->size, &raster);
			break;
		case DICOM_JPEG:
			status = jpeg_lossless_decode(call, pixels, frame->bytes, frame->size, &raster);
			break;
		case DICOM_JPEG_LS:
			status = jpeg_ls_decode(call, pixels, frame->bytes, frame->size, &raster);
			break;
		case DICOM_JPEG_2000:
			status = jpeg_2000_decode(call, pixels, frame->bytes, frame->size, &raster);
			break;
		default:
			status = native_raster(set, pixels, frame, &raster);
			break;
	}
	if (status.code == LS_OK)
		status = raster_to_image(set, pixels, &raster, request, image);
	raster_free(call, &raster);
	return status;
}

Status
dicom_decode_frame(const DicomSet *set, int n, const DecodeRequest *request, Image *image)
{
	DicomPixels pixels;
	FrameBytes	frame;
	JpegStream	stream = {0};
	Status		status = status_ok();

	memset(image, 0, sizeof *image);
	if (dicom_is_segmentation(set))
		return dicom_segmentation_frame(set, n, request, image);
	TRY(dicom_pixels(set, &pixels));
	TRY(image_check_size(set->call, pixels.width, pixels.height));
	TRY(dicom_frame_bytes(set, &pixels, n, &frame));
	if (set->syntax->coding == DICOM_JPEG)
		status = jpeg_stream_read(frame.bytes, frame.size, &stream);
	if (status.code == LS_OK)
		status = set->syntax->coding == DICOM_JPEG && stream.process != 3
			? decode_jpeg(set, &pixels, &frame, &stream, request, image)
			: decode_raster(set, &pixels, &frame, request, image);
	call_free(set->call, frame.copy);
	if (status.code != LS_OK)
		image_free(set->call, image);
	return status;
}

/* Fill in image_info's struct for a DICOM file. */
static Status
codec_header(const Call *call, const uint8_t *bytes, size_t size, ImageInfo *info)
{
	DicomSet	set;
	DicomPixels pixels;
	Status		status;

	TRY(dicom_read(call, bytes, size, DICOM_HEADER, &set));
	status = dicom_pixels(&set, &pixels);
	dicom_free(&set);
	if (status.code != LS_OK)
		return status;
	info->width = pixels.width;
	info->height = pixels.height;
	info->channels = pixels.photometric == PHOTOMETRIC_PALETTE ? 3 : pixels.samples;
	info->bits = pixels.bits_stored;
	return status_ok();
}

/* Decode frame 1, or segment 1 of a segmentation. */
static Status
codec_decode(const Call *call, const uint8_t *bytes, size_t size, const DecodeRequest *request, Image *image)
{
	DicomSet	set;
	Status		status;

	TRY(dicom_read(call, bytes, size, DICOM_ALL, &set));
	status = dicom_is_segmentation(&set) ? dicom_segment_image(&set, 1, request, image)
		: dicom_decode_frame(&set, 1, request, image);
	dicom_free(&set);
	return status;
}

const ImageCodec dicom_codec = {
	.format = IMAGE_FORMAT_DICOM,
	.recognise = dicom_recognise,
	.header = codec_header,
	.decode = codec_decode,
};
