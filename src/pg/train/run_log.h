/*
 * run_log.h: the rows of lesion_run and lesion_epoch, written as a run goes.
 *
 * Callers stand inside SPI_connect().
 */
#ifndef LESIONSEG_PG_TRAIN_RUN_LOG_H
#define LESIONSEG_PG_TRAIN_RUN_LOG_H

#include "postgres.h"

#include "pg/train/train_state.h"

/* Add the run's row, in state 'running', before its images are read; sets
 * run->run. */
void		run_log_begin(TrainRun *run);

/* Complete the row with the counts of images. */
void		run_log_images(const TrainRun *run);

/* Add an epoch's row. */
void		run_log_epoch(const TrainRun *run, const EpochReport *report);

/* Complete the row of a run that has made a version. */
void		run_log_finish(const TrainRun *run);

/* ---- runs that end otherwise ---- */

/* Complete the row of a run that ended with an error: 'cancelled' for a
 * cancel, else 'failed'. */
void		run_log_fail(const TrainRun *run, const ErrorData *error);

/* Mark runs of the model that are 'running' as lost. The model is locked, so
 * none of them is running. */
void		run_log_mark_lost(const TrainRun *run);

/* A run that did not finish and left a checkpoint. */
typedef struct UnfinishedRun
{
	int64		run;			/* 0 = there is none */
	bool		has_data;		/* data_sha256 is known */
	uint8_t		data_sha256[SHA256_BYTES];
	bool		is_whole;		/* its log has the epochs that its checkpoint has */
} UnfinishedRun;

/* The latest one with the arguments of `run`. */
UnfinishedRun run_log_find_unfinished(const TrainRun *run);

/* Go on with an unfinished run, as run->run, from its log: its row says
 * 'running' again. */
void		run_log_resume(TrainRun *run, const UnfinishedRun *unfinished);

#endif
