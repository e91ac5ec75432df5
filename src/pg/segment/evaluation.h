/*
 * evaluation.h: a version of a model, or a classical method, scored on the rows
 * of a table.
 */
#ifndef LESIONSEG_PG_SEGMENT_EVALUATION_H
#define LESIONSEG_PG_SEGMENT_EVALUATION_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "measure/score.h"
#include "pg/base/values/stored_row.h"
#include "pg/images/images_scan.h"
#include "pg/models/image_scores.h"
#include "pg/models/model_store.h"
#include "pg/segment/classical_model.h"
#include "pg/segment/model_segment.h"

/* What to score on what. */
typedef struct EvaluationTask
{
	const ImagesSource *source;
	const ModelVersion *version;
	const ClassicalModel *classical;	/* segments in the place of a network; then `version` is its */
	const char *subset;			/* "test", "validation", "train" (all but test) or "all" */
	Split		split;			/* of the rows; columns NULL where the subset is "all" */
	SegmentOptions options;
	const char *by_column;		/* the scores of images are kept with its text; NULL = without */
	bool		quiet;			/* leave broken rows out without a word: they were reported before */
} EvaluationTask;

typedef struct Evaluation
{
	DatasetScore score;			/* n = 0 when the subset is empty */
	OutlineMeans outlines;
	int64		skipped;
	int64		broken;
	int64		too_large;		/* left out because of the caller's limits */
	int64		seen;			/* scored images that the version was trained on; -1 = not known */
	double		images_per_second;	/* decoding, network, resizing */
	TimestampTz begun;			/* no row that was scored is older, but in a kept snapshot */
	double		seconds;		/* of everything */
	ImageScores images;			/* each of them */
} Evaluation;

/*
 * Open the images of a task whose version and subset are set, and settle its
 * split: that of the version's training. A row's part is decided by the
 * columns that the version was split by, unless group_column names another.
 * Where neither is known, it is decided by the id. A table without these
 * columns is an error.
 */
void		evaluation_open(EvaluationTask *task, Oid images, ImagesColumns *columns, const char *group_column);

/* Score; masks are compared at the true mask's size. */
Evaluation	evaluation_run(const ModelStore *store, const EvaluationTask *task);

/* Does a row belong to the subset of an EvaluationTask? As images_begin asks. */
bool		evaluation_contains(const void *task, const ImageRow *row);

/* Raise an error unless subset is one. */
void		evaluation_check_subset(const char *subset);

/* Raise an error: there was nothing to score. */
void		evaluation_nothing(const EvaluationTask *task);

/*
 * Raise an error if the version in the store is not the one that was scored: its
 * model was dropped, and one of its name was made. To be called after scores
 * were stored, which hold the version until the transaction ends (references.c).
 */
void		evaluation_check_version(const ModelStore *store, const EvaluationTask *task);

/* Set the columns that say which rows of what were scored, and as whom. */
void		evaluation_row_source(const EvaluationTask *task, StoredRow *row);

/* Store an evaluation with n > 0 and the scores of its images; the stored row stands in SPI_tuptable. */
void		evaluation_store(const ModelStore *store, const EvaluationTask *task, const Evaluation *evaluation);

#endif
