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
#ifndef LESIONSEG_PG_TRAIN_RUN_H
#define LESIONSEG_PG_TRAIN_RUN_H

#include "postgres.h"

#include "learn/dataset.h"
#include "learn/trainer.h"
#include "measure/score.h"
#include "pg/image_scores.h"
#include "pg/images_source.h"
#include "pg/work_lock.h"
#include "pg/model_store.h"
#include "pg/train_request.h"
#include "portability/instr_time.h"

typedef struct TrainCounts
{
	int64		training;
	int64		validation;
	int64		test;
	int64		skipped;		/* a NULL in id, image or mask */
	int64		broken;
} TrainCounts;

typedef struct TrainRun
{
	MemoryContext context;
	ModelStore	store;
	TrainRequest request;
	TrainPlan	plan;
	const Architecture *architecture;
	Jsonb	   *config;			/* every key */
	ModelVersion *init;			/* what it starts from; NULL = from scratch */
	ImagesSource *source;
	instr_time	started;

	HostContext *host;			/* of network and trainer */
	HostContext *training_host; /* of the data sets: each may spill to its host's file */
	HostContext *validation_host;
	Network    *network;
	Dataset    *training;
	Dataset    *validation;
	Trainer    *trainer;

	LockSpan	span;			/* of both locks */
	WorkLock	model_lock;
	WorkLock	run_lock;

	TrainCounts counts;
	uint8_t		data_sha256[SHA256_BYTES];	/* of all that training sees: ids, images, masks */
	int64		run;			/* lesion_run.run */
	EpochReport best;			/* the best epoch so far; epoch 0 = none yet */
	int			epochs_done;
	double		epoch_seconds;	/* what the last epoch took */
	double		training_seconds;	/* over epochs, per image */
	double		earlier_seconds;	/* spent before the run was resumed */
	const char *stopped_by;		/* the argument that ended it early, or NULL */

	/* After finish: */
	ModelVersion *version;
	bool		promoted;
	DatasetScore score;			/* of the test part; n = 0 when it is empty */
	ImageScores test_scores;	/* each image of it */
	double		seconds;		/* of everything */
} TrainRun;

/* A run that holds nothing yet. */
TrainRun   *train_run_create(ModelStore store, const TrainRequest *request);

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

/* Train one epoch. */
void		train_run_epoch(TrainRun *run);

/* Store, score, promote. */
void		train_run_finish(TrainRun *run);

/* Seconds since the run was created here. */
double		train_run_elapsed(const TrainRun *run);

/* Mean speed of training over the epochs. */
double		train_run_images_per_second(const TrainRun *run);

/* Release everything. */
void		train_run_free(TrainRun *run);

#endif
