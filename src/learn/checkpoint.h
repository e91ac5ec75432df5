/*
 * checkpoint.h: a training run as bytes, between two epochs.
 *
 * Numbers are in the byte order of the machine that wrote it; the magic number
 * shows which.
 */
#ifndef LESIONSEG_LEARN_CHECKPOINT_H
#define LESIONSEG_LEARN_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "learn/augment.h"

/* What must be equal in the run that wrote and the run that reads. */
typedef struct CheckpointRun
{
	int64_t		weight_count;
	int64_t		moment_count;
	int64_t		training_images;
	int64_t		validation_images;
	int64_t		image_size;
	int64_t		epochs;
	int64_t		batch_size;
	int64_t		seed;
	int64_t		schedule;		/* a Schedule */
	double		learning_rate;
	double		weight_decay;
	double		gradient_clip;
	double		average;		/* share of the steps that are averaged; 0: there is no mean */
	double		augment[AUGMENT_VALUES];
} CheckpointRun;

/* How far the run has come. */
typedef struct CheckpointProgress
{
	int64_t		epoch;			/* completed */
	int64_t		optimiser_steps;
	int64_t		best_epoch;		/* 0 = none yet */
	double		best_merit;		/* what the best epoch is the best by */
	double		best_dice;
} CheckpointProgress;

/* A run's state; the arrays belong to the caller. */
typedef struct Checkpoint
{
	CheckpointRun run;
	CheckpointProgress progress;
	float	   *weights;		/* weight_count */
	float	   *best_weights;	/* weight_count */
	float	   *moments;		/* moment_count */
	float	   *mean_weights;	/* weight_count; NULL where run.average is 0 */
} Checkpoint;

/* Write to *bytes, allocated through call; the caller frees it. */
Status		checkpoint_write(const Call *call, const Checkpoint *checkpoint,
							 void **bytes, size_t *size);

/* Read progress and the arrays of a run that must be checkpoint->run. On
 * failure (LS_INVALID_ARGUMENT) checkpoint and its arrays are unchanged. */
Status		checkpoint_read(const void *bytes, size_t size, Checkpoint *checkpoint);

#endif
