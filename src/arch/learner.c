/*
 * learner.c: a network made ready for training, and one step of it.
 */
#include "arch/network.h"

#include <math.h>
#include <string.h>

#include "arch/engine.h"
#include "arch/runner.h"
#include "nn/optimiser.h"

struct Learner
{
	Network    *network;
	const struct RunnerKind *kind;
	void	   *runner;
	AdamW		optimiser;
	float	   *gradients;		/* (weight_count) */
};

Status
learner_create(Network *network, const Call *call, const EngineChoice *choice, int batch, int height, int width,
			   Learner **learner_out)
{
	const Host *host = network->host;
	RunnerOptions options = {.choice = *choice,.batch = batch,.height = height,.width = width,.training = true};
	Learner    *learner;
	void	   *memory;
	Status		status;

	*learner_out = NULL;
	TRY(host_alloc_array(host, 1, sizeof(Learner), &memory));
	learner = memory;
	learner->network = network;
	learner->kind = network->architecture->runner;
	status = learner->kind->create(network, call, &options, &learner->runner);
	if (status.code == LS_OK)
		status = adamw_create(host, network->graph, call->threads, &learner->optimiser);
	if (status.code == LS_OK)
	{
		status = host_alloc_array(host, network->graph->weight_count, sizeof(float), &memory);
		learner->gradients = memory;
	}
	if (status.code != LS_OK)
	{
		learner_free(learner);
		return status;
	}
	*learner_out = learner;
	return status_ok();
}

void
learner_free(Learner *learner)
{
	const Host *host;

	if (learner == NULL)
		return;
	host = learner->network->host;
	learner->kind->free(learner->runner);
	adamw_free(&learner->optimiser);
	host_free(host, learner->gradients);
	host_free(host, learner);
}

/* Clear the gradients of frozen parameters, so that the gradient's norm leaves
 * them out. */
static void
clear_frozen(Learner *learner)
{
	const Graph *graph = learner->network->graph;

	for (int i = 0; i < graph->param_count; i++)
		if (graph->params[i].frozen)
			memset(learner->gradients + graph->params[i].offset, 0, graph->params[i].count * sizeof(float));
}

Status
learner_step(Learner *learner, const Call *call, const uint8_t *rgb, const uint8_t *masks,
			 const StepOptions *options, StepResult *result)
{
	Network    *network = learner->network;
	TrainingBatch batch = {
		.rgb = rgb,.masks = masks,
		.seed = (uint64_t) options->seed + (uint64_t) learner->optimiser.steps * UINT64_C(0x9E3779B97F4A7C15),
	};
	double		clip = 1;

	TRY(learner->kind->set_weights(learner->runner, call, network->weights));
	TRY(learner->kind->train(learner->runner, call, &batch, network->weights, learner->gradients, &result->loss));

	clear_frozen(learner);
	result->gradient_norm = adamw_gradient_norm(&learner->optimiser, learner->gradients);
	if (!isfinite(result->loss) || !isfinite(result->gradient_norm))
		return status_with_hint(status_error(LS_INVALID_ARGUMENT,
											 "training diverged: the loss is %g, the gradient's norm %g",
											 result->loss, result->gradient_norm),
								"Use a lower learning_rate.");
	if (options->gradient_clip > 0 && result->gradient_norm > options->gradient_clip)
		clip = options->gradient_clip / (result->gradient_norm + 1e-6);
	adamw_step(&learner->optimiser, network->weights, learner->gradients, clip,
			   options->learning_rate, options->weight_decay);
	return status_ok();
}

void
learner_state(Learner *learner, float **moments, size_t *count, int64_t **steps)
{
	*moments = learner->optimiser.moments;
	*count = learner->optimiser.count;
	*steps = &learner->optimiser.steps;
}

const float *
learner_gradients(const Learner *learner)
{
	return learner->gradients;
}

size_t
learner_memory(const Learner *learner)
{
	return learner->kind->memory(learner->runner) + 3 * sizeof(float) * learner->network->graph->weight_count;
}

Plan *
learner_plan(Learner *learner)
{
	return learner->kind->plan(learner->runner);
}
