/*
 * learn_checkpoint.c: a checkpoint reads back as it was written, and only
 * into the run that wrote it. (That a resumed run ends like an uninterrupted
 * one is learn_train.c's.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "learn/checkpoint.h"
#include "test_call.h"

#define WEIGHTS 5
#define MOMENTS 8

/* A checkpoint with arrays of its own. */
typedef struct Fixture
{
	float		weights[WEIGHTS];
	float		best[WEIGHTS];
	float		moments[MOMENTS];
	float		mean[WEIGHTS];
	Checkpoint	checkpoint;
} Fixture;

/* Fill the arrays with first, first + 1, ... */
static void
fixture_init(Fixture *fixture, float first)
{
	memset(fixture, 0, sizeof *fixture);	/* compared as a whole, padding included */
	for (int i = 0; i < WEIGHTS; i++)
	{
		fixture->weights[i] = first++;
		fixture->best[i] = first++;
	}
	for (int i = 0; i < MOMENTS; i++)
		fixture->moments[i] = first++;
	for (int i = 0; i < WEIGHTS; i++)
		fixture->mean[i] = first++;
	fixture->checkpoint = (Checkpoint) {
		.run = {
			.weight_count = WEIGHTS,
			.moment_count = MOMENTS,
			.training_images = 100,
			.validation_images = 20,
			.image_size = 64,
			.epochs = 10,
			.batch_size = 8,
			.seed = -3,
			.schedule = 1,
			.learning_rate = 1e-3,
			.weight_decay = 1e-2,
			.gradient_clip = 1,
			.average = 0.25,
			.augment = {1, 180, 0.25, 0.1, 0.2, 0.2, 0.1},
		},
		.weights = fixture->weights,
		.best_weights = fixture->best,
		.moments = fixture->moments,
		.mean_weights = fixture->mean,
	};
}

/* Write a checkpoint at epoch 4. */
static void
write_sample(TestCall *test, void **bytes, size_t *size)
{
	Fixture		written;

	fixture_init(&written, 1);
	written.checkpoint.progress = (CheckpointProgress) {
		.epoch = 4,
		.optimiser_steps = 52,
		.best_epoch = 3,
		.best_merit = 0.75,
		.best_dice = 0.75,
	};
	assert_int_equal(checkpoint_write(&test->call, &written.checkpoint, bytes, size).code, LS_OK);
}

static void
test_round_trip(void **state)
{
	TestCall	test;
	Fixture		written;
	Fixture		read;
	void	   *bytes;
	size_t		size;

	(void) state;
	test_call_init(&test);
	write_sample(&test, &bytes, &size);
	fixture_init(&written, 1);
	fixture_init(&read, 1000);
	assert_int_equal(checkpoint_read(bytes, size, &read.checkpoint).code, LS_OK);
	assert_memory_equal(read.weights, written.weights, sizeof read.weights);
	assert_memory_equal(read.best, written.best, sizeof read.best);
	assert_memory_equal(read.moments, written.moments, sizeof read.moments);
	assert_memory_equal(read.mean, written.mean, sizeof read.mean);
	assert_int_equal(read.checkpoint.progress.epoch, 4);
	assert_int_equal(read.checkpoint.progress.optimiser_steps, 52);
	assert_int_equal(read.checkpoint.progress.best_epoch, 3);
	assert_true(read.checkpoint.progress.best_merit == 0.75);
	assert_true(read.checkpoint.progress.best_dice == 0.75);
	call_free(&test.call, bytes);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* Reading into `fixture` fails with that message and changes nothing. */
static void
assert_refused(Fixture *fixture, const void *bytes, size_t size, const char *message)
{
	Fixture		before = *fixture;
	Status		status = checkpoint_read(bytes, size, &fixture->checkpoint);

	assert_int_equal(status.code, LS_INVALID_ARGUMENT);
	assert_string_equal(status.message, message);
	assert_true(status.hint[0] != '\0');
	assert_memory_equal(fixture, &before, sizeof before);
}

/* Where nothing is averaged there is no mean, and the bytes have none. */
static void
test_no_mean(void **state)
{
	TestCall	test;
	Fixture		fixture;
	void	   *bytes;
	size_t		with_mean;
	size_t		size;

	(void) state;
	test_call_init(&test);
	write_sample(&test, &bytes, &with_mean);
	call_free(&test.call, bytes);
	fixture_init(&fixture, 1);
	fixture.checkpoint.run.average = 0;
	fixture.checkpoint.mean_weights = NULL;
	assert_int_equal(checkpoint_write(&test.call, &fixture.checkpoint, &bytes, &size).code, LS_OK);
	assert_int_equal(size, with_mean - WEIGHTS * sizeof(float));
	assert_int_equal(checkpoint_read(bytes, size, &fixture.checkpoint).code, LS_OK);
	call_free(&test.call, bytes);
	test_call_end(&test);
}

static void
test_another_run(void **state)
{
	TestCall	test;
	Fixture		fixture;
	CheckpointRun *run = &fixture.checkpoint.run;
	void	   *bytes;
	size_t		size;

	(void) state;
	test_call_init(&test);
	write_sample(&test, &bytes, &size);
#define ASSERT_DIFFERS(change, name) \
	do { \
		fixture_init(&fixture, 0); \
		change; \
		assert_refused(&fixture, bytes, size, "the checkpoint belongs to another run: the " name " differs"); \
	} while (0)
	ASSERT_DIFFERS(run->weight_count = 4, "number of weights");
	ASSERT_DIFFERS(run->moment_count = 6, "size of the optimiser's state");
	ASSERT_DIFFERS(run->training_images = 99, "number of training images");
	ASSERT_DIFFERS(run->validation_images = 0, "number of validation images");
	ASSERT_DIFFERS(run->image_size = 128, "image size");
	ASSERT_DIFFERS(run->epochs = 11, "number of epochs");
	ASSERT_DIFFERS(run->batch_size = 4, "batch size");
	ASSERT_DIFFERS(run->seed = 3, "seed");
	ASSERT_DIFFERS(run->learning_rate = 2e-3, "learning rate");
	ASSERT_DIFFERS(run->schedule = 0, "schedule");
	ASSERT_DIFFERS(run->weight_decay = 0, "weight decay");
	ASSERT_DIFFERS(run->gradient_clip = 0, "gradient clip");
	ASSERT_DIFFERS(run->average = 0, "averaged share");
	ASSERT_DIFFERS(run->augment[6] = 0, "augmentation");
	ASSERT_DIFFERS(run->augment[AUGMENT_VALUES - 1] = 1, "augmentation");
	call_free(&test.call, bytes);
	test_call_end(&test);
}

static void
test_broken_bytes(void **state)
{
	TestCall	test;
	Fixture		fixture;
	void	   *bytes;
	char	   *copy;
	size_t		size;
	int64_t		number;
	const size_t progress = 16 + sizeof(CheckpointRun);

	(void) state;
	test_call_init(&test);
	write_sample(&test, &bytes, &size);
	fixture_init(&fixture, 0);
	copy = malloc(size + 4);
	memcpy(copy, bytes, size);

	assert_refused(&fixture, copy, 0, "the checkpoint is shorter than its header");
	assert_refused(&fixture, copy, progress + sizeof(CheckpointProgress) - 1,
				   "the checkpoint is shorter than its header");
	for (size_t cut = progress + sizeof(CheckpointProgress); cut < size; cut++)
		assert_refused(&fixture, copy, cut, "the checkpoint is cut short");
	assert_refused(&fixture, copy, size + 4, "the checkpoint is longer than its contents");

	copy[0] ^= 1;
	assert_refused(&fixture, copy, size,
				   "the checkpoint was not written by this kind of machine, or is no checkpoint");
	copy[0] ^= 1;
	copy[8] = 1;
	assert_refused(&fixture, copy, size, "the checkpoint was written by another version of lesionseg");
	copy[8] = 4;

	number = 11;				/* of 10 epochs */
	memcpy(copy + progress, &number, sizeof number);
	assert_refused(&fixture, copy, size, "the checkpoint counts epochs or steps that cannot be");
	number = 2;					/* while the best was the third */
	memcpy(copy + progress, &number, sizeof number);
	assert_refused(&fixture, copy, size, "the checkpoint counts epochs or steps that cannot be");
	memcpy(copy, bytes, size);
	number = -1;				/* steps */
	memcpy(copy + progress + 8, &number, sizeof number);
	assert_refused(&fixture, copy, size, "the checkpoint counts epochs or steps that cannot be");

	memcpy(copy, bytes, size);
	assert_int_equal(checkpoint_read(copy, size, &fixture.checkpoint).code, LS_OK);
	free(copy);
	call_free(&test.call, bytes);
	test_call_end(&test);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_no_mean),
		cmocka_unit_test(test_another_run),
		cmocka_unit_test(test_broken_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
