/*
 * json.c: see json.h. Levels are written by recursion, as deep as dicom_read
 * allowed them to be.
 */
#include "dicom/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/data/charset.h"
#include "dicom/data/tags.h"
#include "dicom/data/values.h"

#define POLL_ELEMENTS 256
#define POLL_BYTES 65536
#define VALUES_MOST 4000000		/* half of what PostgreSQL's parser of jsonb takes in an object */
#define REPLACEMENT "\xEF\xBF\xBD"

typedef struct JsonWriter
{
	const DicomSet *set;
	ByteBuffer	   *out;
	ByteBuffer		text;			/* one element's text as UTF-8 */
	unsigned	elements;
} JsonWriter;

/* The database's JSON cannot hold arrays and objects without end. Polls from
 * time to time. */
static Status
check_count(const JsonWriter *writer, uint32_t tag, size_t count)
{
	if (count > VALUES_MOST)
		return status_with_hint(status_error(LS_LIMIT_EXCEEDED,
											 "the DICOM file has more than %d values or elements in one place, at "
											 "(%04X,%04X)",
											 VALUES_MOST, TAG_GROUP(tag), TAG_ELEMENT(tag)),
								"Real files have far fewer; store an intact copy of the file.");
	return count % POLL_ELEMENTS == 0 ? call_poll(writer->set->call) : status_ok();
}

static Status write_level(JsonWriter *writer, const DicomElement *within, const DicomElement *charset);

static bool
is_bulk(uint16_t vr)
{
	return (vr >> 8 == 'O' && vr != DICOM_VR('O', 'T')) || vr == DICOM_VR('U', 'N');
}

/* Append a JSON string of UTF-8 bytes. */
static void
add_string(ByteBuffer *out, const uint8_t *text, size_t size)
{
	buffer_add_text(out, "\"");
	for (size_t i = 0; i < size && out->status.code == LS_OK; i++)
	{
		uint8_t		byte = text[i];

		if (i % POLL_BYTES == POLL_BYTES - 1)
			out->status = call_poll(out->call);
		if (byte == '"' || byte == '\\')
			buffer_add_text(out, "\\");
		if (byte == 0)
			buffer_add_text(out, REPLACEMENT);	/* PostgreSQL's text cannot hold this character */
		else if (byte < 0x20)
			buffer_printf(out, "\\u%04x", byte);
		else
			buffer_add(out, &byte, 1);
	}
	buffer_add_text(out, "\"");
}

/* Remove the padding at both ends. */
static void
trim_padding(const uint8_t **text, size_t *size, bool leading)
{
	while (*size > 0 && ((*text)[*size - 1] == ' ' || (*text)[*size - 1] == '\0'))
		(*size)--;
	while (leading && *size > 0 && **text == ' ')
	{
		(*text)++;
		(*size)--;
	}
}

/* Append a person's name as an object of its groups, which = divides. */
static void
add_name(ByteBuffer *out, const uint8_t *text, size_t size)
{
	static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
	const char *comma = "";

	buffer_add_text(out, "{");
	for (int i = 0; i < 3 && size > 0; i++)
	{
		const uint8_t *end = memchr(text, '=', size);
		size_t		length = end == NULL || i == 2 ? size : (size_t) (end - text);

		if (length > 0)
		{
			buffer_printf(out, "%s\"%s\":", comma, groups[i]);
			add_string(out, text, length);
			comma = ",";
		}
		length += length < size;
		text += length;
		size -= length;
	}
	buffer_add_text(out, "}");
}

/* Append a number as short as it can be written. */
static void
add_number(ByteBuffer *out, double number)
{
	char		text[40];

	if (!isfinite(number))
	{
		buffer_add_text(out, isnan(number) ? "\"NaN\"" : number > 0 ? "\"Infinity\"" : "\"-Infinity\"");
		return;
	}
	for (int digits = 6; digits <= 17; digits++)
	{
		snprintf(text, sizeof text, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	buffer_add_text(out, text);
}

/* Append one value of text. DS and IS become numbers if they can be read. */
static void
add_text_value(ByteBuffer *out, uint16_t vr, const uint8_t *text, size_t size)
{
	char		number[64];
	char	   *end;

	trim_padding(&text, &size, dicom_is_multiple_text(vr));
	if (size == 0)
	{
		buffer_add_text(out, "null");
		return;
	}
	if (vr == DICOM_VR('P', 'N'))
	{
		add_name(out, text, size);
		return;
	}
	if ((vr == DICOM_VR('D', 'S') || vr == DICOM_VR('I', 'S')) && size < sizeof number)
	{
		memcpy(number, text, size);
		number[size] = '\0';
		if (strspn(number, "0123456789+-.eE") == size)
		{
			double		value = strtod(number, &end);

			if (*end == '\0' && isfinite(value))
			{
				add_number(out, value);
				return;
			}
		}
	}
	add_string(out, text, size);
}

/* Append the values of text, which is in writer->text. */
static Status
add_text_values(JsonWriter *writer, uint32_t tag, uint16_t vr)
{
	const uint8_t *text = writer->text.bytes;
	size_t		size = writer->text.size;

	for (size_t n = 1;; n++)
	{
		const uint8_t *end = dicom_is_multiple_text(vr) && size > 0 ? memchr(text, '\\', size) : NULL;
		size_t		length = end == NULL ? size : (size_t) (end - text);

		TRY(check_count(writer, tag, n));
		add_text_value(writer->out, vr, text, length);
		if (end == NULL)
			return writer->out->status;
		buffer_add_text(writer->out, ",");
		text += length + 1;
		size -= length + 1;
	}
}

/* Value n of a binary VR, its bits. */
static uint64_t
value_bits(const DicomSet *set, const DicomElement *element, size_t n)
{
	size_t		size = dicom_number_size(element->vr);
	const uint8_t *bytes = element->value + n * size;
	bool		big_endian = dicom_is_big_endian(set, element);
	uint64_t	bits = 0;

	for (size_t i = 0; i < size; i++)
		bits = bits << 8 | bytes[big_endian ? i : size - 1 - i];
	return bits;
}

/* Append value n of a binary VR. */
static void
add_binary_value(const DicomSet *set, const DicomElement *element, size_t n, ByteBuffer *out)
{
	uint64_t	bits = value_bits(set, element, n);
	unsigned	group;

	switch (element->vr)
	{
		case DICOM_VR('A', 'T'):	/* two numbers of 16 bits, each in the file's byte order */
			group = dicom_is_big_endian(set, element) ? (unsigned) (bits >> 16) : (unsigned) (bits & 0xFFFF);
			buffer_printf(out, "\"%04X%04X\"", group,
						  dicom_is_big_endian(set, element) ? (unsigned) (bits & 0xFFFF) : (unsigned) (bits >> 16));
			break;
		case DICOM_VR('S', 'V'):
			buffer_printf(out, "%lld", (long long) bits);
			break;
		case DICOM_VR('U', 'V'):
			buffer_printf(out, "%llu", (unsigned long long) bits);
			break;
		default:
			add_number(out, dicom_binary_number(set, element, n));
			break;
	}
}

/* Append "Value": [...], unless the element is empty. */
static Status
write_value(JsonWriter *writer, const DicomElement *element, const DicomElement *charset)
{
	const char *comma = "";
	size_t		count = 0;

	if (element->vr == DICOM_VR('S', 'Q'))
	{
		if (dicom_first(writer->set, element) == NULL)
			return status_ok();
		buffer_add_text(writer->out, ",\"Value\":[");
		for (const DicomElement *item = dicom_first(writer->set, element); item != NULL;
			 item = dicom_after(writer->set, element, item))
		{
			TRY(check_count(writer, element->tag, ++count));
			buffer_add_text(writer->out, comma);
			comma = ",";
			TRY(write_level(writer, item, charset));
		}
		buffer_add_text(writer->out, "]");
		return writer->out->status;
	}
	if (dicom_number_size(element->vr) > 0)
	{
		count = dicom_value_count(element);
		if (count == 0)
			return status_ok();
		buffer_add_text(writer->out, ",\"Value\":[");
		for (size_t n = 0; n < count; n++)
		{
			TRY(check_count(writer, element->tag, n + 1));
			buffer_add_text(writer->out, n == 0 ? "" : ",");
			add_binary_value(writer->set, element, n, writer->out);
		}
		buffer_add_text(writer->out, "]");
		return writer->out->status;
	}
	writer->text.size = 0;
	if (element->tag == TAG_SpecificCharacterSet)
		buffer_add_text(&writer->text, "ISO_IR 192");	/* the character set after conversion */
	else
		TRY(dicom_text_utf8(dicom_is_charset_text(element->vr) ? charset : NULL, element, &writer->text));
	TRY(writer->text.status);
	if (writer->text.size == 0)
		return status_ok();
	buffer_add_text(writer->out, ",\"Value\":[");
	TRY(add_text_values(writer, element->tag, element->vr));
	buffer_add_text(writer->out, "]");
	return writer->out->status;
}

/* Append the elements of an item, or of the whole file, as an object. */
static Status
write_level(JsonWriter *writer, const DicomElement *within, const DicomElement *charset)
{
	const DicomElement *own = dicom_find(writer->set, within, TAG_SpecificCharacterSet);
	const char *comma = "";
	size_t		count = 0;

	if (own != NULL)
		charset = own;
	buffer_add_text(writer->out, "{");
	for (const DicomElement *element = dicom_first(writer->set, within); element != NULL;
		 element = dicom_after(writer->set, within, element))
	{
		if (TAG_GROUP(element->tag) == 0x0002 || TAG_ELEMENT(element->tag) == 0 || is_bulk(element->vr))
			continue;
		if (writer->elements++ % POLL_ELEMENTS == 0)
			TRY(call_poll(writer->set->call));
		TRY(check_count(writer, element->tag, ++count));
		buffer_printf(writer->out, "%s\"%08X\":{\"vr\":\"%c%c\"", comma, (unsigned) element->tag, element->vr >> 8,
					  element->vr & 0xFF);
		comma = ",";
		TRY(write_value(writer, element, charset));
		buffer_add_text(writer->out, "}");
	}
	buffer_add_text(writer->out, "}");
	return writer->out->status;
}

Status
dicom_json(const DicomSet *set, ByteBuffer *out)
{
	JsonWriter	writer = {.set = set, .out = out};
	Status		status;

	buffer_init(&writer.text, set->call);
	status = write_level(&writer, NULL, NULL);
	buffer_free(&writer.text);
	return status;
}
