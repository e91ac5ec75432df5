/*
 * train_run.h: one training run, in pieces that a caller puts together.
 *
 *   open      check the request, lock the model
 *   register  add the run's row
 *   read      read the images
 *   epoch     train once over them, log a row, tell the user
 *   finish    store the best weights as a version, score it, promote it
 *
 * What happens between the pieces is the caller's: lesion_train does all of
 * them in one transaction, lesion_retrain commits after each. A run lives in
 * a memory context of its own below the one it was created in; it also holds
 * memory of libraries and locks of the session, so train_run_free must be
 * called, also after an error. Callers stand inside SPI_connect().
 */
#ifndef LESIONSEG_PG_TRAIN_TRAIN_RUN_H
#define LESIONSEG_PG_TRAIN_TRAIN_RUN_H

#include "postgres.h"

#include "pg/train/train_state.h"

/* Make an empty run. */
TrainRun   *train_run_create(ModelStore store, const TrainRequest *request);

/* Raise an error unless the caller has the rights to write a run's rows, and with
 * checkpoints theirs. */
void		train_run_check_rights(const ModelStore *store);
void		train_run_check_checkpoints(const ModelStore *store);

/* Decide what to train, with what plan, from what weights: a part of the
 * opening. The model is locked. */
void		train_run_settle(TrainRun *run);

/* Check the request and lock the model. */
void		train_run_open(TrainRun *run, LockSpan span);

/* Add the run's row to lesion_run and show that the run is alive. */
void		train_run_register(TrainRun *run);

/* Show that a run is alive, instead of the one shown before. */
void		train_run_show(TrainRun *run, int64 number);

/* Read the images and get ready to train. */
void		train_run_read(TrainRun *run);

/* True when all epochs have run. */
bool		train_run_done(const TrainRun *run);

/* Train one epoch. False if max_seconds ended within it: then the run is as it
 * was after the epoch before, and may be finished. */
bool		train_run_epoch(TrainRun *run);

/* Store, score, promote. */
void		train_run_finish(TrainRun *run);

/* Seconds since the run was created here. */
double		train_run_elapsed(const TrainRun *run);

/* Release everything. */
void		train_run_free(TrainRun *run);

#endif
