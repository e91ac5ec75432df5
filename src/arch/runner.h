/*
 * runner.h: a network made ready to run. Predictor and learner are shells
 * around a runner. This interface hides what differs between architectures:
 * how many plans there are, and the work between them.
 */
#ifndef LESIONSEG_ARCH_RUNNER_H
#define LESIONSEG_ARCH_RUNNER_H

#include "arch/network.h"
#include "nn/plan.h"

/* What a runner is made for. */
typedef struct RunnerOptions
{
	EngineChoice choice;
	int			batch;
	int			height;
	int			width;
	bool		training;
} RunnerOptions;

/* One batch to learn from. */
typedef struct TrainingBatch
{
	const uint8_t *rgb;			/* (N, H, W, 3) */
	const uint8_t *masks;		/* (N, H, W), lesion where > 128 */
	uint64_t	seed;			/* seed of what is drawn at random in this step */
} TrainingBatch;

struct RunnerKind
{
	/* Plan, in memory of the network's host; *runner is handed to all the others. */
	Status		(*create) (const Network *network, const Call *call, const RunnerOptions *options, void **runner);
	void		(*free) (void *runner);

	/* Copy the weights, folded and packed. */
	Status		(*set_weights) (void *runner, const Call *call, const float *weights);

	/* rgb (N, H, W, 3) to probabilities (N, H, W). */
	Status		(*predict) (void *runner, const Call *call, const uint8_t *rgb, float *probabilities);

	/* Loss and gradients (weight_count) of a batch, with the weights set last;
	 * running statistics in `weights` are updated. */
	Status		(*train) (void *runner, const Call *call, const TrainingBatch *batch, float *weights,
						  float *gradients, double *loss);

	/* The instances found in an image of the last prediction, best first;
	 * NULL where an architecture finds none. */
	int			(*instances) (const void *runner, int image, const NetworkInstance **instances);

	/* Bytes that it holds; and its first plan, whose backend and precision are
	 * reported. */
	size_t		(*memory) (const void *runner);
	Plan	   *(*plan) (const void *runner);
};

/* For architectures with one plan from image to logits (dense.c). */
extern const struct RunnerKind dense_runner;

/* For Mask R-CNN (maskrcnn_run.c). */
extern const struct RunnerKind maskrcnn_runner;

#endif
