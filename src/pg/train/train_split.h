/*
 * train_split.h: the rows that a run keeps from training, and warnings if that
 * may have failed.
 */
#ifndef LESIONSEG_PG_TRAIN_TRAIN_SPLIT_H
#define LESIONSEG_PG_TRAIN_TRAIN_SPLIT_H

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

/* Digests of rows that were read but not trained on. */
typedef struct HeldBack
{
	ImageDigests test;
	ImageDigests validation;
} HeldBack;

/*
 * Warn if images that are held back were trained on all the same: by this run
 * under other ids, or by the version that it starts from, whose images are
 * added to run->trained_on. Also warn if equal groups have different texts.
 */
void		train_split_check(TrainRun *run, const HeldBack *held_back);

#endif
