/*
 * dicom_derived.c: what segmentations, pictures and reports take over from
 * their source, and sources and segmentations that they refuse.
 */
#include "dicom_fixture.h"

#include "dicom/segmentation.h"
#include "dicom/data/tags.h"
#include "dicom/data/values.h"
#include "dicom/writing/capture.h"
#include "dicom/writing/report.h"
#include "dicom/writing/seg_write.h"
#include "dicom/writing/write.h"

#define WIDTH 24
#define HEIGHT 18

static const DicomAuthor nobody = {NULL, 0, NULL};
static const DicomSeeds seeds = {{1, 2, 3}, {4, 5, 6}};

typedef struct Attribute
{
	uint32_t	tag;
	char		vr[3];
	const char *value;
} Attribute;

/* Patient, study and trial, as a source may state them. */
static const Attribute copied[] = {
	{0x00080050, "SH", "A-17"},
	{0x00080090, "PN", "Refers^Dr"},
	{0x00080201, "SH", "+0900"},
	{0x00081030, "LO", "Study"},
	{0x00081048, "PN", "Records^Dr"},
	{0x00081060, "PN", "Reads^Dr"},
	{0x00081080, "LO", "Naevus"},
	{0x00100010, "PN", "Rex^Owner"},
	{0x00100020, "LO", "P-1"},
	{0x00100021, "LO", "Clinic"},
	{0x00100022, "CS", "TEXT"},
	{0x00100030, "DA", "20200101"},
	{0x00100032, "TM", "101112"},
	{0x00100040, "CS", "M"},
	{0x00100200, "CS", "YES"},
	{0x00101000, "LO", "Q-1\\Q-2"},
	{0x00101001, "PN", "Other^Name"},
	{0x00101010, "AS", "006Y"},
	{0x00101020, "DS", "0.5"},
	{0x00101030, "DS", "20"},
	{0x00102160, "SH", "Group"},
	{0x00102180, "SH", "Guard"},
	{0x001021B0, "LT", "History"},
	{0x00102201, "LO", "Canis lupus familiaris"},
	{0x00102203, "CS", "ALTERED"},
	{0x00102292, "LO", "Poodle"},
	{0x00102297, "PN", "Owner^His"},
	{0x00102298, "CS", "OWNER"},
	{0x00102299, "LO", "Home"},
	{0x00104000, "LT", "Comment"},
	{0x00120010, "LO", "Sponsor"},
	{0x00120020, "LO", "Protocol"},
	{0x00120021, "LO", "Name of it"},
	{0x00120030, "LO", "Site"},
	{0x00120031, "LO", "Name of site"},
	{0x00120040, "LO", "S-1"},
	{0x00120042, "LO", "R-1"},
	{0x00120050, "LO", "T-1"},
	{0x00120051, "ST", "Time point"},
	{0x00120062, "CS", "YES"},
	{0x00120063, "LO", "Names taken out"},
	{0x00120081, "LO", "Committee"},
	{0x00120082, "LO", "E-1"},
	{0x00280303, "CS", "REMOVED"},
};

#define COPIED (sizeof copied / sizeof copied[0])

/* What is special about a source; what is NULL or 0 is as usual. */
typedef struct Special
{
	const char *instance;		/* SOPInstanceUID */
	const char *burned_in;		/* BurnedInAnnotation */
	int			width;
} Special;

typedef struct Source
{
	Call		call;
	ByteBuffer	bytes;
	DicomSet	set;
} Source;

static void
write_attributes(ByteBuffer *out, uint32_t first, uint32_t last)
{
	for (size_t i = 0; i < COPIED; i++)
	{
		if (copied[i].tag >= first && copied[i].tag <= last)
			write_text(out, copied[i].tag, DICOM_VR(copied[i].vr[0], copied[i].vr[1]), copied[i].value);
	}
}

static void
open_source(Special special, Source *source)
{
	static const uint8_t pixels[2 * WIDTH * HEIGHT];
	ByteBuffer *out = &source->bytes;
	int			width = special.width == 0 ? WIDTH : special.width;

	source->call = dicom_call();
	buffer_init(out, &source->call);
	write_file_header(out, "1.2.840.10008.5.1.4.1.1.7", "1.2.3", EXPLICIT_LITTLE_ENDIAN);
	write_text(out, TAG_SOPClassUID, DICOM_VR('U', 'I'), "1.2.840.10008.5.1.4.1.1.7");
	write_text(out, TAG_SOPInstanceUID, DICOM_VR('U', 'I'), special.instance == NULL ? "1.2.3" : special.instance);
	write_attributes(out, 0x00080050, 0x0012FFFF);
	write_text(out, TAG_StudyInstanceUID, DICOM_VR('U', 'I'), "1.2");
	write_text(out, TAG_SeriesInstanceUID, DICOM_VR('U', 'I'), "1.2.9");
	write_us(out, TAG_SamplesPerPixel, 1);
	write_text(out, TAG_PhotometricInterpretation, DICOM_VR('C', 'S'), "MONOCHROME2");
	write_us(out, TAG_Rows, HEIGHT);
	write_us(out, TAG_Columns, (unsigned) width);
	write_us(out, TAG_BitsAllocated, 8);
	write_us(out, TAG_BitsStored, 8);
	write_us(out, TAG_HighBit, 7);
	write_us(out, TAG_PixelRepresentation, 0);
	if (special.burned_in != NULL)
		write_text(out, TAG_BurnedInAnnotation, DICOM_VR('C', 'S'), special.burned_in);
	write_attributes(out, 0x00280303, 0x00280303);
	write_bytes(out, TAG_PixelData, DICOM_VR('O', 'B'), pixels, (size_t) width * HEIGHT);
	assert_ok(out->status);
	assert_ok(dicom_read(&source->call, out->bytes, out->size, DICOM_ALL, &source->set));
}

static void
close_source(Source *source)
{
	dicom_free(&source->set);
	buffer_free(&source->bytes);
}

typedef enum Kind
{
	SEGMENTATION,
	PICTURE,
	REPORT,
	KINDS
} Kind;

/* Make a segmentation of a source. */
static Status
make_segmentation(const Source *source, int width, ByteBuffer *out)
{
	Image		mask = constant(width, HEIGHT, 1, 255);
	Status		status = dicom_seg_write(&source->set, &mask, &nobody, &seeds, out);

	image_free(call_standalone(), &mask);
	return status;
}

/* Make an object of a source; a report on a segmentation of another. */
static Status
make(const Source *source, const Source *drawn_on, int width, Kind kind, ByteBuffer *out)
{
	ByteBuffer	seg;
	DicomSet	set;
	Status		status;

	buffer_init(out, &source->call);
	if (kind == SEGMENTATION)
		return make_segmentation(source, width, out);
	if (kind == PICTURE)
	{
		Image		picture = constant(64, 48, 3, 100);

		status = dicom_capture_write(&source->set, &picture, NULL, &nobody, &seeds, out);
		image_free(call_standalone(), &picture);
		return status;
	}
	buffer_init(&seg, &source->call);
	assert_ok(make_segmentation(drawn_on, width, &seg));
	assert_ok(dicom_read(&source->call, seg.bytes, seg.size, DICOM_ALL, &set));
	status = dicom_report_write(&source->set, &set, NULL, &nobody, &seeds, out);
	dicom_free(&set);
	buffer_free(&seg);
	return status;
}

/* Patient, study and trial are the source's, in each kind of object; all
 * attributes are in the order of their tags. */
static void
test_copied(void **state)
{
	Source		source;

	(void) state;
	open_source((Special) {0}, &source);
	for (Kind kind = 0; kind < KINDS; kind++)
	{
		ByteBuffer	out;
		DicomSet	set;
		uint32_t	last = 0;

		assert_ok(make(&source, &source, WIDTH, kind, &out));
		assert_ok(dicom_read(&source.call, out.bytes, out.size, DICOM_ALL, &set));
		for (size_t i = 0; i < COPIED; i++)
		{
			const DicomElement *element = dicom_find(&set, NULL, copied[i].tag);

			if (element == NULL || memcmp(element->value, copied[i].value, strlen(copied[i].value)) != 0)
				fail_msg("object %d lacks \"%s\"", (int) kind, copied[i].value);
			assert_int_equal(element->vr, DICOM_VR(copied[i].vr[0], copied[i].vr[1]));
		}
		for (const DicomElement *element = dicom_first(&set, NULL); element != NULL;
			 element = dicom_after(&set, NULL, element))
		{
			assert_true(element->tag > last);
			last = element->tag;
		}
		dicom_free(&set);
		buffer_free(&out);
	}
	close_source(&source);
}

/* Write a source again, and behind PatientBreedDescription two sequences of breeds, one of them empty. */
static void
write_breeds(ByteBuffer *out, const ByteBuffer *source)
{
	static const uint8_t after[] = {0x10, 0, 0x97, 0x22, 'P', 'N'};
	size_t		at = 0;
	size_t		sequence;
	size_t		item;
	size_t		inner;
	size_t		inner_item;

	while (memcmp(source->bytes + at, after, sizeof after) != 0)
		at++;
	buffer_add(out, source->bytes, at);
	sequence = write_sequence(out, 0x00102293);
	write_end(out, write_item(out));
	item = write_item(out);
	inner = write_sequence(out, 0x00102294);
	inner_item = write_item(out);
	write_text(out, TAG_CodeValue, DICOM_VR('S', 'H'), "poodle");
	write_bytes(out, 0x00091001, DICOM_VR('O', 'B'), "bulk", 4);
	write_end(out, inner_item);
	write_end(out, inner);
	write_end(out, item);
	write_end(out, sequence);
	write_end(out, write_sequence(out, 0x00102294));
	buffer_add(out, source->bytes + at, source->size - at);
}

/* Sequences are copied with what is inside; what is there without a value, so. */
static void
test_sequences(void **state)
{
	Source		source;
	ByteBuffer	bytes;
	ByteBuffer	out;
	DicomSet	set;
	const DicomElement *breed;
	const DicomElement *inside;
	char		text[16];

	(void) state;
	open_source((Special) {0}, &source);
	buffer_init(&bytes, &source.call);
	buffer_add(&bytes, source.bytes.bytes, source.bytes.size);
	dicom_free(&source.set);
	source.bytes.size = 0;
	write_breeds(&source.bytes, &bytes);
	assert_ok(dicom_read(&source.call, source.bytes.bytes, source.bytes.size, DICOM_ALL, &source.set));
	assert_ok(make(&source, NULL, WIDTH, SEGMENTATION, &out));
	assert_ok(dicom_read(&source.call, out.bytes, out.size, DICOM_ALL, &set));
	breed = dicom_find(&set, NULL, 0x00102293);
	assert_non_null(dicom_item(&set, breed, 1));
	assert_null(dicom_item(&set, breed, 2));
	inside = dicom_find_item(&set, dicom_item(&set, breed, 1), 0x00102294);
	assert_non_null(inside);
	assert_true(dicom_string(dicom_find(&set, inside, TAG_CodeValue), 0, text, sizeof text));
	assert_string_equal(text, "poodle");
	assert_null(dicom_find(&set, inside, 0x00091001));
	assert_int_equal(dicom_find(&set, NULL, 0x00102294)->vr, DICOM_VR('S', 'Q'));
	assert_int_equal(dicom_find(&set, NULL, 0x00102294)->length, 0);
	dicom_free(&set);
	buffer_free(&out);
	buffer_free(&bytes);
	close_source(&source);
}

/* A picture says that text is burned in where its source does, and that none is only where its source does. */
static void
test_burned_in(void **state)
{
	static const char *const cases[][2] = {{"YES", "YES"}, {"NO", "NO"}, {"PERHAPS", ""}, {NULL, ""}};

	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		Source		source;
		ByteBuffer	out;
		DicomSet	set;
		char		text[16];

		open_source((Special) {.burned_in = cases[i][0]}, &source);
		assert_ok(make(&source, NULL, WIDTH, PICTURE, &out));
		assert_ok(dicom_read(&source.call, out.bytes, out.size, DICOM_ALL, &set));
		dicom_string(dicom_find(&set, NULL, TAG_BurnedInAnnotation), 0, text, sizeof text);
		assert_string_equal(text, cases[i][1]);
		dicom_free(&set);
		buffer_free(&out);
		close_source(&source);
	}
}

/* What is no UID goes into no object. */
static void
test_uids(void **state)
{
	static const char *const uids[] = {"not a uid/../x", "1..2", ".1", "1.2.", "1.2a"};

	(void) state;
	for (size_t i = 0; i < sizeof uids / sizeof uids[0]; i++)
	{
		Source		sound;
		Source		source;

		open_source((Special) {0}, &sound);
		open_source((Special) {.instance = uids[i]}, &source);
		for (Kind kind = 0; kind < KINDS; kind++)
		{
			ByteBuffer	out;

			assert_failed(make(&source, &sound, WIDTH, kind, &out), LS_INVALID_IMAGE,
						  "SOPInstanceUID (0008,0018) is no UID");
			buffer_free(&out);
		}
		close_source(&source);
		close_source(&sound);
	}
}

/* A report is on a segmentation of its source, not of another image of the study. */
static void
test_other_image(void **state)
{
	static const Special others[] = {{.instance = "1.2.4"}, {.width = 2 * WIDTH}};
	Source		source;

	(void) state;
	open_source((Special) {0}, &source);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
	{
		Source		other;
		ByteBuffer	out;

		open_source(others[i], &other);
		assert_failed(make(&source, &other, others[i].width == 0 ? WIDTH : others[i].width, REPORT, &out),
					  LS_INVALID_ARGUMENT, "the segmentation is not one of the source image");
		buffer_free(&out);
		close_source(&other);
	}
	close_source(&source);
}

/* A number that is not finite has no decimal string. */
static void
test_numbers(void **state)
{
	Call		call = dicom_call();
	ByteBuffer	out;

	(void) state;
	buffer_init(&out, &call);
	write_ds(&out, TAG_SliceThickness, 1e300);
	assert_ok(out.status);
	write_ds(&out, TAG_SliceThickness, 1e300 * 1e300);
	assert_int_equal(out.status.code, LS_INTERNAL);
	buffer_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copied),
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_burned_in),
		cmocka_unit_test(test_uids),
		cmocka_unit_test(test_other_image),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
