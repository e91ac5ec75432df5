/*
 * values.c: see values.h.
 */
#include "dicom/data/values.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_TEXT 64			/* DS and IS have 16 characters at most; some writers, more */

size_t
dicom_number_size(uint16_t vr)
{
	switch (vr)
	{
		case DICOM_VR('U', 'S'):
		case DICOM_VR('S', 'S'):
			return 2;
		case DICOM_VR('U', 'L'):
		case DICOM_VR('S', 'L'):
		case DICOM_VR('F', 'L'):
		case DICOM_VR('A', 'T'):
			return 4;
		case DICOM_VR('F', 'D'):
		case DICOM_VR('S', 'V'):
		case DICOM_VR('U', 'V'):
			return 8;
		default:
			return 0;
	}
}

bool
dicom_is_charset_text(uint16_t vr)
{
	return vr == DICOM_VR('P', 'N') || vr == DICOM_VR('L', 'O') || vr == DICOM_VR('S', 'H') ||
		vr == DICOM_VR('U', 'C') || vr == DICOM_VR('L', 'T') || vr == DICOM_VR('S', 'T') || vr == DICOM_VR('U', 'T');
}

bool
dicom_is_multiple_text(uint16_t vr)
{
	return vr != DICOM_VR('L', 'T') && vr != DICOM_VR('S', 'T') && vr != DICOM_VR('U', 'T') &&
		vr != DICOM_VR('U', 'R');
}

size_t
dicom_value_count(const DicomElement *element)
{
	size_t		count = 1;
	size_t		size;

	if (element == NULL || element->length == 0)
		return 0;
	size = dicom_number_size(element->vr);
	if (size > 0)
		return element->length / size;
	if (!dicom_is_multiple_text(element->vr))
		return 1;
	for (size_t i = 0; i < element->length; i++)
		count += element->value[i] == '\\';
	return count;
}

/* Is the text ASCII without control characters? */
static bool
is_default_repertoire(const uint8_t *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
	{
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return true;
}

bool
dicom_string(const DicomElement *element, size_t n, char *out, size_t size)
{
	const uint8_t *start;
	const uint8_t *end;
	const uint8_t *last;

	out[0] = '\0';
	if (element == NULL || element->length == 0)
		return false;
	start = element->value;
	last = start + element->length;
	for (; n > 0; n--)
	{
		start = memchr(start, '\\', (size_t) (last - start));
		if (start == NULL)
			return false;
		start++;
	}
	end = memchr(start, '\\', (size_t) (last - start));
	if (end == NULL)
		end = last;
	while (end > start && (end[-1] == ' ' || end[-1] == '\0'))
		end--;
	while (start < end && *start == ' ')
		start++;
	if (start == end || (size_t) (end - start) >= size || !is_default_repertoire(start, (size_t) (end - start)))
		return false;
	memcpy(out, start, (size_t) (end - start));
	out[end - start] = '\0';
	return true;
}

double
dicom_binary_number(const DicomSet *set, const DicomElement *element, size_t n)
{
	size_t		size = dicom_number_size(element->vr);
	const uint8_t *bytes = element->value + n * size;
	bool		big_endian = dicom_is_big_endian(set, element);
	uint64_t	bits = 0;
	uint32_t	word;
	float		single;
	double		number;

	for (size_t i = 0; i < size; i++)
		bits = bits << 8 | bytes[big_endian ? i : size - 1 - i];
	switch (element->vr)
	{
		case DICOM_VR('S', 'S'):
			return (int16_t) bits;
		case DICOM_VR('S', 'L'):
			return (int32_t) bits;
		case DICOM_VR('S', 'V'):
			return (double) (int64_t) bits;
		case DICOM_VR('F', 'L'):
			word = (uint32_t) bits;
			memcpy(&single, &word, sizeof single);
			return single;
		case DICOM_VR('F', 'D'):
			memcpy(&number, &bits, sizeof number);
			return number;
		default:
			return (double) bits;
	}
}

bool
dicom_number(const DicomSet *set, const DicomElement *element, size_t n, double *number)
{
	char		text[NUMBER_TEXT];
	char	   *end;

	if (element == NULL)
		return false;
	if (dicom_number_size(element->vr) > 0)
	{
		if (n >= dicom_value_count(element))
			return false;
		*number = dicom_binary_number(set, element, n);
		return isfinite(*number);
	}
	if (!dicom_string(element, n, text, sizeof text) || strspn(text, "0123456789+-.eE") != strlen(text))
		return false;
	*number = strtod(text, &end);
	return *end == '\0' && isfinite(*number);
}

bool
dicom_integer(const DicomSet *set, const DicomElement *element, size_t n, int *integer)
{
	double		number;

	if (!dicom_number(set, element, n, &number) || number < INT_MIN || number > INT_MAX || number != floor(number))
		return false;
	*integer = (int) number;
	return true;
}
