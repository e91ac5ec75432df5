/*
 * train_split.h: which rows a run keeps away from training, and what it says
 * where that is in doubt.
 */
#ifndef LESIONSEG_PG_TRAIN_SPLIT_H
#define LESIONSEG_PG_TRAIN_SPLIT_H

#include "postgres.h"

#include "pg/train/train_state.h"

/*
 * Open the run's images and settle its split. A row's part is decided by
 * group_column; where it is not given, by id_column; where neither is, by the
 * columns that the model's active version (or the version to start from) was
 * split by, so that test rows stay test rows from one run to the next; else by
 * the id.
 */
void		train_split_open(TrainRun *run);

/* Digests of what was read but is not trained on. */
typedef struct HeldBack
{
	ImageDigests test;
	ImageDigests validation;
} HeldBack;

/* Say how many of the images that are held back were trained on all the same:
 * by this run, under other ids, or by the version that it starts from, whose
 * images join run->trained_on. Also say where equal groups have different
 * texts. */
void		train_split_check(TrainRun *run, const HeldBack *held_back);

/* Warn where another version was trained on test rows of this run: `seen` of
 * the `n` rows that were scored, -1 = not known. */
void		train_split_check_other(const TrainRun *run, const ModelVersion *other, int64 seen, int64 n);

#endif
