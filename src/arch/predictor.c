/*
 * predictor.c: a network made ready for inference.
 */
#include "arch/network.h"

#include "arch/engine.h"
#include "arch/runner.h"

struct Predictor
{
	const Network *network;
	const struct RunnerKind *kind;
	void	   *runner;
};

Status
predictor_create(const Network *network, const Call *call, const EngineChoice *choice, int batch, int height,
				 int width, Predictor **predictor_out)
{
	RunnerOptions options = {.choice = *choice,.batch = batch,.height = height,.width = width};
	Predictor  *predictor;
	void	   *memory;
	Status		status;

	*predictor_out = NULL;
	TRY(host_alloc_array(network->host, 1, sizeof(Predictor), &memory));
	predictor = memory;
	predictor->network = network;
	predictor->kind = network->architecture->runner;
	status = predictor->kind->create(network, call, &options, &predictor->runner);
	if (status.code == LS_OK)
		status = predictor_refresh(predictor, call);
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
	predictor->kind->free(predictor->runner);
	host_free(predictor->network->host, predictor);
}

Status
predictor_refresh(Predictor *predictor, const Call *call)
{
	return predictor->kind->set_weights(predictor->runner, call, predictor->network->weights);
}

Status
predictor_run(Predictor *predictor, const Call *call, const uint8_t *rgb, float *probabilities)
{
	return predictor->kind->predict(predictor->runner, call, rgb, probabilities);
}

int
predictor_instances(const Predictor *predictor, int image, const NetworkInstance **instances)
{
	*instances = NULL;
	return predictor->kind->instances == NULL ? 0 : predictor->kind->instances(predictor->runner, image, instances);
}

size_t
predictor_memory(const Predictor *predictor)
{
	return predictor->kind->memory(predictor->runner);
}

Plan *
predictor_plan(Predictor *predictor)
{
	return predictor->kind->plan(predictor->runner);
}
