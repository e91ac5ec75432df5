/*
 * dicom_hostile.c: small files that were made to take long. They are read in
 * a time that grows with their size, and reading them can be cancelled.
 */
#include "dicom_fixture.h"

#include <time.h>

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
		Call		call = counting_host(&counts);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
