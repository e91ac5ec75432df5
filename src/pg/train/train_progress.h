/*
 * train_progress.h: the progress of this process's training, for other
 * sessions. Without shared memory (progress_slots.h) these functions do
 * nothing, and lesion_training_progress shows only what was committed.
 */
#ifndef LESIONSEG_PG_TRAIN_TRAIN_PROGRESS_H
#define LESIONSEG_PG_TRAIN_TRAIN_PROGRESS_H

#include "postgres.h"

#include "pg/base/progress_slots.h"

/* A run of a model begins, or ends, in this process. */
void		train_progress_begin(const char *model, int epochs);
void		train_progress_end(void);

/* The run's number, once it has one. */
void		train_progress_run(int64 run);

/* A phase of the run begins, at its first row or batch of `batches`. */
void		train_progress_phase(ProgressPhase phase, int64 batches);

/* Rows that were read. */
void		train_progress_rows(int64 rows);

/* Training goes on after `epochs_done` epochs, of which the best had that
 * validation Dice (NaN: none, or no validation images). */
void		train_progress_epochs_done(int epochs_done, double val_dice);

/* A batch of an epoch, both counted from 1, is done. */
void		train_progress_batch(int epoch, int batch, int batches, double images_per_second, double loss);

#endif
