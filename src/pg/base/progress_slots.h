/*
 * progress_slots.h: the progress of the server's processes, in shared memory.
 *
 * If lesionseg is in shared_preload_libraries, every process has a slot: only
 * it writes the slot, and all may read it. Without preloading no progress is
 * shown. For the contents of a slot see train_progress.h and
 * segment_progress.h.
 */
#ifndef LESIONSEG_PG_BASE_PROGRESS_SLOTS_H
#define LESIONSEG_PG_BASE_PROGRESS_SLOTS_H

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
	int			epoch;			/* the present epoch, from 1; 0 = none yet */
	int			epochs;
	int64		batch;			/* batches done; while reading: rows */
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
	bool		is_job;			/* a job over many images, not a function of one */
	char		activity[16];
	int64		total;			/* images in all; 0 = not known */
	char		model[MODEL_NAME_BYTES];	/* of the latest image */
	int			version;
	int64		images;
	TimestampTz began;			/* when the query's first image was done */
	TimestampTz at;				/* and the latest */
} SegmentProgress;

/* The slot of a process. */
typedef struct ProcessProgress
{
	int			pid;			/* 0 = no process, or it has published nothing */
	int			leader;			/* of a parallel query; else pid */
	Oid			database;
	Oid			role;			/* the role that logged in */
	TrainProgress training;
	SegmentProgress segmenting;
} ProcessProgress;

/* Ask for the shared memory; called from _PG_init. */
void		progress_init(void);

/* This process's progress, to change and then publish; NULL without
 * preloading. */
ProcessProgress *progress_mine(void);
void		progress_publish(void);

/* Read the progress of process `i`; false if it is no process on this
 * database. */
bool		progress_read(int i, ProcessProgress *progress);

/* May the caller see what a process does for its user? As in pg_stat_activity. */
bool		progress_may_see(const ProcessProgress *progress);

/* The number of slots. */
int			progress_count(void);

#endif
