/*
 * image_draw_png.c: overlays and panels that are drawn while their image is
 * decoded are those of the whole image, byte for byte.
 */
#include "between.h"
#include "bytes_call.h"
#include "image_fixture.h"

#include "image/drawing/draw.h"
#include "image/drawing/legend.h"
#include "image/drawing/draw_png.h"
#include "image/synthetic.h"

/* The overlay of the whole image, and its legend, as PNG. */
static EncodedImage
whole_overlay(const Call *call, const File *file, const OverlayParts *parts)
{
	EncodedImage png;
	PngWriter  *writer;
	Image		strip = {0};
	Image		image;
	Image		drawn;

	assert_ok(image_decode(call, file->bytes, file->size, DECODE_RGB, &image));
	assert_ok(draw_overlay(call, &image, parts->mask, parts->truth, &drawn));
	if (parts->legend)
		assert_ok(legend_overlay(call, image.width, image.height, parts->truth != NULL, parts->mm_per_pixel, &strip));
	assert_ok(png_writer_create(call, image.width, image.height + strip.height, 3, false, &writer));
	assert_ok(png_writer_rows(writer, drawn.pixels, drawn.height));
	assert_ok(png_writer_rows(writer, strip.pixels, strip.height));
	assert_ok(png_writer_finish(writer, &png));
	png_writer_free(writer);
	image_free(call, &image);
	image_free(call, &drawn);
	image_free(call, &strip);
	return png;
}

/* The same of panels. */
static void
assert_same_panel(const File *file, const Image *truth, const Image *predicted)
{
	Counts		counts;
	Call call = counting_call(&counts);
	EncodedImage whole;
	EncodedImage rows;
	Image		image;
	Image		drawn;
	bool		of_image;

	assert_ok(image_decode(&call, file->bytes, file->size, DECODE_RGB, &image));
	assert_ok(draw_panel(&call, &image, truth, predicted, &drawn));
	assert_ok(png_encode(&call, &drawn, &whole));
	assert_ok(panel_png(&call, file->bytes, file->size, truth, predicted, &rows, &of_image));
	assert_int_equal(whole.size, rows.size);
	assert_memory_equal(whole.bytes, rows.bytes, rows.size);
	image_free(&call, &image);
	image_free(&call, &drawn);
	call_free(&call, whole.bytes);
	call_free(&call, rows.bytes);
	assert_int_equal(counts.allocated, 0);
}

/* Compare both ways. */
static void
assert_same_overlay(const File *file, const OverlayParts *parts)
{
	Counts		counts;
	Call call = counting_call(&counts);
	EncodedImage whole = whole_overlay(&call, file, parts);
	EncodedImage rows;
	bool		of_image;

	assert_ok(overlay_png(&call, file->bytes, file->size, parts, &rows, &of_image));
	assert_false(of_image);
	assert_int_equal(whole.size, rows.size);
	assert_memory_equal(whole.bytes, rows.bytes, rows.size);
	call_free(&call, whole.bytes);
	call_free(&call, rows.bytes);
	assert_int_equal(counts.allocated, 0);
}

static void
test_same_bytes(void **state)
{
	Image		image;
	Image		mask;
	Image		truth;

	(void) state;
	assert_ok(synthetic_lesion(call_standalone(), 3, 300, 200, 1, &image, &mask));
	assert_ok(image_resize_nearest(call_standalone(), &mask, 150, 100, &truth));
	for (int i = 0; i < 12; i++)
	{
		OverlayParts parts = {.mask = &mask, .truth = i & 1 ? &truth : NULL, .legend = i & 2, .mm_per_pixel = 0.05};
		EncodedImage encoded;
		File		file;

		assert_ok(i / 4 == 0 ? png_encode(call_standalone(), &image, &encoded) :
				  i / 4 == 1 ? jpeg_encode(call_standalone(), &image, 90, &encoded) :
				  bmp_encode(call_standalone(), &image, &encoded));
		file = (File) {encoded.bytes, encoded.size};
		assert_same_overlay(&file, &parts);
		assert_same_panel(&file, &mask, &truth);
		call_free(call_standalone(), encoded.bytes);
	}
	image_free(call_standalone(), &image);
	image_free(call_standalone(), &mask);
	image_free(call_standalone(), &truth);
}

/* Turned images, of 32 x 48 or 48 x 32 pixels. */
static void
test_turned(void **state)
{
	(void) state;
	for (int i = 1; i <= 8; i++)
	{
		char		name[40];
		File		file;
		Image		mask = i < 5 ? constant(24, 16, 1, 255) : constant(16, 24, 1, 255);
		OverlayParts parts = {.mask = &mask};

		mask.pixels[7 * mask.width + 7] = 0;
		snprintf(name, sizeof name, "orientation%d.jpg", i);
		file = load(name);
		assert_same_overlay(&file, &parts);
		assert_same_panel(&file, &mask, &mask);
		free(file.bytes);
		image_free(call_standalone(), &mask);
	}
}

/* Draw a picture, an overlay or a panel. */
static Status
draw(bool panel, const Call *call, const File *file, const OverlayParts *parts, EncodedImage *png, bool *of_image)
{
	if (panel)
		return panel_png(call, file->bytes, file->size, parts->truth, parts->mask, png, of_image);
	return overlay_png(call, file->bytes, file->size, parts, png, of_image);
}

/* What fails is the file's fault, or not; nothing is left behind. */
static void
assert_failures(bool panel)
{
	File		good = load("rgb8.png");
	File		cut = load("bad_truncated.png");
	Image		mask = constant(PATTERN_WIDTH, PATTERN_HEIGHT, 1, 255);
	Image		other = constant(PATTERN_HEIGHT, PATTERN_WIDTH, 1, 255);
	OverlayParts parts = {.mask = &mask, .truth = &mask, .legend = true};
	OverlayParts odd = {.mask = &mask, .truth = &other};
	Counts		counts;
	Call call = counting_call(&counts);
	EncodedImage png;
	bool		of_image;
	long		polls;
	long		allocations;

	assert_failed(draw(panel, &call, &cut, &parts, &png, &of_image), LS_INVALID_IMAGE, "truncated");
	assert_true(of_image);
	assert_failed(draw(panel, &call, &good, &odd, &png, &of_image), LS_INVALID_ARGUMENT, "the truth");
	assert_false(of_image);
	assert_int_equal(counts.allocated, 0);
	call = counting_call(&counts);
	assert_ok(draw(panel, &call, &good, &parts, &png, &of_image));
	call_free(&call, png.bytes);
	polls = counts.polls;
	allocations = counts.allocations;
	for (long at = 1; at <= polls + allocations; at++)
	{
		call = counting_call(&counts);
		*(at <= polls ? &counts.cancel_at : &counts.fail_at) = at <= polls ? at : at - polls;
		assert_int_equal(draw(panel, &call, &good, &parts, &png, &of_image).code,
						 at <= polls ? LS_CANCELLED : LS_OUT_OF_MEMORY);
		assert_int_equal(counts.allocated, 0);
	}
	image_free(call_standalone(), &mask);
	image_free(call_standalone(), &other);
	free(good.bytes);
	free(cut.bytes);
}

static void
test_failures(void **state)
{
	(void) state;
	assert_failures(false);
	assert_failures(true);
}

/* Neither the image nor the picture is in memory. */
static void
test_memory(void **state)
{
	Image		image = constant(2000, 1500, 3, 90);
	Image		mask = constant(2000, 1500, 1, 0);
	OverlayParts parts = {.mask = &mask, .truth = &mask};
	EncodedImage encoded;
	File		file;

	(void) state;
	memset(mask.pixels + 2000 * 400, 255, 2000 * 300);
	assert_ok(png_encode(call_standalone(), &image, &encoded));
	file = (File) {encoded.bytes, encoded.size};
	for (int panel = 0; panel < 2; panel++)
	{
		Bytes		bytes;
		Call call = bytes_call(&bytes);
		EncodedImage png;
		bool		of_image;

		assert_ok(draw(panel == 1, &call, &file, &parts, &png, &of_image));
		assert_between(bytes.most, 1, 2000 * 1500);
		call_free(&call, png.bytes);
		assert_int_equal(bytes.now, 0);
	}
	call_free(call_standalone(), encoded.bytes);
	image_free(call_standalone(), &image);
	image_free(call_standalone(), &mask);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_turned),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
