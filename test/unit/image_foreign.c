/*
 * image_foreign.c: bytes that are no image of ours are called what they are,
 * with what to do about it.
 */
#include "image_fixture.h"

/* Bytes of that size, filled up with x's to 200 of them, are called that. */
static void
assert_called(const char *bytes, size_t size, StatusCode code, const char *what, const char *hint)
{
	uint8_t    *exact = malloc(200);
	ImageInfo	info;
	Image		image;
	Status		status;

	memset(exact, 'x', 200);
	memcpy(exact, bytes, size);
	assert_failed(image_decode(call_standalone(), exact, 200, DECODE_RGB, &image), code, what);
	assert_null(image.pixels);
	status = image_info(call_standalone(), exact, 200, &info);
	assert_int_equal(status.code, code);
	if (strstr(status.hint, hint) == NULL)
		fail_msg("%s: the hint is \"%s\"", what, status.hint);
	free(exact);
}

#define ASSERT_CALLED(bytes, code, what, hint) assert_called(bytes, sizeof(bytes) - 1, code, what, hint)

static void
test_formats(void **state)
{
	(void) state;
	ASSERT_CALLED("\0\0\0\x24" "ftypheic\0\0\0\0mif1", LS_UNSUPPORTED, "a HEIC image", "heif-convert");
	ASSERT_CALLED("\0\0\0\x24" "ftypmif1\0\0\0\0heic", LS_UNSUPPORTED, "a HEIC image", "heif-convert");
	ASSERT_CALLED("\0\0\0\x20" "ftypavif", LS_UNSUPPORTED, "an AVIF image", "avifdec");
	ASSERT_CALLED("\0\0\0\x20" "ftypisom", LS_UNSUPPORTED, "a video", "single picture");
	ASSERT_CALLED("RIFF\x10\x20\0\0WEBPVP8 ", LS_UNSUPPORTED, "a WebP image", "dwebp");
	ASSERT_CALLED("II*\0\x08\0\0\0", LS_UNSUPPORTED, "a TIFF image", "in.tif out.png");
	ASSERT_CALLED("MM\0*\0\0\0\x08", LS_UNSUPPORTED, "a TIFF image", "in.tif out.png");
	ASSERT_CALLED("GIF89a\x01\0\x01\0", LS_UNSUPPORTED, "a GIF image", "in.gif[0]");
	ASSERT_CALLED("\0\0\0\x0CjP  \r\n\x87\n", LS_UNSUPPORTED, "a JPEG 2000 image", "opj_decompress");
	ASSERT_CALLED("\xFF\x4F\xFF\x51\0\x2F", LS_UNSUPPORTED, "a JPEG 2000 image", "opj_decompress");
	ASSERT_CALLED("\0\0\0\x0CJXL \r\n\x87\n", LS_UNSUPPORTED, "a JPEG XL image", "djxl");
	ASSERT_CALLED("%PDF-1.4\n", LS_INVALID_IMAGE, "a PDF document", "pdfimages");
	ASSERT_CALLED("PK\3\4\x14\0", LS_INVALID_IMAGE, "a ZIP archive", "Unpack");
	ASSERT_CALLED("\x1F\x8B\x08\0", LS_INVALID_IMAGE, "packed by gzip", "gunzip");
}

static void
test_damage(void **state)
{
	(void) state;
	ASSERT_CALLED("\x89PNG\n\x1A\n", LS_INVALID_IMAGE, "as if they were text", "again, as bytes");
	ASSERT_CALLED("\x89PNG\r\r\n\x1A\r\n", LS_INVALID_IMAGE, "as if they were text", "again, as bytes");
	ASSERT_CALLED("\xC2\x89PNG\r\n\x1A\n", LS_INVALID_IMAGE, "as if they were text", "again, as bytes");
	ASSERT_CALLED("\xEF\xBF\xBDPNG\r\n\x1A\n", LS_INVALID_IMAGE, "as if they were text", "again, as bytes");
	ASSERT_CALLED("\xC3\xBF\xC3\x98\xC3\xBF\xC3\xA0", LS_INVALID_IMAGE, "as if they were text", "again, as bytes");
	ASSERT_CALLED("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", LS_INVALID_IMAGE, "the bytes are zero", "copy failed");
}

static void
test_text(void **state)
{
	char		hex[200];

	(void) state;
	ASSERT_CALLED("/9j/4AAQSkZJRgABAQAAAQABAAD", LS_INVALID_IMAGE, "in base64", "decode(convert_from");
	ASSERT_CALLED("iVBORw0KGgoAAAANSUhEUgAA", LS_INVALID_IMAGE, "in base64", "decode(convert_from");
	ASSERT_CALLED("data:image/png;base64,iVBORw0KGgo", LS_INVALID_IMAGE, "a data URL", "split_part");
	memset(hex, 'a', sizeof hex);
	memcpy(hex, "\\xffd8ffe0", 10);
	assert_called(hex, sizeof hex, LS_INVALID_IMAGE, "in hexadecimal digits", "substr(");
	memcpy(hex, "89504E470D", 10);
	assert_called(hex, sizeof hex, LS_INVALID_IMAGE, "in hexadecimal digits", "decode(convert_from");
	ASSERT_CALLED("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146", LS_INVALID_IMAGE,
				  "a pointer of Git LFS", "git lfs pull");
	ASSERT_CALLED("\n<!DOCTYPE html>\n<html><head>", LS_INVALID_IMAGE, "a web page", "login page");
	ASSERT_CALLED("<HTML><body>404", LS_INVALID_IMAGE, "a web page", "login page");
	ASSERT_CALLED("<?xml version=\"1.0\"?><svg ", LS_INVALID_IMAGE, "an XML or SVG document", "rsvg-convert");
	ASSERT_CALLED("/srv/images/a.jpg", LS_INVALID_IMAGE, "a path or address", "pg_read_binary_file");
	ASSERT_CALLED("C:\\images\\a.jpg", LS_INVALID_IMAGE, "a path or address", "pg_read_binary_file");
	ASSERT_CALLED("https://images/", LS_INVALID_IMAGE, "a path or address", "pg_read_binary_file");
	ASSERT_CALLED("{\"image\": 1}", LS_INVALID_IMAGE, "the bytes are text;", "unchanged");
}

/* A name alone is a path; so is one with a line end. */
static void
test_names(void **state)
{
	ImageInfo	info;

	(void) state;
	assert_failed(image_info(call_standalone(), "ISIC_0024306.JPG", 16, &info), LS_INVALID_IMAGE, "a path or address");
	assert_failed(image_info(call_standalone(), "images/a.png\n", 13, &info), LS_INVALID_IMAGE, "a path or address");
	assert_failed(image_info(call_standalone(), "a.png\nb.png\n", 12, &info), LS_INVALID_IMAGE, "the bytes are text;");
	assert_failed(image_info(call_standalone(), " \n\t ", 4, &info), LS_INVALID_IMAGE, "the bytes are text;");
	assert_failed(image_info(call_standalone(), "\\x", 2, &info), LS_INVALID_IMAGE, "2 bytes that are not an image");
	assert_failed(image_info(call_standalone(), "\x01\x02\x03\x04\x05", 5, &info), LS_INVALID_IMAGE,
				  "5 bytes that are not an image");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
