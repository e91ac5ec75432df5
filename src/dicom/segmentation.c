/*
 * segmentation.c: read masks from segmentation objects.
 *
 * The functional groups say which segment a frame belongs to, and on which
 * frame of which image it was drawn: in the frame's own item or in the item
 * that all frames share.
 */
#include "dicom/segmentation.h"

#include <string.h>

#include "core/checked.h"
#include "dicom/pixels/pixels.h"
#include "dicom/pixels/raster.h"
#include "dicom/data/tags.h"
#include "dicom/data/values.h"

#define SEGMENTATION_CLASS "1.2.840.10008.5.1.4.1.1.66.4"
#define POLL_FRAMES 256

/* The image and the frame on which a frame was drawn. */
typedef struct DrawnOn
{
	char		uid[UID_SIZE];	/* "": the file does not say */
	int			frame;
} DrawnOn;

/* One segmentation object while it is read. What all frames share is looked up
 * once: the file may have many frames, and much in their shared item. */
typedef struct Segmentation
{
	const DicomSet *set;
	DicomPixels pixels;
	bool		fractional;
	int			most;			/* the value that means 1 (FRACTIONAL) */
	int			shared_segment; /* 0: the file does not say */
	DrawnOn		shared_source;
	const DicomElement *frames; /* the sequence with an item for each frame */
} Segmentation;

bool
dicom_is_segmentation(const DicomSet *set)
{
	char		uid[UID_SIZE];

	return dicom_string(dicom_find(set, NULL, TAG_SOPClassUID), 0, uid, sizeof uid) &&
		strcmp(uid, SEGMENTATION_CLASS) == 0;
}

/* The number in a SegmentIdentificationSequence's item; 0 if the file does not say. */
static int
group_segment(const DicomSet *set, const DicomElement *group)
{
	int			number;

	if (group == NULL || !dicom_integer(set, dicom_find(set, group, TAG_ReferencedSegmentNumber), 0, &number))
		return 0;
	return number;
}

/* The image and the frame that a DerivationImageSequence's item names. */
static void
group_source(const DicomSet *set, const DicomElement *group, DrawnOn *drawn_on)
{
	const DicomElement *source = group == NULL ? NULL : dicom_find_item(set, group, TAG_SourceImageSequence);

	drawn_on->uid[0] = '\0';
	drawn_on->frame = 1;
	if (source == NULL)
		return;
	dicom_string(dicom_find(set, source, TAG_ReferencedSOPInstanceUID), 0, drawn_on->uid, UID_SIZE);
	dicom_integer(set, dicom_find(set, source, TAG_ReferencedFrameNumber), 0, &drawn_on->frame);
}

/* Look up what all frames share. */
static void
read_shared(Segmentation *seg)
{
	const DicomSet *set = seg->set;
	const DicomElement *shared = dicom_find_item(set, NULL, TAG_SharedFunctionalGroups);

	seg->shared_segment = shared == NULL ? 0 :
		group_segment(set, dicom_find_item(set, shared, TAG_SegmentIdentificationSequence));
	group_source(set, shared == NULL ? NULL : dicom_find_item(set, shared, TAG_DerivationImageSequence),
				 &seg->shared_source);
}

/* The number of a frame's segment; 0 if the file does not say. */
static int
frame_segment(const Segmentation *seg, const DicomElement *frame)
{
	const DicomElement *own = frame == NULL ? NULL
		: dicom_find_item(seg->set, frame, TAG_SegmentIdentificationSequence);

	return own == NULL ? seg->shared_segment : group_segment(seg->set, own);
}

static void
frame_source(const Segmentation *seg, const DicomElement *frame, DrawnOn *drawn_on)
{
	const DicomElement *own = frame == NULL ? NULL : dicom_find_item(seg->set, frame, TAG_DerivationImageSequence);

	if (own == NULL)
		*drawn_on = seg->shared_source;
	else
		group_source(seg->set, own, drawn_on);
}

static Status
read_segmentation(const DicomSet *set, Segmentation *seg)
{
	char		type[20];
	int			rows;
	int			columns;

	memset(seg, 0, sizeof *seg);
	seg->set = set;
	if (!dicom_is_segmentation(set))
		return status_with_hint(status_error(LS_INVALID_IMAGE, "the DICOM file is not a segmentation"),
								"Give an object of SOP class %s.", SEGMENTATION_CLASS);
	TRY(dicom_pixels(set, &seg->pixels));
	TRY(image_check_size(set->call, seg->pixels.width, seg->pixels.height));
	dicom_string(dicom_find(set, NULL, TAG_SegmentationType), 0, type, sizeof type);
	seg->fractional = strcmp(type, "FRACTIONAL") == 0;
	if (!seg->fractional && strcmp(type, "BINARY") != 0)
		return dicom_broken("SegmentationType (0062,0001) is neither BINARY nor FRACTIONAL");
	if (seg->pixels.samples != 1 || seg->pixels.bits_allocated != (seg->fractional ? 8 : 1))
		return dicom_broken("BitsAllocated (0028,0100) is not 1 of a BINARY or 8 of a FRACTIONAL segmentation");
	if (dicom_integer(set, dicom_find(set, NULL, TAG_TotalPixelMatrixRows), 0, &rows) &&
		dicom_integer(set, dicom_find(set, NULL, TAG_TotalPixelMatrixColumns), 0, &columns) &&
		(rows != seg->pixels.height || columns != seg->pixels.width))
		return dicom_unsupported("tiles of a larger image");
	seg->most = 255;
	if (seg->fractional)
		dicom_integer(set, dicom_find(set, NULL, TAG_MaximumFractionalValue), 0, &seg->most);
	read_shared(seg);
	seg->frames = dicom_find(set, NULL, TAG_PerFrameFunctionalGroups);
	return status_ok();
}

/* Add frame n, from 0, of a BINARY segmentation: bits packed over all frames,
 * the lowest of a byte first. */
static Status
add_binary_frame(const Segmentation *seg, size_t n, Image *mask)
{
	const DicomElement *data = seg->pixels.data;
	size_t		count = (size_t) mask->width * (size_t) mask->height;
	size_t		first;
	size_t		end;

	if (seg->set->syntax->coding != DICOM_NATIVE)
		return dicom_unsupported("compressed bits");
	if (seg->set->syntax->big_endian)
		return dicom_unsupported("bits in big-endian words");
	if (data == NULL || !checked_mul(count, n, &first) || !checked_add(first, count, &end) ||
		end / 8 + (end % 8 > 0) > data->length)
		return dicom_broken("PixelData (7FE0,0010) is missing or shorter than its frames");
	for (size_t i = 0; i < count; i++)
	{
		size_t		bit = first + i;

		if (i % ((size_t) mask->width * POLL_ROWS) == 0)
			TRY(call_poll(seg->set->call));
		if (data->value[bit / 8] >> (bit % 8) & 1)
			mask->pixels[i] = 255;
	}
	return status_ok();
}

/* Add the pixels of a raster that are at least half of the greatest value. */
static Status
add_raster(const Segmentation *seg, const Raster *raster, Image *mask)
{
	for (int y = 0; y < mask->height; y++)
	{
		if (y % POLL_ROWS == 0)
			TRY(call_poll(seg->set->call));
		for (int x = 0; x < mask->width; x++)
		{
			int			value = raster->bytes[(size_t) y * raster->row_step + (size_t) x * raster->pixel_step];

			if (value * 2 >= seg->most && value > 0)
				mask->pixels[(size_t) y * (size_t) mask->width + (size_t) x] = 255;
		}
	}
	return status_ok();
}

/* Add frame n, from 0, of a FRACTIONAL segmentation. */
static Status
add_fractional_frame(const Segmentation *seg, size_t n, Image *mask)
{
	const Call *call = seg->set->call;
	Raster		raster = {0};
	FrameBytes	frame;
	Status		status;

	TRY(dicom_frame_bytes(seg->set, &seg->pixels, (int) n + 1, &frame));
	switch (seg->set->syntax->coding)
	{
		case DICOM_NATIVE:
			status = native_raster(seg->set, &seg->pixels, &frame, &raster);
			break;
		case DICOM_RLE:
			status = rle_decode(call, &seg->pixels, frame.bytes, frame.size, &raster);
			break;
		case DICOM_JPEG_2000:
			status = jpeg_2000_decode(call, &seg->pixels, frame.bytes, frame.size, &raster);
			break;
		case DICOM_JPEG_LS:
			status = jpeg_ls_decode(call, &seg->pixels, frame.bytes, frame.size, &raster);
			break;
		default:
			status = jpeg_lossless_decode(call, &seg->pixels, frame.bytes, frame.size, &raster);
			break;
	}
	if (status.code == LS_OK)
		status = raster.sample_bytes == 1 ? add_raster(seg, &raster, mask)
			: dicom_broken("its fractions have more than 8 bits");
	raster_free(call, &raster);
	call_free(call, frame.copy);
	return status;
}

/* Add frame n, from 0. */
static Status
add_frame(const Segmentation *seg, size_t n, Image *mask)
{
	return seg->fractional ? add_fractional_frame(seg, n, mask) : add_binary_frame(seg, n, mask);
}

static Status
several_images(int segment)
{
	return status_with_hint(status_error(LS_UNSUPPORTED,
										 "the frames of segment %d of the DICOM segmentation lie on several images",
										 segment),
							"A mask is of one image: split the segmentation by image.");
}

/* A mask without lesion would be wrong: there is one, on a frame that is not read. */
static Status
other_frames_only(int segment, int frame)
{
	return status_with_hint(status_error(LS_UNSUPPORTED,
										 "segment %d of the DICOM segmentation is drawn on frame %d of its image, "
										 "not on frame 1",
										 segment, frame),
							"Masks are those of frame 1: store that frame as an image of its own, and its mask.");
}

/* Add all frames of a segment that lie on frame 1 of its image to a black mask. */
static Status
add_frames(const Segmentation *seg, int segment, Image *mask)
{
	const DicomElement *frame = seg->frames == NULL ? NULL : dicom_first(seg->set, seg->frames);
	DrawnOn		first = {0};
	bool		found = false;
	bool		added = false;

	for (int n = 0; n < seg->pixels.frames; n++)
	{
		if (n % POLL_FRAMES == 0)
			TRY(call_poll(seg->set->call));
		if (n > 0 && frame == NULL)
			return dicom_broken("PerFrameFunctionalGroupsSequence (5200,9230) has fewer items than there are frames");
		if (frame_segment(seg, frame) == segment)
		{
			DrawnOn		source;

			frame_source(seg, frame, &source);
			if (!found)
				first = source;
			else if (strcmp(first.uid, source.uid) != 0)
				return several_images(segment);
			found = true;
			if (source.frame == 1)
			{
				TRY(add_frame(seg, (size_t) n, mask));
				added = true;
			}
		}
		if (frame != NULL)
			frame = dicom_after(seg->set, seg->frames, frame);
	}
	return found && !added ? other_frames_only(segment, first.frame) : status_ok();
}

/* Does the object describe a segment with that number? */
static bool
has_segment(const DicomSet *set, int segment)
{
	const DicomElement *sequence = dicom_find(set, NULL, TAG_SegmentSequence);
	int			number;

	for (const DicomElement *item = dicom_item(set, sequence, 0); item != NULL; item = dicom_after(set, sequence, item))
	{
		if (dicom_integer(set, dicom_find(set, item, TAG_SegmentNumber), 0, &number) && number == segment)
			return true;
	}
	return false;
}

Status
dicom_segment_source(const DicomSet *set, int segment, char uid[UID_SIZE])
{
	Segmentation seg;
	const DicomElement *frame;

	uid[0] = '\0';
	TRY(read_segmentation(set, &seg));
	frame = seg.frames == NULL ? NULL : dicom_first(set, seg.frames);
	for (int n = 0; n < seg.pixels.frames && (n == 0 || frame != NULL); n++)
	{
		if (n % POLL_FRAMES == 0)
			TRY(call_poll(set->call));
		if (frame_segment(&seg, frame) == segment)
		{
			DrawnOn		source;

			frame_source(&seg, frame, &source);
			memcpy(uid, source.uid, UID_SIZE);
			break;
		}
		if (frame != NULL)
			frame = dicom_after(set, seg.frames, frame);
	}
	return status_ok();
}

Status
dicom_segment_mask(const DicomSet *set, int segment, Image *mask)
{
	Segmentation seg;
	Status		status;

	memset(mask, 0, sizeof *mask);
	TRY(read_segmentation(set, &seg));
	if (!has_segment(set, segment))
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "the DICOM segmentation has no segment %d", segment),
								"SegmentSequence (0062,0002) lists the segments it has.");
	TRY(image_create(set->call, seg.pixels.width, seg.pixels.height, 1, mask));
	status = add_frames(&seg, segment, mask);
	if (status.code != LS_OK)
		image_free(set->call, mask);
	return status;
}

/* Convert a mask as a request asks, and free it. */
static Status
convert_mask(const Call *call, Image *mask, const DecodeRequest *request, Image *image)
{
	Status		status = image_create(call, mask->width, mask->height, request_channels(request), image);

	for (int y = 0; status.code == LS_OK && y < mask->height; y++)
		pixels_store(request, mask->pixels + (size_t) y * (size_t) mask->width, 1, mask->width,
					 image->pixels + (size_t) y * (size_t) mask->width * (size_t) image->channels);
	image_free(call, mask);
	return status;
}

Status
dicom_segment_image(const DicomSet *set, int segment, const DecodeRequest *request, Image *image)
{
	Image		mask;

	TRY(dicom_segment_mask(set, segment, &mask));
	return convert_mask(set->call, &mask, request, image);
}

Status
dicom_segmentation_frame(const DicomSet *set, int n, const DecodeRequest *request, Image *image)
{
	Segmentation seg;
	Image		mask;
	Status		status;

	TRY(read_segmentation(set, &seg));
	TRY(dicom_check_frame(&seg.pixels, n));
	TRY(image_create(set->call, seg.pixels.width, seg.pixels.height, 1, &mask));
	status = add_frame(&seg, (size_t) n - 1, &mask);
	if (status.code == LS_OK)
		return convert_mask(set->call, &mask, request, image);
	image_free(set->call, &mask);
	return status;
}
