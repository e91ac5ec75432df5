/*
 * train_state.h: the state of a training run, shared by its pieces
 * (train_run.h) and by those that store it (run_log.h, checkpoint_store.h).
 */
#ifndef LESIONSEG_PG_TRAIN_TRAIN_STATE_H
#define LESIONSEG_PG_TRAIN_TRAIN_STATE_H

#include "postgres.h"

#include "learn/dataset.h"
#include "learn/trainer.h"
#include "measure/score.h"
#include "pg/images/images_source.h"
#include "pg/models/image_digests.h"
#include "pg/models/model_store.h"
#include "pg/models/work_lock.h"
#include "pg/train/train_request.h"
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
	Split		split;			/* of the source's rows */
	instr_time	started;

	Call	   *call;			/* of network and trainer */
	Call *training_call; /* of the data sets: each may spill to its call's file */
	Call *validation_call;
	Network    *network;
	Dataset    *training;
	Dataset    *validation;
	double	   *image_weights;	/* of the training images, in their order; NULL without a weight_column */
	Trainer    *trainer;

	LockSpan	span;			/* of both locks */
	WorkLock	model_lock;
	WorkLock	run_lock;

	TrainCounts counts;
	MaskFacts	masks;			/* of all three parts */
	ImageDigests trained_on;	/* the training images, and those that init was trained on */
	bool		images_unknown; /* of these some are not known */
	uint8_t		data_sha256[SHA256_BYTES];	/* of all that training sees: ids, images, masks */
	int64		run;			/* lesion_run.run */
	EpochReport best;			/* the best epoch so far; epoch 0 = none yet */
	int			epochs_done;
	double		epoch_seconds;	/* duration of the last epoch */
	double		training_seconds;	/* over epochs, per image */
	double		images_per_second;	/* of training, mean over the epochs; 0 = none yet */
	double		earlier_seconds;	/* spent before the run was resumed */
	double		max_seconds;	/* limit of this call; only the first epoch may exceed it; INFINITY = no limit */
	bool		out_of_time;	/* an epoch was given up for that */
	const char *stopped_by;		/* the argument that ended it early, or NULL */

	/* After finish: */
	ModelVersion *version;
	bool		promoted;
	DatasetScore score;			/* of the test part; n = 0 when it is empty */
	double		seconds;		/* of everything */
} TrainRun;

#endif
