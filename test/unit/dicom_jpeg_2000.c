/*
 * dicom_jpeg_2000.c: JPEG 2000 streams. Few bytes that would have OpenJPEG make
 * millions of precincts, code blocks or packets are refused before it starts,
 * wherever they stand; and a cancel does not wait for many tiles or a large one.
 */
#include "dicom_fixture.h"

#include "dicom/pixels/raster.h"

#define LEVELS 5
#define STREAM_MAX 200
#define WHOLE 0xFF				/* precincts of the whole image */
#define SMALL 0x11				/* precincts of 2 x 2 samples */

/* A stream without data under way. */
typedef struct Stream
{
	uint8_t		bytes[STREAM_MAX];
	size_t		size;
} Stream;

static void
put(Stream *stream, int bytes, uint32_t value)
{
	for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
		stream->bytes[stream->size++] = (uint8_t) (value >> shift);
}

/* The marker of the size, of an image of one tile and one component. */
static void
put_size(Stream *stream, int side)
{
	put(stream, 4, 0xFF4FFF51);
	put(stream, 4, 41 << 16);
	for (int i = 0; i < 8; i++)
		put(stream, 4, i % 4 < 2 ? (uint32_t) side : 0);
	put(stream, 2, 1);
	put(stream, 3, 0x070101);
}

/* Levels, code blocks of 2^block samples each way, and precincts. */
static void
put_levels(Stream *stream, int levels, int block, uint8_t precincts)
{
	put(stream, 1, (uint32_t) levels);
	put(stream, 2, (uint32_t) ((block - 2) * 0x101));
	put(stream, 2, 1);			/* no style, reversible */
	for (int i = 0; i <= levels; i++)
		put(stream, 1, precincts);
}

/* The style of all components. */
static void
put_style(Stream *stream, int layers, int levels, int block, uint8_t precincts)
{
	put(stream, 4, 0xFF520000 | (uint32_t) (13 + levels));
	put(stream, 2, 0x0100);
	put(stream, 2, (uint32_t) layers);
	put(stream, 1, 0);
	put_levels(stream, levels, block, precincts);
}

/* The style of the first component. */
static void
put_component_style(Stream *stream, int block, uint8_t precincts)
{
	put(stream, 4, 0xFF530000 | (uint32_t) (10 + LEVELS));
	put(stream, 2, 0x0001);
	put_levels(stream, LEVELS, block, precincts);
}

static void
put_quantisation(Stream *stream, int levels)
{
	put(stream, 4, 0xFF5C0000 | (uint32_t) (4 + 3 * levels));
	put(stream, 1, 0x40);
	for (int i = 0; i <= 3 * levels; i++)
		put(stream, 1, 8 << 3);
}

/* The only tile, whose header has a style of its own if `precincts` is not 0. */
static void
put_tile(Stream *stream, uint8_t precincts)
{
	put(stream, 4, 0xFF90000A);
	put(stream, 2, 0);
	put(stream, 4, 0);
	put(stream, 2, 0x0001);
	if (precincts != 0)
		put_style(stream, 1, LEVELS, 6, precincts);
	put(stream, 2, 0xFF93);
	put(stream, 4, 0x0000FFD9);
}

static Status
decode(const Stream *stream, int side)
{
	Call		call = dicom_call();
	DicomPixels pixels = {.width = side,.height = side,.samples = 1};
	Raster		raster;
	Status		status = jpeg_2000_decode(&call, &pixels, stream->bytes, stream->size, &raster);

	if (status.code == LS_OK)
		raster_free(&call, &raster);
	return status;
}

static void
assert_refused(const Stream *stream, int side)
{
	assert_failed(decode(stream, side), LS_UNSUPPORTED, "more precincts, code blocks or layers than encoders make");
}

static void
test_ordinary(void **state)
{
	Stream		stream = {0};

	(void) state;
	put_size(&stream, 512);
	put_style(&stream, 1, LEVELS, 6, WHOLE);
	put_component_style(&stream, 5, 0x77);
	put_quantisation(&stream, LEVELS);
	put_tile(&stream, 0x66);
	assert_ok(decode(&stream, 512));
}

static void
test_precincts(void **state)
{
	Stream		stream = {0};

	(void) state;
	put_size(&stream, 512);
	put_style(&stream, 1, LEVELS, 6, SMALL);
	put_quantisation(&stream, LEVELS);
	put_tile(&stream, 0);
	assert_refused(&stream, 512);
}

static void
test_precincts_of_a_component(void **state)
{
	Stream		stream = {0};

	(void) state;
	put_size(&stream, 512);
	put_style(&stream, 1, LEVELS, 6, WHOLE);
	put_component_style(&stream, 6, SMALL);
	put_quantisation(&stream, LEVELS);
	put_tile(&stream, 0);
	assert_refused(&stream, 512);
}

static void
test_precincts_of_a_tile(void **state)
{
	Stream		stream = {0};

	(void) state;
	put_size(&stream, 512);
	put_style(&stream, 1, LEVELS, 6, WHOLE);
	put_quantisation(&stream, LEVELS);
	put_tile(&stream, SMALL);
	assert_refused(&stream, 512);
}

/* 1025 x 1025 blocks of 4 x 4. */
static void
test_code_blocks(void **state)
{
	Stream		stream = {0};

	(void) state;
	put_size(&stream, 4100);
	put_style(&stream, 1, 0, 2, WHOLE);
	put_quantisation(&stream, 0);
	put_tile(&stream, 0);
	assert_refused(&stream, 4100);
}

/* The layers of one segment with the precincts of another. */
static void
test_packets(void **state)
{
	Stream		stream = {0};

	(void) state;
	put_size(&stream, 128);
	put_component_style(&stream, 6, SMALL);
	put_style(&stream, 65535, LEVELS, 6, WHOLE);
	put_quantisation(&stream, LEVELS);
	put_tile(&stream, 0);
	assert_refused(&stream, 128);
}

/* OpenJPEG would look for a style within a segment that it does not know. */
static void
test_unknown_segment(void **state)
{
	Stream		stream = {0};

	(void) state;
	put_size(&stream, 512);
	put_style(&stream, 1, LEVELS, 6, WHOLE);
	put(&stream, 4, 0xFF700000 | (2 + 15 + LEVELS));
	put_style(&stream, 1, LEVELS, 6, SMALL);
	put_quantisation(&stream, LEVELS);
	put_tile(&stream, 0);
	assert_failed(decode(&stream, 512), LS_UNSUPPORTED, "segments that its first part has not");
}

/* Tiles are decoded area by area, each of which asks for a cancel, and each
 * sample comes to its place. */
static void
test_areas(void **state)
{
	static const struct
	{
		const char *file;
		long		areas;
	}			cases[] = {
		{"areas_128_100.j2k", 3},
		{"areas_600_500.j2k", 6},
		{"areas_1300_1000.j2k", 6},
	};
	DicomPixels pixels = {.width = 1400,.height = 1100,.samples = 1};

	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		File		file = load_dicom(cases[i].file);
		Counts		counts;
		Call		call = counting_call(&counts);
		Raster		raster;

		assert_ok(jpeg_2000_decode(&call, &pixels, file.bytes, file.size, &raster));
		for (int y = 0; y < pixels.height; y++)
		{
			for (int x = 0; x < pixels.width; x++)
				assert_int_equal(raster.bytes[(size_t) y * raster.row_step + (size_t) x],
								 (x / 200 * 31 + y / 150 * 53) & 255);
		}
		assert_true(counts.polls >= 2 * cases[i].areas);
		raster_free(&call, &raster);

		call = counting_call(&counts);
		counts.cancel_at = 3;
		assert_int_equal(jpeg_2000_decode(&call, &pixels, file.bytes, file.size, &raster).code, LS_CANCELLED);
		assert_int_equal(counts.allocated, 0);
		free(file.bytes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ordinary),
		cmocka_unit_test(test_precincts),
		cmocka_unit_test(test_precincts_of_a_component),
		cmocka_unit_test(test_precincts_of_a_tile),
		cmocka_unit_test(test_code_blocks),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_unknown_segment),
		cmocka_unit_test(test_areas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
