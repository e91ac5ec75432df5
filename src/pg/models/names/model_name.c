/*
 * model_name.c: see model_name.h.
 */
#include "postgres.h"

#include "common/unicode_norm.h"
#include "mb/pg_wchar.h"

#include "arch/network.h"
#include "pg/models/names/classical_name.h"
#include "pg/models/ensemble_members.h"
#include "pg/models/names/model_name.h"
#include "pg/models/model_store.h"

/* Characters that are not seen: controls, separators of lines, marks of annotations (U+FFF9..U+FFFB) and of objects,
 * hieroglyphs' controls, the null notehead, the Khitan filler, what is private or no character, all of the category
 * Cf in Unicode's UnicodeData.txt, and all that have Default_Ignorable_Code_Point in its DerivedCoreProperties.txt. */
static const pg_wchar unseen[][2] = {
	{0x0000, 0x001F}, {0x007F, 0x009F}, {0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x0600, 0x0605}, {0x061C, 0x061C},
	{0x06DD, 0x06DD}, {0x070F, 0x070F}, {0x0890, 0x0891}, {0x08E2, 0x08E2}, {0x115F, 0x1160}, {0x17B4, 0x17B5},
	{0x180B, 0x180F}, {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F}, {0x3164, 0x3164}, {0xE000, 0xF8FF},
	{0xFDD0, 0xFDEF}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFC}, {0xFFFE, 0xFFFF},
	{0x110BD, 0x110BD}, {0x110CD, 0x110CD}, {0x13430, 0x13455}, {0x16FE4, 0x16FE4}, {0x1BCA0, 0x1BCA3},
	{0x1D159, 0x1D159}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}, {0xF0000, 0x10FFFF}
};

static const pg_wchar spaces[][2] = {
	{0x0020, 0x0020}, {0x00A0, 0x00A0}, {0x1680, 0x1680}, {0x2000, 0x200A}, {0x202F, 0x202F}, {0x205F, 0x205F},
	{0x2800, 0x2800}, {0x3000, 0x3000}
};

/* Is a character in one of the ranges? */
static bool
is_among(pg_wchar character, const pg_wchar ranges[][2], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (character >= ranges[i][0] && character <= ranges[i][1])
			return true;
	return false;
}

/* Are characters, with a 0 at the end, in Unicode's normal form C (UAX 15)? An accent apart
 * from its letter looks as both in one do. */
static bool
is_composed(const pg_wchar *characters)
{
	const pg_wchar *composed = unicode_normalize(UNICODE_NFC, characters);

	while (*characters != 0 && *characters == *composed)
	{
		characters++;
		composed++;
	}
	return *characters == *composed;
}

/* What is wrong with the characters of a name that would look like another one, in a table, a log or on a terminal;
 * NULL: nothing. */
static const char *
lookalike_fault(const char *name)
{
	const char *text = pg_server_to_any(name, strlen(name), PG_UTF8);
	pg_wchar   *characters = palloc((strlen(text) + 1) * sizeof *characters);
	int			count = pg_encoding_mb2wchar_with_len(PG_UTF8, text, characters, strlen(text));

	for (int i = 0; i < count; i++)
	{
		if (is_among(characters[i], unseen, lengthof(unseen)))
			return psprintf("It has a character that is not seen, U+%04X.", characters[i]);
		if (!is_among(characters[i], spaces, lengthof(spaces)))
			continue;
		if (i == 0 || i == count - 1)
			return "It begins or ends with a space.";
		if (characters[i] != ' ')
			return psprintf("It has a space that is not the usual one, U+%04X.", characters[i]);
		if (characters[i + 1] == ' ')
			return "It has several spaces in a row.";
	}
	if (!is_composed(characters))
		return "Its letters and accents are apart: it is not in Unicode's normal form C.";
	return NULL;
}

void
model_name_check(const char *name, const char *architecture)
{
	const char *fault = lookalike_fault(name);

	if (*name == '\0' || pg_mbstrlen(name) > MODEL_NAME_CHARACTERS || fault != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("\"%s\" cannot name a model", name),
				 fault != NULL ? errdetail("%s", fault) : 0,
				 errhint("A name has 1 to %d characters that are seen, and single spaces within it alone.",
						 MODEL_NAME_CHARACTERS)));
	if (pg_strncasecmp(name, CLASSICAL_PREFIX, strlen(CLASSICAL_PREFIX)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_RESERVED_NAME),
				 errmsg("names that begin with \"%s\" are reserved", CLASSICAL_PREFIX),
				 errdetail("They stand for classical methods in lesion_evaluate."),
				 errhint("Choose another name for a model.")));
	if (strcmp(name, architecture) != 0 && arch_find(name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_RESERVED_NAME),
				 errmsg("\"%s\" is an architecture, a model of another one cannot have its name", name),
				 errhint("Choose another name for a model of architecture \"%s\".", architecture)));
	if (is_ensemble(name))
		ereport(ERROR,
				(errcode(ERRCODE_RESERVED_NAME),
				 errmsg("the name \"%s\" is reserved", name),
				 errhint("Choose another name for a model of architecture \"%s\".", architecture)));
}
