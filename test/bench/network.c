/*
 * network.c: how fast a whole network runs, and where the time goes.
 *
 *   network [architecture=unet] [size=256] [batch=8] [threads=2] [key=value ...]
 *
 * For float32 and, where the CPU has it, bfloat16: training steps at that
 * batch and predictions of single images, best of several, without server,
 * decoding or augmentation. Then the profile: seconds per operator kind of
 * the plan, forward and backward. Weights and images are random; speed does
 * not depend on them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arch/engine.h"
#include "core/rng.h"
#include "core/threads.h"

#define STEPS 6
#define PREDICTIONS 20

static double
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

/* End the program when status is a failure. */
static void
require(Status status)
{
	if (status.code == LS_OK)
		return;
	fprintf(stderr, "%s\n%s\n", status.message, status.hint);
	exit(1);
}

/* Multiply-adds times two of one forward pass of the plan. */
static double
forward_flops(const Plan *plan)
{
	double		flops = 0;

	for (int s = 0; s < plan->step_count; s++)
	{
		const Step *step = &plan->steps[s];
		const GraphParam *weights;
		TensorShape shape;

		if (step->weights < 0)
			continue;
		weights = &plan->graph->params[plan->graph->nodes[step->weights].params[0]];
		shape = plan->values[step->kind == OP_CONV2D ? step->y : step->x].shape;
		flops += 2.0 * (double) weights->count * (double) shape_pixels(shape);
	}
	return flops;
}

static const char *
kind_name(OpKind kind)
{
	switch (kind)
	{
		case OP_INPUT:
			return "input";
		case OP_CONV2D:
			return "conv2d";
		case OP_CONV_TRANSPOSE2D:
			return "conv_transpose2d";
		case OP_BATCH_NORM:
			return "batch_norm";
		case OP_RELU:
			return "relu";
		case OP_MAX_POOL2D:
			return "max_pool2d";
		case OP_ADD:
			return "add";
		case OP_CONCAT:
			return "concat";
	}
	return "?";
}

/* Print milliseconds per operator kind, per run. */
static void
print_profile(const Plan *plan, int runs)
{
	for (int kind = OP_INPUT; kind <= OP_CONCAT; kind++)
	{
		double		forward = 0;
		double		backward = 0;

		for (int s = 0; s < plan->step_count; s++)
			if ((int) plan->steps[s].kind == kind)
			{
				forward += plan->seconds[s];
				backward += plan->seconds[plan->step_count + s];
			}
		if (forward + backward > 0)
			printf("    %-18s forward %8.2f ms   backward %8.2f ms\n", kind_name(kind),
				   1e3 * forward / runs, 1e3 * backward / runs);
	}
}

/* Ask a plan to measure its steps. */
static void
start_profile(Plan *plan)
{
	void	   *memory;

	require(host_alloc_array(plan->host, 2 * (size_t) plan->step_count, sizeof(double), &memory));
	plan->seconds = memory;
}

static void
bench_precision(Network *network, Precision precision, int size, int batch)
{
	const HostContext *host = network->host;
	EngineChoice choice = {BACKEND_AUTO, precision};
	StepOptions options = {1e-4, 1e-2, 1};
	StepResult	result;
	Learner    *learner;
	Predictor  *predictor;
	Plan	   *plan;
	double		best = 1e30;
	double		flops;
	void	   *rgb;
	void	   *masks;
	void	   *probabilities;
	Rng			rng;

	require(host_alloc_array(host, (size_t) batch * size * size, 3, &rgb));
	require(host_alloc_array(host, (size_t) batch * size * size, 1, &masks));
	require(host_alloc_array(host, (size_t) batch * size * size, sizeof(float), &probabilities));
	rng_seed(&rng, 1, 0);
	for (size_t i = 0; i < (size_t) batch * size * size * 3; i++)
		((uint8_t *) rgb)[i] = (uint8_t) rng_below(&rng, 256);
	for (size_t i = 0; i < (size_t) batch * size * size; i++)
		((uint8_t *) masks)[i] = rng_below(&rng, 2) ? 255 : 0;

	require(learner_create(network, &choice, batch, size, size, &learner));
	plan = learner_plan(learner);
	require(learner_step(learner, rgb, masks, &options, &result));
	start_profile(plan);
	for (int i = 0; i < STEPS; i++)
	{
		double		begun = seconds_now();

		require(learner_step(learner, rgb, masks, &options, &result));
		begun = seconds_now() - begun;
		best = begun < best ? begun : best;
	}
	flops = 3 * forward_flops(plan) / batch;
	printf("%s %s training batch %d: %.2f images/s, %.0f GFLOP/s, %zu MB\n", plan->options.backend->name,
		   precision == PRECISION_BF16 ? "bf16" : "f32", batch, batch / best, flops * batch / best * 1e-9,
		   learner_memory(learner) >> 20);
	print_profile(plan, STEPS);
	learner_free(learner);

	best = 1e30;
	require(predictor_create(network, &choice, 1, size, size, &predictor));
	plan = predictor_plan(predictor);
	require(predictor_run(predictor, rgb, probabilities));
	start_profile(plan);
	for (int i = 0; i < PREDICTIONS; i++)
	{
		double		begun = seconds_now();

		require(predictor_run(predictor, rgb, probabilities));
		begun = seconds_now() - begun;
		best = begun < best ? begun : best;
	}
	flops = forward_flops(plan);
	printf("%s %s inference batch 1: %.2f images/s, %.0f GFLOP/s, %zu MB\n", plan->options.backend->name,
		   precision == PRECISION_BF16 ? "bf16" : "f32", 1 / best, flops / best * 1e-9,
		   predictor_memory(predictor) >> 20);
	print_profile(plan, PREDICTIONS);
	predictor_free(predictor);
	host_free(host, rgb);
	host_free(host, masks);
	host_free(host, probabilities);
}

int
main(int argc, char **argv)
{
	const char *positional[4] = {"unet", "256", "8", "2"};
	int			count = 0;
	HostContext host = *host_standalone();
	const Architecture *architecture;
	ArchConfig	config;
	Network    *network;

	for (int i = 1; i < argc; i++)
		if (strchr(argv[i], '=') == NULL && count < 4)
			positional[count++] = argv[i];
	architecture = arch_find(positional[0]);
	if (architecture == NULL)
	{
		fprintf(stderr, "no architecture \"%s\"\n", positional[0]);
		return 2;
	}
	arch_config_default(architecture, &config);
	for (int i = 1; i < argc; i++)
	{
		char	   *equals = strchr(argv[i], '=');

		if (equals == NULL)
			continue;
		*equals = '\0';
		require(arch_config_set(architecture, &config, argv[i], atof(equals + 1)));
	}
	host.threads = atoi(positional[3]);
	host.max_memory = (size_t) 16 << 30;
	require(network_create(&host, architecture, &config, &network));
	network_initialise(network, 1);
	bench_precision(network, PRECISION_F32, atoi(positional[1]), atoi(positional[2]));
	network_initialise(network, 1);
	bench_precision(network, PRECISION_BF16, atoi(positional[1]), atoi(positional[2]));
	network_free(network);
	return 0;
}
