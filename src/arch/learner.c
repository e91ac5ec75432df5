/*
 * learner.c: a network planned for training, and one step of it.
 */
#include "arch/network.h"

#include <math.h>

#include "arch/engine.h"
#include "nn/loss.h"
#include "nn/optimiser.h"

struct Learner
{
	Network    *network;
	Plan	   *plan;
	AdamW		optimiser;
	float	   *gradients;		/* (weight_count) */
	float	   *probabilities;	/* (N, H, W) */
	float	   *dlogits;		/* (N, H, W) */
};

Status
learner_create(Network *network, const EngineChoice *choice, int batch, int height, int width,
			   Learner **learner_out)
{
	const HostContext *host = network->host;
	Learner    *learner;
	void	   *memory;
	Status		status;

	*learner_out = NULL;
	TRY(host_alloc_array(host, 1, sizeof(Learner), &memory));
	learner = memory;
	learner->network = network;
	status = engine_plan(network, choice, batch, height, width, true, &learner->plan);
	if (status.code == LS_OK)
		status = adamw_create(host, network->graph, &learner->optimiser);
	if (status.code == LS_OK)
	{
		status = host_alloc_array(host, network->graph->weight_count, sizeof(float), &memory);
		learner->gradients = memory;
	}
	if (status.code == LS_OK)
	{
		status = host_alloc_array(host, shape_pixels(plan_output(learner->plan).shape), sizeof(float), &memory);
		learner->probabilities = memory;
	}
	if (status.code == LS_OK)
	{
		status = host_alloc_array(host, shape_pixels(plan_output(learner->plan).shape), sizeof(float), &memory);
		learner->dlogits = memory;
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
	const HostContext *host;

	if (learner == NULL)
		return;
	host = learner->network->host;
	plan_free(learner->plan);
	adamw_free(&learner->optimiser);
	host_free(host, learner->gradients);
	host_free(host, learner->probabilities);
	host_free(host, learner->dlogits);
	host_free(host, learner);
}

Status
learner_step(Learner *learner, const uint8_t *rgb, const uint8_t *masks,
			 const StepOptions *options, StepResult *result)
{
	Network    *network = learner->network;
	Plan	   *plan = learner->plan;
	Tensor		gradient = plan_output_gradient(plan);
	TensorShape shape = gradient.shape;
	int			threads = plan->host->threads;
	ConvertArgs args = {.from = learner->dlogits,.to = gradient.data};
	double		clip = 1;

	threads_use(threads);
	TRY(plan_set_weights(plan, network->weights));
	engine_write_input(plan, network, rgb);
	TRY(plan_forward(plan, network->weights));
	engine_read_probabilities(plan, learner->probabilities);
	result->loss = loss_bce_dice(threads, shape.n, (long) shape.h * shape.w, learner->probabilities, masks,
								 learner->dlogits);
	threads_run(threads, shape_pixels(shape), plan->kernels->from_float, &args);
	TRY(plan_backward(plan, learner->gradients));

	result->gradient_norm = adamw_gradient_norm(&learner->optimiser, learner->gradients);
	if (!isfinite(result->loss) || !isfinite(result->gradient_norm))
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "training diverged: the loss is %g, the gradient's norm %g",
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
	size_t		pixels = shape_pixels(plan_output(learner->plan).shape);

	return plan_memory(learner->plan) +
		sizeof(float) * (2 * pixels + 3 * learner->network->graph->weight_count);
}

Plan *
learner_plan(Learner *learner)
{
	return learner->plan;
}
