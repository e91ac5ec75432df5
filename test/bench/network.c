/*
 * network.c: how fast a whole network runs, and where the time goes.
 *
 *   network [architecture=unet] [size=256] [batch=8] [threads=2] [only=inference|training]
 *           [precision=f32|bf16] [profile=steps] [images=1] [key=value ...]
 *
 * For float32 and, where the CPU has it, bfloat16: training steps at that
 * batch and predictions of single images, best of several, without server,
 * decoding or augmentation. Then the profile: milliseconds per operator kind
 * of the plan (and per step), forward and backward, each step's shortest.
 * With images=N predictions are timed in rows of N, as whole calls are, and
 * have no profile.
 * Weights and images are random; speed does not depend on them. Other keys
 * are of the architecture's config.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arch/engine.h"
#include "core/rng.h"
#include "core/threads.h"
#include "nn/conv/backend.h"
#include "../unit/arch_config.h"

#define STEPS 8
#define PREDICTIONS 30

/* A slow network stops at fewer of them: at these, once so long has passed. */
#define FEWEST 3
#define MOST_SECONDS 10

/* Whether the profile lists every step. */
static bool per_step;

/* Images that are predicted between two looks at the clock. */
static int	images_in_row = 1;

/* The clock of rates: with one thread its CPU time, which a busy machine
 * disturbs less. Profiles are by the wall clock. */
static clockid_t rate_clock = CLOCK_MONOTONIC;

static double
seconds_now(void)
{
	struct timespec now;

	clock_gettime(rate_clock, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

/* Is a measurement done, after count of most runs and since begun? */
static bool
enough(int count, int most, double begun)
{
	return count >= most || (count >= FEWEST && seconds_now() - begun > MOST_SECONDS);
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

/* Multiply-adds times two of one forward pass of the plan, each convolution
 * computed directly. */
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
		case OP_GELU:
			return "gelu";
		case OP_MAX_POOL2D:
			return "max_pool2d";
		case OP_RESIZE:
			return "resize";
		case OP_ADD:
			return "add";
		case OP_CONCAT:
			return "concat";
	}
	return "?";
}

/* The shortest time of each step of a plan: forward, then backward. */
typedef struct Profile
{
	Plan	   *plan;
	double	   *best;			/* (2, step_count) */
	double		rest;			/* shortest time outside of them: loss, optimiser, packing of weights */
} Profile;

/* Ask a plan to measure its steps. */
static Profile
profile_start(Plan *plan)
{
	Profile		profile = {.plan = plan};
	void	   *memory;

	require(host_alloc_array(plan->host, 2 * (size_t) plan->step_count, sizeof(double), &memory));
	plan->seconds = memory;
	require(host_alloc_array(plan->host, 2 * (size_t) plan->step_count, sizeof(double), &memory));
	profile.best = memory;
	return profile;
}

/* Take in one run's times; what is left of its seconds went by outside of steps. */
static void
profile_run(Profile *profile, double seconds, bool first)
{
	double		rest = seconds;

	for (int i = 0; i < 2 * profile->plan->step_count; i++)
		rest -= profile->plan->seconds[i];
	if (first || rest < profile->rest)
		profile->rest = rest;
	for (int i = 0; i < 2 * profile->plan->step_count; i++)
	{
		if (first || profile->plan->seconds[i] < profile->best[i])
			profile->best[i] = profile->plan->seconds[i];
		profile->plan->seconds[i] = 0;
	}
}

/* Print milliseconds, per step if asked to, and per operator kind. */
static void
profile_print(Profile *profile)
{
	const Plan *plan = profile->plan;
	const double *best = profile->best;

	for (int s = 0; s < plan->step_count && per_step; s++)
	{
		const Step *step = &plan->steps[s];
		TensorShape y = plan->values[step->y].shape;

		printf("    %3d %-18s %4d -> %4d x %3d^2  %8.3f ms   %8.3f ms\n", s, kind_name(step->kind),
			   step->x < 0 ? 0 : plan->values[step->x].shape.c, y.c, y.w, 1e3 * best[s],
			   1e3 * best[plan->step_count + s]);
	}
	for (int kind = OP_INPUT; kind <= OP_CONCAT; kind++)
	{
		double		forward = 0;
		double		backward = 0;

		for (int s = 0; s < plan->step_count; s++)
			if ((int) plan->steps[s].kind == kind)
			{
				forward += best[s];
				backward += best[plan->step_count + s];
			}
		if (forward + backward > 1e-4)
			printf("    %-18s forward %8.2f ms   backward %8.2f ms\n", kind_name(kind), 1e3 * forward, 1e3 * backward);
	}
	printf("    %-18s %8.2f ms\n", "outside of steps", 1e3 * profile->rest);
	host_free(plan->host, profile->best);
}

/* Random bytes, all values or 0 and 255 only. */
static uint8_t *
random_bytes(const Call *call, size_t count, bool mask)
{
	void	   *bytes;
	Rng			rng;

	require(call_alloc_array(call, count, 1, &bytes));
	rng_seed(&rng, 1, 0);
	for (size_t i = 0; i < count; i++)
		((uint8_t *) bytes)[i] = mask ? rng_below(&rng, 2) * 255 : rng_below(&rng, 256);
	return bytes;
}

/* One line: what a plan did, and at which rate. */
static void
print_rate(const Plan *plan, const char *what, int batch, double seconds, double flops, size_t memory)
{
	printf("%s %s %s batch %d: %.2f images/s, %.0f GFLOP/s, %zu MB\n", plan->options.backend->name,
		   plan->options.type == DATA_BF16 ? "bf16" : "f32", what, batch, batch / seconds,
		   flops / seconds * 1e-9, memory >> 20);
}

/* Time training steps. */
static void
bench_training(Network *network, const Call *call, const EngineChoice *choice, int size, int batch)
{
	size_t		pixels = (size_t) batch * size * size;
	uint8_t    *rgb = random_bytes(call, pixels * 3, false);
	uint8_t    *masks = random_bytes(call, pixels, true);
	StepOptions options = {.learning_rate = 1e-4,.weight_decay = 1e-2,.gradient_clip = 1};
	StepResult	result;
	Learner    *learner;
	Plan	   *plan;
	Profile		profile;
	double		started;
	double		best = 1e30;

	require(learner_create(network, call, choice, batch, size, size, &learner));
	plan = learner_plan(learner);
	require(learner_step(learner, call, rgb, masks, &options, &result));
	profile = profile_start(plan);
	started = seconds_now();
	for (int i = 0; !enough(i, STEPS, started); i++)
	{
		double		begun = seconds_now();

		require(learner_step(learner, call, rgb, masks, &options, &result));
		begun = seconds_now() - begun;
		best = begun < best ? begun : best;
		profile_run(&profile, begun, i == 0);
	}
	print_rate(plan, "training", batch, best, 3 * forward_flops(plan), learner_memory(learner));
	profile_print(&profile);
	learner_free(learner);
	call_free(call, rgb);
	call_free(call, masks);
}

/* Time predictions of one image. */
static void
bench_inference(Network *network, const Call *call, const EngineChoice *choice, int size)
{
	size_t		pixels = (size_t) size * size;
	uint8_t    *rgb = random_bytes(call, pixels * 3, false);
	void	   *probabilities;
	Predictor  *predictor;
	Plan	   *plan;
	Profile		profile;
	double		started;
	double		best = 1e30;

	require(call_alloc_array(call, pixels, sizeof(float), &probabilities));
	require(predictor_create(network, call, choice, 1, size, size, &predictor));
	plan = predictor_plan(predictor);
	require(predictor_run(predictor, call, rgb, probabilities));
	profile = profile_start(plan);
	started = seconds_now();
	for (int i = 0; !enough(i, PREDICTIONS, started); i++)
	{
		double		begun = seconds_now();

		for (int image = 0; image < images_in_row; image++)
			require(predictor_run(predictor, call, rgb, probabilities));
		begun = (seconds_now() - begun) / images_in_row;
		best = begun < best ? begun : best;
		if (images_in_row == 1)
			profile_run(&profile, begun, i == 0);
	}
	print_rate(plan, "inference", 1, best, forward_flops(plan), predictor_memory(predictor));
	if (images_in_row == 1)
		profile_print(&profile);
	predictor_free(predictor);
	call_free(call, rgb);
	call_free(call, probabilities);
}

/* Time what was asked for in one precision. */
static void
bench_precision(Network *network, const Call *call, Precision precision, const char *only, int size, int batch)
{
	EngineChoice choice = {BACKEND_AUTO, precision};

	require(network_initialise(network, call, 1));
	if (strcmp(only, "inference") != 0)
		bench_training(network, call, &choice, size, batch);
	if (strcmp(only, "training") != 0)
		bench_inference(network, call, &choice, size);
}

/* The value of "key=value" when argument is one for key, else NULL. */
static const char *
option_value(const char *argument, const char *key)
{
	size_t		length = strlen(key);

	return strncmp(argument, key, length) == 0 && argument[length] == '=' ? argument + length + 1 : NULL;
}

int
main(int argc, char **argv)
{
	const char *positional[4] = {"unet", "256", "8", "2"};
	const char *only = "";
	const char *precision = "";
	int			count = 0;
	Call call = *call_standalone();
	const Architecture *architecture;
	ArchConfig	config;
	const Backend *backend;
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
		if (option_value(argv[i], "only") != NULL)
			only = option_value(argv[i], "only");
		else if (option_value(argv[i], "precision") != NULL)
			precision = option_value(argv[i], "precision");
		else if (option_value(argv[i], "images") != NULL)
			images_in_row = atoi(option_value(argv[i], "images"));
		else if (option_value(argv[i], "profile") != NULL)
			per_step = strcmp(option_value(argv[i], "profile"), "steps") == 0;
		else
		{
			*equals = '\0';
			require(set_config(architecture, &config, argv[i], atof(equals + 1)));
		}
	}
	call.threads = atoi(positional[3]);
	if (call.threads == 1)
		rate_clock = CLOCK_THREAD_CPUTIME_ID;
	call.host.max_memory = (size_t) 16 << 30;
	require(network_create(&call.host, architecture, &config, &network));
	if (strcmp(precision, "bf16") != 0)
		bench_precision(network, &call, PRECISION_F32, only, atoi(positional[1]), atoi(positional[2]));
	require(backend_find(BACKEND_AUTO, &backend));
	if (strcmp(precision, "f32") != 0 && backend_has_bf16(backend))
		bench_precision(network, &call, PRECISION_BF16, only, atoi(positional[1]), atoi(positional[2]));
	network_free(network);
	return 0;
}
