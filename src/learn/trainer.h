/*
 * trainer.h: the training loop, one epoch at a time.
 *
 * The caller decides what happens between epochs (a log row, a NOTICE, a
 * commit, a checkpoint), which is what makes a run resumable. The best
 * weights by validation Dice are kept aside as the run goes.
 */
#ifndef LESIONSEG_LEARN_TRAINER_H
#define LESIONSEG_LEARN_TRAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/network.h"
#include "learn/augment.h"
#include "learn/dataset.h"

typedef struct TrainOptions
{
	int			epochs;			/* >= 1 */
	int			batch_size;		/* >= 1; lowered to the number of images */
	double		learning_rate;	/* the one-cycle peak, > 0 */
	double		weight_decay;
	double		gradient_clip;	/* global norm, 0 = off */
	int64_t		seed;			/* of initial weights, order and augmentation */
	AugmentOptions augment;
	EngineChoice engine;

	/* Called after every batch with what is known so far; may be NULL. */
	void		(*progress) (void *data, int epoch, int batch, int batches, double images_per_second,
							 double loss);
	void	   *progress_data;
} TrainOptions;

typedef struct EpochReport
{
	int			epoch;			/* 1-based */
	int			epochs;
	double		train_loss;		/* mean over the epoch */
	double		val_loss;
	double		val_dice;		/* mean of per-image Dice at training size, threshold 0.5 */
	double		learning_rate;	/* at the epoch's last step */
	double		images_per_second;	/* training alone */
	double		seconds;		/* this epoch, validation included */
	double		seconds_left;	/* estimate for the rest of the run */
	bool		best;			/* best validation Dice so far */
} EpochReport;

typedef struct Trainer Trainer;

/* TrainOptions with the recipe of DESIGN. */
TrainOptions train_options_default(const Architecture *architecture);

/* Check options against network and data: LS_INVALID_ARGUMENT names the
 * option, its value and its range. */
Status		train_options_check(const TrainOptions *options);

/* Prepare a run over `training`, validated on `validation` (may be empty:
 * then the training loss decides). Weights are used as they stand: call
 * network_initialise first for a training from scratch. Network and data
 * sets must outlive the trainer. */
Status		trainer_create(Network *network, const Dataset *training, const Dataset *validation,
						   const TrainOptions *options, Trainer **trainer);
void		trainer_free(Trainer *trainer);

/* Train one epoch and validate. */
Status		trainer_run_epoch(Trainer *trainer, EpochReport *report);

/* True when all epochs have run. */
bool		trainer_done(const Trainer *trainer);

/* Put the best weights so far into the network (end of the run), and tell
 * their epoch and validation Dice. */
void		trainer_take_best(Trainer *trainer, int *epoch, double *val_dice);

/* Everything a run needs to continue after the last completed epoch, bit for
 * bit: weights, best weights, moments, steps, epoch. *bytes is owned by the
 * caller. Restore into a trainer created with the same network, data and
 * options. */
Status		trainer_save(Trainer *trainer, void **bytes, size_t *size);
Status		trainer_restore(Trainer *trainer, const void *bytes, size_t size);

/* The one-cycle learning rate at step of steps: linear warm-up over the
 * first 30 % from peak/25 and cosine decay to peak/1e4 (Smith and Topin,
 * arXiv:1708.07120; the shape PyTorch's OneCycleLR has by default, which
 * warms up by cosine too). */
double		one_cycle_rate(double peak, long step, long steps);

#endif
