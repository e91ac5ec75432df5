/*
 * train_run.h: one training run, in pieces that a caller puts together.
 *
 *   begin   check the request, lock the model, read the images
 *   epoch   train once over them, log a row, tell the user
 *   finish  store the best weights as a version, score it, promote it
 *
 * What happens between the pieces is the caller's: lesion_train does all of
 * them in one transaction, a procedure may commit after each. A run lives in
 * a memory context of its own below the one it was created in; it also holds
 * memory of libraries, so train_run_free must be called, also after an
 * error. Callers stand inside SPI_connect().
 */
#ifndef LESIONSEG_PG_TRAIN_RUN_H
#define LESIONSEG_PG_TRAIN_RUN_H

#include "postgres.h"

#include "learn/dataset.h"
#include "learn/trainer.h"
#include "measure/score.h"
#include "pg/images_source.h"
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
	ImagesSource *source;
	instr_time	started;

	HostContext *host;			/* of network and trainer */
	HostContext *training_host; /* of the data sets: each may spill to its host's file */
	HostContext *validation_host;
	Network    *network;
	Dataset    *training;
	Dataset    *validation;
	Trainer    *trainer;

	TrainCounts counts;
	int64		run;			/* lesion_run.run */
	EpochReport best;			/* the best epoch so far */
	double		training_seconds;	/* over epochs, per image */

	/* After finish: */
	ModelVersion *version;
	bool		promoted;
	DatasetScore score;			/* of the test part; n = 0 when it is empty */
	double		seconds;		/* of everything */
} TrainRun;

/* A run that holds nothing yet. */
TrainRun   *train_run_create(ModelStore store, const TrainRequest *request);

/* Check, lock, read; the run's row is in lesion_run afterwards. */
void		train_run_begin(TrainRun *run);

/* True when all epochs have run. */
bool		train_run_done(const TrainRun *run);

/* Train one epoch. */
void		train_run_epoch(TrainRun *run);

/* Store, score, promote. */
void		train_run_finish(TrainRun *run);

/* Mean speed of training over the epochs. */
double		train_run_images_per_second(const TrainRun *run);

/* Release everything. */
void		train_run_free(TrainRun *run);

#endif
