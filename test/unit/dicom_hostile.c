/*
 * dicom_hostile.c: small files that were made to take long. They are read in
 * a time that grows with their size, and reading them can be cancelled.
 */
#define _GNU_SOURCE				/* RTLD_NEXT */

#include "dicom_fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <iconv.h>
#include <time.h>
#include <zlib.h>

#include "between.h"
#include "dicom/info.h"
#include "dicom/json.h"
#include "dicom/segmentation.h"
#include "dicom/data/tags.h"
#include "dicom/writing/write.h"

#define SECONDS_MOST 10

/* Read what was written, with a call that counts. */
static void
read_written(const ByteBuffer *out, const Call *call, DicomSet *set)
{
	assert_ok(out->status);
	assert_ok(dicom_read(call, out->bytes, out->size, DICOM_ALL, set));
}

static double
seconds_since(clock_t start)
{
	return (double) (clock() - start) / CLOCKS_PER_SEC;
}

/* Write a segmentation of 16 x 16 pixels up to its functional groups: segment 1 without pixels of its own. */
static void
write_segmentation(ByteBuffer *out, int frames)
{
	char		number[16];
	size_t		sequence;
	size_t		item;

	snprintf(number, sizeof number, "%d", frames);
	write_file_header(out, "1.2.840.10008.5.1.4.1.1.66.4", "1.2", "1.2.840.10008.1.2.1");
	write_text(out, TAG_SOPClassUID, DICOM_VR('U', 'I'), "1.2.840.10008.5.1.4.1.1.66.4");
	write_us(out, TAG_SamplesPerPixel, 1);
	write_text(out, TAG_PhotometricInterpretation, DICOM_VR('C', 'S'), "MONOCHROME2");
	write_text(out, TAG_NumberOfFrames, DICOM_VR('I', 'S'), number);
	write_us(out, TAG_Rows, 16);
	write_us(out, TAG_Columns, 16);
	write_us(out, TAG_BitsAllocated, 1);
	write_us(out, TAG_BitsStored, 1);
	write_us(out, TAG_HighBit, 0);
	write_us(out, TAG_PixelRepresentation, 0);
	write_text(out, TAG_SegmentationType, DICOM_VR('C', 'S'), "BINARY");
	sequence = write_sequence(out, TAG_SegmentSequence);
	item = write_item(out);
	write_us(out, TAG_SegmentNumber, 1);
	write_end(out, item);
	write_end(out, sequence);
}

/* Write what all frames share: so many unknown elements, at the top or in the group of the segment. */
static void
write_shared(ByteBuffer *out, int elements, bool in_group)
{
	size_t		sequence = write_sequence(out, TAG_SharedFunctionalGroups);
	size_t		item = write_item(out);
	size_t		group = in_group ? write_sequence(out, TAG_SegmentIdentificationSequence) : 0;
	size_t		group_item = in_group ? write_item(out) : 0;

	for (int i = 0; i < elements; i++)
		write_text(out, 0x00110010, DICOM_VR('C', 'S'), "");
	if (in_group)
	{
		write_end(out, group_item);
		write_end(out, group);
	}
	write_end(out, item);
	write_end(out, sequence);
}

/* Many frames that say nothing, and much that they share. */
static void
test_many_frames(void **state)
{
	enum
	{
		FRAMES = 100000
	};

	(void) state;
	for (int in_group = 0; in_group < 2; in_group++)
	{
		Counts		counts;
		Call		call = counting_call(&counts);
		ByteBuffer	out;
		size_t		sequence;
		DicomSet	set;
		Image		mask;
		clock_t		start;

		buffer_init(&out, &call);
		write_segmentation(&out, FRAMES);
		write_shared(&out, FRAMES, in_group == 1);
		sequence = write_sequence(&out, TAG_PerFrameFunctionalGroups);
		for (int i = 0; i < FRAMES; i++)
			write_end(&out, write_item(&out));
		write_end(&out, sequence);
		read_written(&out, &call, &set);
		start = clock();
		assert_ok(dicom_segment_mask(&set, 1, &mask));
		assert_true(seconds_since(start) < SECONDS_MOST);
		image_free(&call, &mask);
		counts.cancel_at = counts.polls + 10;
		assert_int_equal(dicom_segment_mask(&set, 1, &mask).code, LS_CANCELLED);
		dicom_free(&set);
		buffer_free(&out);
		assert_int_equal(counts.allocated, 0);
	}
}

/* Write a file with one text, a piece again and again. */
static void
write_long_text(ByteBuffer *out, const char *charset, uint32_t tag, const char *vr, const char *start,
				const char *piece, size_t times)
{
	ByteBuffer	text;

	buffer_init(&text, out->call);
	buffer_add_text(&text, start);
	for (size_t i = 0; i < times; i++)
		buffer_add_text(&text, piece);
	assert_ok(text.status);
	write_file_header(out, "1.2", "1.2", "1.2.840.10008.1.2.1");
	write_text(out, TAG_SpecificCharacterSet, DICOM_VR('C', 'S'), charset);
	write_bytes(out, tag, DICOM_VR(vr[0], vr[1]), text.bytes, text.size);
	buffer_free(&text);
}

static int	converters_opened;
static int	converters_fail;	/* errno, or 0 */

/* In place of the C library's, to count its calls: a converter for each of a
 * million runs takes seconds, but how many depends on the machine. */
iconv_t
iconv_open(const char *to, const char *from)
{
	iconv_t		(*open) (const char *to, const char *from);

	*(void **) &open = dlsym(RTLD_NEXT, "iconv_open");
	converters_opened++;
	if (converters_fail != 0)
	{
		errno = converters_fail;
		return (iconv_t) -1;
	}
	return open(to, from);
}

/* Texts that change between sets at every character, and long ones that do not. */
static void
test_long_texts(void **state)
{
	static const struct
	{
		const char *charset;
		const char *start;
		const char *piece;
		size_t		times;
	}			cases[] = {
		{"ISO_IR 13", "", "\xB1" "a", 3000000},
		{"ISO 2022 IR 149", "", "\xB1" "a", 3000000},
		{"ISO 2022 IR 87", "\x1B$B", "0!", 3000000},
		{"ISO 2022 IR 149", "", "\x1B$)C\xB0\xA1\x1B)I\xB1", 1000000},
		{"ISO_IR 192", "", "\xC3\xA4", 1000000},
		{"ISO_IR 100", "", "ab", 1000000},
	};

	const size_t sets_change = 4;	/* in so many of these */
	bool		slow = getenv("LESIONSEG_TEST_QUICK") != NULL;

	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		Counts		counts;
		Call		call = counting_call(&counts);
		size_t		times = slow ? cases[i].times / 2 : cases[i].times;
		ByteBuffer	out;
		ByteBuffer	json;
		DicomSet	set;

		buffer_init(&out, &call);
		write_long_text(&out, cases[i].charset, 0x00104000, "UT", cases[i].start, cases[i].piece, times);
		read_written(&out, &call, &set);
		buffer_init(&json, &call);
		converters_opened = 0;
		assert_ok(dicom_json(&set, &json));
		assert_between(converters_opened, i < sets_change ? 1 : 0, 4);
		buffer_free(&json);
		buffer_init(&json, &call);
		counts.cancel_at = counts.polls + 10;
		assert_int_equal(dicom_json(&set, &json).code, LS_CANCELLED);
		buffer_free(&json);
		dicom_free(&set);
		buffer_free(&out);
		assert_int_equal(counts.allocated, 0);
	}
}

/* A lack of memory is not told as a lack of character sets. */
static void
test_no_converter(void **state)
{
	static const struct
	{
		int			error;
		StatusCode	code;
		const char *message;
	}			cases[] = {
		{EINVAL, LS_UNSUPPORTED, "iconv does not know ISO-8859-1"},
		{ENOMEM, LS_OUT_OF_MEMORY, "iconv cannot be opened for ISO-8859-1"},
		{EMFILE, LS_OUT_OF_MEMORY, "iconv cannot be opened for ISO-8859-1"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		Call		call = dicom_call();
		ByteBuffer	out;
		ByteBuffer	json;
		DicomSet	set;

		buffer_init(&out, &call);
		write_long_text(&out, "ISO_IR 100", 0x00104000, "UT", "", "\xE4" "a", 1);
		read_written(&out, &call, &set);
		buffer_init(&json, &call);
		converters_fail = cases[i].error;
		assert_failed(dicom_json(&set, &json), cases[i].code, cases[i].message);
		converters_fail = 0;
		buffer_free(&json);
		dicom_free(&set);
		buffer_free(&out);
	}
}

/* What is too long for a PatientID is not converted. */
static void
test_long_patient(void **state)
{
	Call		call = dicom_call();
	ByteBuffer	out;
	DicomSet	set;
	DicomInfo	info;

	(void) state;
	buffer_init(&out, &call);
	write_long_text(&out, "ISO_IR 999", TAG_PatientID, "UT", "", "\xB1" "a", 4000000);
	read_written(&out, &call, &set);
	assert_failed(dicom_info(&set, &info), LS_INVALID_IMAGE, "PatientID has more than 64 characters");
	dicom_free(&set);
	buffer_free(&out);
}

/* A PatientID that would be another's without its byte 0. */
static void
test_patient_with_zero(void **state)
{
	static const char patients[2][4] = {{'\0', 'A', 'B', '1'}, {'A', 'B', '\0', '1'}};

	(void) state;
	for (int i = 0; i < 2; i++)
	{
		Call		call = dicom_call();
		ByteBuffer	out;
		DicomSet	set;
		DicomInfo	info;

		buffer_init(&out, &call);
		write_file_header(&out, "1.2", "1.2", "1.2.840.10008.1.2.1");
		write_bytes(&out, TAG_PatientID, DICOM_VR('L', 'O'), patients[i], sizeof patients[i]);
		read_written(&out, &call, &set);
		assert_failed(dicom_info(&set, &info), LS_INVALID_IMAGE, "one of them is 0");
		dicom_free(&set);
		buffer_free(&out);
	}
}

/* More values in one element than the database's JSON can hold, and nearly so many. */
static void
test_many_values(void **state)
{
	enum
	{
		MOST = 4000000
	};
	Call		call = dicom_call();

	(void) state;
	for (int more = 0; more < 2; more++)
	{
		ByteBuffer	out;
		ByteBuffer	json;
		DicomSet	set;
		Status		status;

		buffer_init(&out, &call);
		write_long_text(&out, "ISO_IR 6", 0x00104000, "UT", "", "\\", MOST - 1 + (size_t) more);
		read_written(&out, &call, &set);
		((DicomElement *) dicom_find(&set, NULL, 0x00104000))->vr = DICOM_VR('U', 'C');
		buffer_init(&json, &call);
		status = dicom_json(&set, &json);
		if (more)
			assert_failed(status, LS_LIMIT_EXCEEDED, "more than 4000000 values or elements in one place");
		else
			assert_ok(status);
		buffer_free(&json);
		dicom_free(&set);
		buffer_free(&out);
	}
}

/* Append a deflated data set: a private element of so many MiB, and then pixels of so many. */
static void
write_deflated(ByteBuffer *out, uint8_t private_size, uint8_t pixels_size)
{
	static uint8_t zeros[1 << 20];
	const uint8_t headers[2][12] = {{0x09, 0, 0x01, 0x10, 'O', 'B', 0, 0, 0, 0, (uint8_t) (private_size << 4),
		(uint8_t) (private_size >> 4)}, {0xE0, 0x7F, 0x10, 0, 'O', 'B', 0, 0, 0, 0, (uint8_t) (pixels_size << 4),
		(uint8_t) (pixels_size >> 4)}};
	z_stream	stream = {0};

	assert_int_equal(deflateInit2(&stream, 1, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
	for (int element = 0; element < 2; element++)
	{
		int			pieces = element == 0 ? private_size : pixels_size;

		for (int i = -1; i < pieces; i++)
		{
			uint8_t		room[16 * 1024];

			stream.next_in = i < 0 ? (uint8_t *) headers[element] : zeros;
			stream.avail_in = i < 0 ? 12 : sizeof zeros;
			do
			{
				stream.next_out = room;
				stream.avail_out = sizeof room;
				deflate(&stream, element == 1 && i == pieces - 1 ? Z_FINISH : Z_NO_FLUSH);
				buffer_add(out, room, sizeof room - stream.avail_out);
			} while (stream.avail_out == 0);
		}
	}
	deflateEnd(&stream);
}

/* Of a deflated file no more is expanded than its header takes, and that has a limit. */
static void
test_deflated_header(void **state)
{
	Call		call = dicom_call();
	ByteBuffer	out;
	DicomSet	set;

	(void) state;
	buffer_init(&out, &call);
	write_file_header(&out, "1.2", "1.2", "1.2.840.10008.1.2.1.99");
	write_deflated(&out, 3, 200);
	call.host.max_memory = 64 << 20;
	assert_ok(dicom_read(&call, out.bytes, out.size, DICOM_HEADER, &set));
	assert_true(set.at_pixels);
	assert_int_equal(dicom_find(&set, NULL, 0x00091001)->length, 3 << 20);
	assert_int_equal(set.count, 8);
	dicom_free(&set);
	assert_failed(dicom_read(&call, out.bytes, out.size, DICOM_ALL, &set), LS_LIMIT_EXCEEDED, "needs more than");
	buffer_free(&out);

	call.host.max_memory = (size_t) 1 << 30;
	buffer_init(&out, &call);
	write_file_header(&out, "1.2", "1.2", "1.2.840.10008.1.2.1.99");
	write_deflated(&out, 80, 1);
	assert_failed(dicom_read(&call, out.bytes, out.size, DICOM_HEADER, &set), LS_ABOVE_ALL_LIMITS,
				  "more than 67108864 bytes before its pixels");
	assert_ok(dicom_read(&call, out.bytes, out.size, DICOM_ALL, &set));
	assert_int_equal(dicom_find(&set, NULL, 0x00091001)->length, 80 << 20);
	dicom_free(&set);
	buffer_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_frames),
		cmocka_unit_test(test_long_texts),
		cmocka_unit_test(test_no_converter),
		cmocka_unit_test(test_long_patient),
		cmocka_unit_test(test_patient_with_zero),
		cmocka_unit_test(test_many_values),
		cmocka_unit_test(test_deflated_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
