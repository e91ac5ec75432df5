/*
 * predictor.c: a network planned for inference.
 */
#include "arch/network.h"

#include "arch/engine.h"

struct Predictor
{
	const Network *network;
	Plan	   *plan;
};

Status
predictor_create(const Network *network, const EngineChoice *choice, int batch, int height,
				 int width, Predictor **predictor_out)
{
	Predictor  *predictor;
	void	   *memory;
	Status		status;

	*predictor_out = NULL;
	TRY(host_alloc_array(network->host, 1, sizeof(Predictor), &memory));
	predictor = memory;
	predictor->network = network;
	status = engine_plan(network, choice, batch, height, width, false, &predictor->plan);
	if (status.code == LS_OK)
		status = predictor_refresh(predictor);
	if (status.code != LS_OK)
	{
		predictor_free(predictor);
		return status;
	}
	*predictor_out = predictor;
	return status_ok();
}

void
predictor_free(Predictor *predictor)
{
	if (predictor == NULL)
		return;
	plan_free(predictor->plan);
	host_free(predictor->network->host, predictor);
}

Status
predictor_refresh(Predictor *predictor)
{
	return plan_set_weights(predictor->plan, predictor->network->weights);
}

Status
predictor_run(Predictor *predictor, const uint8_t *rgb, float *probabilities)
{
	threads_use(predictor->plan->host->threads);
	engine_write_input(predictor->plan, predictor->network, rgb);
	TRY(plan_forward(predictor->plan, NULL));
	engine_read_probabilities(predictor->plan, probabilities);
	return status_ok();
}

size_t
predictor_memory(const Predictor *predictor)
{
	return plan_memory(predictor->plan);
}

const char *
predictor_backend(const Predictor *predictor)
{
	return predictor->plan->options.backend->name;
}

const char *
predictor_precision(const Predictor *predictor)
{
	return predictor->plan->options.type == DATA_BF16 ? "bf16" : "f32";
}

Plan *
predictor_plan(Predictor *predictor)
{
	return predictor->plan;
}
