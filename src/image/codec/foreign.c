/*
 * foreign.c: see foreign.h.
 *
 * Most wrong input comes from a few mistakes: a phone's image format, an
 * image's bytes as text, a path, an HTML page that a server sent in place of a
 * file. Most are recognised by their first bytes, other text by its
 * characters.
 */
#include "image/codec/foreign.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define READ "PNG, JPEG, BMP and DICOM"
#define LOOK_AT 256				/* first bytes of text to look at */
#define PATH_MAX_LENGTH 4096

/* A kind of file and the bytes that it begins with. */
typedef struct Beginning
{
	size_t		offset;
	size_t		size;
	const char *bytes;
	StatusCode	code;
	const char *what;
	const char *hint;
} Beginning;

#define AT(offset, text) (offset), sizeof(text) - 1, (text)
#define HEIC AT_IMAGE("a HEIC image", "Convert it to JPEG: heif-convert in.heic out.jpg. " \
					  "iPhones store JPEG where the camera is set to 'Most Compatible'.")
#define AVIF AT_IMAGE("an AVIF image", "Convert it to PNG: avifdec in.avif out.png.")
#define TIFF AT_IMAGE("a TIFF image (or a camera's raw file)", "Convert it to PNG: convert in.tif out.png.")
#define JPEG_2000 AT_IMAGE("a JPEG 2000 image", "Convert it to PNG: opj_decompress -i in.jp2 -o out.png.")
#define JPEG_XL AT_IMAGE("a JPEG XL image", "Convert it to PNG: djxl in.jxl out.png.")
#define GIF AT_IMAGE("a GIF image", "Convert it to PNG: convert 'in.gif[0]' out.png.")
#define AS_TEXT LS_INVALID_IMAGE, "an image whose bytes were changed as if they were text", \
	"Store the file again, as bytes: a copy in text mode and a change of encoding destroy images."
#define BASE64 LS_INVALID_IMAGE, "the text of an image in base64", \
	"Store the bytes: decode(convert_from(column, 'UTF8'), 'base64')."
#define WEB_PAGE LS_INVALID_IMAGE, "a web page", \
	"It may be the error or login page of a server: open it in a browser, and fetch the file again."
#define AT_IMAGE(what, hint) LS_UNSUPPORTED, what, hint

static const Beginning beginnings[] = {
	{AT(4, "ftypheic"), HEIC},
	{AT(4, "ftypheix"), HEIC},
	{AT(4, "ftyphevc"), HEIC},
	{AT(4, "ftyphevx"), HEIC},
	{AT(4, "ftypheim"), HEIC},
	{AT(4, "ftypheis"), HEIC},
	{AT(4, "ftypmif1"), HEIC},
	{AT(4, "ftypmsf1"), HEIC},
	{AT(4, "ftypavif"), AVIF},
	{AT(4, "ftypavis"), AVIF},
	{AT(4, "ftyp"), AT_IMAGE("a video, or a camera's raw file", "Take a single picture of it, as PNG or JPEG.")},
	{AT(8, "WEBP"), AT_IMAGE("a WebP image", "Convert it to PNG: dwebp in.webp -o out.png.")},
	{AT(0, "II*\0"), TIFF},
	{AT(0, "MM\0*"), TIFF},
	{AT(0, "II+\0"), TIFF},
	{AT(0, "MM\0+"), TIFF},
	{AT(0, "GIF8"), GIF},
	{AT(0, "\0\0\0\x0CjP  "), JPEG_2000},
	{AT(0, "\xFF\x4F\xFF\x51"), JPEG_2000},
	{AT(0, "\0\0\0\x0CJXL "), JPEG_XL},
	{AT(0, "\xFF\x0A"), JPEG_XL},
	{AT(0, "%PDF"), LS_INVALID_IMAGE, "a PDF document", "Take the images out of it: pdfimages -all in.pdf out."},
	{AT(0, "PK\3\4"), LS_INVALID_IMAGE, "a ZIP archive", "Unpack it, and store each image in a row of its own."},
	{AT(0, "\x1F\x8B"), LS_INVALID_IMAGE, "a file packed by gzip", "Unpack it: gunzip."},
	{AT(0, "\x89PNG\n"), AS_TEXT},
	{AT(0, "\x89PNG\r\r"), AS_TEXT},
	{AT(0, "\xC2\x89PNG"), AS_TEXT},
	{AT(0, "\xEF\xBF\xBDPNG"), AS_TEXT},
	{AT(0, "\xC3\xBF\xC3\x98\xC3\xBF"), AS_TEXT},
	{AT(0, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"), AS_TEXT},
	{AT(0, "version https://git-lfs"), LS_INVALID_IMAGE, "a pointer of Git LFS",
	"The file itself is on the LFS server: run git lfs pull, and store it then."},
	{AT(0, "data:image/"), LS_INVALID_IMAGE, "a data URL",
	"Store the bytes: decode(split_part(convert_from(column, 'UTF8'), ',', 2), 'base64')."},
	{AT(0, "/9j/"), BASE64},
	{AT(0, "iVBORw0KGgo"), BASE64},
	{AT(0, "Qk0"), BASE64},
	{AT(0, "Qk1"), BASE64},
	{AT(0, "Qk2"), BASE64},
	{AT(0, "Qk3"), BASE64},
	{AT(0, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), LS_INVALID_IMAGE, "zero, at least the first 16",
	"The copy failed: store the file again."},
};

/* Do all count bytes pass a test of characters? */
static bool
all_are(const uint8_t *bytes, size_t count, int (*passes) (int))
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] >= 0x80 || !passes(bytes[i]))
			return false;
	return true;
}

/* Is it a printable character or white space? */
static int
is_text(int c)
{
	return isprint(c) || isspace(c);
}

/* Does text begin with `word`, which is in small letters? Case does not
 * matter. */
static bool
begins_with(const uint8_t *text, size_t size, const char *word)
{
	size_t		length = strlen(word);

	if (size < length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (tolower(text[i]) != word[i])
			return false;
	return true;
}

/* Does text end with the suffix of an image file? */
static bool
ends_like_image(const uint8_t *text, size_t size)
{
	static const char *const endings[] = {
		".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".heic", ".webp", ".gif", ".dcm",
	};

	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
	{
		size_t		length = strlen(endings[i]);

		if (size > length && begins_with(text + size - length, length, endings[i]))
			return true;
	}
	return false;
}

/* Is it one line that names a file? */
static bool
is_path(const uint8_t *text, size_t size)
{
	static const char *const path_beginnings[] = {
		"/", "./", "../", "~/", "http://", "https://", "file:", "s3://", "\\\\", NULL
	};

	while (size > 0 && isspace(text[size - 1]))
		size--;
	if (size == 0 || size > PATH_MAX_LENGTH || !all_are(text, size, isprint))
		return false;
	for (int i = 0; path_beginnings[i] != NULL; i++)
		if (begins_with(text, size, path_beginnings[i]))
			return true;
	return (size > 2 && begins_with(text + 1, size - 1, ":\\")) || ends_like_image(text, size);
}

/* The failure that says what the bytes are. */
static Status
refuse_as(StatusCode code, const char *what, const char *hint)
{
	return status_with_hint(status_error(code, "the bytes are %s; %s are read", what, READ), "%s", hint);
}

/* The failure for a kind of text. */
static Status
refuse_text(const uint8_t *text, size_t size)
{
	size_t		looked_at = size < LOOK_AT ? size : LOOK_AT;
	bool		prefixed = begins_with(text, size, "\\x") || begins_with(text, size, "0x");
	size_t		skip = prefixed ? 2 : 0;

	if (looked_at >= 16 && all_are(text + skip, looked_at - skip, isxdigit))
		return refuse_as(LS_INVALID_IMAGE, "the text of an image in hexadecimal digits",
						 prefixed ? "Store the bytes: decode(substr(convert_from(column, 'UTF8'), 3), 'hex')." :
						 "Store the bytes: decode(convert_from(column, 'UTF8'), 'hex').");
	while (size > 0 && isspace(*text))
	{
		text++;
		size--;
	}
	if (begins_with(text, size, "<!doctype html") || begins_with(text, size, "<html"))
		return refuse_as(WEB_PAGE);
	if (begins_with(text, size, "<svg") || begins_with(text, size, "<?xml") || begins_with(text, size, "<!doctype svg"))
		return refuse_as(LS_INVALID_IMAGE, "an XML or SVG document",
						 "Convert a drawing to PNG: rsvg-convert in.svg -o out.png.");
	if (is_path(text, size))
		return refuse_as(LS_INVALID_IMAGE, "the text of a path or address",
						 "Store the file that it names: pg_read_binary_file(), "
						 "or a program that reads files where they are.");
	return refuse_as(LS_INVALID_IMAGE, "text", "Store the file of the image, unchanged, as bytes.");
}

Status
foreign_refuse(const uint8_t *bytes, size_t size)
{
	const char *hint = "Images are " READ " files, stored unchanged.";

	if (size == 0)
		return status_with_hint(status_error(LS_INVALID_IMAGE, "the image is empty (0 bytes)"), "%s", hint);
	for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
	{
		const Beginning *beginning = &beginnings[i];

		if (size >= beginning->offset + beginning->size &&
			memcmp(bytes + beginning->offset, beginning->bytes, beginning->size) == 0)
			return refuse_as(beginning->code, beginning->what, beginning->hint);
	}
	if (size >= 4 && all_are(bytes, size < LOOK_AT ? size : LOOK_AT, is_text))
		return refuse_text(bytes, size);
	return status_with_hint(status_error(LS_INVALID_IMAGE, "%zu bytes that are not an image of a known format", size),
							"%s", hint);
}
