/*
 * dicom_pixels.c: what every transfer syntax and photometric interpretation
 * comes to, against what the files were made of.
 */
#include "dicom_fixture.h"

typedef struct Case
{
	const char *file;
	const char *shows;			/* a PNG beside it */
	int			levels;			/* by how much a sample may differ: what JPEG loses, 2 where another decoder
								 * made the picture */
	int			frame;			/* 0: the first, through image_decode */
} Case;

static const Case cases[] = {
	{"rgb_explicit.dcm", "rgb.png", 0, 0},
	{"rgb_implicit.dcm", "rgb.png", 0, 0},
	{"rgb_big.dcm", "rgb.png", 0, 0},
	{"rgb_deflated.dcm", "rgb.png", 0, 0},
	{"rgb_planar.dcm", "rgb.png", 0, 0},
	{"rgb_no_header.dcm", "rgb.png", 0, 0},
	{"rgb_no_preamble.dcm", "rgb.png", 0, 0},
	{"rgb16.dcm", "rgb.png", 0, 0},
	{"ybr.dcm", "ybr.png", 0, 0},
	{"ybr_422.dcm", "ybr_422.png", 0, 0},
	{"mono1.dcm", "grey.png", 0, 0},
	{"mono2.dcm", "grey.png", 0, 0},
	{"mono_big_words.dcm", "grey.png", 0, 0},
	{"mono12.dcm", "grey12.png", 0, 0},
	{"mono12_high.dcm", "grey12.png", 0, 0},
	{"mono12_window.dcm", "grey12_window.png", 0, 0},
	{"mono16_signed.dcm", "grey16_signed.png", 0, 0},
	{"palette8.dcm", "palette.png", 0, 0},
	{"palette16.dcm", "palette.png", 0, 0},
	{"odd.dcm", "odd.png", 0, 0},
	{"odd_length.dcm", "odd.png", 0, 0},
	{"odd_big_words.dcm", "odd.png", 0, 1},
	{"odd_big_words.dcm", "odd.png", 0, 2},
	{"three.dcm", "rgb.png", 0, 1},
	{"three.dcm", "frame2.png", 0, 2},
	{"three.dcm", "frame3.png", 0, 3},

	{"rgb_rle.dcm", "rgb.png", 0, 0},
	{"mono12_rle.dcm", "grey12.png", 0, 0},
	{"three_rle.dcm", "frame2.png", 0, 2},
	{"three_rle_no_table.dcm", "frame3.png", 0, 3},
	{"three_rle_no_delimiter.dcm", "frame3.png", 0, 3},

	{"jpeg_baseline.dcm", "jpeg_baseline.png", 2, 0},
	{"jpeg_extended.dcm", "jpeg_extended.png", 2, 0},
	{"jpeg_spectral.dcm", "jpeg_spectral.png", 2, 0},
	{"jpeg_progressive.dcm", "jpeg_progressive.png", 2, 0},
	{"jpeg_mono1.dcm", "jpeg_mono1.png", 1, 0},
	{"colour_jfif.dcm", "smooth.png", 4, 0},
	{"colour_adobe_rgb.dcm", "smooth.png", 4, 0},
	{"colour_adobe_ybr.dcm", "smooth.png", 4, 0},
	{"colour_tag_rgb.dcm", "smooth.png", 4, 0},
	{"colour_tag_ybr.dcm", "smooth.png", 4, 0},
	{"extended_table.dcm", "smooth2.png", 4, 2},

	{"lossless_1.dcm", "rgb.png", 0, 0},
	{"lossless_2.dcm", "rgb.png", 0, 0},
	{"lossless_3.dcm", "rgb.png", 0, 0},
	{"lossless_4.dcm", "rgb.png", 0, 0},
	{"lossless_5.dcm", "rgb.png", 0, 0},
	{"lossless_6.dcm", "rgb.png", 0, 0},
	{"lossless_7.dcm", "rgb.png", 0, 0},
	{"lossless_sv1.dcm", "rgb.png", 0, 0},
	{"lossless_restart.dcm", "rgb.png", 0, 0},
	{"lossless_scans.dcm", "rgb.png", 0, 0},
	{"lossless_ybr.dcm", "ybr.png", 0, 0},
	{"lossless_mono12.dcm", "grey12.png", 0, 0},
	{"lossless_shift.dcm", "grey12_shift.png", 0, 0},
	{"lossless_signed.dcm", "grey16_signed.png", 0, 0},
	{"fragments_table.dcm", "fragments2.png", 0, 2},
	{"fragments_no_table.dcm", "fragments2.png", 0, 2},

	{"ls_line.dcm", "rgb.png", 0, 0},
	{"ls_sample.dcm", "rgb.png", 0, 0},
	{"ls_none.dcm", "rgb.png", 0, 0},
	{"ls_mono12.dcm", "grey12.png", 0, 0},
	{"ls_near.dcm", "smooth.png", 2, 0},

	{"j2k_gdcm.dcm", "rgb.png", 0, 0},
	{"j2k_mono12.dcm", "grey12.png", 0, 0},
	{"j2k_rct.dcm", "rgb.png", 0, 0},
	{"j2k_plain.dcm", "rgb.png", 0, 0},
	{"j2k_wrong_tag.dcm", "rgb.png", 0, 0},
	{"j2k_ybr.dcm", "ybr.png", 0, 0},
	{"j2k_boxes.dcm", "rgb.png", 0, 0},
	{"j2k_tiles.dcm", "rgb.png", 0, 0},
	{"j2k_lossy.dcm", "smooth.png", 2, 0},
};

#define CASES (sizeof cases / sizeof cases[0])

/* Decode what a case asks for. */
static Status
decode_case(const Call *call, const Case *test, const File *file, DecodeAs as, Image *image)
{
	DecodeRequest request = {.as = as};
	DicomSet	set;
	Status		status;

	if (test->frame == 0)
		return image_decode(call, file->bytes, file->size, as, image);
	TRY(dicom_read(call, file->bytes, file->size, DICOM_ALL, &set));
	status = dicom_decode_frame(&set, test->frame, &request, image);
	dicom_free(&set);
	return status;
}

/* Every file shows what it was made of. */
static void
test_pixels(void **state)
{
	Call call = dicom_call();

	(void) state;
	for (size_t i = 0; i < CASES; i++)
	{
		File		file = load_dicom(cases[i].file);
		File		png = load_dicom(cases[i].shows);
		ImageInfo	info;

		for (int as = DECODE_RGB; as <= DECODE_GREY; as++)
		{
			Image		image;
			Image		expected;
			Status		status = decode_case(&call, &cases[i], &file, (DecodeAs) as, &image);

			if (status.code != LS_OK)
				fail_msg("%s: %s", cases[i].file, status.message);
			assert_ok(image_decode(&call, png.bytes, png.size, (DecodeAs) as, &expected));
			assert_near(cases[i].file, &image, &expected, cases[i].levels);
			image_free(&call, &expected);
			image_free(&call, &image);
		}
		assert_ok(image_info(&call, file.bytes, file.size, &info));
		assert_int_equal(info.format, IMAGE_FORMAT_DICOM);
		assert_string_equal(image_format_name(info.format), "dicom");
		free(png.bytes);
		free(file.bytes);
	}
}

/* A call that lends no codec knows no DICOM. */
static void
test_without_codec(void **state)
{
	File		file = load_dicom("rgb_explicit.dcm");
	Image		image;

	(void) state;
	assert_failed(image_decode(call_standalone(), file.bytes, file.size, DECODE_RGB, &image), LS_INVALID_IMAGE,
				  "the bytes are");
	free(file.bytes);
}

/* A JPEG frame comes at the nearest scale, as a JPEG file does. */
static void
test_scale(void **state)
{
	static const char *const files[] = {"jpeg_baseline.dcm", "jpeg_mono1.dcm"};
	Call call = dicom_call();

	(void) state;
	for (int i = 0; i < 2; i++)
	{
		File		file = load_dicom(files[i]);
		Image		image;

		assert_ok(image_decode_at_least(&call, file.bytes, file.size, DECODE_RGB, TURN_UPRIGHT, 6, 4, &image));
		assert_int_equal(image.width, 6);
		assert_int_equal(image.height, 5);
		image_free(&call, &image);
		free(file.bytes);
	}
}

/* A frame's EXIF and the header's size do not matter to one another: the size
 * is the stored one. */
static void
test_info(void **state)
{
	Call call = dicom_call();
	File		file = load_dicom("mono12.dcm");
	ImageInfo	info;

	(void) state;
	assert_ok(image_info(&call, file.bytes, file.size, &info));
	assert_int_equal(info.width, 24);
	assert_int_equal(info.height, 18);
	assert_int_equal(info.channels, 1);
	assert_int_equal(info.bits, 12);
	assert_int_equal(info.orientation, 1);
	/* The header alone suffices. */
	assert_ok(image_info(&call, file.bytes, file.size - 24 * 18 * 2, &info));
	assert_int_equal(info.width, 24);
	free(file.bytes);
}

/* What is not handled says what it is and what to do. */
static void
test_not_handled(void **state)
{
	static const struct
	{
		const char *file;
		const char *text;
	}			files[] = {
		{"htj2k.dcm", "High-Throughput JPEG 2000 Lossless (1.2.840.10008.1.2.4.201)"},
		{"mpeg2.dcm", "MPEG2 Main Profile, Main Level (1.2.840.10008.1.2.4.100)"},
		{"jpeg_12_bits.dcm", "JPEG of 12 bits (JPEG Extended (Process 2 and 4), 1.2.840.10008.1.2.4.51)"},
		{"pdf.dcm", "PDF"},
	};
	Call call = dicom_call();

	(void) state;
	for (int i = 0; i < 4; i++)
	{
		File		file = load_dicom(files[i].file);
		Image		image;

		assert_failed(image_decode(&call, file.bytes, file.size, DECODE_RGB, &image), LS_UNSUPPORTED, files[i].text);
		free(file.bytes);
	}
}

/* The limit on pixels holds before anything is decoded, in every syntax. */
static void
test_max_pixels(void **state)
{
	Call call = dicom_call();

	(void) state;
	call.max_pixels = 24 * 18 - 1;
	for (size_t i = 0; i < CASES; i++)
	{
		File		file = load_dicom(cases[i].file);
		Image		image;

		if (strncmp(cases[i].file, "odd", 3) != 0)
			assert_failed(decode_case(&call, &cases[i], &file, DECODE_RGB, &image), LS_LIMIT_EXCEEDED,
						  "the limit is 431 pixels");
		free(file.bytes);
	}
}

/* Frames that are not there. */
static void
test_frame_numbers(void **state)
{
	Call call = dicom_call();
	DecodeRequest request = {.as = DECODE_RGB};
	File		file = load_dicom("three.dcm");
	DicomSet	set;
	Image		image;

	(void) state;
	assert_ok(dicom_read(&call, file.bytes, file.size, DICOM_ALL, &set));
	assert_failed(dicom_decode_frame(&set, 0, &request, &image), LS_INVALID_ARGUMENT, "frame is 0");
	assert_failed(dicom_decode_frame(&set, 4, &request, &image), LS_INVALID_ARGUMENT, "frame is 4");
	dicom_free(&set);
	free(file.bytes);
}

/* What OpenJPEG would take is known before it starts. */
static void
test_jpeg_2000_memory(void **state)
{
	Call		call = dicom_call();
	File		file = load_dicom("j2k_rct.dcm");
	Image		image;

	(void) state;
	call.host.max_memory = 20000;
	assert_failed(image_decode(&call, file.bytes, file.size, DECODE_RGB, &image), LS_LIMIT_EXCEEDED,
				  "JPEG 2000 image needs 26752 bytes to decode, the limit is 20000");
	free(file.bytes);
}

/* Where `text` stands in a file. */
static uint8_t *
find_bytes(const File *file, const void *text, size_t size)
{
	for (size_t i = 0; i + size <= file->size; i++)
	{
		if (memcmp(file->bytes + i, text, size) == 0)
			return file->bytes + i;
	}
	fail_msg("%zu bytes are not found", size);
	return NULL;
}

/* Decode a frame of a file. */
static Status
decode_frame(const File *file, int frame)
{
	Case		test = {.frame = frame};
	Call		call = dicom_call();
	Image		image;
	Status		status = decode_case(&call, &test, file, DECODE_RGB, &image);

	if (status.code == LS_OK)
		image_free(&call, &image);
	return status;
}

/* Tables that lie about where frames are. */
static void
test_offset_tables(void **state)
{
	static const char pixel_data[] = "\xE0\x7F\x10\0OB\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0";
	File		file = load_dicom("three_rle.dcm");
	uint8_t    *table = find_bytes(&file, pixel_data, sizeof pixel_data - 1) + sizeof pixel_data - 1 + 4;

	(void) state;
	assert_ok(decode_frame(&file, 2));
	table[4] ^= 2;				/* frame 2 starts in the middle of frame 1 */
	assert_failed(decode_frame(&file, 2), LS_INVALID_IMAGE, "offset table points to where no fragment starts");
	table[4] ^= 2;
	memset(table + 8, 0, 4);	/* frame 3 before frame 2 */
	assert_failed(decode_frame(&file, 2), LS_INVALID_IMAGE, "offset table points");
	memcpy(find_bytes(&file, "\x28\0\x08\0IS\x02\0" "3 ", 10) + 8, "4 ", 2);
	assert_failed(decode_frame(&file, 2), LS_INVALID_IMAGE, "fewer entries than there are frames");
	free(file.bytes);

	file = load_dicom("three_rle_no_table.dcm");
	assert_ok(decode_frame(&file, 2));
	memcpy(find_bytes(&file, "\x28\0\x08\0IS\x02\0" "3 ", 10) + 8, "2 ", 2);
	assert_failed(decode_frame(&file, 2), LS_INVALID_IMAGE, "not one to a frame");
	free(file.bytes);
}

/* Whatever fails or stops, wherever: everything is given back. */
static void
test_every_failure(void **state)
{
	(void) state;
	for (size_t i = 0; i < CASES; i++)
	{
		File		file = load_dicom(cases[i].file);

		for (int cancel = 0; cancel < 2; cancel++)
		{
			for (long n = 1;; n++)
			{
				Counts		counts;
				Call call = counting_call(&counts);
				Image		image;
				Status		status;

				call.codec = &dicom_codec;
				counts.fail_at = cancel ? 0 : n;
				counts.cancel_at = cancel ? n : 0;
				status = decode_case(&call, &cases[i], &file, DECODE_GREY, &image);
				if (status.code == LS_OK)
				{
					image_free(&call, &image);
					assert_int_equal(counts.allocated, 0);
					break;
				}
				assert_int_equal(counts.allocated, 0);
				assert_int_equal(status.code, cancel ? LS_CANCELLED : LS_OUT_OF_MEMORY);
			}
		}
		free(file.bytes);
	}
}

/* A file that is cut anywhere before its last pixel is broken. */
static void
test_truncated(void **state)
{
	Call call = dicom_call();

	(void) state;
	for (size_t i = 0; i < CASES; i++)
	{
		File		file = load_dicom(cases[i].file);
		size_t		step = file.size > 10000 ? 997 : 13;

		for (size_t size = 0; size + 40 < file.size; size += step)
		{
			File		cut = {.bytes = malloc(size + 1), .size = size};
			Image		image;
			Status		status;

			memcpy(cut.bytes, file.bytes, size);
			status = decode_case(&call, &cases[i], &cut, DECODE_RGB, &image);
			if (status.code == LS_OK && cases[i].frame == 0)
				fail_msg("%s was decoded with %zu of %zu bytes", cases[i].file, size, file.size);
			if (status.code == LS_OK)
				image_free(&call, &image);
			free(cut.bytes);
		}
		free(file.bytes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pixels),
		cmocka_unit_test(test_without_codec),
		cmocka_unit_test(test_scale),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_not_handled),
		cmocka_unit_test(test_max_pixels),
		cmocka_unit_test(test_frame_numbers),
		cmocka_unit_test(test_jpeg_2000_memory),
		cmocka_unit_test(test_offset_tables),
		cmocka_unit_test(test_every_failure),
		cmocka_unit_test(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
