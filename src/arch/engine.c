/*
 * engine.c: see engine.h.
 */
#include "arch/engine.h"

Status
engine_resolve(const EngineChoice *choice, PlanOptions *options)
{
	TRY(backend_find(choice->backend, &options->backend));
	return backend_data_type(options->backend, choice->precision, &options->type);
}

Status
engine_plan(const Network *network, const Call *call, const EngineChoice *choice, int batch, int height, int width,
			bool training, Plan **plan)
{
	PlanOptions options = {.batch = batch,.height = height,.width = width,.training = training};

	*plan = NULL;
	if (batch < 1)
		return status_error(LS_INVALID_ARGUMENT, "a batch of %d images is not possible", batch);
	TRY(network_check_size(network, width, height));
	TRY(engine_resolve(choice, &options));
	return plan_create(network->host, call, network->graph, &options, plan);
}

void
engine_write_input(const Plan *plan, const Network *network, const uint8_t *rgb)
{
	Tensor		input = plan_input(plan);
	InputArgs	args = {.rgb = rgb,.y = input.data};

	for (int c = 0; c < 3; c++)
	{
		args.scale[c] = 1 / (255 * network->std[c]);
		args.shift[c] = -network->mean[c] / network->std[c];
	}
	threads_run(plan->threads, shape_pixels(input.shape), plan->loops->input, &args);
}

void
engine_read_probabilities(const Plan *plan, float *probabilities)
{
	Tensor		logits = plan_output(plan);
	ConvertArgs args = {.from = logits.data,.to = probabilities};

	threads_run(plan->threads, shape_pixels(logits.shape), plan->loops->to_probability, &args);
}
