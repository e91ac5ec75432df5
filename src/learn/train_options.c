/*
 * train_options.c: the recipe, and the range of each of its options.
 *
 * Ranges are wide: they keep out what cannot work (NaN, negative rates), not
 * what is unwise.
 */
#include <math.h>
#include <stddef.h>

#include "learn/trainer.h"

TrainOptions
train_options_default(const Architecture *architecture)
{
	TrainOptions options = {
		.epochs = 30,
		.batch_size = 32,
		.learning_rate = architecture->learning_rate,
		.weight_decay = 1e-2,
		.gradient_clip = 1,
		.seed = 0,
		.augment = augment_default(),
		.engine = {BACKEND_AUTO, PRECISION_AUTO},
	};

	return options;
}

/* One option, its value and the range it must be in. */
typedef struct OptionRange
{
	const char *name;
	double		value;
	double		minimum;
	double		maximum;
} OptionRange;

Status
train_options_check(const TrainOptions *options)
{
	const AugmentOptions *augment = &options->augment;
	const OptionRange ranges[] = {
		{"epochs", options->epochs, 1, 100000},
		{"batch_size", options->batch_size, 1, 4096},
		{"learning_rate", options->learning_rate, 1e-12, 10},
		{"weight_decay", options->weight_decay, 0, 1},
		{"gradient_clip", options->gradient_clip, 0, 1e6},
		{"rotate", augment->rotate, 0, 180},
		{"scale", augment->scale, 0, 1},
		{"shift", augment->shift, 0, 1},
		{"brightness", augment->brightness, 0, 1},
		{"contrast", augment->contrast, 0, 1},
		{"colour", augment->colour, 0, 1},
		{"degrade", augment->degrade, 0, 1},
		{"degrade_severity", augment->degrade_severity, 1, DEGRADE_SEVERITY_MAX},
	};
	double		kinds = 0;

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
	{
		const OptionRange *range = &ranges[i];

		if (!(range->value >= range->minimum && range->value <= range->maximum))
			return status_with_hint(
									status_error(LS_INVALID_ARGUMENT, "%s %g is out of range",
												 range->name, range->value),
									"%s must be between %g and %g.",
									range->name, range->minimum, range->maximum);
	}
	for (int kind = 0; kind < DEGRADE_KINDS; kind++)
	{
		double		weight = augment->degrade_weight[kind];

		if (!(weight >= 0 && weight <= 1e6))
			return status_with_hint(
									status_error(LS_INVALID_ARGUMENT, "%s %g is out of range",
												 degrade_name((DegradeKind) kind), weight),
									"The weight of a degradation must be between 0 and 1e6.");
		kinds += weight;
	}
	if (augment->degrade > 0 && kinds == 0)
		return status_with_hint(
								status_error(LS_INVALID_ARGUMENT, "degrade is %g, but every kind's weight is 0",
											 augment->degrade),
								"Set degrade to 0, or give a kind a weight.");
	return status_ok();
}
