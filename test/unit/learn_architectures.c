/*
 * learn_architectures.c: each architecture, made small, learns what a
 * rendered lesion is. (The U-Net's longer runs are in learn_train.c.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "learn/trainer.h"
#include "test_call.h"
#include "learn_fixture.h"

#define SIZE 64
#define IN_MEMORY ((size_t) 64 << 20)

/* What to train, and the validation Dice it has to pass. */
typedef struct Course
{
	const char *architecture;
	struct
	{
		const char *key;
		double		value;
	}			config[4];
	int			epochs;
	double		learning_rate;
	double		dice;
} Course;

/* A network of the course with fresh weights. */
static Network *
make_network(const Call *call, const Course *course)
{
	const Architecture *architecture = arch_find(course->architecture);
	ArchConfig	config;
	Network    *network;

	assert_non_null(architecture);
	arch_config_default(architecture, &config);
	for (int i = 0; i < 4 && course->config[i].key != NULL; i++)
		assert_int_equal(set_config(architecture, &config, course->config[i].key,
										 course->config[i].value).code, LS_OK);
	assert_int_equal(network_create(&call->host, architecture, &config, &network).code, LS_OK);
	assert_int_equal(network_initialise(network, call_standalone(), 1).code, LS_OK);
	return network;
}

/* Train and compare the best validation Dice. */
static void
take(const Course *course)
{
	TestCall	test;
	Network    *network;
	Dataset    *training;
	Dataset    *validation;
	TrainOptions options;
	Trainer    *trainer;
	EpochReport report;
	int			best_epoch;
	double		best_dice;

	if (getenv("LESIONSEG_TEST_QUICK") != NULL)	/* too long under memcheck; arch_replay covers the code */
		skip();

	test_call_init(&test);
	network = make_network(&test.call, course);
	training = fixture_lesions(&test.call, SIZE, IN_MEMORY, 1, 32);
	validation = fixture_lesions(&test.call, SIZE, IN_MEMORY, 1000, 10);
	options = train_options_default(network->architecture);
	options.epochs = course->epochs;
	options.batch_size = 4;
	options.learning_rate = course->learning_rate;
	assert_int_equal(trainer_create(network, &test.call, training, validation, &options, &trainer).code, LS_OK);
	while (!trainer_done(trainer))
	{
		Status		status = trainer_run_epoch(trainer, &test.call, &report);

		assert_string_equal(status.message, "");
	}
	trainer_take_best(trainer, &best_epoch, &best_dice);
	print_message("%s: loss %.3f, best validation Dice %.3f in epoch %d, %.2f s an epoch\n", course->architecture,
				  report.train_loss, best_dice, best_epoch, report.seconds);
	assert_true(best_dice > course->dice);

	trainer_free(trainer);
	dataset_free(training);
	dataset_free(validation);
	network_free(network);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

static void
test_linknet(void **state)
{
	(void) state;
	take(&(Course) {"linknet", {{"base", 8}}, 15, 5e-3, 0.8});
}

static void
test_convmixer(void **state)
{
	(void) state;
	take(&(Course) {"convmixer", {{"dim", 32}, {"depth", 2}, {"kernel", 5}}, 15, 1e-2, 0.8});
}

static void
test_maskrcnn(void **state)
{
	(void) state;
	take(&(Course) {"maskrcnn", {{"base", 8}, {"pyramid", 16}, {"box_units", 32}, {"mask_depth", 2}}, 15, 5e-3, 0.8});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_linknet),
		cmocka_unit_test(test_convmixer),
		cmocka_unit_test(test_maskrcnn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
