/*
 * multipart.c: reads and writes multipart bodies.
 */
#define _GNU_SOURCE				/* memmem, strcasestr */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "pacs/web/multipart.h"

/* Find the parameter "boundary" of a Content-Type and copy its value. */
static Status
read_boundary(const char *content_type, char boundary[MULTIPART_BOUNDARY_SIZE])
{
	const char *at = content_type;
	size_t		length;

	while ((at = strchr(at, ';')) != NULL)
	{
		at += 1 + strspn(at + 1, " \t");
		if (strncasecmp(at, "boundary=", 9) == 0)
			break;
	}
	if (at == NULL)
		return status_error(LS_INVALID_ARGUMENT, "the Content-Type \"%.100s\" has no boundary", content_type);
	at += 9;
	if (*at == '"')
		length = strcspn(++at, "\"");
	else
		length = strcspn(at, "; \t\r\n");
	if (length == 0 || length >= MULTIPART_BOUNDARY_SIZE)
		return status_error(LS_INVALID_ARGUMENT, "the boundary of a multipart body has %zu characters", length);
	memcpy(boundary, at, length);
	boundary[length] = '\0';
	return status_ok();
}

Status
multipart_open(MultipartReader *reader, const char *content_type, const char *body, size_t size)
{
	char		boundary[MULTIPART_BOUNDARY_SIZE];
	const char *first;
	size_t		bare;

	if (strncasecmp(content_type, "multipart/", 10) != 0)
		return status_error(LS_UNSUPPORTED, "the answer is \"%.100s\", not multipart/related", content_type);
	TRY(read_boundary(content_type, boundary));
	reader->delimiter_size = (size_t) snprintf(reader->delimiter, sizeof reader->delimiter, "\r\n--%s", boundary);
	reader->end = body + size;

	/* Before the first delimiter there need not be a line. */
	bare = reader->delimiter_size - 2;
	if (size >= bare && memcmp(body, reader->delimiter + 2, bare) == 0)
		first = body + bare;
	else
	{
		first = memmem(body, size, reader->delimiter, reader->delimiter_size);
		if (first == NULL)
			return status_error(LS_INVALID_ARGUMENT, "the multipart body does not hold its boundary");
		first += reader->delimiter_size;
	}
	reader->at = first;
	return status_ok();
}

Status
multipart_next(MultipartReader *reader, MultipartPart *part, bool *found)
{
	size_t		left = (size_t) (reader->end - reader->at);
	const char *headers_end;
	const char *close;

	*found = false;
	if (left >= 2 && memcmp(reader->at, "--", 2) == 0)
		return status_ok();		/* the closing delimiter */

	/* From the end of the delimiter's line an empty header counts, too. */
	headers_end = memmem(reader->at, left, "\r\n\r\n", 4);
	if (headers_end == NULL)
		return status_error(LS_INVALID_ARGUMENT, "a part of the multipart body ends in its headers");
	part->data = headers_end + 4;

	/* Of an empty part the line end before the delimiter may be that of the headers. */
	left = (size_t) (reader->end - (headers_end + 2));
	close = memmem(headers_end + 2, left, reader->delimiter, reader->delimiter_size);
	if (close == NULL)
		return status_error(LS_INVALID_ARGUMENT, "a part of the multipart body has no end");
	part->size = close > part->data ? (size_t) (close - part->data) : 0;
	reader->at = close + reader->delimiter_size;
	*found = true;
	return status_ok();
}

/* Is a Content-Type application/dicom, with or without parameters? application/dicom+json is not. */
static bool
is_dicom(const char *content_type)
{
	static const char type[] = "application/dicom";
	size_t		length = sizeof type - 1;

	return strncasecmp(content_type, type, length) == 0 && strchr("; \t", content_type[length]) != NULL;
}

Status
multipart_find_file(const char *content_type, const char *body, size_t size, MultipartPart *file)
{
	MultipartReader reader;
	bool		found = true;

	*file = (MultipartPart) {body, size};
	if (!is_dicom(content_type))
	{
		TRY(multipart_open(&reader, content_type, body, size));
		TRY(multipart_next(&reader, file, &found));
	}
	if (!found || file->size == 0)
		return status_error(LS_INVALID_ARGUMENT, "the answer has no file in it");
	return status_ok();
}

Status
multipart_add(Bytes *body, const char *boundary, const char *type, const char *data, size_t size)
{
	TRY(bytes_print(body, "\r\n--%s\r\nContent-Type: %s\r\n\r\n", boundary, type));
	return bytes_append(body, data, size);
}

Status
multipart_close(Bytes *body, const char *boundary)
{
	return bytes_print(body, "\r\n--%s--\r\n", boundary);
}
