/*
 * promotion.h: whether a new version becomes the active one: by a rule, and by
 * what it is worth on rows that no training saw.
 */
#ifndef LESIONSEG_PG_SEGMENT_PROMOTION_H
#define LESIONSEG_PG_SEGMENT_PROMOTION_H

#include "postgres.h"

#include "pg/segment/evaluation.h"

typedef enum PromoteRule
{
	PROMOTE_IF_BETTER,			/* test Dice above the active version's on the same rows */
	PROMOTE_ALWAYS,
	PROMOTE_NEVER,
	PROMOTE_IF_NOT_WORSE		/* no caller names it: of versions that differ in their calibration alone */
} PromoteRule;

/* The rule of that name, or an error that lists those that callers may name; and its name. */
PromoteRule promote_rule(const char *name);
const char *promote_rule_name(PromoteRule rule);

/* Rows on which versions are compared: the test part of a split. */
typedef struct TestPart
{
	const ModelStore *store;
	const ImagesSource *source;
	Split		split;			/* of the source's rows */
	ImageTurn	turn;			/* of images and masks */
	bool		quiet;			/* leave broken rows out without a word: they were reported before */
} TestPart;

/* Score a version as it was trained, and keep the scores. n is 0 where there is no row. */
Evaluation	test_part_score(const TestPart *part, const ModelVersion *version);

/*
 * Promote a new version if the rule says so: true if it does. `scores` are its
 * own on the part (n = 0: it is empty). active: the one that it is compared with, NULL = none;
 * where another is active by now, a warning, unless the rule is "always".
 */
bool		promote_by_rule(const TestPart *part, PromoteRule rule, const ModelVersion *version,
							const Evaluation *scores, const ModelVersion *active);

#endif
