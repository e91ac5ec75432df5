/*
 * split.h: which part of a data set a row belongs to.
 *
 * A hash of a text decides, not the row's place. So a row stays in its part
 * when other rows are added or deleted, and two tables with the same text
 * agree. The text is that of the split's columns: the row's id or, to keep
 * related rows in one part, what they share, such as the patient.
 */
#ifndef LESIONSEG_PG_BASE_SPLIT_H
#define LESIONSEG_PG_BASE_SPLIT_H

#include "postgres.h"

#include "utils/jsonb.h"

/* Columns of a table, in their order; it holds no pointers. */
typedef struct SplitColumns
{
	int			count;			/* 0 = no column but the SHA-256 of the image */
	NameData	names[INDEX_MAX_KEYS];
} SplitColumns;

/* How the rows of a table are split. */
typedef struct Split
{
	const SplitColumns *columns;	/* the columns whose text is hashed; NULL = not known */
	int64_t		seed;
	double		test_fraction;
	double		validation_fraction;	/* share of the rows outside the test part */
	int			fold;			/* from 1: the test part is that one of 1 / test_fraction folds; 0 = no folds */
} Split;

/* The default shares that a training keeps back. */
#define SPLIT_TEST_FRACTION 0.2
#define SPLIT_VALIDATION_FRACTION 0.1

typedef enum SplitPart
{
	SPLIT_TRAIN,
	SPLIT_VALIDATION,
	SPLIT_TEST
} SplitPart;

/* The part of the row with that text in the split's columns. */
SplitPart	split_part_of(const Split *split, const char *text);

/* A number in [0, 1) for sampling: take the rows with the lowest numbers. */
double		split_rank(const char *id, int64_t seed);

/* Raise an error unless 0 <= fraction < 1; `name` is the argument's. */
void		split_check_fraction(const char *name, double fraction);

/* Raise an error unless the split's fold is one of a whole number of folds, or 0. */
void		split_check_fold(const Split *split);

/* ---- columns (split_columns.c) ---- */

/* The list of one column. */
SplitColumns *split_columns_single(const char *name);

/* Are they the same columns? False where one of both is not known. */
bool		split_columns_equal(const SplitColumns *a, const SplitColumns *b);

/* Can a row be in the test part of one split but not of the other? Unknown
 * columns count as equal. */
bool		split_differs(const Split *a, const Split *b);

/* Are they two folds of one cross-validation? */
bool		split_are_folds(const Split *a, const Split *b);

/* The columns as text for people; they must be known. */
char	   *split_columns_text(const SplitColumns *columns);

/* The split as text for people. */
char	   *split_description(const Split *split);

/* The columns as text[] and back, in the current context; they are known. */
Datum		split_columns_datum(const SplitColumns *columns);
SplitColumns *split_columns_read(Datum array);

/* The split as a JSON object in ASCII, for weight files, and back; its columns
 * must be known. Any other object is an error. */
char	   *split_to_json(const Split *split);
Split		split_from_json(const char *json);

#endif
