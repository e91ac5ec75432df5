/*
 * convolution.c: how fast a backend convolves, per layer of the U-Net.
 *
 *   convolution [auto|openblas] [f32|bf16] [batch] [threads] [base] [size] [inference]
 *
 * One line per distinct layer: GFLOP/s of forward, backward-data and
 * backward-weights, microseconds of set_weights, megabytes held, and the
 * kernel of each pass. "up" layers are transposed: their forward is
 * backward-data (nn/conv/convolution.h). "slice" layers write half of the
 * channels of a concatenation, as the encoder does in inference. The best of
 * several runs counts; the totals add up one whole pass of the network. With
 * "inference" the layers are made for their network's forward pass alone. With
 * one thread its CPU time is taken, which a busy machine disturbs less.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/rng.h"
#include "nn/conv/convolution.h"

/* Seconds to spend on a pass of a layer, and runs at least. */
#define SECONDS 0.15
#define MIN_RUNS 4

typedef struct Layer
{
	const char *name;
	int			count;			/* times it stands in the network */
	int			down;			/* x is size / down wide */
	int			c_in;			/* multiples of base; 0 = 3 channels */
	int			c_out;			/* 0 = 1 channel */
	int			kernel;
	int			stride;
	int			padding;
	int			x_wide;			/* pixel stride in multiples of C */
	int			y_wide;
	int			groups;			/* 0 = dense, 1 = depthwise */
} Layer;

/* count 0: not in the U-Net, or a variant of a layer that is. */
static const Layer layers[] = {
	{"first 3x3", 1, 1, 0, 1, 3, 1, 1, 1, 1, 0},
	{"3x3", 2, 1, 1, 1, 3, 1, 1, 1, 1, 0},
	{"3x3 slice", 0, 1, 1, 1, 3, 1, 1, 1, 2, 0},
	{"3x3", 1, 1, 2, 1, 3, 1, 1, 1, 1, 0},
	{"3x3", 1, 2, 1, 2, 3, 1, 1, 1, 1, 0},
	{"3x3", 2, 2, 2, 2, 3, 1, 1, 1, 1, 0},
	{"3x3 slice", 0, 2, 2, 2, 3, 1, 1, 1, 2, 0},
	{"3x3", 1, 2, 4, 2, 3, 1, 1, 1, 1, 0},
	{"3x3", 1, 4, 2, 4, 3, 1, 1, 1, 1, 0},
	{"3x3", 2, 4, 4, 4, 3, 1, 1, 1, 1, 0},
	{"3x3 slice", 0, 4, 4, 4, 3, 1, 1, 1, 2, 0},
	{"3x3", 1, 4, 8, 4, 3, 1, 1, 1, 1, 0},
	{"3x3", 1, 8, 4, 8, 3, 1, 1, 1, 1, 0},
	{"3x3", 2, 8, 8, 8, 3, 1, 1, 1, 1, 0},
	{"3x3", 1, 8, 16, 8, 3, 1, 1, 1, 1, 0},
	{"3x3", 1, 16, 8, 16, 3, 1, 1, 1, 1, 0},
	{"3x3", 1, 16, 16, 16, 3, 1, 1, 1, 1, 0},
	{"up 2x2", 1, 1, 1, 2, 2, 2, 0, 2, 1, 0},
	{"up 2x2", 1, 2, 2, 4, 2, 2, 0, 2, 1, 0},
	{"up 2x2", 1, 4, 4, 8, 2, 2, 0, 2, 1, 0},
	{"up 2x2", 1, 8, 8, 16, 2, 2, 0, 2, 1, 0},
	{"up 2x2 dense", 0, 1, 1, 2, 2, 2, 0, 1, 1, 0},
	{"up 2x2 dense", 0, 8, 8, 16, 2, 2, 0, 1, 1, 0},
	{"head 1x1", 1, 1, 1, 0, 1, 1, 0, 1, 1, 0},
	{"depthwise 7x7", 0, 4, 8, 8, 7, 1, 3, 1, 1, 1},
	{"pointwise 1x1", 0, 4, 8, 8, 1, 1, 0, 1, 1, 0},
	{"patches 4x4", 0, 1, 0, 8, 4, 4, 0, 1, 1, 0},
	{"stem 7x7", 0, 1, 0, 2, 7, 2, 3, 1, 1, 0},
	{"3x3 stride 2", 0, 4, 2, 4, 3, 2, 1, 1, 1, 0},
};

typedef struct Settings
{
	const Backend *backend;
	DataType	type;
	int			batch;
	int			base;
	int			size;
	int			threads;
	bool		inference;
} Settings;

typedef struct Totals
{
	double		seconds[3];
	double		flops;
	double		set_weights;
	size_t		memory;
} Totals;

/* What a run needs. */
typedef struct Run
{
	Convolution *convolution;
	ConvolutionCall call;
	void	   *x;
	void	   *y;
	float	   *dw;
	const float *weights;
	clockid_t	clock;
} Run;

static double
now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec + time.tv_nsec * 1e-9;
}

/* Stop the program on a failure. */
static void
must(Status status)
{
	if (status.code == LS_OK)
		return;
	fprintf(stderr, "%s\n", status.message);
	exit(1);
}

/* Random small values of a type. */
static void *
random_tensor(size_t count, DataType type)
{
	void	   *tensor = aligned_alloc(64, (count * data_type_size(type) + 63) / 64 * 64);
	Rng			rng;

	if (tensor == NULL)
		must(status_error(LS_OUT_OF_MEMORY, "could not allocate %zu values", count));
	rng_seed(&rng, 1, count);
	for (size_t i = 0; i < count; i++)
	{
		float		value = (float) rng_range(&rng, -1, 1);

		if (type == DATA_F32)
			((float *) tensor)[i] = value;
		else
			((bfloat16 *) tensor)[i] = bfloat16_from_float(value);
	}
	return tensor;
}

/* Run a pass once; 3 is set_weights. */
static void
run_pass(const Run *run, int pass)
{
	switch (pass)
	{
		case PASS_FORWARD:
			must(convolution_forward(run->convolution, &run->call, run->x, NULL, run->y));
			break;
		case PASS_BACKWARD_DATA:
			must(convolution_backward_data(run->convolution, &run->call, run->y, run->x));
			break;
		case PASS_BACKWARD_WEIGHTS:
			must(convolution_backward_weights(run->convolution, &run->call, run->x, run->y, run->dw, NULL));
			break;
		default:
			must(convolution_set_weights(run->convolution, &run->call, run->weights, NULL));
			break;
	}
}

/* The shortest time of a pass. */
static double
time_pass(const Run *run, int pass)
{
	double		best = 1e9;
	double		begin = now(run->clock);

	run_pass(run, pass);
	for (int i = 0; i < MIN_RUNS || now(run->clock) - begin < SECONDS; i++)
	{
		double		start = now(run->clock);
		double		took;

		run_pass(run, pass);
		took = now(run->clock) - start;
		best = took < best ? took : best;
	}
	return best;
}

/* GFLOP/s; 0 of a pass that was not made. */
static double
rate(double flops, double seconds)
{
	return seconds > 0 ? flops / seconds * 1e-9 : 0;
}

static void
time_layer(const Settings *settings, const Layer *layer, Totals *totals)
{
	int			x_size = settings->size / layer->down;
	int			y_size = (x_size + 2 * layer->padding - layer->kernel) / layer->stride + 1;
	int			c_in = layer->c_in == 0 ? 3 : layer->c_in * settings->base;
	int			c_out = layer->c_out == 0 ? 1 : layer->c_out * settings->base;
	ConvolutionShape shape = {
		.x = {settings->batch, x_size, x_size, c_in},
		.y = {settings->batch, y_size, y_size, c_out},
		.kernel = layer->kernel, .stride = layer->stride, .padding = layer->padding,
		.groups = layer->groups == 0 ? 1 : c_in,
	};
	bool		transposed = strncmp(layer->name, "up ", 3) == 0;
	bool		all = !settings->inference;
	ConvolutionUse use = {
		.type = settings->type,
		.threads = settings->threads,
		.x_pixel_stride = c_in * layer->x_wide,
		.y_pixel_stride = c_out * layer->y_wide,
		.forward = all || !transposed, .backward_data = all || transposed, .backward_weights = all,
		.transposed = transposed,
	};
	size_t		weights = (size_t) c_out * c_in / shape.groups * layer->kernel * layer->kernel;
	double		flops = 2.0 * shape_pixels(shape.y) * weights;
	double		seconds[4];
	size_t		memory;
	Run			run = {
		.clock = settings->threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC,
	};
	void	   *plain = random_tensor(weights, DATA_F32);

	run.x = random_tensor((size_t) shape_pixels(shape.x) * use.x_pixel_stride, use.type);
	run.y = random_tensor((size_t) shape_pixels(shape.y) * use.y_pixel_stride, use.type);
	run.dw = random_tensor(weights, DATA_F32);
	run.weights = plain;
	must(convolution_create(host_standalone(), settings->backend, &shape, &use, &run.convolution));
	run.call.threads = use.threads;
	run.call.scratch = random_tensor(convolution_scratch(run.convolution), DATA_F32);
	for (int pass = 3; pass >= 0; pass--)
		seconds[pass] = pass == 3 || convolution_kernel(run.convolution, pass)[0] != '\0' ? time_pass(&run, pass) : 0;
	memory = convolution_memory(run.convolution) + convolution_scratch(run.convolution);
	printf("%-13s %4d %4d->%-4d %3d^2 %7.2f %7.0f %7.0f %7.0f %8.0f %7.1f  %s | %s | %s\n",
		   layer->name, layer->count, c_in, c_out, x_size, flops * 1e-9,
		   rate(flops, seconds[0]), rate(flops, seconds[1]), rate(flops, seconds[2]),
		   seconds[3] * 1e6, memory / 1048576.0,
		   convolution_kernel(run.convolution, PASS_FORWARD),
		   convolution_kernel(run.convolution, PASS_BACKWARD_DATA),
		   convolution_kernel(run.convolution, PASS_BACKWARD_WEIGHTS));
	fflush(stdout);
	for (int pass = 0; pass < 3; pass++)
		totals->seconds[pass] += layer->count * seconds[pass];
	totals->flops += layer->count * flops;
	totals->set_weights += layer->count * seconds[3];
	totals->memory += layer->count * memory;
	convolution_free(run.convolution);
	free(run.call.scratch);
	free(run.x);
	free(run.y);
	free(run.dw);
	free(plain);
}

int
main(int argc, char **argv)
{
	const char *backend = argc > 1 ? argv[1] : "auto";
	const char *type = argc > 2 ? argv[2] : "bf16";
	Settings	settings = {
		.type = strcmp(type, "bf16") == 0 ? DATA_BF16 : DATA_F32,
		.batch = argc > 3 ? atoi(argv[3]) : 8,
		.base = argc > 5 ? atoi(argv[5]) : 32,
		.size = argc > 6 ? atoi(argv[6]) : 256,
	};
	Totals		totals = {.flops = 0};
	double		seconds;

	settings.threads = argc > 4 ? atoi(argv[4]) : 2;
	settings.inference = argc > 7 && strcmp(argv[7], "inference") == 0;
	must(backend_find(strcmp(backend, "openblas") == 0 ? BACKEND_OPENBLAS : BACKEND_AUTO, &settings.backend));
	printf("%s %s, batch %d, %d threads, U-Net base %d at %d\n", settings.backend->name, type, settings.batch,
		   settings.threads, settings.base, settings.size);
	printf("%-13s %4s %10s %5s %7s %7s %7s %7s %8s %7s\n", "layer", "of", "channels", "x", "GFLOP", "fwd",
		   "b-data", "b-wei", "set us", "MB");
	for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
		time_layer(&settings, &layers[i], &totals);
	seconds = totals.seconds[0] + totals.seconds[1] + totals.seconds[2];
	if (settings.inference)
		printf("network: %.1f GFLOP, %.0f GFLOP/s\nimages/s of the convolutions alone: inference %.1f",
			   totals.flops * 1e-9, rate(totals.flops, seconds), settings.batch / seconds);
	else
		printf("network: %.1f GFLOP, GFLOP/s forward %.0f, backward-data %.0f, backward-weights %.0f\n"
			   "images/s of the convolutions alone: inference %.1f, training %.1f",
			   totals.flops * 1e-9, rate(totals.flops, totals.seconds[0]), rate(totals.flops, totals.seconds[1]),
			   rate(totals.flops, totals.seconds[2]), settings.batch / totals.seconds[0], settings.batch / seconds);
	printf("; set_weights %.1f ms, %.0f MB held\n", totals.set_weights * 1e3, totals.memory / 1048576.0);
	return 0;
}
