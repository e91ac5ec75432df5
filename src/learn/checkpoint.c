/*
 * checkpoint.c: magic number, version, run, progress, then arrays of float32:
 * weights, best weights, moments and, where weights are averaged, their mean.
 * No size stands in the file: the reader's own run says how long it must be.
 */
#define _GNU_SOURCE
#include "learn/checkpoint.h"

#include <string.h>

#include "core/checked.h"

#define CHECKPOINT_MAGIC 0x54504B4345534C01u	/* "\1LSECKPT" on a little-endian machine */
#define CHECKPOINT_VERSION 4

typedef struct Header
{
	uint64_t	magic;
	uint64_t	version;
	CheckpointRun run;
	CheckpointProgress progress;
} Header;

/* Number of floats of the mean of weights. */
static size_t
mean_count(const CheckpointRun *run)
{
	return run->average > 0 ? (size_t) run->weight_count : 0;
}

/* Bytes of a run's checkpoint. */
static Status
checkpoint_size(const CheckpointRun *run, size_t *size)
{
	size_t		floats;

	if (!checked_mul((size_t) run->weight_count, 2, &floats) ||
		!checked_add(floats, (size_t) run->moment_count, &floats) ||
		!checked_add(floats, mean_count(run), &floats) ||
		!checked_mul(floats, sizeof(float), size) ||
		!checked_add(*size, sizeof(Header), size))
		return status_error(LS_LIMIT_EXCEEDED, "the checkpoint does not fit in memory");
	return status_ok();
}

Status
checkpoint_write(const Call *call, const Checkpoint *checkpoint, void **bytes, size_t *size)
{
	const CheckpointRun *run = &checkpoint->run;
	size_t		weight_bytes = (size_t) run->weight_count * sizeof(float);
	Header		header = {0};
	char	   *end;

	TRY(checkpoint_size(run, size));
	TRY(call_alloc(call, *size, bytes));
	header.magic = CHECKPOINT_MAGIC;
	header.version = CHECKPOINT_VERSION;
	header.run = *run;
	header.progress = checkpoint->progress;

	end = mempcpy(*bytes, &header, sizeof header);
	end = mempcpy(end, checkpoint->weights, weight_bytes);
	end = mempcpy(end, checkpoint->best_weights, weight_bytes);
	end = mempcpy(end, checkpoint->moments, (size_t) run->moment_count * sizeof(float));
	if (run->average > 0)
		memcpy(end, checkpoint->mean_weights, weight_bytes);
	return status_ok();
}

/* The failure of a checkpoint that cannot be used. */
static Status
unusable_checkpoint(const char *reason)
{
	return status_with_hint(status_error(LS_INVALID_ARGUMENT, "the checkpoint %s", reason),
							"Start the run again from the beginning.");
}

/* Check that the checkpoint was written by the run that now reads it. */
static Status
check_same_run(const CheckpointRun *written, const CheckpointRun *run)
{
	const struct
	{
		const char *name;
		bool		same;
	}			facts[] = {
		{"number of weights", written->weight_count == run->weight_count},
		{"size of the optimiser's state", written->moment_count == run->moment_count},
		{"number of training images", written->training_images == run->training_images},
		{"number of validation images", written->validation_images == run->validation_images},
		{"image size", written->image_size == run->image_size},
		{"number of epochs", written->epochs == run->epochs},
		{"batch size", written->batch_size == run->batch_size},
		{"seed", written->seed == run->seed},
		{"learning rate", written->learning_rate == run->learning_rate},
		{"schedule", written->schedule == run->schedule},
		{"weight decay", written->weight_decay == run->weight_decay},
		{"gradient clip", written->gradient_clip == run->gradient_clip},
		{"averaged share", written->average == run->average},
		{"augmentation", memcmp(written->augment, run->augment, sizeof run->augment) == 0},
	};

	for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
		if (!facts[i].same)
			return status_with_hint(
									status_error(LS_INVALID_ARGUMENT,
												 "the checkpoint belongs to another run: the %s differs",
												 facts[i].name),
									"Resume with the network, images and options the run began with, "
									"or start it again.");
	return status_ok();
}

Status
checkpoint_read(const void *bytes, size_t size, Checkpoint *checkpoint)
{
	const CheckpointRun *run = &checkpoint->run;
	size_t		weight_bytes = (size_t) run->weight_count * sizeof(float);
	Header		header;
	size_t		expected = 0;
	const char *arrays;

	if (size < sizeof header)
		return unusable_checkpoint("is shorter than its header");
	memcpy(&header, bytes, sizeof header);
	if (header.magic != CHECKPOINT_MAGIC)
		return unusable_checkpoint("was not written by this kind of machine, or is no checkpoint");
	if (header.version != CHECKPOINT_VERSION)
		return unusable_checkpoint("was written by another version of lesionseg");
	TRY(check_same_run(&header.run, run));
	TRY(checkpoint_size(run, &expected));
	if (size != expected)
		return unusable_checkpoint(size < expected ? "is cut short" : "is longer than its contents");
	if (header.progress.epoch < 0 || header.progress.epoch > run->epochs ||
		header.progress.best_epoch < 0 || header.progress.best_epoch > header.progress.epoch ||
		header.progress.optimiser_steps < 0)
		return unusable_checkpoint("counts epochs or steps that cannot be");

	checkpoint->progress = header.progress;
	arrays = (const char *) bytes + sizeof header;
	memcpy(checkpoint->weights, arrays, weight_bytes);
	memcpy(checkpoint->best_weights, arrays + weight_bytes, weight_bytes);
	arrays += 2 * weight_bytes;
	memcpy(checkpoint->moments, arrays, (size_t) run->moment_count * sizeof(float));
	if (run->average > 0)
		memcpy(checkpoint->mean_weights, arrays + (size_t) run->moment_count * sizeof(float), weight_bytes);
	return status_ok();
}
