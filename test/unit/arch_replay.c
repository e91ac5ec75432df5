/*
 * arch_replay.c: one training step of each architecture, repeated from what
 * PyTorch made of it (test/replay/replay.py), on every backend.
 *
 * The dump is in weight files, so reading it tests those too: the starting
 * weights with metadata, gradients and stepped weights in the same names. The
 * images and expected outputs are a weight file as well; a Graph that only
 * lists its tensors reads it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/engine.h"
#include "arch/maskrcnn.h"
#include "arch/network.h"
#include "arch/runner.h"
#include "arch_config.h"
#include "nn/weights/weights.h"

#define TOLERANCE 1e-4			/* relative to the largest value of a tensor */
#define CANCELLED 1e-3			/* of the gradient's norm: a tensor's gradient below is what sums left over */

/* What was dumped: one line per architecture. */
typedef struct Replay
{
	const char *architecture;
	struct
	{
		const char *key;
		double		value;
	}			config[8];
	int			batch;
	int			height;
	int			width;
	bool		losses;			/* the dump has Mask R-CNN's losses in place of training logits */
} Replay;

static const Replay replays[] = {
	{"unet", {{"base", 4}, {"depth", 2}}, 3, 24, 16, false},
	{"linknet", {{"base", 4}}, 4, 64, 32, false},
	{"convmixer", {{"dim", 24}, {"depth", 2}, {"kernel", 5}, {"patch", 4}}, 3, 32, 24, false},
	{"maskrcnn", {{"base", 4}, {"pyramid", 4}, {"anchor", 2}, {"rois", 16}, {"box_units", 8}, {"mask_depth", 1},
			{"detections", 3}, {"score", 0.6}}, 3, 32, 64, true},
};

/* In the order replay.py writes them. */
enum Scalar
{
	LOSS,
	GRADIENT_NORM,
	LEARNING_RATE,
	WEIGHT_DECAY,
	GRADIENT_CLIP,
	STEPS_BEFORE,
	SCALAR_COUNT
};

/* A loaded dump and the network it is for. */
typedef struct Loaded
{
	Call call;
	Network    *network;
	float	   *start;			/* weights, each (weight_count) */
	float	   *gradients;
	float	   *stepped;
	float	   *outputs;		/* holds the three that follow */
	const float *logits_eval;	/* (N, H, W) */
	const float *logits_train;	/* or losses (LOSS_COUNT) */
	const float *scalars;
	uint8_t    *rgb;
	uint8_t    *masks;
	size_t		pixels;			/* N * H * W */
} Loaded;

static void
assert_ok(Status status)
{
	if (status.code != LS_OK)
		fail_msg("%s", status.message);
}

/* Compare a tensor within tolerance of its largest expected value, or of floor where that is larger. */
static void
assert_close_above(const char *name, const float *values, const float *expected, size_t count,
				   double tolerance, double floor)
{
	double		largest = floor;
	double		worst = 0;
	size_t		where = 0;

	for (size_t i = 0; i < count; i++)
	{
		double		difference = fabs((double) values[i] - expected[i]);

		if (fabs(expected[i]) > largest)
			largest = fabs(expected[i]);
		if (!(difference <= worst))	/* a NaN too */
		{
			worst = difference;
			where = i;
		}
	}
	assert_true(largest > 0);
	if (!(worst <= tolerance * largest))
		fail_msg("%s[%zu] is %.9g, expected %.9g; off by %.2g of the largest value", name, where,
				 (double) values[where], (double) expected[where], worst / largest);
}

/* The same without a floor. */
static void
assert_close(const char *name, const float *values, const float *expected, size_t count, double tolerance)
{
	assert_close_above(name, values, expected, count, tolerance, 0);
}

/* Compare all tensors of one kind of weight file. */
static void
assert_params_close(const Graph *graph, const float *values, const float *expected, double tolerance)
{
	for (int i = 0; i < graph->param_count; i++)
	{
		const GraphParam *param = &graph->params[i];

		assert_close(param->name, values + param->offset, expected + param->offset, param->count, tolerance);
	}
}

/* ---- loading ---- */

static unsigned char *
read_file(const char *architecture, const char *name, size_t *size)
{
	char		path[256];
	unsigned char *bytes = malloc(1 << 20);
	FILE	   *file;

	snprintf(path, sizeof path, "test/replay/%s/%s.safetensors", architecture, name);
	file = fopen(path, "rb");
	if (file == NULL)
		fail_msg("%s cannot be read (tests run in the repository's root)", path);
	*size = fread(bytes, 1, 1 << 20, file);
	fclose(file);
	return bytes;
}

/* Read a file of graph's tensors into a new array. */
static float *
read_tensors(const Replay *replay, const char *name, const Graph *graph)
{
	float	   *values = malloc(graph->weight_count * sizeof(float));
	size_t		size;
	unsigned char *bytes = read_file(replay->architecture, name, &size);

	assert_ok(weights_read(call_standalone(), bytes, size, graph, values));
	free(bytes);
	return values;
}

/* Read case.safetensors. */
static void
read_case(const Replay *replay, Loaded *loaded)
{
	int64_t		n = replay->batch;
	int64_t		h = replay->height;
	int64_t		w = replay->width;
	GraphParam	params[] = {
		{.name = "images",.rank = 4,.shape = {n, h, w, 3},.count = 3 * loaded->pixels},
		{.name = "masks",.rank = 3,.shape = {n, h, w},.count = loaded->pixels},
		{.name = "logits_eval",.rank = 3,.shape = {n, h, w},.count = loaded->pixels},
		{.name = "logits_train",.rank = 3,.shape = {n, h, w},.count = loaded->pixels},
		{.name = "scalars",.rank = 1,.shape = {SCALAR_COUNT},.count = SCALAR_COUNT},
	};
	Graph		graph;

	if (replay->losses)
		params[3] = (GraphParam) {.name = "losses",.rank = 1,.shape = {LOSS_COUNT},.count = LOSS_COUNT};
	graph = (Graph) {.params = params,.param_count = sizeof params / sizeof params[0]};

	for (int i = 0; i < graph.param_count; i++)
	{
		params[i].offset = graph.weight_count;
		graph.weight_count += params[i].count;
	}
	loaded->outputs = read_tensors(replay, "case", &graph);
	loaded->logits_eval = loaded->outputs + params[2].offset;
	loaded->logits_train = loaded->outputs + params[3].offset;
	loaded->scalars = loaded->outputs + params[4].offset;
	loaded->rgb = malloc(3 * loaded->pixels);
	loaded->masks = malloc(loaded->pixels);
	for (size_t i = 0; i < 3 * loaded->pixels; i++)
		loaded->rgb[i] = (uint8_t) loaded->outputs[i];
	for (size_t i = 0; i < loaded->pixels; i++)
		loaded->masks[i] = (uint8_t) loaded->outputs[params[1].offset + i];
}

/* Build the network of a replay and read its files. */
static void
load(const Replay *replay, int threads, Loaded *loaded)
{
	const Architecture *architecture = arch_find(replay->architecture);
	ArchConfig	config;
	unsigned char *bytes;
	size_t		size;

	memset(loaded, 0, sizeof *loaded);
	loaded->call = *call_standalone();
	loaded->call.threads = threads;
	loaded->pixels = (size_t) replay->batch * replay->height * replay->width;
	assert_non_null(architecture);
	arch_config_default(architecture, &config);
	for (int i = 0; i < 8 && replay->config[i].key != NULL; i++)
		assert_ok(set_config(architecture, &config, replay->config[i].key, replay->config[i].value));
	assert_ok(network_create(&loaded->call.host, architecture, &config, &loaded->network));
	bytes = read_file(replay->architecture, "weights", &size);
	assert_ok(network_load(loaded->network, &loaded->call, bytes, size));
	free(bytes);
	loaded->start = read_tensors(replay, "weights", loaded->network->graph);
	loaded->gradients = read_tensors(replay, "gradients", loaded->network->graph);
	loaded->stepped = read_tensors(replay, "stepped", loaded->network->graph);
	read_case(replay, loaded);
}

static void
unload(Loaded *loaded)
{
	network_free(loaded->network);
	free(loaded->start);
	free(loaded->gradients);
	free(loaded->stepped);
	free(loaded->outputs);
	free(loaded->rgb);
	free(loaded->masks);
}

/* ---- comparing ---- */

/* Probabilities from running statistics. */
static void
check_prediction(const Replay *replay, BackendKind backend, Loaded *loaded)
{
	EngineChoice choice = {backend, PRECISION_F32};
	float	   *probabilities = malloc(loaded->pixels * sizeof(float));
	float	   *expected = malloc(loaded->pixels * sizeof(float));
	Predictor  *predictor;

	assert_ok(predictor_create(loaded->network, &loaded->call, &choice, replay->batch, replay->height, replay->width,
							   &predictor));
	assert_ok(predictor_run(predictor, &loaded->call, loaded->rgb, probabilities));
	for (size_t i = 0; i < loaded->pixels; i++)
		expected[i] = (float) (1 / (1 + exp(-(double) loaded->logits_eval[i])));
	assert_close("probabilities", probabilities, expected, loaded->pixels, TOLERANCE);
	predictor_free(predictor);
	free(probabilities);
	free(expected);
}

/* Mask R-CNN's losses, one by one, for the draws of the dump's step. */
static void
check_losses(const Replay *replay, BackendKind backend, Loaded *loaded)
{
	RunnerOptions options = {
		.choice = {backend, PRECISION_F32},.batch = replay->batch,.height = replay->height,.width = replay->width,
		.training = true,
	};
	TrainingBatch batch = {
		.rgb = loaded->rgb,.masks = loaded->masks,
		.seed = (uint64_t) loaded->scalars[STEPS_BEFORE] * UINT64_C(0x9E3779B97F4A7C15),
	};
	float	   *gradients = calloc(loaded->network->graph->weight_count, sizeof(float));
	double		loss;
	void	   *runner;

	assert_ok(maskrcnn_runner.create(loaded->network, &loaded->call, &options, &runner));
	assert_ok(maskrcnn_runner.set_weights(runner, &loaded->call, loaded->network->weights));
	assert_ok(maskrcnn_runner.train(runner, &loaded->call, &batch, loaded->network->weights, gradients, &loss));
	for (int i = 0; i < LOSS_COUNT; i++)
	{
		float		total = 0;

		for (int image = 0; image < replay->batch; image++)
			total += (float) ((MaskRcnn *) runner)->losses[image * LOSS_COUNT + i];
		assert_close("loss", &total, &loaded->logits_train[i], 1, TOLERANCE);
	}
	maskrcnn_runner.free(runner);
	free(gradients);
}

/* Logits from batch statistics, and the loss that validation would report. */
static void
check_training_forward(const Replay *replay, BackendKind backend, Loaded *loaded)
{
	EngineChoice choice = {backend, PRECISION_F32};
	float	   *probabilities = malloc(loaded->pixels * sizeof(float));
	float		loss;
	Plan	   *plan;
	Tensor		logits;

	if (replay->losses)
	{
		check_losses(replay, backend, loaded);
		free(probabilities);
		return;
	}
	assert_ok(engine_plan(loaded->network, &loaded->call, &choice, replay->batch, replay->height, replay->width, true,
						  &plan));
	assert_ok(plan_set_weights(plan, &loaded->call, loaded->network->weights));
	engine_write_input(plan, loaded->network, loaded->rgb);
	assert_ok(plan_forward(plan, &loaded->call, loaded->network->weights));
	logits = plan_output(plan);
	assert_int_equal(logits.pixel_stride, 1);
	assert_close("logits", logits.data, loaded->logits_train, loaded->pixels, TOLERANCE);
	engine_read_probabilities(plan, probabilities);
	loss = (float) network_loss(replay->batch, replay->height, replay->width, probabilities, loaded->masks);
	assert_close("network_loss", &loss, &loaded->scalars[LOSS], 1, TOLERANCE);
	plan_free(plan);
	free(probabilities);
}

/* Loss, gradients, running statistics and weights of one training step. */
static void
check_step(const Replay *replay, BackendKind backend, Loaded *loaded)
{
	EngineChoice choice = {backend, PRECISION_F32};
	const Graph *graph = loaded->network->graph;
	StepOptions options = {
		.learning_rate = loaded->scalars[LEARNING_RATE],
		.weight_decay = loaded->scalars[WEIGHT_DECAY],
		.gradient_clip = loaded->scalars[GRADIENT_CLIP],
	};
	StepResult	result;
	Learner    *learner;
	float	   *moments;
	float	   *updates = malloc(graph->weight_count * sizeof(float));
	float	   *expected = malloc(graph->weight_count * sizeof(float));
	float		loss;
	float		norm;
	size_t		count;
	int64_t    *steps;

	/* A history of the optimiser, by replay.py's formula. */
	assert_ok(learner_create(loaded->network, &loaded->call, &choice, replay->batch, replay->height, replay->width,
							 &learner));
	learner_state(learner, &moments, &count, &steps);
	assert_int_equal(count, 2 * graph->weight_count);
	*steps = (int64_t) loaded->scalars[STEPS_BEFORE];
	for (size_t i = 0; i < graph->weight_count; i++)
	{
		moments[i] = 0.05f * loaded->start[i];
		moments[graph->weight_count + i] = 1e-6f * (1 + loaded->start[i] * loaded->start[i]);
	}

	assert_ok(learner_step(learner, &loaded->call, loaded->rgb, loaded->masks, &options, &result));
	loss = (float) result.loss;
	norm = (float) result.gradient_norm;
	assert_close("loss", &loss, &loaded->scalars[LOSS], 1, TOLERANCE);
	assert_close("gradient norm", &norm, &loaded->scalars[GRADIENT_NORM], 1, TOLERANCE);
	assert_int_equal(*steps, (int64_t) loaded->scalars[STEPS_BEFORE] + 1);

	/* Gradients and running statistics share a file, as they do a layout. */
	for (int p = 0; p < graph->param_count; p++)
	{
		const GraphParam *param = &graph->params[p];
		bool		statistic = param->kind == PARAM_RUNNING_MEAN || param->kind == PARAM_RUNNING_VARIANCE;
		const float *values = statistic ? loaded->network->weights : learner_gradients(learner);

		assert_close_above(param->name, values + param->offset, loaded->gradients + param->offset, param->count,
						   TOLERANCE, statistic ? 0 : CANCELLED * norm);
	}

	/* The step is compared by what it changed, which is little beside what was there. */
	for (size_t i = 0; i < graph->weight_count; i++)
	{
		updates[i] = loaded->network->weights[i] - loaded->start[i];
		expected[i] = loaded->stepped[i] - loaded->start[i];
	}
	assert_params_close(graph, updates, expected, TOLERANCE);
	learner_free(learner);
	free(updates);
	free(expected);
}

/* Run a check for every replay, backend of this build, and one or two threads. */
static void
for_all(void (*check) (const Replay *, BackendKind, Loaded *))
{
	static const BackendKind kinds[] = {BACKEND_OPENBLAS, BACKEND_AUTO};

	for (size_t r = 0; r < sizeof replays / sizeof replays[0]; r++)
		for (int k = 0; k < 2; k++)
			for (int threads = 1; threads <= 2; threads++)
			{
				Loaded		loaded;

				load(&replays[r], threads, &loaded);
				check(&replays[r], kinds[k], &loaded);
				unload(&loaded);
			}
}

static void
test_prediction(void **state)
{
	(void) state;
	for_all(check_prediction);
}

static void
test_training_forward(void **state)
{
	(void) state;
	for_all(check_training_forward);
}

static void
test_step(void **state)
{
	(void) state;
	for_all(check_step);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prediction),
		cmocka_unit_test(test_training_forward),
		cmocka_unit_test(test_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
