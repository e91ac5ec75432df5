/*
 * bytes.h: bytes that grow: the body of an answer, a request, a URL.
 *
 * They are not core/buffer.h: a buffer's memory is that of one Call, counts against its limit and goes when the call
 * does, and the program has no calls. These are empty when zeroed, live in structs that do, and keep their memory
 * from one request to the next. A failure is told at once: libcurl must hear of it in the middle of an answer.
 */
#ifndef LESIONSEG_PACS_WEB_BYTES_H
#define LESIONSEG_PACS_WEB_BYTES_H

#include <stddef.h>

#include "core/status.h"

typedef struct Bytes
{
	char	   *data;			/* owned; always ends with a NUL that size does not count */
	size_t		size;
	size_t		capacity;
} Bytes;

/* Append. LS_OUT_OF_MEMORY. */
Status		bytes_append(Bytes *bytes, const void *data, size_t size);

/* Append printf-formatted text of 1 kB at most. */
Status		bytes_print(Bytes *bytes, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* Append text as a part of a URL: all but letters, digits and -._~ as %XX. */
Status		bytes_append_escaped(Bytes *bytes, const char *text);

/* Replace in a text, in place, each byte that belongs to no UTF-8 character by '?':
 * what another program said may be Latin-1, or cut within a character. */
void		bytes_make_utf8(char *text);

/* Empty it; the memory stays for the next use unless it is large. */
void		bytes_reset(Bytes *bytes);

void		bytes_free(Bytes *bytes);

#endif
