/*
 * dense.c: the runner of architectures with one plan from the image to a logit
 * per pixel.
 */
#include "arch/engine.h"
#include "arch/runner.h"
#include "nn/loss.h"

typedef struct Dense
{
	const Network *network;
	Plan	   *plan;
	float	   *probabilities;	/* (N, H, W), training only */
	float	   *dlogits;		/* (N, H, W), training only */
} Dense;

static void
dense_free(void *runner)
{
	Dense	   *dense = runner;

	if (dense == NULL)
		return;
	plan_free(dense->plan);
	host_free(dense->network->host, dense->probabilities);
	host_free(dense->network->host, dense->dlogits);
	host_free(dense->network->host, dense);
}

/* Make the plan and, for training, allocate what the loss needs. */
static Status
dense_prepare(Dense *dense, const Call *call, const RunnerOptions *options)
{
	const Host *host = dense->network->host;
	size_t		pixels;
	void	   *memory;

	TRY(engine_plan(dense->network, call, &options->choice, options->batch, options->height, options->width,
					options->training, &dense->plan));
	if (!options->training)
		return status_ok();
	pixels = shape_pixels(plan_output(dense->plan).shape);
	TRY(host_alloc_array(host, pixels, sizeof(float), &memory));
	dense->probabilities = memory;
	TRY(host_alloc_array(host, pixels, sizeof(float), &memory));
	dense->dlogits = memory;
	return status_ok();
}

static Status
dense_create(const Network *network, const Call *call, const RunnerOptions *options, void **runner)
{
	Dense	   *dense;
	void	   *memory;
	Status		status;

	TRY(host_alloc_array(network->host, 1, sizeof(Dense), &memory));
	dense = memory;
	dense->network = network;
	status = dense_prepare(dense, call, options);
	if (status.code != LS_OK)
	{
		dense_free(dense);
		return status;
	}
	*runner = dense;
	return status_ok();
}

static Status
dense_set_weights(void *runner, const Call *call, const float *weights)
{
	return plan_set_weights(((Dense *) runner)->plan, call, weights);
}

static Status
dense_predict(void *runner, const Call *call, const uint8_t *rgb, float *probabilities)
{
	Dense	   *dense = runner;

	engine_write_input(dense->plan, dense->network, rgb);
	TRY(plan_forward(dense->plan, call, NULL));
	engine_read_probabilities(dense->plan, probabilities);
	return status_ok();
}

static Status
dense_train(void *runner, const Call *call, const TrainingBatch *batch, float *weights, float *gradients, double *loss)
{
	Dense	   *dense = runner;
	Plan	   *plan = dense->plan;
	Tensor		gradient = plan_output_gradient(plan);
	TensorShape shape = gradient.shape;
	int			threads = plan->threads;
	ConvertArgs args = {.from = dense->dlogits,.to = gradient.data};

	engine_write_input(plan, dense->network, batch->rgb);
	TRY(plan_forward(plan, call, weights));
	engine_read_probabilities(plan, dense->probabilities);
	*loss = loss_bce_dice(threads, shape.n, (long) shape.h * shape.w, dense->probabilities, batch->masks,
						  dense->dlogits);
	threads_run(threads, shape_pixels(shape), plan->loops->from_float, &args);
	return plan_backward(plan, call, gradients);
}

static size_t
dense_memory(const void *runner)
{
	const Dense *dense = runner;
	size_t		pixels = shape_pixels(plan_output(dense->plan).shape);

	return plan_memory(dense->plan) + (dense->dlogits != NULL ? 2 * pixels * sizeof(float) : 0);
}

static Plan *
dense_plan(const void *runner)
{
	return ((const Dense *) runner)->plan;
}

const struct RunnerKind dense_runner = {
	.create = dense_create,
	.free = dense_free,
	.set_weights = dense_set_weights,
	.predict = dense_predict,
	.train = dense_train,
	.memory = dense_memory,
	.plan = dense_plan,
};
