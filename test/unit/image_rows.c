/*
 * image_rows.c: an image taken row by row is the one that is decoded in whole,
 * in every format, size and orientation, or fails with the same words; so are its
 * reductions, which take little memory.
 */
#include "between.h"
#include "bytes_call.h"
#include "image_fixture.h"

#include <glob.h>

#include "image/reduce.h"
#include "image/resize/resize_rows.h"
#include "image/synthetic.h"

/* Rows put together again. */
typedef struct Collected
{
	const Call *call;
	Image		image;
	int			channels;
	int			begun;			/* times */
	int			rows;
} Collected;

static Status
collect_begin(void *user, int width, int height)
{
	Collected  *collected = user;

	collected->begun++;
	return image_create(collected->call, width, height, collected->channels, &collected->image);
}

static Status
collect_row(void *user, const uint8_t *pixels)
{
	Collected  *collected = user;
	size_t		row = (size_t) collected->image.width * (size_t) collected->channels;

	assert_true(collected->rows < collected->image.height);
	memcpy(collected->image.pixels + (size_t) collected->rows++ * row, pixels, row);
	return status_ok();
}

/* Decode by rows and put them together. */
static Status
decode_collected(const Call *call, const File *file, DecodeAs as, ImageTurn turn, int width, int height, Image *image)
{
	Collected	collected = {.call = call, .channels = as == DECODE_RGB ? 3 : 1};
	const RowSink sink = {collect_begin, collect_row, &collected};
	Status		status = image_decode_rows(call, file->bytes, file->size, as, turn, width, height, &sink);

	if (status.code == LS_OK)
	{
		assert_int_equal(collected.begun, 1);
		assert_int_equal(collected.rows, collected.image.height);
	}
	else
		image_free(call, &collected.image);
	*image = collected.image;
	return status;
}

/* Compare both ways for one request. */
static void
assert_same_way(const char *name, const File *file, DecodeAs as, ImageTurn turn, int width, int height)
{
	Counts		counts;
	Call call = counting_call(&counts);
	Image		whole;
	Image		rows;
	Status		status = width == 0 ? image_decode(&call, file->bytes, file->size, as, &whole) :
		image_decode_at_least(&call, file->bytes, file->size, as, turn, width, height, &whole);
	Status		other = decode_collected(&call, file, as, turn, width, height, &rows);

	if (status.code != other.code || strcmp(status.message, other.message) != 0 || strcmp(status.hint, other.hint) != 0)
		fail_msg("%s of %zu bytes as %d at %d x %d: \"%s\", by rows \"%s\"", name, file->size, as, width, height,
				 status.message, other.message);
	if (status.code == LS_OK)
	{
		assert_same_image(&whole, &rows);
		image_free(&call, &whole);
		image_free(&call, &rows);
	}
	assert_int_equal(counts.allocated, 0);
}

/* Compare both ways in every form. */
static void
assert_same_ways(const char *name, const File *file)
{
	for (int as = DECODE_RGB; as <= DECODE_INDEX; as++)
	{
		assert_same_way(name, file, (DecodeAs) as, TURN_UPRIGHT, 0, 0);
		assert_same_way(name, file, (DecodeAs) as, TURN_UPRIGHT, 4, 7);
		assert_same_way(name, file, (DecodeAs) as, TURN_AS_STORED, 4, 7);
	}
}

/* Every file, those that are broken too, and beginnings of each. */
static void
test_files(void **state)
{
	glob_t		found;

	(void) state;
	assert_int_equal(glob("test/data/*.[pjb][npm][gp]", 0, NULL, &found), 0);
	assert_true(found.gl_pathc > 50);
	for (size_t i = 0; i < found.gl_pathc; i++)
	{
		const char *name = found.gl_pathv[i] + strlen("test/data/");
		File		file = load(name);

		assert_same_ways(name, &file);
		for (size_t left = file.size; left > 0; left = left * 3 / 4)
		{
			File		part = {malloc(left), left};	/* of the exact size, for the sanitizers */

			memcpy(part.bytes, file.bytes, left);
			assert_same_way(name, &part, DECODE_RGB, TURN_UPRIGHT, 0, 0);
			free(part.bytes);
		}
		free(file.bytes);
	}
	globfree(&found);
}

static void
test_resize_rows(void **state)
{
	static const int sides[] = {1, 2, 3, 5, 16, 31, 64, 100, 257};

	(void) state;
	for (int s = 0; s < 9 * 9 * 9; s++)
	{
		int			channels = s % 2 == 0 ? 3 : 1;
		int			width = sides[s % 9];
		int			height = sides[s * 7 / 81 % 9];
		Image		image = make_noise(sides[s / 9 % 9], sides[s / 81], channels, (uint32_t) s);
		Image		whole;
		Image		rows;
		ResizeRows *resize;

		assert_ok(image_resize(call_standalone(), &image, width, height, &whole));
		assert_ok(resize_rows_create(call_standalone(), image.width, image.height, channels, width, height, &resize));
		for (int y = 0; y < image.height; y++)
			resize_rows_take(resize, image.pixels + (size_t) y * (size_t) (image.width * channels));
		rows = resize_rows_result(resize);
		resize_rows_free(call_standalone(), resize);
		assert_same_image(&whole, &rows);
		image_free(call_standalone(), &image);
		image_free(call_standalone(), &whole);
		image_free(call_standalone(), &rows);
	}
}

/* A rendered photograph as PNG, JPEG or BMP. */
static File
photograph(int width, int height, ImageFormat format)
{
	const Call *call = call_standalone();
	EncodedImage encoded;
	Image		image;
	Image		mask;

	assert_ok(synthetic_lesion(call, 5, width, height, 1, &image, &mask));
	assert_ok(format == IMAGE_FORMAT_PNG ? png_encode(call, &image, &encoded) :
			  format == IMAGE_FORMAT_JPEG ? jpeg_encode(call, &image, 90, &encoded) :
			  bmp_encode(call, &image, &encoded));
	image_free(call, &image);
	image_free(call, &mask);
	return (File) {encoded.bytes, encoded.size};
}

/* Compare reductions with those of the whole image. */
static void
assert_reduced(const File *file, ImageTurn turn, const ImagePart *part, const int *sides, int count)
{
	Counts		counts;
	Call call = counting_call(&counts);
	Image		reduced[3];
	Image		image;
	int			largest = 0;

	for (int i = 0; i < count; i++)
		largest = sides[i] > largest ? sides[i] : largest;
	if (part != NULL)
	{
		Image		whole;

		assert_ok(image_decode(&call, file->bytes, file->size, DECODE_RGB, &whole));
		assert_ok(image_crop(&call, &whole, part->x, part->y, part->width, part->height, &image));
		image_free(&call, &whole);
	}
	else
		assert_ok(image_decode_at_least(&call, file->bytes, file->size, DECODE_RGB, turn, largest, largest, &image));
	assert_ok(image_decode_reduced(&call, file->bytes, file->size, turn, part, sides, count, NULL, reduced));
	for (int i = 0; i < count; i++)
	{
		Image		resized;

		assert_ok(image_resize(&call, &image, sides[i], sides[i], &resized));
		assert_same_image(&resized, &reduced[i]);
		image_free(&call, &resized);
		image_free(&call, &reduced[i]);
	}
	image_free(&call, &image);
	assert_int_equal(counts.allocated, 0);
}

static void
test_reduced(void **state)
{
	static const int sizes[][2] = {{640, 431}, {431, 640}, {97, 300}, {64, 64}, {20, 900}};
	static const int sides[] = {64, 48, 31};

	(void) state;
	for (int s = 0; s < 5; s++)
	{
		for (int format = IMAGE_FORMAT_PNG; format <= IMAGE_FORMAT_BMP; format++)
		{
			File		file = photograph(sizes[s][0], sizes[s][1], (ImageFormat) format);
			ImagePart	part = {3, 5, sizes[s][0] - 7, sizes[s][1] / 2};

			assert_reduced(&file, TURN_UPRIGHT, NULL, sides, 3);
			assert_reduced(&file, TURN_UPRIGHT, NULL, sides + 1, 1);
			assert_reduced(&file, TURN_UPRIGHT, &part, sides, 2);
			free(file.bytes);
		}
	}
}

/* Turned files, both ways up. */
static void
test_reduced_turned(void **state)
{
	static const int sides[] = {24, 9};

	(void) state;
	for (int i = 1; i <= 8; i++)
	{
		char		name[40];
		File		file;
		ImagePart	part = {2, 4, 20, 11};

		snprintf(name, sizeof name, "orientation%d.jpg", i);
		file = load(name);
		assert_reduced(&file, TURN_UPRIGHT, NULL, sides, 2);
		assert_reduced(&file, TURN_AS_STORED, NULL, sides, 2);
		assert_reduced(&file, TURN_UPRIGHT, &part, sides, 2);
		free(file.bytes);
	}
}

/* Neither an image nor much else is in memory. */
static void
test_memory(void **state)
{
	static const int sides[] = {256, 192};

	(void) state;
	for (int format = IMAGE_FORMAT_PNG; format <= IMAGE_FORMAT_BMP; format++)
	{
		File		file = photograph(2400, 1600, (ImageFormat) format);
		Bytes		bytes;
		Call call = bytes_call(&bytes);
		Image		reduced[2];

		assert_ok(image_decode_reduced(&call, file.bytes, file.size, TURN_UPRIGHT, NULL, sides, 2, NULL, reduced));
		assert_between(bytes.most, 1, 2400 * 1600 / 2);
		image_free(&call, &reduced[0]);
		image_free(&call, &reduced[1]);
		assert_int_equal(bytes.now, 0);
		free(file.bytes);
	}
}

/* A cancel at any poll, and memory that is refused at any moment, are errors without a leak. */
static void
test_stopped(void **state)
{
	static const char *const names[] = {"rgb8.png", "rgba16_interlaced.png", "rgb.jpg", "progressive.jpg",
		"cmyk_adobe.jpg", "orientation6.jpg", "rgb24.bmp", "rle8.bmp"};
	static const int sides[] = {5, 8};

	(void) state;
	for (int n = 0; n < 8; n++)
	{
		File		file = load(names[n]);
		Counts		counts;
		Call call = counting_call(&counts);
		Image		reduced[2];
		long		polls;
		long		allocations;

		assert_ok(image_decode_reduced(&call, file.bytes, file.size, TURN_UPRIGHT, NULL, sides, 2, NULL, reduced));
		image_free(&call, &reduced[0]);
		image_free(&call, &reduced[1]);
		polls = counts.polls;
		allocations = counts.allocations;
		assert_true(polls > 0);
		for (long at = 1; at <= polls + allocations; at++)
		{
			Status		status;

			call = counting_call(&counts);
			*(at <= polls ? &counts.cancel_at : &counts.fail_at) = at <= polls ? at : at - polls;
			status = image_decode_reduced(&call, file.bytes, file.size, TURN_UPRIGHT, NULL, sides, 2, NULL, reduced);
			assert_int_equal(status.code, at <= polls ? LS_CANCELLED : LS_OUT_OF_MEMORY);
			assert_int_equal(counts.allocated, 0);
		}
		free(file.bytes);
	}
}

static Status
refuse_begin(void *user, int width, int height)
{
	(void) user;
	(void) width;
	(void) height;
	return status_error(LS_UNSUPPORTED, "no rows of that size");
}

static Status
refuse_row(void *user, const uint8_t *pixels)
{
	int		   *rows = user;

	(void) pixels;
	return ++*rows == 3 ? status_error(LS_UNSUPPORTED, "no third row") : status_ok();
}

static Status
accept_begin(void *user, int width, int height)
{
	(void) user;
	(void) width;
	(void) height;
	return status_ok();
}

/* What the sink says ends the decoding. */
static void
test_refused(void **state)
{
	static const char *const names[] = {"rgb8.png", "rgb.jpg", "orientation6.jpg", "rgb24.bmp"};

	(void) state;
	for (int n = 0; n < 4; n++)
	{
		File		file = load(names[n]);
		Counts		counts;
		Call call = counting_call(&counts);
		int			rows = 0;
		Status		status = image_decode_rows(&call, file.bytes, file.size, DECODE_RGB, TURN_UPRIGHT, 0, 0,
											   &(RowSink) {refuse_begin, refuse_row, &rows});

		assert_string_equal(status.message, "no rows of that size");
		assert_int_equal(rows, 0);
		status = image_decode_rows(&call, file.bytes, file.size, DECODE_RGB, TURN_UPRIGHT, 0, 0,
								   &(RowSink) {accept_begin, refuse_row, &rows});
		assert_string_equal(status.message, "no third row");
		assert_int_equal(rows, 3);
		assert_int_equal(counts.allocated, 0);
		free(file.bytes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_resize_rows),
		cmocka_unit_test(test_reduced),
		cmocka_unit_test(test_reduced_turned),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
