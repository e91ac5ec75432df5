/*
 * trainer.h: the training loop, one epoch at a time.
 *
 * The caller decides what happens between epochs (a log row, a NOTICE, a
 * commit, a checkpoint), which is what makes a run resumable. A copy of the
 * best weights by validation Dice is kept.
 */
#ifndef LESIONSEG_LEARN_TRAINER_H
#define LESIONSEG_LEARN_TRAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/network.h"
#include "learn/augment.h"
#include "learn/dataset.h"
#include "learn/validation.h"

/* How the learning rate goes through a run. */
typedef enum Schedule
{
	SCHEDULE_ONE_CYCLE,			/* up to learning_rate and down to nearly nothing */
	SCHEDULE_CONSTANT			/* learning_rate at every step */
} Schedule;

/* Their names in the enum's order, NULL after the last. */
extern const char *const schedule_names[];

typedef struct TrainOptions
{
	int			epochs;			/* >= 1 */
	int			batch_size;		/* >= 1; lowered to the number of images */
	double		learning_rate;	/* the peak of the schedule, > 0 */
	Schedule	schedule;
	double		weight_decay;
	double		gradient_clip;	/* global norm, 0 = off */
	bool		keep_last;		/* the weights of the last epoch, not those of the best */
	double		average;		/* share of the steps, the last ones, whose weights are averaged */
	int64_t		seed;			/* of initial weights, order and augmentation */
	const double *image_weights;	/* a weight for each training image (order.h); NULL = all equal */
	AugmentOptions augment;
	EngineChoice engine;

	/* Called after every batch (1-based) with the epoch's mean loss and speed
	 * so far; false stops the epoch, which is LS_CANCELLED. May be NULL. */
	bool		(*progress) (void *data, int epoch, int batch, int batches, double images_per_second,
							 double loss);
	void	   *progress_data;
} TrainOptions;

typedef struct EpochReport
{
	int			epoch;			/* 1-based */
	int			epochs;
	double		train_loss;		/* mean over the epoch */
	double		val_loss;
	double		val_dice;		/* mean of per-image Dice at training size, threshold 0.5;
								 * both are NaN without validation images */
	double		learning_rate;	/* at the epoch's last step */
	double		images_per_second;	/* speed of training, without validation */
	double		seconds;		/* this epoch, validation included */
	double		seconds_left;	/* estimate for the rest of the run */
	bool		best;			/* the best so far; of equals the earliest */
} EpochReport;

typedef struct Trainer Trainer;

/* The default recipe for an architecture. */
TrainOptions train_options_default(const Architecture *architecture);

/* The table of those that SQL's `options` may set; values are a
 * TrainOptions. */
extern const OptionTable train_option_table;

/* Check every option: LS_INVALID_ARGUMENT names the first that is out of
 * range, its value and its range. */
Status		train_options_check(const TrainOptions *options);

/*
 * Prepare a run over `training`, validated on `validation` (may be NULL or
 * empty: then the training loss decides). Weights are used as they stand: call
 * network_initialise first for a training from scratch. Network and data sets
 * must outlive the trainer and not change. Memory comes from network->host;
 * threads are the call's. network->traits.image_size becomes that of the data.
 *
 * An epoch takes every image once, or as often as options->image_weights say
 * (they must outlive the trainer), in batches of exactly batch_size; the last
 * batch is filled up with the epoch's first images.
 *
 * With options->average, from the first averaged step on the mean of the
 * weights is validated and kept (average.h); training goes on from the weights
 * themselves.
 */
Status		trainer_create(Network *network, const Call *call, const Dataset *training, const Dataset *validation,
						   const TrainOptions *options, Trainer **trainer);
void		trainer_free(Trainer *trainer);

/*
 * Train one epoch and validate. A loss that is not finite is
 * LS_INVALID_ARGUMENT naming epoch and batch. After a failure the network's
 * weights are those of some step within the epoch: restore a checkpoint, take
 * the best weights, or free.
 */
Status		trainer_run_epoch(Trainer *trainer, const Call *call, EpochReport *report);

/* True when all epochs have run. */
bool		trainer_done(const Trainer *trainer);

/*
 * Copy the best weights so far into the network (at the end of the run), and
 * return their epoch and validation Dice (NaN without validation images).
 * Before the first epoch is complete these are the weights at the start, epoch
 * 0, NaN.
 */
void		trainer_take_best(Trainer *trainer, int *epoch, double *val_dice);

/* Fit threshold, temperature and review threshold to the network's present weights
 * (learn/fit.h). */
Status		trainer_fit(Trainer *trainer, const Call *call, double threshold, Traits *traits);

/*
 * Everything a run needs to continue after the last completed epoch, bit for
 * bit: weights, best weights, moments, mean, steps, epoch; call it between
 * epochs. *bytes is allocated through call, the caller frees it. Restore into
 * a trainer created with the same network, data and options; anything else is
 * LS_INVALID_ARGUMENT and changes nothing.
 */
Status		trainer_save(Trainer *trainer, const Call *call, void **bytes, size_t *size);
Status		trainer_restore(Trainer *trainer, const void *bytes, size_t size);

/* The learning rate at step (0-based) of steps, of a schedule whose largest is
 * rate. */
double		schedule_rate(Schedule schedule, double rate, long step, long steps);

#endif
