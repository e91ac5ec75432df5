/*
 * multipart.h: multipart/related bodies (RFC 2387, RFC 2046), in which
 * DICOMweb sends DICOM files. What is read comes from another program: every
 * offset is checked.
 */
#ifndef LESIONSEG_PACS_WEB_MULTIPART_H
#define LESIONSEG_PACS_WEB_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#include "pacs/web/bytes.h"

/* A boundary has at most 70 characters (RFC 2046); "\r\n--" stands before it. */
#define MULTIPART_BOUNDARY_SIZE 71

typedef struct MultipartReader
{
	char		delimiter[MULTIPART_BOUNDARY_SIZE + 4];
	size_t		delimiter_size;
	const char *at;				/* behind the last delimiter */
	const char *end;
} MultipartReader;

/* A part's content, inside the body that was given. */
typedef struct MultipartPart
{
	const char *data;
	size_t		size;
} MultipartPart;

/* Begin to read a body with that Content-Type. LS_UNSUPPORTED where it is not
 * multipart, LS_INVALID_ARGUMENT where it has no boundary. The body must
 * outlive the reader. */
Status		multipart_open(MultipartReader *reader, const char *content_type, const char *body, size_t size);

/* The next part; found: false after the last. LS_INVALID_ARGUMENT where a
 * part's headers or its end are missing. */
Status		multipart_next(MultipartReader *reader, MultipartPart *part, bool *found);

/*
 * Find the DICOM file in an answer: the first part of a multipart body or, where the
 * type is application/dicom itself, all of it. The errors of multipart_open and
 * multipart_next, and LS_INVALID_ARGUMENT where there is none.
 */
Status		multipart_find_file(const char *content_type, const char *body, size_t size, MultipartPart *file);

/* Append a part of that type with the delimiter before it. The boundary must
 * not occur in the data. */
Status		multipart_add(Bytes *body, const char *boundary, const char *type, const char *data, size_t size);

/* Append the closing delimiter. */
Status		multipart_close(Bytes *body, const char *boundary);

#endif
