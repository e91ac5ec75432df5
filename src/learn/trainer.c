/*
 * trainer.c: the training loop.
 *
 * A batch is read on the main thread (the data set may use its host), varied
 * by all threads, one image at a time each, and given to the learner. After
 * the last batch the validation images are scored. All memory is allocated
 * when the trainer is created.
 */
#include "learn/trainer.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "core/checked.h"
#include "core/threads.h"
#include "learn/average.h"
#include "learn/checkpoint.h"
#include "learn/order.h"

#define VALIDATION_BATCH 8		/* at most */

/* A batch of images: rgb (N, H, W, 3) and mask (N, H, W). */
typedef struct ImageBatch
{
	uint8_t    *rgb;
	uint8_t    *mask;
} ImageBatch;

struct Trainer
{
	Network    *network;
	const Host *host;			/* the network's */
	const Dataset *training;
	long		validation_images;
	TrainOptions options;		/* with the batch size that is used */
	int			size;			/* image width and height */
	size_t		pixels;			/* size * size */
	long		batches;		/* of an epoch */

	Learner    *learner;
	Validation *validation;
	ImageBatch	decoded;		/* the batch as it was read */
	ImageBatch	varied;			/* what the learner sees */
	int32_t    *order;			/* batches * batch_size */

	CheckpointProgress progress;
	float	   *best_weights;	/* (weight_count); the start's weights while best_epoch is 0 */
	float	   *mean_weights;	/* weight_count; NULL when nothing is averaged */
	double		smoothed_seconds;	/* smoothed duration of an epoch; 0 before the first */
};

/* Seconds since some moment. */
static double
clock_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

/* Images of a data set that may be NULL. */
static long
image_count(const Dataset *dataset)
{
	return dataset == NULL ? 0 : dataset_count(dataset);
}

/* Allocate a batch of the training batch's size. */
static Status
batch_create(const Trainer *trainer, ImageBatch *batch)
{
	int			images = trainer->options.batch_size;
	size_t		pixels;
	void	   *memory;

	if (!checked_mul(trainer->pixels, (size_t) images, &pixels))
		return status_error(LS_LIMIT_EXCEEDED, "a batch of %d images does not fit in memory", images);
	TRY(host_alloc_array(trainer->host, pixels, 3, &memory));
	batch->rgb = memory;
	TRY(host_alloc_array(trainer->host, pixels, 1, &memory));
	batch->mask = memory;
	return status_ok();
}

/* Release a batch. */
static void
batch_free(const Trainer *trainer, ImageBatch *batch)
{
	host_free(trainer->host, batch->rgb);
	host_free(trainer->host, batch->mask);
}

/* Images per validation batch, at most: no more than a training batch, so that
 * a batch size chosen to fit the memory fits validation too. */
static int
validation_batch(const TrainOptions *options)
{
	return options->batch_size < VALIDATION_BATCH ? options->batch_size : VALIDATION_BATCH;
}

/* Allocate all memory of the run. */
static Status
allocate_trainer(Trainer *trainer, const Call *call, const Dataset *validation)
{
	const Host *host = trainer->host;
	const TrainOptions *options = &trainer->options;
	size_t		weight_count = trainer->network->graph->weight_count;
	void	   *memory;

	TRY(learner_create(trainer->network, call, &options->engine, options->batch_size, trainer->size,
					   trainer->size, &trainer->learner));
	TRY(validation_create(trainer->network, call, &options->engine, validation, validation_batch(options),
						  &trainer->validation));
	TRY(batch_create(trainer, &trainer->decoded));
	TRY(batch_create(trainer, &trainer->varied));
	TRY(host_alloc_array(host, (size_t) trainer->batches * (size_t) options->batch_size,
						 sizeof(int32_t), &memory));
	trainer->order = memory;
	TRY(host_alloc_array(host, weight_count, sizeof(float), &memory));
	trainer->best_weights = memory;
	memcpy(trainer->best_weights, trainer->network->weights, weight_count * sizeof(float));
	if (options->average > 0)
	{
		TRY(host_alloc_array(host, weight_count, sizeof(float), &memory));
		trainer->mean_weights = memory;
	}
	return status_ok();
}

/* Check that the data sets can train this network. */
static Status
check_data(const Network *network, const Dataset *training, const Dataset *validation)
{
	if (image_count(training) < 1)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "there is no image to train on"),
								"Add rows with an image and a mask, or lower the share kept for testing.");
	if (image_count(training) > INT32_MAX / 2)
		return status_error(LS_LIMIT_EXCEEDED, "%ld images are too many", image_count(training));
	if (image_count(validation) > 0 && dataset_size(validation) != dataset_size(training))
		return status_error(LS_INVALID_ARGUMENT, "training images are %d pixels wide, validation images %d",
							dataset_size(training), dataset_size(validation));
	return network_check_size(network, dataset_size(training), dataset_size(training));
}

Status
trainer_create(Network *network, const Call *call, const Dataset *training, const Dataset *validation,
			   const TrainOptions *options, Trainer **result)
{
	Trainer    *trainer;
	Status		status;
	void	   *memory;

	*result = NULL;
	TRY(train_options_check(options));
	TRY(check_data(network, training, validation));
	if (options->image_weights != NULL)
		TRY(epoch_check_weights(dataset_count(training), options->image_weights));
	TRY(host_alloc_array(network->host, 1, sizeof(Trainer), &memory));
	trainer = memory;
	trainer->network = network;
	trainer->host = network->host;
	trainer->training = training;
	trainer->validation_images = image_count(validation);
	trainer->options = *options;
	if (trainer->options.batch_size > dataset_count(training))
		trainer->options.batch_size = (int) dataset_count(training);
	trainer->size = dataset_size(training);
	trainer->pixels = (size_t) trainer->size * (size_t) trainer->size;
	trainer->batches = epoch_batches(dataset_count(training), trainer->options.batch_size);
	trainer->progress.best_dice = NAN;

	status = allocate_trainer(trainer, call, validation);
	if (status.code != LS_OK)
	{
		trainer_free(trainer);
		return status;
	}
	network->traits.image_size = trainer->size;
	*result = trainer;
	return status_ok();
}

void
trainer_free(Trainer *trainer)
{
	if (trainer == NULL)
		return;
	learner_free(trainer->learner);
	validation_free(trainer->validation);
	batch_free(trainer, &trainer->decoded);
	batch_free(trainer, &trainer->varied);
	host_free(trainer->host, trainer->order);
	host_free(trainer->host, trainer->best_weights);
	host_free(trainer->host, trainer->mean_weights);
	host_free(trainer->host, trainer);
}

/* Read one image of a data set into place `i` of the decoded batch. */
static Status
read_image(Trainer *trainer, const Dataset *dataset, long index, long i)
{
	size_t		offset = (size_t) i * trainer->pixels;

	return dataset_read(dataset, index, trainer->decoded.rgb + 3 * offset, trainer->decoded.mask + offset);
}

/* ---- training ---- */

/* What the threads that vary a batch need to know. */
typedef struct VaryTask
{
	const Trainer *trainer;
	const Call *on_thread;		/* for pool threads (call_on_thread) */
	int			epoch;
	long		first_place;	/* place of the batch in the epoch's order */
	Status	   *failure;		/* of the last that failed; shared by the threads */
} VaryTask;

/* Vary images [begin, end) of the decoded batch. */
static void
vary_images(void *data, int worker, long begin, long end)
{
	const VaryTask *task = data;
	const Trainer *trainer = task->trainer;

	(void) worker;
	for (long i = begin; i < end; i++)
	{
		size_t		offset = (size_t) i * trainer->pixels;
		Variation	variation;
		Rng			rng;
		Status		status;

		epoch_image_rng(&rng, trainer->options.seed, task->epoch, task->first_place + i);
		variation = augment_draw(&trainer->options.augment, &rng);
		status = augment_apply(task->on_thread, &variation, trainer->size,
							   trainer->decoded.rgb + 3 * offset, trainer->decoded.mask + offset,
							   trainer->varied.rgb + 3 * offset, trainer->varied.mask + offset);
		if (status.code != LS_OK)
		{
#pragma omp critical(vary_failure)
			*task->failure = status;
		}
	}
}

#define VARIED_AT_ONCE 4		/* images per thread between two polls */

/* Read and vary batch `batch` (0-based) of the epoch. */
static Status
prepare_batch(Trainer *trainer, const Call *call, int epoch, long batch)
{
	int			images = trainer->options.batch_size;
	Status		failure = status_ok();
	Call		on_thread = call_on_thread(call);
	VaryTask	task = {trainer, &on_thread, epoch, batch * images, &failure};

	for (long i = 0; i < images; i++)
		TRY(read_image(trainer, trainer->training, trainer->order[task.first_place + i], i));
	TRY(threads_run_polled(call, images, VARIED_AT_ONCE * call->threads, vary_images, &task));
	return failure;
}

/* The failure of a loss that is not finite: names epoch and batch. */
static Status
loss_not_finite(const Trainer *trainer, int epoch, long batch, double learning_rate)
{
	return status_with_hint(
							status_error(LS_INVALID_ARGUMENT,
										 "training diverged: the loss is not finite in epoch %d, batch %ld of %ld",
										 epoch, batch + 1, trainer->batches),
							"Lower the learning rate (peak %g, %g at this step).",
							trainer->options.learning_rate, learning_rate);
}

/* How many steps are in the mean after so many steps of the run. */
static long
averaged_steps(const Trainer *trainer, long steps_done)
{
	long		steps = trainer->batches * trainer->options.epochs;
	long		averaged = steps_done - average_first_step(trainer->options.average, steps);

	return trainer->mean_weights != NULL && averaged > 0 ? averaged : 0;
}

/* Add the weights after so many steps to the mean, if averaging has begun. */
static void
average_step(const Trainer *trainer, const Call *call, long steps_done)
{
	long		count = averaged_steps(trainer, steps_done);

	if (count > 0)
		average_add(call->threads, trainer->mean_weights, trainer->network->weights,
					trainer->network->graph->weight_count, count);
}

/* Train on all batches of an epoch. */
static Status
train_epoch(Trainer *trainer, const Call *call, EpochReport *report)
{
	const TrainOptions *options = &trainer->options;
	long		steps = trainer->batches * options->epochs;
	double		began = clock_seconds();
	double		loss_sum = 0;

	epoch_order(options->seed, report->epoch, dataset_count(trainer->training), options->image_weights,
				options->batch_size, trainer->order);
	for (long batch = 0; batch < trainer->batches; batch++)
	{
		StepOptions step = {
			.learning_rate = schedule_rate(options->schedule, options->learning_rate,
										   (report->epoch - 1) * trainer->batches + batch, steps),
			.weight_decay = options->weight_decay,
			.gradient_clip = options->gradient_clip,
			.seed = options->seed,
		};
		StepResult	result;
		Status		status;

		TRY(prepare_batch(trainer, call, report->epoch, batch));
		status = learner_step(trainer->learner, call, trainer->varied.rgb, trainer->varied.mask, &step, &result);
		if (status.code == LS_INVALID_ARGUMENT)
			return loss_not_finite(trainer, report->epoch, batch, step.learning_rate);
		TRY(status);
		average_step(trainer, call, (report->epoch - 1) * trainer->batches + batch + 1);

		loss_sum += result.loss;
		report->train_loss = loss_sum / (double) (batch + 1);
		report->learning_rate = step.learning_rate;
		report->images_per_second = (double) ((batch + 1) * options->batch_size) /
			fmax(clock_seconds() - began, 1e-9);
		if (options->progress != NULL &&
			!options->progress(options->progress_data, report->epoch, (int) (batch + 1),
							   (int) trainer->batches, report->images_per_second, report->train_loss))
			return status_error(LS_CANCELLED, "stopped in epoch %d after batch %ld of %ld", report->epoch, batch + 1,
								trainer->batches);
	}
	return status_ok();
}

/* ---- the run ---- */

/* The weights to validate and keep: the mean, once averaging has begun. */
static float *
counted_weights(const Trainer *trainer, int epoch)
{
	return averaged_steps(trainer, trainer->batches * epoch) > 0 ? trainer->mean_weights : trainer->network->weights;
}

/* Keep a copy of the weights if this epoch is the best so far, or if the last
 * epoch is to count (keep_last). */
static bool
keep_weights(Trainer *trainer, const EpochReport *report)
{
	CheckpointProgress *progress = &trainer->progress;
	double		merit = isnan(report->val_dice) ? -report->train_loss : report->val_dice;

	if (!trainer->options.keep_last && progress->best_epoch > 0 && merit <= progress->best_merit)
		return false;
	progress->best_epoch = report->epoch;
	progress->best_merit = merit;
	progress->best_dice = report->val_dice;
	memcpy(trainer->best_weights, counted_weights(trainer, report->epoch),
		   trainer->network->graph->weight_count * sizeof(float));
	return true;
}

/* Score the weights to keep on the validation images. */
static Status
score_validation(Trainer *trainer, const Call *call, EpochReport *report)
{
	float	   *trained = trainer->network->weights;
	Status		status;

	trainer->network->weights = counted_weights(trainer, report->epoch);
	status = validation_score(trainer->validation, call, &report->val_loss, &report->val_dice);
	trainer->network->weights = trained;
	return status;
}

Status
trainer_run_epoch(Trainer *trainer, const Call *call, EpochReport *report)
{
	double		began = clock_seconds();

	memset(report, 0, sizeof *report);
	if (trainer_done(trainer))
		return status_error(LS_INVALID_ARGUMENT, "all %d epochs have run", trainer->options.epochs);
	report->epoch = (int) trainer->progress.epoch + 1;
	report->epochs = trainer->options.epochs;
	TRY(train_epoch(trainer, call, report));
	TRY(score_validation(trainer, call, report));

	trainer->progress.epoch = report->epoch;
	report->best = keep_weights(trainer, report);
	report->seconds = clock_seconds() - began;
	trainer->smoothed_seconds = trainer->smoothed_seconds == 0 ? report->seconds :
		0.7 * trainer->smoothed_seconds + 0.3 * report->seconds;
	report->seconds_left = trainer->smoothed_seconds * (report->epochs - report->epoch);
	return status_ok();
}

bool
trainer_done(const Trainer *trainer)
{
	return trainer->progress.epoch >= trainer->options.epochs;
}

void
trainer_take_best(Trainer *trainer, int *epoch, double *val_dice)
{
	memcpy(trainer->network->weights, trainer->best_weights,
		   trainer->network->graph->weight_count * sizeof(float));
	*epoch = (int) trainer->progress.best_epoch;
	*val_dice = trainer->progress.best_dice;
}

Status
trainer_fit(Trainer *trainer, const Call *call, double threshold, Traits *traits)
{
	return validation_fit(trainer->validation, call, threshold, traits);
}

/* ---- checkpoints ---- */

/* The run as a checkpoint that points into the trainer. */
static Checkpoint
trainer_checkpoint(Trainer *trainer, int64_t **steps)
{
	const TrainOptions *options = &trainer->options;
	Checkpoint	checkpoint = {
		.run = {
			.weight_count = (int64_t) trainer->network->graph->weight_count,
			.training_images = dataset_count(trainer->training),
			.validation_images = trainer->validation_images,
			.image_size = trainer->size,
			.epochs = options->epochs,
			.batch_size = options->batch_size,
			.seed = options->seed,
			.learning_rate = options->learning_rate,
			.schedule = options->schedule,
			.weight_decay = options->weight_decay,
			.gradient_clip = options->gradient_clip,
			.average = options->average,
		},
		.progress = trainer->progress,
		.weights = trainer->network->weights,
		.best_weights = trainer->best_weights,
		.mean_weights = trainer->mean_weights,
	};
	size_t		moment_count;

	augment_values(&options->augment, checkpoint.run.augment);
	learner_state(trainer->learner, &checkpoint.moments, &moment_count, steps);
	checkpoint.run.moment_count = (int64_t) moment_count;
	checkpoint.progress.optimiser_steps = **steps;
	return checkpoint;
}

Status
trainer_save(Trainer *trainer, const Call *call, void **bytes, size_t *size)
{
	int64_t    *steps;
	Checkpoint	checkpoint = trainer_checkpoint(trainer, &steps);

	return checkpoint_write(call, &checkpoint, bytes, size);
}

Status
trainer_restore(Trainer *trainer, const void *bytes, size_t size)
{
	int64_t    *steps;
	Checkpoint	checkpoint = trainer_checkpoint(trainer, &steps);

	TRY(checkpoint_read(bytes, size, &checkpoint));
	trainer->progress = checkpoint.progress;
	*steps = checkpoint.progress.optimiser_steps;
	return status_ok();
}
