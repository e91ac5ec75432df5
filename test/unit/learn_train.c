/*
 * learn_train.c: whole training runs of small U-Nets on rendered lesions.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "learn/trainer.h"
#include "between.h"
#include "test_call.h"
#include "learn_fixture.h"

#define SIZE 32
#define IN_MEMORY ((size_t) 64 << 20)

/* A run with everything it stands on. */
typedef struct Run
{
	TestCall	test;
	TestCall	validation_host;	/* a temporary file of its own */
	Network    *network;
	Dataset    *training;
	Dataset    *validation;
	TrainOptions options;
	Trainer    *trainer;
} Run;

/* Prepare a run of a U-Net with 2 channels on SIZE x SIZE lesions. */
static void
run_init(Run *run, int training, int validation, size_t max_memory)
{
	test_call_init(&run->test);
	test_call_init(&run->validation_host);
	run->network = fixture_unet(&run->test.call, 2, 2, 11);
	run->training = fixture_lesions(&run->test.call, SIZE, max_memory, 1, training);
	run->validation = fixture_lesions(&run->validation_host.call, SIZE, max_memory, 1000, validation);
	run->options = train_options_default(run->network->architecture);
	run->options.epochs = 4;
	run->options.batch_size = 4;
	run->options.seed = 5;
	run->trainer = NULL;
}

/* Create the run's trainer. */
static void
run_start(Run *run)
{
	assert_int_equal(trainer_create(run->network, &run->test.call, run->training, run->validation, &run->options,
									&run->trainer).code, LS_OK);
}

/* Free everything and check that nothing is left. */
static void
run_end(Run *run)
{
	trainer_free(run->trainer);
	dataset_free(run->training);
	dataset_free(run->validation);
	network_free(run->network);
	assert_int_equal(run->test.live, 0);
	assert_int_equal(run->validation_host.live, 0);
	test_call_end(&run->test);
	test_call_end(&run->validation_host);
}

/* Run epochs, the last one's report into *report. */
static void
run_epochs(Run *run, int epochs, EpochReport *report)
{
	for (int i = 0; i < epochs; i++)
	{
		Status		status = trainer_run_epoch(run->trainer, &run->test.call, report);

		assert_string_equal(status.message, "");
		assert_int_equal(status.code, LS_OK);
	}
}

/* Both runs have the same weights, bit for bit. */
static void
assert_same_weights(const Run *a, const Run *b)
{
	assert_memory_equal(a->network->weights, b->network->weights,
						a->network->graph->weight_count * sizeof(float));
}

/* A U-Net learns what a lesion is, and says so in its reports. */
static void
test_learns(void **state)
{
	TestCall	test;
	Network    *network;
	Dataset    *training;
	Dataset    *validation;
	TrainOptions options;
	Trainer    *trainer;
	EpochReport first;
	EpochReport last;
	int			best_epoch;
	double		best_dice;

	(void) state;
	test_call_init(&test);
	network = fixture_unet(&test.call, 8, 3, 1);
	training = fixture_lesions(&test.call, 64, IN_MEMORY, 1, 32);
	validation = fixture_lesions(&test.call, 64, IN_MEMORY, 1000, 10);
	options = train_options_default(network->architecture);
	options.epochs = 15;
	options.batch_size = 4;
	options.learning_rate = 5e-3;
	assert_int_equal(trainer_create(network, &test.call, training, validation, &options, &trainer).code, LS_OK);
	assert_int_equal(network->traits.image_size, 64);

	assert_int_equal(trainer_run_epoch(trainer, &test.call, &first).code, LS_OK);
	while (!trainer_done(trainer))
		assert_int_equal(trainer_run_epoch(trainer, &test.call, &last).code, LS_OK);
	trainer_take_best(trainer, &best_epoch, &best_dice);
	print_message("loss %.3f to %.3f, validation Dice %.3f to %.3f, best %.3f in epoch %d\n",
				  first.train_loss, last.train_loss, first.val_dice, last.val_dice, best_dice, best_epoch);
	assert_true(last.train_loss < 0.6 * first.train_loss);
	assert_true(best_dice > 0.8);
	assert_true(best_dice >= last.val_dice);
	assert_between(best_epoch, 2, 15);

	assert_int_equal(first.epoch, 1);
	assert_int_equal(first.epochs, 15);
	assert_true(first.best);
	assert_true(first.seconds > 0 && first.images_per_second > 0);
	assert_true(first.images_per_second >= 32 / first.seconds * 0.999);
	assert_true(fabs(first.seconds_left - 14 * first.seconds) < 1e-9);
	assert_int_equal(last.epoch, 15);
	assert_true(last.seconds_left == 0);
	assert_true(fabs(last.learning_rate - 5e-3 / 250000) < 1e-15);

	trainer_free(trainer);
	dataset_free(training);
	dataset_free(validation);
	network_free(network);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* A constant rate is the rate of every step, the last one's included, and
 * trains otherwise than a cycle. */
static void
test_constant_rate(void **state)
{
	Run			cycle;
	Run			constant;
	EpochReport report;

	(void) state;
	run_init(&cycle, 9, 0, IN_MEMORY);
	run_init(&constant, 9, 0, IN_MEMORY);
	constant.options.schedule = SCHEDULE_CONSTANT;
	run_start(&cycle);
	run_start(&constant);
	for (int epoch = 1; epoch <= 2; epoch++)
	{
		run_epochs(&cycle, 1, &report);
		assert_true(report.learning_rate != cycle.options.learning_rate);
		run_epochs(&constant, 1, &report);
		assert_true(report.learning_rate == constant.options.learning_rate);
	}
	assert_memory_not_equal(cycle.network->weights, constant.network->weights,
							cycle.network->graph->weight_count * sizeof(float));
	run_end(&cycle);
	run_end(&constant);
}

/* The same seed gives the same weights; another order or variation others. */
static void
test_seeded(void **state)
{
	Run			a;
	Run			b;
	EpochReport report_a;
	EpochReport report_b;

	(void) state;
	run_init(&a, 9, 3, IN_MEMORY);
	run_init(&b, 9, 3, IN_MEMORY);
	a.test.call.threads = 2;	/* also where threads share the work */
	b.test.call.threads = 2;
	run_start(&a);
	run_start(&b);
	run_epochs(&a, 2, &report_a);
	run_epochs(&b, 2, &report_b);
	assert_same_weights(&a, &b);
	assert_true(report_a.train_loss == report_b.train_loss);
	assert_true(report_a.val_loss == report_b.val_loss);
	assert_true(report_a.val_dice == report_b.val_dice);
	run_end(&b);

	run_init(&b, 9, 3, IN_MEMORY);
	b.options.seed = 6;
	run_start(&b);
	run_epochs(&b, 2, &report_b);
	assert_memory_not_equal(a.network->weights, b.network->weights,
							a.network->graph->weight_count * sizeof(float));
	run_end(&a);
	run_end(&b);
}

/* Where the images stand makes no difference. */
static void
test_spill_equals_memory(void **state)
{
	Run			memory;
	Run			spill;
	EpochReport report;

	(void) state;
	run_init(&memory, 9, 3, IN_MEMORY);
	run_init(&spill, 9, 3, 2 * SIZE * SIZE * 4);
	assert_int_equal(spill.test.spilled, 7 * SIZE * SIZE * 4);
	run_start(&memory);
	run_start(&spill);
	run_epochs(&memory, 2, &report);
	run_epochs(&spill, 2, &report);
	assert_same_weights(&memory, &spill);
	run_end(&memory);
	run_end(&spill);
}

/* Four epochs, and two and two with everything made anew in between. */
static void
resume(double average)
{
	Run			whole;
	Run			begun;
	Run			resumed;
	EpochReport whole_report;
	EpochReport resumed_report;
	void	   *bytes;
	size_t		size;
	int			whole_best;
	int			resumed_best;
	double		whole_dice;
	double		resumed_dice;

	run_init(&whole, 9, 3, IN_MEMORY);
	whole.options.average = average;
	run_start(&whole);
	run_epochs(&whole, 4, &whole_report);

	run_init(&begun, 9, 3, IN_MEMORY);
	begun.options.average = average;
	run_start(&begun);
	run_epochs(&begun, 2, &resumed_report);
	assert_int_equal(trainer_save(begun.trainer, &begun.test.call, &bytes, &size).code, LS_OK);

	run_init(&resumed, 9, 3, IN_MEMORY);
	resumed.options.average = average;
	assert_int_equal(network_initialise(resumed.network, call_standalone(), 999).code, LS_OK);
	run_start(&resumed);
	assert_int_equal(trainer_restore(resumed.trainer, bytes, size - 4).code, LS_INVALID_ARGUMENT);
	assert_int_equal(trainer_restore(resumed.trainer, bytes, size).code, LS_OK);
	call_free(&begun.test.call, bytes);
	run_end(&begun);

	assert_false(trainer_done(resumed.trainer));
	run_epochs(&resumed, 2, &resumed_report);
	assert_true(trainer_done(resumed.trainer));
	assert_int_equal(resumed_report.epoch, 4);
	assert_true(whole_report.train_loss == resumed_report.train_loss);
	assert_true(whole_report.val_dice == resumed_report.val_dice);
	assert_int_equal(whole_report.best, resumed_report.best);
	assert_same_weights(&whole, &resumed);
	trainer_take_best(whole.trainer, &whole_best, &whole_dice);
	trainer_take_best(resumed.trainer, &resumed_best, &resumed_dice);
	assert_int_equal(whole_best, resumed_best);
	assert_true(whole_dice == resumed_dice);
	assert_same_weights(&whole, &resumed);
	run_end(&whole);
	run_end(&resumed);
}

/* The mean of weights has begun before the checkpoint, begins after it, or
 * there is none. */
static void
test_resume(void **state)
{
	(void) state;
	resume(0.75);
	resume(0.25);
	resume(0);
}

/* The weights after each step, added up. */
typedef struct WeightSum
{
	const Run  *run;
	int			steps;
	int			first;			/* that counts, from 0 */
	double	   *sum;
} WeightSum;

static bool
add_up_weights(void *data, int epoch, int batch, int batches, double images_per_second, double loss)
{
	WeightSum  *added = data;
	const Network *network = added->run->network;

	(void) epoch;
	(void) batch;
	(void) batches;
	(void) images_per_second;
	(void) loss;
	if (added->steps++ >= added->first)
		for (size_t i = 0; i < network->graph->weight_count; i++)
			added->sum[i] += network->weights[i];
	return true;
}

/* 12 steps in four epochs: with 0.5, the mean of the last 6 is what a run
 * validates and keeps; it trains as without. */
static void
test_average(void **state)
{
	Run			plain;
	Run			averaged;
	WeightSum	added = {&averaged, 0, 6, NULL};
	EpochReport plain_report;
	EpochReport report;
	int			epoch;
	double		dice;
	size_t		count;

	(void) state;
	run_init(&plain, 9, 3, IN_MEMORY);
	run_init(&averaged, 9, 3, IN_MEMORY);
	count = averaged.network->graph->weight_count;
	added.sum = calloc(count, sizeof(double));
	averaged.options.average = 0.5;
	averaged.options.keep_last = true;
	averaged.options.progress = add_up_weights;
	averaged.options.progress_data = &added;
	run_start(&plain);
	run_start(&averaged);
	run_epochs(&plain, 2, &plain_report);
	run_epochs(&averaged, 2, &report);
	assert_true(report.val_loss == plain_report.val_loss);
	run_epochs(&plain, 2, &plain_report);
	run_epochs(&averaged, 2, &report);
	assert_int_equal(added.steps, 12);
	assert_true(report.train_loss == plain_report.train_loss);
	assert_true(report.val_loss != plain_report.val_loss);
	assert_same_weights(&plain, &averaged);

	trainer_take_best(averaged.trainer, &epoch, &dice);
	assert_int_equal(epoch, 4);
	for (size_t i = 0; i < count; i++)
		assert_true(fabs(averaged.network->weights[i] - added.sum[i] / 6) < 1e-6);
	assert_memory_not_equal(plain.network->weights, averaged.network->weights, count * sizeof(float));
	free(added.sum);
	run_end(&plain);
	run_end(&averaged);
}

/* A checkpoint of one run does not fit another. */
static void
test_restore_another_run(void **state)
{
	Run			run;
	Run			other;
	EpochReport report;
	void	   *bytes;
	size_t		size;
	Status		status;

	(void) state;
	run_init(&run, 5, 0, IN_MEMORY);
	run_start(&run);
	run_epochs(&run, 1, &report);
	assert_int_equal(trainer_save(run.trainer, &run.test.call, &bytes, &size).code, LS_OK);
	run_init(&other, 6, 0, IN_MEMORY);
	run_start(&other);
	status = trainer_restore(other.trainer, bytes, size);
	assert_int_equal(status.code, LS_INVALID_ARGUMENT);
	assert_string_equal(status.message, "the checkpoint belongs to another run: the number of training images differs");
	call_free(&run.test.call, bytes);
	run_end(&run);
	run_end(&other);
}

/* What the progress callback saw. */
typedef struct Progress
{
	int			calls;
	int			epoch;
	int			batch;
	int			batches;
	double		loss;
	int			stop_at;		/* the call that stops the epoch; 0 = none */
} Progress;

static bool
note_progress(void *data, int epoch, int batch, int batches, double images_per_second, double loss)
{
	Progress   *progress = data;

	progress->calls++;
	progress->epoch = epoch;
	progress->batch = batch;
	progress->batches = batches;
	progress->loss = loss;
	assert_true(images_per_second > 0);
	assert_int_equal(batch, (progress->calls - 1) % batches + 1);
	return progress->calls != progress->stop_at;
}

/* 5 images in batches of 4 are two batches; each is told. */
static void
test_progress(void **state)
{
	Run			run;
	Progress	progress = {0};
	EpochReport report;

	(void) state;
	run_init(&run, 5, 0, IN_MEMORY);
	run.options.progress = note_progress;
	run.options.progress_data = &progress;
	run_start(&run);
	run_epochs(&run, 2, &report);
	assert_int_equal(progress.calls, 4);
	assert_int_equal(progress.epoch, 2);
	assert_int_equal(progress.batches, 2);
	assert_true(progress.loss == report.train_loss);
	run_end(&run);
}

/* An epoch that is stopped leaves the best weights as they were. */
static void
test_stop_in_epoch(void **state)
{
	Run			run;
	Run			whole;
	Progress	progress = {.stop_at = 4};
	EpochReport report;
	Status		status;
	int			epoch;
	double		dice;

	(void) state;
	run_init(&run, 9, 2, IN_MEMORY);
	run.options.progress = note_progress;
	run.options.progress_data = &progress;
	run_start(&run);
	run_epochs(&run, 1, &report);
	status = trainer_run_epoch(run.trainer, &run.test.call, &report);
	assert_int_equal(status.code, LS_CANCELLED);
	assert_string_equal(status.message, "stopped in epoch 2 after batch 1 of 3");
	assert_false(trainer_done(run.trainer));

	run_init(&whole, 9, 2, IN_MEMORY);
	run_start(&whole);
	run_epochs(&whole, 1, &report);
	assert_memory_not_equal(run.network->weights, whole.network->weights,
							whole.network->graph->weight_count * sizeof(float));
	trainer_take_best(run.trainer, &epoch, &dice);
	assert_int_equal(epoch, 1);
	assert_true(dice == report.val_dice);
	assert_same_weights(&run, &whole);
	run_end(&run);
	run_end(&whole);
}

/* One image is a batch of one, whatever batch was asked for. */
static void
test_single_image(void **state)
{
	Run			run;
	Progress	progress = {0};
	EpochReport report;

	(void) state;
	run_init(&run, 1, 1, IN_MEMORY);
	run.options.batch_size = 32;
	run.options.epochs = 1;
	run.options.progress = note_progress;
	run.options.progress_data = &progress;
	run_start(&run);
	run_epochs(&run, 1, &report);
	assert_int_equal(progress.calls, 1);
	assert_true(isfinite(report.val_dice));
	assert_true(report.learning_rate == run.options.learning_rate);
	assert_int_equal(trainer_run_epoch(run.trainer, &run.test.call, &report).code, LS_INVALID_ARGUMENT);
	run_end(&run);
}

/* Validation agrees with predicting image by image; 11 images are two whole
 * batches of 4 and a part of one. */
static void
test_validation_scores(void **state)
{
	Run			run;
	EpochReport report;
	Predictor  *predictor;
	double		loss = 0;
	double		dice = 0;

	(void) state;
	run_init(&run, 8, 11, IN_MEMORY);
	run.options.learning_rate = 1e-2;
	run_start(&run);
	run_epochs(&run, 3, &report);
	assert_int_equal(predictor_create(run.network, &run.test.call, &run.options.engine, 1, SIZE, SIZE, &predictor).code,
					 LS_OK);
	for (int i = 0; i < 11; i++)
	{
		uint8_t		rgb[SIZE * SIZE * 3];
		uint8_t		mask[SIZE * SIZE];
		float		probabilities[SIZE * SIZE];
		int			both = 0;
		int			sum = 0;

		assert_int_equal(dataset_read(run.validation, i, rgb, mask).code, LS_OK);
		assert_int_equal(predictor_run(predictor, &run.test.call, rgb, probabilities).code, LS_OK);
		loss += network_loss(1, SIZE, SIZE, probabilities, mask) / 11;
		for (int p = 0; p < SIZE * SIZE; p++)
		{
			both += probabilities[p] > 0.5f && mask[p];
			sum += (probabilities[p] > 0.5f) + (mask[p] != 0);
		}
		dice += 2.0 * both / sum / 11;
	}
	predictor_free(predictor);
	assert_true(dice > 0.1);
	assert_true(fabs(report.val_dice - dice) < 2e-3);
	assert_true(fabs(report.val_loss - loss) < 2e-3);
	run_end(&run);
}

/* The best weights are those that stood when an epoch was called best. */
static void
test_best_is_kept(void **state)
{
	for (int validation = 0; validation <= 4; validation += 4)
	{
		Run			run;
		EpochReport report;
		float	   *best;
		size_t		bytes;
		double		best_merit = -INFINITY;
		double		best_dice = 0;
		int			best_epoch = 0;
		int			taken_epoch;
		double		taken_dice;

		run_init(&run, 6, validation, IN_MEMORY);
		run.options.learning_rate = 1;	/* erratic on purpose */
		run.options.gradient_clip = 0;
		run_start(&run);
		bytes = run.network->graph->weight_count * sizeof(float);
		best = malloc(bytes);
		memcpy(best, run.network->weights, bytes);
		trainer_take_best(run.trainer, &taken_epoch, &taken_dice);
		assert_int_equal(taken_epoch, 0);
		assert_true(isnan(taken_dice));
		assert_memory_equal(run.network->weights, best, bytes);
		while (!trainer_done(run.trainer))
		{
			double		merit;

			run_epochs(&run, 1, &report);
			assert_int_equal(isnan(report.val_dice), validation == 0);
			assert_int_equal(isnan(report.val_loss), validation == 0);
			merit = validation == 0 ? -report.train_loss : report.val_dice;
			assert_int_equal(report.best, merit > best_merit);
			if (report.best)
			{
				memcpy(best, run.network->weights, bytes);
				best_merit = merit;
				best_dice = report.val_dice;
				best_epoch = report.epoch;
			}
		}
		trainer_take_best(run.trainer, &taken_epoch, &taken_dice);
		assert_int_equal(taken_epoch, best_epoch);
		assert_true(validation == 0 ? isnan(taken_dice) : taken_dice == best_dice);
		assert_memory_equal(run.network->weights, best, bytes);
		free(best);
		run_end(&run);
	}
	(void) state;
}

/* A loss that is not finite is reported with its place. */
static void
test_divergence(void **state)
{
	Run			run;
	EpochReport report;
	Status		status;

	(void) state;
	run_init(&run, 5, 0, IN_MEMORY);
	run_start(&run);
	run_epochs(&run, 1, &report);
	run.network->weights[0] = NAN;
	status = trainer_run_epoch(run.trainer, &run.test.call, &report);
	assert_int_equal(status.code, LS_INVALID_ARGUMENT);
	assert_string_equal(status.message, "training diverged: the loss is not finite in epoch 2, batch 1 of 2");
	assert_memory_equal(status.hint, "Lower the learning rate (peak 0.0015, ", 38);
	run_end(&run);
}

/* What cannot be trained is refused with a reason. */
static void
test_refusals(void **state)
{
	Run			run;
	Dataset    *empty;
	Dataset    *odd;
	Dataset    *larger;
	Trainer    *trainer;
	Status		status;

	(void) state;
	run_init(&run, 2, 1, IN_MEMORY);
	assert_int_equal(dataset_create(&run.test.call.host, SIZE, IN_MEMORY, &empty).code, LS_OK);
	odd = fixture_lesions(&run.test.call, SIZE + 1, IN_MEMORY, 1, 1);
	larger = fixture_lesions(&run.test.call, 2 * SIZE, IN_MEMORY, 1, 1);

	status = trainer_create(run.network, &run.test.call, empty, run.validation, &run.options, &trainer);
	assert_int_equal(status.code, LS_INVALID_ARGUMENT);
	assert_string_equal(status.message, "there is no image to train on");
	assert_null(trainer);
	status = trainer_create(run.network, &run.test.call, odd, NULL, &run.options, &trainer);
	assert_int_equal(status.code, LS_INVALID_ARGUMENT);
	status = trainer_create(run.network, &run.test.call, run.training, larger, &run.options, &trainer);
	assert_int_equal(status.code, LS_INVALID_ARGUMENT);
	assert_string_equal(status.message, "training images are 32 pixels wide, validation images 64");
	run.options.epochs = 0;
	status = trainer_create(run.network, &run.test.call, run.training, NULL, &run.options, &trainer);
	assert_int_equal(status.code, LS_INVALID_ARGUMENT);
	assert_string_equal(status.message, "epochs 0 is out of range");
	run.options.epochs = 1;
	run.test.call.host.max_memory = 20000;
	status = trainer_create(run.network, &run.test.call, run.training, NULL, &run.options, &trainer);
	assert_int_equal(status.code, LS_LIMIT_EXCEEDED);
	assert_null(trainer);

	dataset_free(empty);
	dataset_free(odd);
	dataset_free(larger);
	run_end(&run);
}

/* Wherever an epoch is stopped, it returns at once and leaks nothing. */
static void
test_cancel(void **state)
{
	Run			run;
	EpochReport report;
	long		polls;

	(void) state;
	run_init(&run, 6, 3, IN_MEMORY);
	run.options.epochs = 100;
	run_start(&run);
	run.test.polls = 0;
	run_epochs(&run, 1, &report);
	polls = run.test.polls;
	assert_true(polls > 20);
	for (long stop = 0; stop < polls; stop += 1 + polls / 12)
	{
		Status		status;

		run.test.polls = 0;
		run.test.stop_after = stop;
		run.test.stopped_at = 0;
		status = trainer_run_epoch(run.trainer, &run.test.call, &report);
		assert_int_equal(status.code, LS_CANCELLED);
		assert_true(test_clock() - run.test.stopped_at < 0.2);
		assert_int_equal(run.test.polls, stop + 1);
	}
	run_end(&run);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constant_rate),
		cmocka_unit_test(test_seeded),
		cmocka_unit_test(test_spill_equals_memory),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_average),
		cmocka_unit_test(test_restore_another_run),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_stop_in_epoch),
		cmocka_unit_test(test_single_image),
		cmocka_unit_test(test_validation_scores),
		cmocka_unit_test(test_best_is_kept),
		cmocka_unit_test(test_divergence),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_cancel),
	};
	const struct CMUnitTest long_tests[] = {
		cmocka_unit_test(test_learns),
	};
	int			failed = cmocka_run_group_tests(tests, NULL, NULL);

	/* Under memcheck it would take minutes. */
	if (getenv("LESIONSEG_TEST_QUICK") == NULL)
		failed += cmocka_run_group_tests(long_tests, NULL, NULL);
	return failed;
}
