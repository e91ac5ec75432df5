/*
 * progress.h: how far the training of this process is, for other sessions.
 *
 * Where lesionseg is in shared_preload_libraries every process has a slot in
 * shared memory that says what it is at, written after every batch. Without
 * preloading all of this does nothing, and lesion_training_progress makes do
 * with what has been committed.
 */
#ifndef LESIONSEG_PG_PROGRESS_H
#define LESIONSEG_PG_PROGRESS_H

#include "postgres.h"

typedef enum ProgressPhase
{
	PROGRESS_READING,			/* rows of the table */
	PROGRESS_TRAINING,			/* batches of an epoch */
	PROGRESS_VALIDATING,
	PROGRESS_SCORING			/* the test part, at the end */
} ProgressPhase;

/* Ask for the shared memory; called from _PG_init. */
void		progress_init(void);

/* A run of a model begins, or ends, in this process. */
void		progress_begin(const char *model, int epochs);
void		progress_end(void);

/* The run's number, once it has one. */
void		progress_set_run(int64 run);

/* A phase of the run begins, at its first row or batch of `batches`. */
void		progress_set_phase(ProgressPhase phase, int64 batches);

/* Rows that were read. */
void		progress_set_rows(int64 rows);

/* Training goes on after `epochs_done` epochs, of which the best had that
 * validation Dice (NaN: none, or no validation images). */
void		progress_set_epochs_done(int epochs_done, double val_dice);

/* A batch of an epoch, both counted from 1, is done. */
void		progress_set_batch(int epoch, int batch, int batches, double images_per_second, double loss);

#endif
