/*
 * markup.h: the text of a page, and the one way by which data enters it.
 *
 * What comes from a database (names, keys, reasons) is only written by
 * markup_data. So it is content: no character of it can end an element, an
 * attribute or a comment. Pages are ASCII: other characters are written as
 * their numbers, so a page reads the same in any encoding.
 */
#ifndef LESIONSEG_REPORT_MARKUP_H
#define LESIONSEG_REPORT_MARKUP_H

#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"

/* Markup of our own is appended by buffer_add_text and buffer_printf. */
typedef ByteBuffer Markup;

/* Add data in UTF-8, as content of an element or of a quoted attribute. Bytes that
 * are no UTF-8, and control characters, become U+FFFD. Long data is polled: a
 * cancel is left in markup->status. */
void		markup_data(Markup *markup, const char *data);

/* Add bytes in base64. */
void		markup_base64(Markup *markup, const uint8_t *bytes, size_t size);

#endif
