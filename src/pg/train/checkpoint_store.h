/*
 * checkpoint_store.h: the table lesion_checkpoint, from which runs continue.
 *
 * A run has at most one row, replaced after each epoch, and a model too: the
 * first checkpoint of a run removes what other runs of the model left.
 * Callers stand inside SPI_connect().
 */
#ifndef LESIONSEG_PG_TRAIN_CHECKPOINT_STORE_H
#define LESIONSEG_PG_TRAIN_CHECKPOINT_STORE_H

#include "postgres.h"

#include "pg/train/train_state.h"

/* Store the state of the run after its last epoch. */
void		checkpoint_save(const TrainRun *run);

/*
 * Set the run to its checkpoint. False if the checkpoint cannot be used; then
 * nothing is changed, and a message says why. A checkpoint of another backend,
 * precision or number of threads is used with a warning: the weights will
 * differ in their last bits.
 */
bool		checkpoint_load(const TrainRun *run);

/* Remove the run's checkpoint. */
void		checkpoint_drop(const TrainRun *run);

#endif
