/*
 * split.c: see split.h. The hash is SHA-256 of "purpose:seed:text", with the
 * text in UTF-8 whatever the server's encoding, so it is the same on every
 * machine and in every version of PostgreSQL; its first 53 bits are a number
 * in [0, 1). Folds have another purpose than test parts, so that the two are
 * independent of each other.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"

#include "pg/base/sha256.h"
#include "pg/base/split.h"
#include "pg/base/values/utf8_text.h"

PG_FUNCTION_INFO_V1(lesion_split);
PG_FUNCTION_INFO_V1(lesion_split_in_three);

/* Hash an id to a number in [0, 1). */
static double
unit_hash(const char *purpose, int64_t seed, const char *id)
{
	char	   *text;
	const char *utf8;
	uint8_t		digest[SHA256_BYTES];
	uint64_t	bits = 0;

	utf8 = utf8_text(id);
	text = psprintf("%s:%lld:%s", purpose, (long long) seed, utf8);
	sha256_digest(text, strlen(text), digest);
	pfree(text);
	if (utf8 != id)
		pfree(unconstify(char *, utf8));
	for (int i = 0; i < 8; i++)
		bits = bits << 8 | digest[i];
	return (double) (bits >> 11) * 0x1p-53;
}

/* The number of folds of a split with folds. */
static double
fold_count(const Split *split)
{
	return rint(1 / split->test_fraction);
}

/* Is a row in the test part? Each row is in exactly one of all folds. */
static bool
in_test_part(const Split *split, const char *text)
{
	if (split->fold == 0)
		return unit_hash("split", split->seed, text) < split->test_fraction;
	return 1 + floor(unit_hash("fold", split->seed, text) * fold_count(split)) == split->fold;
}

SplitPart
split_part_of(const Split *split, const char *text)
{
	if (in_test_part(split, text))
		return SPLIT_TEST;
	if (split->validation_fraction > 0 && unit_hash("validation", split->seed, text) < split->validation_fraction)
		return SPLIT_VALIDATION;
	return SPLIT_TRAIN;
}

double
split_rank(const char *id, int64_t seed)
{
	return unit_hash("sample", seed, id);
}

void
split_check_fraction(const char *name, double fraction)
{
	if (!(fraction >= 0 && fraction < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is %g, it must be at least 0 and below 1", name, fraction),
				 errhint("0.2 keeps every fifth row away from training.")));
}

void
split_check_fold(const Split *split)
{
	double		folds;

	if (split->fold == 0)
		return;
	folds = split->test_fraction > 0 ? fold_count(split) : 0;
	if (!(folds >= split->fold && fabs(folds * split->test_fraction - 1) < 1e-9))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("fold %d does not exist with a test_fraction of %g", split->fold, split->test_fraction),
				 errhint("With folds, test_fraction is 1 divided by their number: 0.2 for folds 1 to 5.")));
}

/* The name of a text's part. */
static Datum
part_name(const Split *split, const char *text)
{
	static const char *const names[] = {
		[SPLIT_TRAIN] = "train",
		[SPLIT_VALIDATION] = "validation",
		[SPLIT_TEST] = "test",
	};

	split_check_fraction("test_fraction", split->test_fraction);
	split_check_fraction("validation_fraction", split->validation_fraction);
	return CStringGetTextDatum(names[split_part_of(split, text)]);
}

enum
{
	SPLIT_ARGUMENT_ID, SPLIT_ARGUMENT_SEED, SPLIT_ARGUMENT_TEST_FRACTION, SPLIT_ARGUMENT_VALIDATION_FRACTION
};

/* lesion_split(id text, seed bigint, test_fraction float8) returns text */
Datum
lesion_split(PG_FUNCTION_ARGS)
{
	Split		split = {
		.seed = PG_GETARG_INT64(SPLIT_ARGUMENT_SEED),
		.test_fraction = PG_GETARG_FLOAT8(SPLIT_ARGUMENT_TEST_FRACTION),
	};

	PG_RETURN_DATUM(part_name(&split, text_to_cstring(PG_GETARG_TEXT_PP(SPLIT_ARGUMENT_ID))));
}

/* lesion_split(id text, seed bigint, test_fraction float8,
 * validation_fraction float8) returns text */
Datum
lesion_split_in_three(PG_FUNCTION_ARGS)
{
	Split		split = {
		.seed = PG_GETARG_INT64(SPLIT_ARGUMENT_SEED),
		.test_fraction = PG_GETARG_FLOAT8(SPLIT_ARGUMENT_TEST_FRACTION),
		.validation_fraction = PG_GETARG_FLOAT8(SPLIT_ARGUMENT_VALIDATION_FRACTION),
	};

	PG_RETURN_DATUM(part_name(&split, text_to_cstring(PG_GETARG_TEXT_PP(SPLIT_ARGUMENT_ID))));
}
