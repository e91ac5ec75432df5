/*
 * evaluate.h: a version of a model scored on the rows of a table.
 */
#ifndef LESIONSEG_PG_EVALUATE_H
#define LESIONSEG_PG_EVALUATE_H

#include "postgres.h"

#include "measure/score.h"
#include "pg/images/images_source.h"
#include "pg/models/image_scores.h"
#include "pg/models/model_store.h"
#include "pg/segment/model_segment.h"

/* What to score on what. */
typedef struct EvaluationTask
{
	const ImagesSource *source;
	const ModelVersion *version;
	const char *subset;			/* "test", "train" or "all" */
	int64_t		split_seed;
	double		test_fraction;
	SegmentOptions options;
	bool		quiet;			/* leave broken rows out without a word: they were reported before */
} EvaluationTask;

typedef struct Evaluation
{
	DatasetScore score;			/* n = 0 when the subset is empty */
	int64		skipped;
	int64		broken;
	double		images_per_second;	/* decoding, network, resizing */
	double		seconds;		/* of everything */
	ImageScores images;			/* each of them */
} Evaluation;

/* Score; masks are compared at the true mask's size. */
Evaluation	evaluation_run(const ModelStore *store, const EvaluationTask *task);

/* Does a row belong to the task's subset? */
bool		evaluation_contains(const EvaluationTask *task, const char *id);

/* Raise an error unless subset is one. */
void		evaluation_check_subset(const char *subset);

/* Raise an error: there was nothing to score. */
void		evaluation_nothing(const EvaluationTask *task);

/* Store an evaluation with n > 0 and the scores of its images; the stored row stands in SPI_tuptable. */
void		evaluation_store(const ModelStore *store, const EvaluationTask *task, const Evaluation *evaluation);

#endif
