/*
 * optimiser.c: see optimiser.h. Gradient, both moments and weight are read
 * and written in one pass over memory.
 */
#include "nn/optimiser.h"

#include <math.h>
#include <string.h>

#define BETA1 0.9
#define BETA2 0.999
#define EPSILON 1e-8
#define SINGLE_THREAD_COUNT 16384	/* with fewer, a parallel region takes longer than it saves */

Status
adamw_create(const Host *host, const Graph *graph, int threads, AdamW *adamw)
{
	void	   *memory;

	memset(adamw, 0, sizeof *adamw);
	adamw->host = host;
	adamw->threads = threads;
	adamw->graph = graph;
	adamw->loops = loops_for(DATA_F32);
	adamw->count = 2 * graph->weight_count;
	TRY(host_alloc_array(host, adamw->count, sizeof(float), &memory));
	adamw->moments = memory;
	TRY(host_alloc_array(host, threads, sizeof(double), &memory));
	adamw->sums = memory;
	return status_ok();
}

void
adamw_free(AdamW *adamw)
{
	if (adamw->host == NULL)
		return;
	host_free(adamw->host, adamw->moments);
	host_free(adamw->host, adamw->sums);
	memset(adamw, 0, sizeof *adamw);
}

double
adamw_gradient_norm(AdamW *adamw, const float *gradients)
{
	SquareArgs	args = {.values = gradients,.sums = adamw->sums};
	double		total = 0;

	memset(adamw->sums, 0, adamw->threads * sizeof(double));
	threads_run(adamw->threads, (long) adamw->graph->weight_count, adamw->loops->squares, &args);
	for (int worker = 0; worker < adamw->threads; worker++)
		total += adamw->sums[worker];
	return sqrt(total);
}

void
adamw_step(AdamW *adamw, float *weights, const float *gradients, double gradient_scale,
		   double learning_rate, double weight_decay)
{
	const Graph *graph = adamw->graph;
	double		t = (double) ++adamw->steps;

	for (int i = 0; i < graph->param_count; i++)
	{
		const GraphParam *param = &graph->params[i];
		AdamArgs	args = {
			.weights = weights + param->offset,
			.gradients = gradients + param->offset,
			.first = adamw->moments + param->offset,
			.second = adamw->moments + graph->weight_count + param->offset,
			.gradient_scale = (float) gradient_scale,
			.beta1 = BETA1,
			.beta2 = BETA2,
			.step_size = (float) (learning_rate / (1 - pow(BETA1, t))),
			.inverse_root = (float) (1 / sqrt(1 - pow(BETA2, t))),
			.epsilon = EPSILON,
			.keep = (float) (param->kind == PARAM_WEIGHT ? 1 - learning_rate * weight_decay : 1),
		};

		if (param->frozen || param->kind == PARAM_RUNNING_MEAN || param->kind == PARAM_RUNNING_VARIANCE)
			continue;
		threads_run(param->count < SINGLE_THREAD_COUNT ? 1 : adamw->threads, (long) param->count,
					adamw->loops->adam, &args);
	}
}
