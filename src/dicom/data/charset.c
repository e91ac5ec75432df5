/*
 * charset.c: see charset.h.
 *
 * iconv does the conversions. This file does ISO 2022: it follows the escape
 * sequences in the text, which switch between sets.
 *
 * Text has two halves. Bytes below 128 (G0) are ASCII or, after an escape
 * sequence, pairs of JIS; bytes from 128 on (G1) belong to the first set that
 * the file names or, after an escape sequence, to another. A delimiter
 * switches back to the first set.
 */
#include "dicom/data/charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "dicom/data/values.h"

#define ESCAPE 0x1B
#define POLL_BYTES 65536
#define CHARSET_MOST 1024		/* bytes of a SpecificCharacterSet; real ones name some three sets */
#define ENCODINGS_MOST 32		/* more than the tables below have */
#define COUNT(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* DICOM's defined term of a set, and iconv's name for its upper half. */
static const struct
{
	const char *term;			/* behind "ISO_IR " or "ISO 2022 IR " */
	const char *encoding;
}			terms[] = {
	{"6", "ASCII"},
	{"100", "ISO-8859-1"},
	{"101", "ISO-8859-2"},
	{"109", "ISO-8859-3"},
	{"110", "ISO-8859-4"},
	{"144", "ISO-8859-5"},
	{"127", "ISO-8859-6"},
	{"126", "ISO-8859-7"},
	{"138", "ISO-8859-8"},
	{"148", "ISO-8859-9"},
	{"203", "ISO-8859-15"},
	{"13", "SHIFT_JIS"},
	{"166", "TIS-620"},
	{"87", "ASCII"},
	{"159", "ASCII"},
	{"149", "EUC-KR"},
	{"58", "EUC-CN"},
	{"192", "UTF-8"},
};

/* The meaning of bytes below 128. */
typedef enum LowerHalf
{
	LOWER_ASCII,
	LOWER_JIS_0208,				/* pairs */
	LOWER_JIS_0212
} LowerHalf;

/* An escape sequence, without ESC, and the set that it selects. */
static const struct
{
	const char *sequence;
	const char *encoding;		/* of the upper half; NULL: it changes the lower half */
	LowerHalf	lower;
}			escapes[] = {
	{"(B", NULL, LOWER_ASCII},
	{"(J", NULL, LOWER_ASCII},
	{"$B", NULL, LOWER_JIS_0208},
	{"$@", NULL, LOWER_JIS_0208},
	{"$(D", NULL, LOWER_JIS_0212},
	{"-A", "ISO-8859-1", LOWER_ASCII},
	{"-B", "ISO-8859-2", LOWER_ASCII},
	{"-C", "ISO-8859-3", LOWER_ASCII},
	{"-D", "ISO-8859-4", LOWER_ASCII},
	{"-L", "ISO-8859-5", LOWER_ASCII},
	{"-G", "ISO-8859-6", LOWER_ASCII},
	{"-F", "ISO-8859-7", LOWER_ASCII},
	{"-H", "ISO-8859-8", LOWER_ASCII},
	{"-M", "ISO-8859-9", LOWER_ASCII},
	{"-b", "ISO-8859-15", LOWER_ASCII},
	{"-T", "TIS-620", LOWER_ASCII},
	{")I", "SHIFT_JIS", LOWER_ASCII},
	{"$)C", "EUC-KR", LOWER_ASCII},
	{"$)A", "EUC-CN", LOWER_ASCII},
};

/* The conversion of one text. Converters stay open to its end: a text may
 * change between sets at every byte, and opening one takes long. */
typedef struct Conversion
{
	ByteBuffer *out;
	size_t		since_poll;		/* bytes converted since the last poll */
	int			open;			/* converters that are open */
	struct
	{
		const char *encoding;
		iconv_t		converter;
	}			converters[ENCODINGS_MOST];
} Conversion;

static void
close_converters(Conversion *conversion)
{
	for (int i = 0; i < conversion->open; i++)
		iconv_close(conversion->converters[i].converter);
	conversion->open = 0;
}

/* Find the converter of an encoding, in its first state. */
static Status
need_converter(Conversion *conversion, const char *encoding, iconv_t *converter)
{
	int			i = 0;

	while (i < conversion->open && strcmp(conversion->converters[i].encoding, encoding) != 0)
		i++;
	if (i < conversion->open)
	{
		*converter = conversion->converters[i].converter;
		iconv(*converter, NULL, NULL, NULL, NULL);
		return status_ok();
	}
	errno = EINVAL;
	*converter = i < ENCODINGS_MOST ? iconv_open("UTF-8", encoding) : (iconv_t) -1;
	if (*converter == (iconv_t) -1 && errno != EINVAL)
		return status_with_hint(status_error(LS_OUT_OF_MEMORY, "iconv cannot be opened for %s: %s", encoding,
											 strerror(errno)),
								"Give the server more memory or more open files.");
	if (*converter == (iconv_t) -1)
		return status_with_hint(status_error(LS_UNSUPPORTED, "this system's iconv does not know %s", encoding),
								"Install the C library's character set modules (gconv); they cannot be loaded, "
								"either, where memory is short.");
	conversion->converters[i].encoding = encoding;
	conversion->converters[i].converter = *converter;
	conversion->open++;
	return status_ok();
}

/* Poll after so many bytes. */
static Status
count_bytes(Conversion *conversion, size_t count)
{
	conversion->since_poll += count;
	if (conversion->since_poll < POLL_BYTES)
		return conversion->out->status;
	conversion->since_poll = 0;
	TRY(call_poll(conversion->out->call));
	return conversion->out->status;
}

#define REPLACEMENT "\xEF\xBF\xBD"	/* U+FFFD */

/* Append whole characters. Some of iconv's are beyond U+10FFFF, which no text of a database may have. */
static void
append_characters(ByteBuffer *out, const char *text, size_t size)
{
	size_t		begin = 0;

	for (size_t i = 0; i < size; i++)
	{
		uint8_t		lead = (uint8_t) text[i];
		size_t		length = lead >= 0xFC ? 6 : lead >= 0xF8 ? 5 : 4;

		if (lead < 0xF4 || (lead == 0xF4 && i + 1 < size && (uint8_t) text[i + 1] < 0x90))
			continue;
		buffer_add(out, text + begin, i - begin);
		buffer_add_text(out, REPLACEMENT);
		i += length - 1;
		begin = i + 1;
	}
	if (begin < size)
		buffer_add(out, text + begin, size - begin);
}

/* Append bytes of an encoding as UTF-8. */
static Status
append_converted(Conversion *conversion, const char *encoding, const uint8_t *bytes, size_t size)
{
	iconv_t		converter;
	char	   *in = (char *) bytes;
	size_t		left = size;

	TRY(need_converter(conversion, encoding, &converter));
	while (left > 0)
	{
		char		text[512];
		char	   *to = text;
		size_t		room = sizeof text;
		size_t		before = left;
		size_t		result = iconv(converter, &in, &left, &to, &room);

		append_characters(conversion->out, text, (size_t) (to - text));
		if (result == (size_t) -1 && before == left && to == text)
		{
			buffer_add_text(conversion->out, REPLACEMENT);
			in++;
			left--;
			iconv(converter, NULL, NULL, NULL, NULL);
		}
		TRY(count_bytes(conversion, before - left));
	}
	return conversion->out->status;
}

/* Append pairs of JIS: the same as EUC-JP with its high bits set. */
static Status
convert_pairs(Conversion *conversion, const uint8_t *bytes, size_t size, LowerHalf lower)
{
	for (size_t i = 0; i < size; i += 2)
	{
		uint8_t		euc[3] = {0x8F, bytes[i] | 0x80, i + 1 < size ? bytes[i + 1] | 0x80 : 0};
		int			start = lower == LOWER_JIS_0212 ? 0 : 1;

		TRY(append_converted(conversion, "EUC-JP", euc + start, (size_t) (3 - start)));
	}
	return status_ok();
}

/* iconv's name for the first set that a file names; "" for an unknown one.
 * *whole: a set that escape sequences do not change. */
static const char *
first_encoding(const DicomElement *charset, bool *whole)
{
	char		term[32];
	const char *number = term;

	*whole = false;
	if (charset != NULL && charset->length > CHARSET_MOST)
		return "";
	if (!dicom_string(charset, 0, term, sizeof term))
		return "ASCII";
	if (strcmp(term, "GB18030") == 0 || strcmp(term, "GBK") == 0)
	{
		*whole = true;
		return "GB18030";
	}
	if (strncmp(term, "ISO_IR ", 7) == 0)
		number = term + 7;
	else if (strncmp(term, "ISO 2022 IR ", 12) == 0)
		number = term + 12;
	for (int i = 0; i < COUNT(terms); i++)
	{
		if (strcmp(terms[i].term, number) == 0)
		{
			*whole = strcmp(number, "192") == 0;
			return terms[i].encoding;
		}
	}
	return "";
}

/* The index of the escape sequence at `text`, behind ESC; -1 for an unknown
 * one. */
static int
find_escape(const uint8_t *text, size_t left)
{
	for (int i = 0; i < COUNT(escapes); i++)
	{
		size_t		length = strlen(escapes[i].sequence);

		if (length <= left && memcmp(text, escapes[i].sequence, length) == 0)
			return i;
	}
	return -1;
}

/* Does this byte switch back to the first set? */
static bool
is_delimiter(uint8_t byte, bool name)
{
	return byte == '\\' || byte == '\r' || byte == '\n' || byte == '\f' || byte == '\t' ||
		(name && (byte == '^' || byte == '='));
}

/* Move `at` to the end of a run: of bytes from 128 on, or of bytes below
 * without an escape sequence. */
static Status
find_run(const Call *call, const uint8_t *text, size_t size, bool upper, size_t *at)
{
	for (; *at < size && (text[*at] >= 0x80) == upper && text[*at] != ESCAPE; (*at)++)
	{
		if (*at % POLL_BYTES == 0)
			TRY(call_poll(call));
	}
	return status_ok();
}

/* Convert text with escape sequences. */
static Status
convert_extended(Conversion *conversion, const char *first, const uint8_t *text, size_t size, bool name)
{
	const Call *call = conversion->out->call;
	const char *upper = first;
	LowerHalf	lower = LOWER_ASCII;
	size_t		at = 0;

	while (at < size)
	{
		size_t		start = at;

		if (text[at] == ESCAPE)
		{
			int			escape = find_escape(text + at + 1, size - at - 1);

			at++;
			if (escape < 0)
				buffer_add_text(conversion->out, "\xEF\xBF\xBD");
			else
			{
				at += strlen(escapes[escape].sequence);
				if (escapes[escape].encoding != NULL)
					upper = escapes[escape].encoding;
				else
					lower = escapes[escape].lower;
			}
			TRY(count_bytes(conversion, at - start));
		}
		else if (text[at] >= 0x80)
		{
			TRY(find_run(call, text, size, true, &at));
			TRY(append_converted(conversion, upper, text + start, at - start));
		}
		else if (lower != LOWER_ASCII)
		{
			TRY(find_run(call, text, size, false, &at));
			TRY(convert_pairs(conversion, text + start, at - start, lower));
		}
		else
		{
			if (is_delimiter(text[at], name))
				upper = first;
			buffer_add(conversion->out, text + at, 1);
			at++;
			TRY(count_bytes(conversion, 1));
		}
	}
	return conversion->out->status;
}

static Status
unknown_set(const DicomElement *charset)
{
	char		term[32];

	dicom_string(charset, 0, term, sizeof term);
	return status_with_hint(status_error(LS_UNSUPPORTED,
										 "SpecificCharacterSet (0008,0005) is \"%s\", which is not known", term),
							"Convert the file outside the database to ISO_IR 192 (UTF-8), "
							"for example with dcmconv.");
}

Status
dicom_text_utf8(const DicomElement *charset, const DicomElement *element, ByteBuffer *out)
{
	const uint8_t *text = element->value;
	size_t		size = element->length;
	size_t		plain = 0;
	bool		whole;
	const char *encoding;
	Conversion	conversion = {.out = out};
	Status		status;

	while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\0'))
	{
		size--;
		if (size % POLL_BYTES == 0)
			TRY(call_poll(out->call));
	}
	TRY(find_run(out->call, text, size, false, &plain));
	if (plain == size)
	{
		buffer_add(out, text, size);
		return out->status;
	}
	encoding = first_encoding(charset, &whole);
	if (encoding[0] == '\0')
		return unknown_set(charset);
	status = whole ? append_converted(&conversion, encoding, text, size)
		: convert_extended(&conversion, encoding, text, size, element->vr == DICOM_VR('P', 'N'));
	close_converters(&conversion);
	return status;
}
