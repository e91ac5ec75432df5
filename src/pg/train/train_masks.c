/*
 * train_masks.c: see train_masks.h.
 *
 * Bounds are set so that data sets of lesions stay silent: of 12,798 masks of
 * the ISIC archive and of HAM10000 none looks inverted, none is empty, and 5 are
 * full (measure/mask_facts.h).
 */
#include "postgres.h"

#include "pg/base/values/json_values.h"
#include "pg/train/train_masks.h"

/* Warn if more than this share of the masks is wrong in one way. */
#define INVERTED_SHARE 0.05
#define FULL_SHARE 0.05
#define EMPTY_SHARE 0.5

/* The kinds of masks besides plain ones, as ", 3 soft"; empty if there are
 * none. */
static char *
kinds_text(const MaskFacts *facts)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int kind = MASK_PLAIN + 1; kind < MASK_KINDS; kind++)
		if (facts->kinds[kind] > 0)
			appendStringInfo(&text, "%s%lld %s", text.len > 0 ? ", " : "", (long long) facts->kinds[kind],
							 mask_kind_name((MaskKind) kind));
	return text.data;
}

/* Warn if more than that share of the masks is wrong in one way. */
static void
warn_share(const MaskFacts *facts, int64 count, double share, const char *what, const char *hint)
{
	if ((double) count > share * (double) facts->count)
		ereport(WARNING,
				(errmsg("%lld of the %lld masks %s", (long long) count, (long long) facts->count, what),
				 errhint("%s", hint)));
}

void
train_masks_report(const MaskFacts *facts)
{
	char	   *kinds = kinds_text(facts);

	ereport(NOTICE,
			(errmsg("%lld masks: %.1f %% of their pixels are lesion, %lld are empty, %lld full, "
					"%lld more than half lesion",
					(long long) facts->count, 100 * facts->share / (double) facts->count, (long long) facts->empty,
					(long long) facts->full, (long long) facts->mostly),
			 *kinds != '\0' ? errdetail("Not black and white: %s.", kinds) : 0));
	warn_share(facts, facts->inverted, INVERTED_SHARE, "look inverted: lesion along the border, skin in the middle",
			   "Lesion must be white and skin black. Look at some with lesion_overlay(image, mask).");
	warn_share(facts, facts->full, FULL_SHARE, "are lesion all over",
			   "A network learns nothing from them. See that mask_column is the right one.");
	warn_share(facts, facts->empty, EMPTY_SHARE, "are empty",
			   "A network trained on them finds little. See that mask_column is the right one, and how its masks were "
			   "saved.");
}

Jsonb *
train_masks_jsonb(const MaskFacts *facts)
{
	JsonBuilder builder;
	JsonBuilder kinds;

	json_begin(&kinds);
	for (int kind = 0; kind < MASK_KINDS; kind++)
		if (facts->kinds[kind] > 0)
			json_add_number(&kinds, mask_kind_name((MaskKind) kind), (double) facts->kinds[kind]);
	json_begin(&builder);
	json_add_number(&builder, "count", (double) facts->count);
	json_add_number(&builder, "lesion", facts->count > 0 ? facts->share / (double) facts->count : 0);
	json_add_number(&builder, "empty", (double) facts->empty);
	json_add_number(&builder, "full", (double) facts->full);
	json_add_number(&builder, "more_than_half", (double) facts->mostly);
	json_add_number(&builder, "inverted", (double) facts->inverted);
	json_add_object(&builder, "kinds", json_end(&kinds));
	return json_end(&builder);
}
