/*
 * promotion.c: see promotion.h.
 */
#include "postgres.h"

#include "pg/models/active/active_version.h"
#include "pg/segment/promotion.h"

static const char *const promote_names[] = {
	[PROMOTE_IF_BETTER] = "if_better",
	[PROMOTE_ALWAYS] = "always",
	[PROMOTE_NEVER] = "never",
};

PromoteRule
promote_rule(const char *name)
{
	for (size_t i = 0; i < lengthof(promote_names); i++)
		if (strcmp(name, promote_names[i]) == 0)
			return (PromoteRule) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("promote \"%s\" does not exist", name),
			 errhint("Promote 'if_better', 'always' or 'never'.")));
}

const char *
promote_rule_name(PromoteRule rule)
{
	return promote_names[rule];
}

Evaluation
test_part_score(const TestPart *part, const ModelVersion *version)
{
	EvaluationTask task = {
		.source = part->source,
		.version = version,
		.subset = "test",
		.split = part->split,
		.options = {.threshold = version->traits.threshold,.enhance = version->traits.enhance,.as_trained = true,
		.turn = part->turn},
		.quiet = part->quiet,
	};
	Evaluation	evaluation = evaluation_run(part->store, &task);

	if (evaluation.score.n > 0)
		evaluation_store(part->store, &task, &evaluation);
	return evaluation;
}

/* Warn where the active version was trained on test rows: on `seen` of the `n`
 * scored ones, -1 = not known. */
static void
warn_seen(const TestPart *part, const ModelVersion *active, int64 seen, int64 n)
{
	if (seen == 0 || (seen < 0 && !split_differs(&active->split, &part->split)))
		return;
	ereport(WARNING,
			(errmsg("version %d of model \"%s\" was trained on another split of the images", active->number,
					active->model),
			 seen < 0 ? errdetail("Some test rows of this run may have been among those it was trained on.") :
			 errdetail("%lld of the %lld test rows of this run were among those it was trained on; "
					   "they are left out of the comparison.", (long long) seen, (long long) n),
			 errhint("Give every run of a model the same split with group_column, split_seed => %lld and "
					 "test_fraction => %g.",
					 (long long) active->split.seed, active->split.test_fraction)));
}

/*
 * Mean Dice of a version minus that of another, on the test rows that both were
 * scored on and neither was trained on. Rows may have been added or deleted
 * between the two evaluations.
 */
static double
paired_difference(const Evaluation *scores, const Evaluation *other)
{
	double	   *dice = palloc_extended((scores->images.count + 1) * sizeof(double), MCXT_ALLOC_HUGE);
	double	   *other_dice = palloc_extended((scores->images.count + 1) * sizeof(double), MCXT_ALLOC_HUGE);
	int64		count = image_scores_pair(&other->images, &scores->images, offsetof(ScoredImage, score.dice), true,
										  other_dice, dice);
	double		sum = 0;

	for (int64 i = 0; i < count; i++)
		sum += dice[i] - other_dice[i];
	pfree(dice);
	pfree(other_dice);
	return count > 0 ? sum / count : 0;
}

/* Is the new version better than the active one on the same test rows, or as good where `equal` is enough? */
static bool
beats(const TestPart *part, const ModelVersion *version, const Evaluation *scores, const ModelVersion *active,
	  bool equal)
{
	Evaluation	evaluation;
	double		difference;

	if (scores->score.n == 0)
	{
		ereport(NOTICE,
				(errmsg("version %d is not promoted: there is no test part to compare it on", version->number),
				 errhint("Promote it with lesion_model_promote, or keep rows for testing with test_fraction.")));
		return false;
	}
	evaluation = test_part_score(part, active);
	warn_seen(part, active, evaluation.seen, evaluation.score.n);
	ereport(NOTICE,
			(errmsg("test Dice %.4f, that of the active version %d is %.4f", scores->score.dice, active->number,
					evaluation.score.dice)));
	difference = paired_difference(scores, &evaluation);
	return equal ? difference >= 0 : difference > 0;
}

bool
promote_by_rule(const TestPart *part, PromoteRule rule, const ModelVersion *version, const Evaluation *scores,
				const ModelVersion *active)
{
	const char *reason = NULL;

	if (rule == PROMOTE_NEVER)
		return false;
	if (active == NULL)
		reason = "first version";
	else if (rule == PROMOTE_ALWAYS)
		reason = "always";
	else if (beats(part, version, scores, active, rule == PROMOTE_IF_NOT_WORSE))
		reason = "better";
	if (reason == NULL)
		return false;
	if (rule != PROMOTE_ALWAYS)
		return store_promote_over(part->store, version->model, version->number, reason,
								  active != NULL ? &active->number : NULL);
	store_promote(part->store, version->model, version->number, reason);
	return true;
}
