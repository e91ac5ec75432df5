/*
 * markup.h: a text that grows, and the one door by which data enters a page.
 *
 * What comes of a database (names, keys, reasons) is written by markup_data
 * alone. It is then content: no character of it can end an element, an
 * attribute or a comment. Pages are ASCII: other characters are written as
 * their numbers, so a page reads the same whatever encoding a file is taken for.
 *
 * A failure (out of memory) stays in the text as its status; what is added after
 * it is lost. So who writes a page looks at the status once, at the end.
 */
#ifndef LESIONSEG_REPORT_MARKUP_H
#define LESIONSEG_REPORT_MARKUP_H

#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"

typedef struct Markup
{
	const Call *call;
	char	   *bytes;			/* owned by call; ends with a 0 that size does not count; NULL while empty */
	size_t		size;
	size_t		room;
	Status		status;			/* the first failure */
} Markup;

/* Start an empty text, which lives in call's memory. */
void		markup_begin(Markup *markup, const Call *call);

/* Add markup of our own. */
void		markup_add(Markup *markup, const char *own);

/* The same, printf-formatted; only numbers and markup of our own may go in. */
void		markup_format(Markup *markup, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* Add data in UTF-8, as content of an element or of a quoted attribute. Bytes that
 * are no UTF-8, and control characters, become U+FFFD. */
void		markup_data(Markup *markup, const char *data);

/* Add bytes in base64. */
void		markup_base64(Markup *markup, const uint8_t *bytes, size_t size);

/* Free the bytes; the text is empty again. */
void		markup_free(Markup *markup);

#endif
