/*
 * dicom_seg.c: masks out of segmentation objects that pydicom wrote, and into
 * ones of ours and out again.
 */
#include "between.h"
#include "dicom_fixture.h"

#include "dicom/writing/capture.h"
#include "dicom/writing/report.h"
#include "dicom/writing/seg_write.h"
#include "dicom/segmentation.h"
#include "dicom/data/tags.h"
#include "dicom/data/values.h"
#include "image/mask_decode.h"

static const DicomAuthor author = {"linknet", 3, "0123456789abcdef"};
static const DicomAuthor nobody = {NULL, 0, NULL};
static const DicomSeeds seeds = {{1, 2, 3}, {4, 5, 6}};
static const DicomSeeds other_seeds = {{1, 2, 4}, {4, 5, 7}};

static Status
segment_of(const char *name, int segment, Image *mask)
{
	Call call = dicom_call();
	File		file = load_dicom(name);
	DicomSet	set;
	Status		status;

	TRY(dicom_read(&call, file.bytes, file.size, DICOM_ALL, &set));
	status = dicom_segment_mask(&set, segment, mask);
	dicom_free(&set);
	free(file.bytes);
	return status;
}

static void
test_masks(void **state)
{
	static const struct
	{
		const char *file;
		int			segment;
		const char *shows;
	}			cases[] = {
		{"seg_binary.dcm", 1, "seg1.png"},
		{"seg_binary.dcm", 2, "seg2.png"},
		{"seg_implicit.dcm", 2, "seg2.png"},
		{"seg_frames.dcm", 1, "seg13.png"},
		{"seg_fractional.dcm", 1, "seg1.png"},
		{"seg_fractional.dcm", 2, "seg2.png"},
		{"seg_fractional_rle.dcm", 2, "seg2.png"},
	};
	Call call = dicom_call();

	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		File		png = load_dicom(cases[i].shows);
		File		file = load_dicom(cases[i].file);
		Image		expected;
		Image		mask;

		assert_ok(image_decode(&call, png.bytes, png.size, DECODE_GREY, &expected));
		assert_ok(segment_of(cases[i].file, cases[i].segment, &mask));
		assert_near(cases[i].file, &mask, &expected, 0);
		image_free(&call, &mask);
		if (cases[i].segment == 1)
		{
			assert_ok(mask_decode(&call, file.bytes, file.size, TURN_UPRIGHT, &mask, NULL));
			assert_near(cases[i].file, &mask, &expected, 0);
			image_free(&call, &mask);
		}
		image_free(&call, &expected);
		free(file.bytes);
		free(png.bytes);
	}
}

static void
test_refused(void **state)
{
	Image		mask;

	(void) state;
	assert_failed(segment_of("seg_binary.dcm", 3, &mask), LS_INVALID_ARGUMENT, "has no segment 3");
	assert_failed(segment_of("seg_images.dcm", 1, &mask), LS_UNSUPPORTED, "lie on several images");
	assert_failed(segment_of("seg_tiles.dcm", 1, &mask), LS_UNSUPPORTED, "tiles of a larger image");
	assert_failed(segment_of("rgb_explicit.dcm", 1, &mask), LS_INVALID_IMAGE, "is not a segmentation");
}

/* A segment that was drawn on frame 2 alone is no mask of frame 1: black would say that there is no lesion. */
static void
test_other_frame(void **state)
{
	Call		call = dicom_call();
	File		file = load_dicom("seg_frames.dcm");
	DicomSet	set;
	Image		mask;

	(void) state;
	assert_ok(dicom_read(&call, file.bytes, file.size, DICOM_ALL, &set));
	for (size_t i = 0; i < set.count; i++)
	{
		if (set.elements[i].tag == TAG_ReferencedFrameNumber)
			file.bytes[set.elements[i].value - file.bytes] = '2';
	}
	assert_failed(dicom_segment_mask(&set, 1, &mask), LS_UNSUPPORTED, "segment 1 of the DICOM segmentation is drawn on "
				  "frame 2 of its image, not on frame 1");
	dicom_free(&set);
	free(file.bytes);
}

/* Frames of the object itself, as it has them. */
static void
test_frames(void **state)
{
	static const DecodeRequest request = {.as = DECODE_GREY};
	Call		call = dicom_call();
	File		file = load_dicom("seg_fractional.dcm");
	DicomSet	set;
	Image		frame;
	Image		mask;

	(void) state;
	assert_ok(dicom_read(&call, file.bytes, file.size, DICOM_ALL, &set));
	for (int n = 1; n <= 2; n++)
	{
		assert_ok(dicom_decode_frame(&set, n, &request, &frame));
		assert_ok(dicom_segment_mask(&set, n, &mask));
		assert_same_image(&frame, &mask);
		image_free(&call, &frame);
		image_free(&call, &mask);
	}
	assert_failed(dicom_decode_frame(&set, 0, &request, &frame), LS_INVALID_ARGUMENT, "frame is 0");
	assert_failed(dicom_decode_frame(&set, 3, &request, &frame), LS_INVALID_ARGUMENT, "frame is 3");
	dicom_free(&set);
	free(file.bytes);
}

/* A source file, read. */
typedef struct Source
{
	Call call;
	File		file;
	DicomSet	set;
} Source;

static void
open_source(const char *name, Source *source)
{
	source->call = dicom_call();
	source->file = load_dicom(name);
	assert_ok(dicom_read(&source->call, source->file.bytes, source->file.size, DICOM_ALL, &source->set));
}

static void
close_source(Source *source)
{
	dicom_free(&source->set);
	free(source->file.bytes);
}

static Image
striped_mask(void)
{
	Image		mask = constant(24, 18, 1, 0);

	for (int i = 0; i < 24 * 18; i++)
		mask.pixels[i] = i % 5 == 0 || i > 400 ? 255 : 0;
	return mask;
}

static void
assert_text(const DicomSet *set, const DicomElement *within, uint32_t tag, const char *expected)
{
	char		text[128];

	assert_true(dicom_string(dicom_find(set, within, tag), 0, text, sizeof text));
	assert_string_equal(text, expected);
}

/* A mask comes back as it went; patient and study are the source's; the same
 * mask twice is the same file. */
static void
test_round_trip(void **state)
{
	static const char *const sources[] = {"rgb_explicit.dcm", "rgb_big.dcm", "rgb_implicit.dcm", "jpeg_baseline.dcm",
		"three.dcm"};
	Image		mask = striped_mask();

	(void) state;
	for (int i = 0; i < 5; i++)
	{
		Source		source;
		ByteBuffer		out[2];
		DicomSet	set;
		Image		again;
		const DicomElement *name;
		const DicomElement *source_name;

		open_source(sources[i], &source);
		for (int j = 0; j < 2; j++)
		{
			buffer_init(&out[j], &source.call);
			assert_ok(dicom_seg_write(&source.set, &mask, &author, &seeds, &out[j]));
		}
		assert_int_equal(out[0].size, out[1].size);
		assert_memory_equal(out[0].bytes, out[1].bytes, out[0].size);
		assert_ok(dicom_read(&source.call, out[0].bytes, out[0].size, DICOM_ALL, &set));
		assert_ok(dicom_segment_mask(&set, 1, &again));
		assert_same_image(&mask, &again);
		image_free(&source.call, &again);
		name = dicom_find(&set, NULL, 0x00100010);
		source_name = dicom_find(&source.set, NULL, 0x00100010);
		assert_int_equal(name->length, source_name->length);
		assert_memory_equal(name->value, source_name->value, name->length);
		assert_text(&set, NULL, TAG_StudyInstanceUID, "1.2.826.0.1.3680043.8.498.7.1");
		assert_text(&set, NULL, TAG_ContentDate, "20240229");
		assert_text(&set, dicom_find_item(&set, NULL, TAG_SegmentSequence), TAG_SegmentAlgorithmType, "AUTOMATIC");
		assert_text(&set, dicom_find_item(&set, NULL, TAG_SegmentSequence), TAG_SegmentAlgorithmName,
					"linknet version 3");
		assert_text(&set, NULL, TAG_LossyImageCompression, i == 3 ? "01" : "00");
		dicom_free(&set);
		buffer_free(&out[0]);
		buffer_free(&out[1]);
		close_source(&source);
	}
	image_free(call_standalone(), &mask);
}

/* An attribute that is not of its VR (a name that is a sequence) is not copied. */
static void
test_odd_attribute(void **state)
{
	Source		source;
	Image		mask = striped_mask();
	ByteBuffer	out;
	DicomSet	set;

	(void) state;
	open_source("rgb_explicit.dcm", &source);
	((DicomElement *) dicom_find(&source.set, NULL, 0x00100010))->vr = DICOM_VR('S', 'Q');
	buffer_init(&out, &source.call);
	assert_ok(dicom_seg_write(&source.set, &mask, &author, &seeds, &out));
	assert_ok(dicom_read(&source.call, out.bytes, out.size, DICOM_ALL, &set));
	assert_int_equal(dicom_find(&set, NULL, 0x00100010)->vr, DICOM_VR('P', 'N'));
	assert_int_equal(dicom_find(&set, NULL, 0x00100010)->length, 0);
	dicom_free(&set);
	buffer_free(&out);
	close_source(&source);
	image_free(call_standalone(), &mask);
}

/* An attribute that is there without a value is taken for absent where a segmentation needs a value. */
static void
test_empty_attributes(void **state)
{
	static const struct
	{
		uint32_t	tag;
		uint16_t	vr;
		const char *expected;	/* NULL: absent */
	}			cases[] = {
		{TAG_LossyImageCompression, DICOM_VR('C', 'S'), "00"},
		{TAG_LossyImageCompressionRatio, DICOM_VR('D', 'S'), NULL},
		{TAG_FrameOfReferenceUID, DICOM_VR('U', 'I'), NULL},
	};
	Image		mask = striped_mask();

	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		Source		source;
		DicomElement *element;
		ByteBuffer	out;
		DicomSet	set;

		open_source("rgb_explicit.dcm", &source);
		element = (DicomElement *) dicom_find(&source.set, NULL, 0x00100010);
		element->tag = cases[i].tag;
		element->vr = cases[i].vr;
		element->length = 0;
		buffer_init(&out, &source.call);
		assert_ok(dicom_seg_write(&source.set, &mask, &author, &seeds, &out));
		assert_ok(dicom_read(&source.call, out.bytes, out.size, DICOM_ALL, &set));
		if (cases[i].expected != NULL)
			assert_text(&set, NULL, cases[i].tag, cases[i].expected);
		else
			assert_null(dicom_find(&set, NULL, cases[i].tag));
		dicom_free(&set);
		buffer_free(&out);
		close_source(&source);
	}
	image_free(call_standalone(), &mask);
}

/* UIDs are decimal numbers of 128 bits, of the digest's bytes but for those
 * that say what kind of UUID it is. */
static void
test_uid(void **state)
{
	uint8_t		seed[DICOM_SEED] = {0};
	char		uid[UID_SIZE];

	(void) state;
	derive_uid(seed, UID_OBJECT, uid);	/* 00000000-0000-8000-8000-000000000000 */
	assert_string_equal(uid, "2.25.604472133179351442128896");
	memset(seed, 0xFF, sizeof seed);
	derive_uid(seed, UID_OBJECT, uid);	/* ffffffff-ffff-8fff-bfff-ffffffffffff */
	assert_string_equal(uid, "2.25.340282366920937934553716840013076889599");
	derive_uid(seed, UID_DIMENSIONS, uid);
	assert_string_equal(uid, "2.25.340282366920937934553716840013076889598");
}

static void
test_refused_writing(void **state)
{
	Source		source;
	Image		mask = constant(18, 24, 1, 255);
	Image		picture = constant(24, 18, 3, 100);
	ByteBuffer		out;

	(void) state;
	open_source("rgb_explicit.dcm", &source);
	buffer_init(&out, &source.call);
	assert_failed(dicom_seg_write(&source.set, &mask, &author, &seeds, &out), LS_INVALID_ARGUMENT,
				  "the mask is 18 x 24 pixels, the DICOM image 24 x 18 as stored");
	assert_failed(dicom_capture_write(&source.set, &picture, "Bl\xC3\xA4schen", &author, &seeds, &out),
				  LS_INVALID_ARGUMENT, "not ASCII");
	assert_failed(dicom_report_write(&source.set, &source.set, NULL, &author, &seeds, &out), LS_INVALID_ARGUMENT,
				  "not one of the source image");
	buffer_free(&out);
	close_source(&source);
	image_free(call_standalone(), &mask);
	image_free(call_standalone(), &picture);
}

/* The picture has a band below; the report refers to the segmentation. */
static void
test_picture_and_report(void **state)
{
	static const DicomMeasures measures = {12.3456, 5.5, 3.25};
	Source		source;
	Image		mask = striped_mask();
	Image		picture = constant(240, 180, 3, 100);
	Image		again;
	ByteBuffer		seg;
	ByteBuffer		out;
	DicomSet	set;
	DicomSet	report;
	char		numbers[100] = "";

	(void) state;
	open_source("rgb_explicit.dcm", &source);
	buffer_init(&out, &source.call);
	assert_ok(dicom_capture_write(&source.set, &picture, NULL, &author, &other_seeds, &out));
	assert_ok(image_decode(&source.call, out.bytes, out.size, DECODE_RGB, &again));
	assert_int_equal(again.width, 240);
	assert_true(again.height > 180);
	assert_between(again.pixels[240 * 100 * 3], 98, 102);
	assert_true(again.pixels[240 * 3 * (again.height - 1)] < 20);
	image_free(&source.call, &again);
	buffer_free(&out);

	buffer_init(&seg, &source.call);
	assert_ok(dicom_seg_write(&source.set, &mask, &nobody, &seeds, &seg));
	assert_ok(dicom_read(&source.call, seg.bytes, seg.size, DICOM_ALL, &set));
	assert_text(&set, dicom_find_item(&set, NULL, TAG_SegmentSequence), TAG_SegmentAlgorithmType, "MANUAL");
	buffer_init(&out, &source.call);
	assert_ok(dicom_report_write(&source.set, &set, &measures, &author, &other_seeds, &out));
	assert_ok(dicom_read(&source.call, out.bytes, out.size, DICOM_ALL, &report));
	for (size_t i = 0; i < report.count; i++)
	{
		char		text[32];

		if (report.elements[i].tag == TAG_NumericValue)
			assert_true(dicom_string(&report.elements[i], 0, text, sizeof text));
		if (report.elements[i].tag == TAG_NumericValue)
			strcat(strcat(numbers, text), " ");
	}
	assert_string_equal(numbers, "12.346 5.5 3.25 ");
	dicom_free(&report);
	buffer_free(&out);
	dicom_free(&set);
	buffer_free(&seg);
	close_source(&source);
	image_free(call_standalone(), &mask);
	image_free(call_standalone(), &picture);
}

/* The text in a band is broken between words: 16 letters fit on the first line, "AI, not for" stands there. */
static void
test_band_lines(void **state)
{
	Source		source;
	Image		picture = constant(64, 32, 3, 0);
	Image		again;
	ByteBuffer	out;
	int			beside = 0;		/* the brightest sample behind these letters */
	int			within = 0;		/* among them */

	(void) state;
	open_source("rgb_explicit.dcm", &source);
	buffer_init(&out, &source.call);
	assert_ok(dicom_capture_write(&source.set, &picture, NULL, &author, &other_seeds, &out));
	assert_ok(image_decode(&source.call, out.bytes, out.size, DECODE_RGB, &again));
	for (int y = 34; y < 39; y++)
		for (int x = 0; x < 64; x++)
		{
			int		   *most = x < 44 ? &within : &beside;
			int			sample = again.pixels[(y * 64 + x) * 3];

			if ((x < 44 || x >= 52) && sample > *most)
				*most = sample;
		}
	assert_true(within > 150);
	assert_true(beside < 60);
	image_free(&source.call, &again);
	image_free(call_standalone(), &picture);
	buffer_free(&out);
	close_source(&source);
}

/* Whatever allocation fails, all is given back. */
static void
test_no_memory(void **state)
{
	Source		source;
	Image		mask = striped_mask();

	(void) state;
	open_source("rgb_explicit.dcm", &source);
	for (long n = 1;; n++)
	{
		Counts		counts;
		Call call = counting_call(&counts);
		ByteBuffer		out;
		Status		status;

		counts.fail_at = n;
		buffer_init(&out, &call);
		status = dicom_seg_write(&source.set, &mask, &author, &seeds, &out);
		buffer_free(&out);
		assert_int_equal(counts.allocated, 0);
		if (status.code == LS_OK)
			break;
		assert_int_equal(status.code, LS_OUT_OF_MEMORY);
	}
	close_source(&source);
	image_free(call_standalone(), &mask);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_other_frame),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_odd_attribute),
		cmocka_unit_test(test_empty_attributes),
		cmocka_unit_test(test_uid),
		cmocka_unit_test(test_refused_writing),
		cmocka_unit_test(test_picture_and_report),
		cmocka_unit_test(test_band_lines),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
