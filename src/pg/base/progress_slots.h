/*
 * progress_slots.h: what the processes of the server are at, in shared memory.
 *
 * Where lesionseg is in shared_preload_libraries every process has a slot
 * that it alone writes and all may read. Without preloading nothing is
 * shown. train_progress.h and segment_progress.h say what goes into a slot.
 */
#ifndef LESIONSEG_PG_PROGRESS_SLOTS_H
#define LESIONSEG_PG_PROGRESS_SLOTS_H

#include "postgres.h"

#include "datatype/timestamp.h"

#define MODEL_NAME_BYTES 256	/* 63 characters of at most 4 bytes */

typedef enum ProgressPhase
{
	PROGRESS_READING,			/* rows of the table */
	PROGRESS_TRAINING,			/* batches of an epoch */
	PROGRESS_VALIDATING,
	PROGRESS_SCORING			/* the test part, at the end */
} ProgressPhase;

/* The training of a process. */
typedef struct TrainProgress
{
	bool		running;
	int64		run;			/* 0 = none yet */
	char		model[MODEL_NAME_BYTES];
	ProgressPhase phase;
	int			epoch;			/* at work on, from 1; 0 = none yet */
	int			epochs;
	int64		batch;			/* done; rows while reading */
	int64		batches;
	double		images_per_second;	/* 0 = not known, as is seconds_left */
	double		loss;			/* NaN = not known, as is val_dice */
	double		val_dice;
	double		seconds_left;	/* at the time `at` */
	TimestampTz at;
} TrainProgress;

/* A query of a process that segments. */
typedef struct SegmentProgress
{
	bool		running;
	bool		is_job;			/* of many images, not a function of one */
	char		activity[16];
	int64		total;			/* images in all; 0 = not known */
	char		model[MODEL_NAME_BYTES];	/* of the latest image */
	int			version;
	int64		images;
	TimestampTz began;			/* when the query's first image was done */
	TimestampTz at;				/* and the latest */
} SegmentProgress;

/* All of a process. */
typedef struct ProcessProgress
{
	int			pid;			/* 0 = no process, or one that has said nothing */
	int			leader;			/* of a parallel query; else pid */
	Oid			database;
	Oid			role;			/* that logged in */
	TrainProgress training;
	SegmentProgress segmenting;
} ProcessProgress;

/* Ask for the shared memory; called from _PG_init. */
void		progress_init(void);

/* What this process says, for it to change and then publish; NULL where
 * nothing is shown. */
ProcessProgress *progress_mine(void);
void		progress_publish(void);

/* Take what process `i` says; false where it is none on this database. */
bool		progress_read(int i, ProcessProgress *progress);

/* May the caller see what a process does for its user? As in pg_stat_activity. */
bool		progress_may_see(const ProcessProgress *progress);

/* Processes to look through. */
int			progress_count(void);

#endif
