/*
 * utf8_text.h: text of the database in UTF-8.
 */
#ifndef LESIONSEG_PG_BASE_VALUES_UTF8_TEXT_H
#define LESIONSEG_PG_BASE_VALUES_UTF8_TEXT_H

#include "postgres.h"

/*
 * A string in the database's encoding, in UTF-8: itself where it is that, else palloc'd. A row that anybody may write
 * must not end what reads all rows: so a character that UTF-8 lacks, as a byte that WINDOWS-1252 leaves free, is no
 * error but U+FFFD. So is, in a database without an encoding (SQL_ASCII), a byte that is no UTF-8.
 */
const char *utf8_text(const char *text);

#endif
