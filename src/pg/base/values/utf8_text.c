/*
 * utf8_text.c: see utf8_text.h.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "pg/base/values/utf8_text.h"

#define REPLACEMENT "\xEF\xBF\xBD"	/* U+FFFD */

/* Is a string ASCII alone? Then it is the same in each encoding of a server. */
static bool
is_ascii(const char *text)
{
	while (*text != '\0' && !IS_HIGHBIT_SET(*text))
		text++;
	return *text == '\0';
}

/* Append the beginning of a text, as far as it is UTF-8; how many bytes that is. */
static int
append_valid(StringInfo utf8, const char *text, int length)
{
	int			valid = pg_encoding_verifymbstr(PG_UTF8, text, length);

	appendBinaryStringInfo(utf8, text, valid);
	return valid;
}

/* Append the beginning of a text, as far as UTF-8 has its characters; how many bytes of the text that is. */
static int
append_converted(StringInfo utf8, Oid conversion, const char *text, int length)
{
	int			room = length * MAX_CONVERSION_GROWTH + 1;
	int			done;

	enlargeStringInfo(utf8, room);
	done = pg_do_encoding_conversion_buf(conversion, GetDatabaseEncoding(), PG_UTF8,
										 (unsigned char *) unconstify(char *, text), length,
										 (unsigned char *) utf8->data + utf8->len, room, true);
	utf8->len += strlen(utf8->data + utf8->len);
	return done;
}

const char *
utf8_text(const char *text)
{
	bool		without = GetDatabaseEncoding() == PG_SQL_ASCII;
	int			length = strlen(text);
	StringInfoData utf8;
	Oid			conversion = InvalidOid;

	if (GetDatabaseEncoding() == PG_UTF8 || is_ascii(text))
		return text;
	if (!without)
		conversion = FindDefaultConversionProc(GetDatabaseEncoding(), PG_UTF8);
	if (!without && !OidIsValid(conversion))
		return pg_server_to_any(text, length, PG_UTF8);	/* says what is missing */
	initStringInfo(&utf8);
	while (length > 0)
	{
		int			done = without ? append_valid(&utf8, text, length) :
			append_converted(&utf8, conversion, text, length);

		CHECK_FOR_INTERRUPTS();
		if (done < length)
		{
			done += without ? 1 : Min(pg_encoding_mblen(GetDatabaseEncoding(), text + done), length - done);
			appendStringInfoString(&utf8, REPLACEMENT);
		}
		text += done;
		length -= done;
	}
	return utf8.data;
}
