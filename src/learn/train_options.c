/*
 * train_options.c: the recipe, and the range of each of its options.
 *
 * Ranges are wide: they refuse what cannot work (NaN, negative rates), not
 * what is unwise.
 */
#include <stddef.h>

#include "learn/trainer.h"

#define VALUE(key) offsetof(TrainOptions, key)

static const Option option_rows[] = {
	{"schedule", OPTION_CHOICE, VALUE(schedule), 0, 0, SCHEDULE_ONE_CYCLE,
		"how the learning rate goes through the run: up to learning_rate and down to nearly nothing, or at it in every "
		"step, for training in rounds of few epochs each", schedule_names},
	{"weight_decay", OPTION_NUMBER, VALUE(weight_decay), 0, 1, 1e-2, "of AdamW", NULL},
	{"gradient_clip", OPTION_NUMBER, VALUE(gradient_clip), 0, 1e6, 1,
		"largest norm of a step's gradient; 0: unlimited", NULL},
	{"keep_last", OPTION_BOOL, VALUE(keep_last), 0, 1, 0,
		"the version gets the weights of the last epoch, not those of the epoch with the best validation Dice; "
		"for fine-tuning on degraded images, which validation images, as they are, do not reward", NULL},
	{"average", OPTION_NUMBER, VALUE(average), 0, 1, 0,
		"share of the steps, at the end of the run, whose weights are averaged; from the first of them on, the mean is "
		"what is validated and kept; 0.1 to 0.25 make slightly better masks than the last step alone; 0: off", NULL},
};

const OptionTable train_option_table = OPTION_TABLE(option_rows);

/* Options that are arguments of their own in SQL. */
static const Option argument_rows[] = {
	{"epochs", OPTION_INT, VALUE(epochs), 1, 100000, 30, "times all images are seen", NULL},
	{"batch_size", OPTION_INT, VALUE(batch_size), 1, 4096, 32, "images of a step", NULL},
	{"learning_rate", OPTION_NUMBER, VALUE(learning_rate), 1e-12, 10, 1e-3, "the peak of the schedule", NULL},
};

static const OptionTable argument_table = OPTION_TABLE(argument_rows);

TrainOptions
train_options_default(const Architecture *architecture)
{
	TrainOptions options = {
		.augment = augment_default(),
		.engine = {BACKEND_AUTO, PRECISION_AUTO},
	};

	options_default(&argument_table, &options);
	options_default(&train_option_table, &options);
	options.learning_rate = architecture->learning_rate;
	return options;
}

Status
train_options_check(const TrainOptions *options)
{
	const AugmentOptions *augment = &options->augment;
	double		kinds = 0;

	TRY(options_check(&argument_table, options));
	TRY(options_check(&train_option_table, options));
	TRY(options_check(&augment_option_table, augment));
	for (int kind = 0; kind < DEGRADE_KINDS; kind++)
		kinds += augment->degrade_weight[kind];
	if (augment->degrade > 0 && kinds == 0)
		return status_with_hint(
								status_error(LS_INVALID_ARGUMENT, "degrade is %g, but every kind's weight is 0",
											 augment->degrade),
								"Set degrade to 0, or give a kind a weight.");
	return status_ok();
}
