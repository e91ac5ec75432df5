/*
 * arch_network.c: configs, networks and their files, prediction and training
 * steps, with a U-Net small enough to learn one batch by heart in a second.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "arch/engine.h"
#include "arch_config.h"
#include "between.h"
#include "plan_fixture.h"

enum
{
	BATCH = 2,
	SIZE = 32
};

/* ---- the registry ---- */

static void
test_registry(void **state)
{
	int			count;
	const Architecture *const *list = arch_list(&count);

	(void) state;
	assert_true(count >= 1);
	for (int i = 0; i < count; i++)
	{
		ArchConfig	config;

		assert_ptr_equal(arch_find(list[i]->name), list[i]);
		assert_true(list[i]->description[0] != '\0' && list[i]->learning_rate > 0);
		assert_between(list[i]->config.count, 1, ARCH_MAX_KEYS);
		assert_non_null(list[i]->encoder);
		assert_non_null(list[i]->encoder[0]);
		assert_non_null(list[i]->runner);
		arch_config_default(list[i], &config);
		for (int k = 0; k < list[i]->config.count; k++)
		{
			const Option *key = &list[i]->config.rows[k];

			/* A default is a value that one may set; so are the ends of the range. */
			assert_true(config.values[k] == key->default_value);
			assert_ok(set_config(list[i], &config, key->name, key->default_value));
			if (key->type != OPTION_ODD)
			{
				assert_ok(set_config(list[i], &config, key->name, key->minimum));
				assert_true(config.values[k] == key->minimum);
				assert_ok(set_config(list[i], &config, key->name, key->maximum));
				assert_true(config.values[k] == key->maximum);
			}
		}
	}
	assert_null(arch_find("resnet"));
	assert_null(arch_find(""));
	assert_null(arch_find("UNet"));
}

static void
test_config(void **state)
{
	static const double refused[] = {0, 129, -1, 16.5, 1e300, INFINITY, -INFINITY, NAN};
	const Architecture *unet = arch_find("unet");
	ArchConfig	config;
	ArchConfig	before;
	Status		status;

	(void) state;
	assert_non_null(unet);
	arch_config_default(unet, &config);
	assert_ok(set_config(unet, &config, "base", 16));
	before = config;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
	{
		status = set_config(unet, &config, "base", refused[i]);
		assert_int_equal(status.code, LS_INVALID_ARGUMENT);
		assert_non_null(strstr(status.message, "is out of range"));
		assert_string_equal(status.hint, "base takes a whole number from 1 to 128.");
		assert_memory_equal(&config, &before, sizeof config);
	}
	status = set_config(unet, &config, "width", 16);
	assert_int_equal(status.code, LS_INVALID_ARGUMENT);
	assert_string_equal(status.message, "no key \"width\" in config of unet");
	assert_string_equal(status.hint, "Keys that exist: base, depth.");
	assert_int_equal(set_config(unet, &config, "Base", 16).code, LS_INVALID_ARGUMENT);
	assert_memory_equal(&config, &before, sizeof config);
}

/* ---- networks ---- */

/* A call on two threads. */
static const Call *
two_threads(void)
{
	static Call call;

	call = *call_standalone();
	call.threads = 2;
	return &call;
}

/* A U-Net of that base and depth, with weights from seed. */
static Network *
make_unet(const Call *call, int base, int depth, int64_t seed)
{
	const Architecture *unet = arch_find("unet");
	ArchConfig	config;
	Network    *network;

	arch_config_default(unet, &config);
	assert_ok(set_config(unet, &config, "base", base));
	assert_ok(set_config(unet, &config, "depth", depth));
	assert_ok(network_create(&call->host, unet, &config, &network));
	assert_ok(network_initialise(network, call_standalone(), seed));
	return network;
}

static size_t
weight_bytes(const Network *network)
{
	return network->graph->weight_count * sizeof(float);
}

static void
test_initialise(void **state)
{
	Network    *a = make_unet(call_standalone(), 4, 2, 7);
	Network    *b = make_unet(call_standalone(), 4, 2, 7);
	Network    *c = make_unet(call_standalone(), 4, 2, 8);

	(void) state;
	assert_memory_equal(a->weights, b->weights, weight_bytes(a));
	assert_true(memcmp(a->weights, c->weights, weight_bytes(a)) != 0);
	assert_int_equal(a->traits.image_size, 0);
	network_free(a);
	network_free(b);
	network_free(c);
	network_free(NULL);
}

/* DESIGN's parameter counts: 7.76 M and 1.94 M, running statistics apart. */
static void
test_unet_size(void **state)
{
	static const struct
	{
		int			base;
		size_t		trained;
	}			cases[] = {{32, 7763041}, {16, 1942577}};

	(void) state;
	for (int i = 0; i < 2; i++)
	{
		Network    *network = make_unet(call_standalone(), cases[i].base, 4, 1);
		size_t		trained = 0;

		for (int k = 0; k < network->graph->param_count; k++)
			if (network->graph->params[k].kind != PARAM_RUNNING_MEAN &&
				network->graph->params[k].kind != PARAM_RUNNING_VARIANCE)
				trained += network->graph->params[k].count;
		assert_int_equal(trained, cases[i].trained);
		network_free(network);
	}
}

static void
test_save_and_load(void **state)
{
	CountingCall counting;
	Network    *saved;
	Network    *loaded;
	Network    *other;
	void	   *bytes;
	void	   *again;
	size_t		size;
	size_t		again_size;
	Status		status;

	(void) state;
	counting_call(&counting, 1);
	saved = make_unet(&counting.call, 4, 2, 7);
	saved->traits.image_size = 96;
	saved->mean[1] = 0.25f;
	saved->std[2] = 0.125f;
	assert_ok(network_save(saved, &counting.call, WEIGHTS_F32, "{\"base\": 4, \"depth\": 2}", &bytes, &size));

	loaded = make_unet(&counting.call, 4, 2, 99);
	assert_ok(network_load(loaded, &counting.call, bytes, size));
	assert_memory_equal(loaded->weights, saved->weights, weight_bytes(saved));
	assert_memory_equal(loaded->mean, saved->mean, sizeof saved->mean);
	assert_memory_equal(loaded->std, saved->std, sizeof saved->std);
	assert_int_equal(loaded->traits.image_size, 96);
	assert_ok(network_save(loaded, &counting.call, WEIGHTS_F32, "{\"base\": 4, \"depth\": 2}", &again, &again_size));
	assert_int_equal(again_size, size);
	assert_memory_equal(again, bytes, size);
	call_free(&counting.call, again);

	/* Another config: the first tensor that does not fit is named, with both shapes. */
	other = make_unet(&counting.call, 5, 2, 1);
	status = network_load(other, &counting.call, bytes, size);
	assert_int_equal(status.code, LS_INVALID_WEIGHTS);
	assert_non_null(strstr(status.message, "tensor \"down.0.0.weight\""));
	network_free(other);
	other = make_unet(&counting.call, 4, 3, 1);
	status = network_load(other, &counting.call, bytes, size);
	assert_int_equal(status.code, LS_INVALID_WEIGHTS);
	assert_non_null(strstr(status.message, "tensor \""));
	network_free(other);

	assert_int_equal(network_load(loaded, &counting.call, bytes, size - 1).code, LS_INVALID_WEIGHTS);
	assert_int_equal(network_load(loaded, &counting.call, bytes, 0).code, LS_INVALID_WEIGHTS);
	call_free(&counting.call, bytes);
	network_free(loaded);
	network_free(saved);
	assert_int_equal(counting.live, 0);
}

/* Weights of one architecture are refused by another, by name. */
static void
test_load_other_architecture(void **state)
{
	const Architecture *other = arch_find("linknet");
	Network    *unet = make_unet(call_standalone(), 4, 2, 7);
	Network    *network;
	ArchConfig	config;
	void	   *bytes;
	size_t		size;
	Status		status;

	(void) state;
	assert_non_null(other);
	arch_config_default(other, &config);
	assert_ok(set_config(other, &config, "base", 4));
	assert_ok(network_create(&call_standalone()->host, other, &config, &network));
	assert_ok(network_save(unet, call_standalone(), WEIGHTS_F32, "{}", &bytes, &size));
	status = network_load(network, call_standalone(), bytes, size);
	assert_int_equal(status.code, LS_INVALID_WEIGHTS);
	assert_string_equal(status.message, "the weights are for \"unet\", not for \"linknet\"");
	assert_non_null(strstr(status.hint, "unet"));
	call_free(call_standalone(), bytes);
	network_free(network);
	network_free(unet);
}

/* A config in the file that is not the network's, though the tensors fit. */
static void
test_load_config(void **state)
{
	static const struct
	{
		const char *config;
		const char *message;	/* NULL = fits */
	}			cases[] = {
		{"{}", NULL},
		{"{\"dim\": 256.0, \"kernel\": 7}", NULL},
		{"{\"depth\": 5}", "the weights are for a convmixer with \"depth\" 5, not 8"},
		{"{\"kernel\": 4}", "kernel 4 is out of range"},
		{"{\"width\": 4}", "no key \"width\" in config of convmixer"},
		{"{\"depth\": \"8\"}", "depth is not a number"},
	};
	const Architecture *architecture = arch_find("convmixer");
	ArchConfig	config;
	Network    *network;

	(void) state;
	arch_config_default(architecture, &config);
	assert_ok(network_create(&call_standalone()->host, architecture, &config, &network));
	assert_ok(network_initialise(network, call_standalone(), 1));
	network->traits.image_size = 32;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		void	   *bytes;
		size_t		size;
		Status		status;

		assert_ok(network_save(network, call_standalone(), WEIGHTS_BF16, cases[i].config, &bytes, &size));
		status = network_load(network, call_standalone(), bytes, size);
		call_free(call_standalone(), bytes);
		if (cases[i].message == NULL)
		{
			assert_ok(status);
			continue;
		}
		assert_int_equal(status.code, LS_INVALID_WEIGHTS);
		assert_non_null(strstr(status.message, cases[i].message));
	}
	network_free(network);
}

static void
test_check_size(void **state)
{
	static const struct
	{
		int			width;
		int			height;
		const char *hint;		/* NULL = fits */
	}			cases[] = {
		{16, 16, NULL},
		{256, 16, NULL},
		{48, 160, NULL},
		{100, 100, "Use 96 or 112."},
		{96, 100, "Use 96 or 112."},
		{255, 256, "Use 256 or 272."},
		{0, 0, "Use 16 or 32."},
		{-16, 16, "Use 16 or 32."},
		{15, 7, "Use 16 or 32."},
	};
	Network    *network = make_unet(call_standalone(), 1, 4, 1);

	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		Status		status = network_check_size(network, cases[i].width, cases[i].height);

		if (cases[i].hint == NULL)
		{
			assert_ok(status);
			continue;
		}
		assert_int_equal(status.code, LS_INVALID_ARGUMENT);
		assert_non_null(strstr(status.message, "does not fit this unet, which needs multiples of 16"));
		assert_string_equal(status.hint, cases[i].hint);
	}
	network_free(network);
}

/* ---- learning and predicting ---- */

/* Dark discs on a light, noisy ground, and their masks. */
static void
draw_batch(uint8_t *rgb, uint8_t *masks)
{
	Rng			rng;

	rng_seed(&rng, 61, 0);
	for (int n = 0; n < BATCH; n++)
		for (int y = 0; y < SIZE; y++)
			for (int x = 0; x < SIZE; x++)
			{
				int			i = (n * SIZE + y) * SIZE + x;
				int			dx = x - 12 - 6 * n;
				int			dy = y - 18 + 4 * n;
				bool		inside = dx * dx + dy * dy < 70;

				masks[i] = inside ? 255 : 0;
				for (int c = 0; c < 3; c++)
					rgb[3 * i + c] = (uint8_t) ((inside ? 90 : 170) + 20 * c + rng_below(&rng, 40));
			}
}

static uint8_t batch_rgb[BATCH * SIZE * SIZE * 3];
static uint8_t batch_masks[BATCH * SIZE * SIZE];

static int
draw(void **state)
{
	(void) state;
	draw_batch(batch_rgb, batch_masks);
	return 0;
}

static const StepOptions step_options = {
	.learning_rate = 0.01,.weight_decay = 0.01,.gradient_clip = 1,
};

/* Take that many steps on the batch; returns the last loss. */
static double
learn(Network *network, const EngineChoice *choice, int steps)
{
	Learner    *learner;
	StepResult	result = {0, 0};

	assert_ok(learner_create(network, two_threads(), choice, BATCH, SIZE, SIZE, &learner));
	for (int i = 0; i < steps; i++)
		assert_ok(learner_step(learner, two_threads(), batch_rgb, batch_masks, &step_options, &result));
	learner_free(learner);
	return result.loss;
}

/* Share of pixels that the network, asked anew, puts on the right side. */
static double
accuracy(const Network *network, const EngineChoice *choice)
{
	static float p[BATCH * SIZE * SIZE];
	Predictor  *predictor;
	int			right = 0;

	assert_ok(predictor_create(network, two_threads(), choice, BATCH, SIZE, SIZE, &predictor));
	assert_ok(predictor_run(predictor, two_threads(), batch_rgb, p));
	for (int i = 0; i < BATCH * SIZE * SIZE; i++)
		right += (p[i] > 0.5f) == (batch_masks[i] > 128);
	predictor_free(predictor);
	return (double) right / (BATCH * SIZE * SIZE);
}

/* The backends and precisions that this machine has. */
static int
choices(EngineChoice *all)
{
	const Backend *backends[2];
	int			backend_count = built_backends(backends);
	int			count = 0;

	for (int b = 0; b < backend_count; b++)
	{
		BackendKind kind = strcmp(backends[b]->name, "openblas") == 0 ? BACKEND_OPENBLAS : BACKEND_AUTO;

		all[count++] = (EngineChoice) {kind, PRECISION_F32};
		if (backend_has_bf16(backends[b]))
			all[count++] = (EngineChoice) {kind, PRECISION_BF16};
	}
	return count;
}

/* The loss starts near ln 2 + 0.8 and ends near nothing; a run from the same
 * seed ends at the same bits. */
static void
test_learning(void **state)
{
	EngineChoice all[4];
	int			count = choices(all);
	int			steps = getenv("LESIONSEG_TEST_QUICK") != NULL ? 5 : 80;

	(void) state;
	for (int i = 0; i < count; i++)
	{
		CountingCall counting;
		Network    *network;
		Network    *twin;
		double		loss;

		counting_call(&counting, 2);
		network = make_unet(&counting.call, 4, 2, 7);
		twin = make_unet(&counting.call, 4, 2, 7);
		loss = learn(network, &all[i], steps);
		assert_true(learn(twin, &all[i], steps) == loss);
		assert_memory_equal(network->weights, twin->weights, weight_bytes(network));
		if (steps == 80)
		{
			assert_true(loss < 0.15);
			assert_true(accuracy(network, &all[i]) > 0.98);
		}
		network_free(network);
		network_free(twin);
		assert_int_equal(counting.live, 0);
	}
}

/* A predictor keeps the weights it was given until it is refreshed; then it
 * is the same as a new one. */
static void
test_refresh(void **state)
{
	static float before[BATCH * SIZE * SIZE];
	static float p[BATCH * SIZE * SIZE];
	static float fresh[BATCH * SIZE * SIZE];
	EngineChoice all[4];
	int			count = choices(all);

	(void) state;
	for (int i = 0; i < count; i++)
	{
		CountingCall counting;
		Network    *network;
		const Backend *backend;
		Predictor  *predictor;
		Predictor  *other;

		counting_call(&counting, 2);
		network = make_unet(&counting.call, 4, 2, 7);
		assert_ok(predictor_create(network, two_threads(), &all[i], BATCH, SIZE, SIZE, &predictor));
		assert_ok(backend_find(all[i].backend, &backend));
		assert_ptr_equal(predictor_plan(predictor)->options.backend, backend);
		assert_int_equal(predictor_plan(predictor)->options.type,
						 all[i].precision == PRECISION_BF16 ? DATA_BF16 : DATA_F32);
		assert_true(predictor_memory(predictor) > 0);
		assert_ok(predictor_run(predictor, two_threads(), batch_rgb, before));
		learn(network, &all[i], 3);
		assert_ok(predictor_run(predictor, two_threads(), batch_rgb, p));
		assert_memory_equal(p, before, sizeof p);
		assert_ok(predictor_refresh(predictor, two_threads()));
		assert_ok(predictor_run(predictor, two_threads(), batch_rgb, p));
		assert_true(memcmp(p, before, sizeof p) != 0);
		assert_ok(predictor_create(network, two_threads(), &all[i], BATCH, SIZE, SIZE, &other));
		assert_ok(predictor_run(other, two_threads(), batch_rgb, fresh));
		assert_memory_equal(p, fresh, sizeof p);
		for (int k = 0; k < BATCH * SIZE * SIZE; k++)
			assert_true(p[k] >= 0 && p[k] <= 1);

		/* One image at a time gives the same, to rounding. */
		predictor_free(other);
		assert_ok(predictor_create(network, two_threads(), &all[i], 1, SIZE, SIZE, &other));
		assert_ok(predictor_run(other, two_threads(), batch_rgb + SIZE * SIZE * 3, fresh));
		for (int k = 0; k < SIZE * SIZE; k++)
			assert_true(fabsf(fresh[k] - p[SIZE * SIZE + k]) < 1e-3f);
		predictor_free(other);
		predictor_free(predictor);
		network_free(network);
		assert_int_equal(counting.live, 0);
	}
}

/* What a step reports: the loss of network_loss on the same probabilities, and
 * the norm before clipping. */
static void
test_step(void **state)
{
	const EngineChoice choice = {BACKEND_AUTO, PRECISION_F32};
	const StepOptions still = {.learning_rate = 0,.weight_decay = 0.1,.gradient_clip = 1e-3};
	CountingCall counting;
	Network    *network;
	Network    *same;
	Learner    *learner;
	StepResult	result;
	float	   *moments;
	size_t		count;
	int64_t    *steps;
	double		square = 0;
	bool		moved = false;

	(void) state;
	counting_call(&counting, 2);
	network = make_unet(&counting.call, 4, 2, 7);
	same = make_unet(&counting.call, 4, 2, 7);
	assert_ok(learner_create(network, two_threads(), &choice, BATCH, SIZE, SIZE, &learner));
	assert_true(learner_memory(learner) > 4 * weight_bytes(network));
	learner_state(learner, &moments, &count, &steps);
	assert_int_equal(count, 2 * network->graph->weight_count);
	assert_int_equal(*steps, 0);
	assert_ok(learner_step(learner, two_threads(), batch_rgb, batch_masks, &still, &result));
	assert_int_equal(*steps, 1);
	assert_true(result.loss > 0.5 && result.loss < 5);
	for (int i = 0; i < network->graph->param_count; i++)
	{
		const GraphParam *param = &network->graph->params[i];
		bool		running = param->kind == PARAM_RUNNING_MEAN || param->kind == PARAM_RUNNING_VARIANCE;

		for (size_t k = param->offset; k < param->offset + param->count; k++)
		{
			double		g = learner_gradients(learner)[k];

			/* At a rate of zero only the running statistics move. */
			if (running)
				moved = moved || network->weights[k] != same->weights[k];
			else
			{
				square += g * g;
				assert_true(network->weights[k] == same->weights[k]);
			}
		}
	}
	assert_true(moved);
	assert_true(fabs(result.gradient_norm / sqrt(square) - 1) < 1e-5);
	assert_true(result.gradient_norm > 1e-2);

	learner_free(learner);
	learner_free(NULL);
	predictor_free(NULL);
	network_free(network);
	network_free(same);
	assert_int_equal(counting.live, 0);
}

/* A network that has gone wrong is an error with a way out, and what is
 * trained stays as it was. */
static void
test_divergence(void **state)
{
	EngineChoice all[4];
	int			count = choices(all);

	(void) state;
	for (int i = 0; i < count; i++)
	{
		Network    *network = make_unet(call_standalone(), 4, 2, 7);
		int			broken = graph_find_param(network->graph, "down.1.0.weight");
		Learner    *learner;
		StepResult	result;
		Status		status;
		float	   *before = malloc(weight_bytes(network));

		assert_non_null(before);
		assert_true(broken >= 0);
		network->weights[network->graph->params[broken].offset] = NAN;
		memcpy(before, network->weights, weight_bytes(network));
		assert_ok(learner_create(network, two_threads(), &all[i], BATCH, SIZE, SIZE, &learner));
		status = learner_step(learner, two_threads(), batch_rgb, batch_masks, &step_options, &result);
		assert_int_equal(status.code, LS_INVALID_ARGUMENT);
		assert_non_null(strstr(status.message, "training diverged"));
		assert_non_null(strstr(status.hint, "learning_rate"));
		for (int k = 0; k < network->graph->param_count; k++)
		{
			const GraphParam *param = &network->graph->params[k];

			if (param->kind != PARAM_RUNNING_MEAN && param->kind != PARAM_RUNNING_VARIANCE)
				assert_memory_equal(network->weights + param->offset, before + param->offset,
									param->count * sizeof(float));
		}
		learner_free(learner);
		network_free(network);
		free(before);
	}
}

/* ---- what is refused ---- */

static void
test_refused(void **state)
{
	const EngineChoice choice = {BACKEND_AUTO, PRECISION_AUTO};
	CountingCall counting;
	Network    *network;
	Predictor  *predictor;
	Learner    *learner;
	Status		status;
	long		live;

	(void) state;
	counting_call(&counting, 2);
	network = make_unet(&counting.call, 4, 2, 7);
	live = counting.live;
	status = predictor_create(network, two_threads(), &choice, 0, SIZE, SIZE, &predictor);
	assert_int_equal(status.code, LS_INVALID_ARGUMENT);
	assert_string_equal(status.message, "a batch of 0 images is not possible");
	assert_null(predictor);
	assert_int_equal(learner_create(network, two_threads(), &choice, -1, SIZE, SIZE, &learner).code,
					 LS_INVALID_ARGUMENT);
	assert_null(learner);
	status = learner_create(network, two_threads(), &choice, 1, SIZE + 2, SIZE, &learner);
	assert_int_equal(status.code, LS_INVALID_ARGUMENT);
	assert_string_equal(status.hint, "Use 32 or 36.");
	status = predictor_create(network, two_threads(), &(EngineChoice) {BACKEND_OPENBLAS, PRECISION_BF16}, 1, SIZE, SIZE,
							  &predictor);
	assert_int_equal(status.code, LS_UNSUPPORTED);
	assert_string_equal(status.message,
						"the openblas backend cannot compute in bf16 on this machine: it is a reference in f32");
	assert_int_equal(counting.live, live);

	counting.call.host.max_memory = 1 << 20;
	status = learner_create(network, two_threads(), &choice, 64, 256, 256, &learner);
	assert_int_equal(status.code, LS_LIMIT_EXCEEDED);
	assert_non_null(strstr(status.message, "the limit is 1 MB"));
	assert_non_null(strstr(status.hint, "batch_size"));
	assert_null(learner);
	assert_int_equal(counting.live, live);
	network_free(network);
	assert_int_equal(counting.live, 0);
}

/* Creating, learning and predicting, stopped at the k-th poll or refused the
 * k-th allocation, give the error and leave nothing behind. */
static void
stop_anywhere(const Architecture *architecture, const ArchConfig *config, long every)
{
	static float p[BATCH * SIZE * SIZE];
	const EngineChoice choice = {BACKEND_AUTO, PRECISION_F32};
	bool		thorough = getenv("LESIONSEG_TEST_QUICK") == NULL;
	bool		done[2] = {false, false};

	for (long k = 0; !done[0] || !done[1]; k += thorough ? every : 9 * every)
		for (int stop = 0; stop < 2; stop++)
		{
			CountingCall counting;
			Network    *network;
			Learner    *learner = NULL;
			Predictor  *predictor = NULL;
			StepResult	result;
			Status		status;

			if (done[stop])
				continue;
			assert_true(k < 1000);
			counting_call(&counting, 2);
			counting.stop_after = stop ? k : -1;
			counting.refuse_after = stop ? -1 : k;
			status = network_create(&counting.call.host, architecture, config, &network);
			if (status.code == LS_OK)
			{
				assert_ok(network_initialise(network, call_standalone(), 3));
				status = learner_create(network, &counting.call, &choice, BATCH, SIZE, SIZE, &learner);
			}
			if (status.code == LS_OK)
				status = learner_step(learner, &counting.call, batch_rgb, batch_masks, &step_options, &result);
			if (status.code == LS_OK)
				status = predictor_create(network, &counting.call, &choice, BATCH, SIZE, SIZE, &predictor);
			if (status.code == LS_OK)
				status = predictor_run(predictor, &counting.call, batch_rgb, p);
			if (status.code == LS_OK)
				done[stop] = true;
			else
				assert_int_equal(status.code, stop ? LS_CANCELLED : LS_OUT_OF_MEMORY);
			predictor_free(predictor);
			learner_free(learner);
			network_free(network);
			assert_int_equal(counting.live, 0);
		}
}

static void
test_stopped_anywhere(void **state)
{
	const Architecture *unet = arch_find("unet");
	const Architecture *maskrcnn = arch_find("maskrcnn");
	ArchConfig	config;

	(void) state;
	arch_config_default(unet, &config);
	assert_ok(set_config(unet, &config, "base", 2));
	assert_ok(set_config(unet, &config, "depth", 1));
	stop_anywhere(unet, &config, 1);

	/* Its plans are as many; what differs is between them. */
	arch_config_default(maskrcnn, &config);
	assert_ok(set_config(maskrcnn, &config, "base", 4));
	assert_ok(set_config(maskrcnn, &config, "pyramid", 4));
	assert_ok(set_config(maskrcnn, &config, "rois", 4));
	assert_ok(set_config(maskrcnn, &config, "box_units", 4));
	assert_ok(set_config(maskrcnn, &config, "mask_depth", 0));
	stop_anywhere(maskrcnn, &config, 5);
}

/* Train with a frozen encoder: what is frozen stays as it is, bit for bit,
 * running statistics included; the rest moves, and the loss falls. */
static void
test_freeze_encoder(void **state)
{
	static const char *const names[] = {"unet", "linknet", "convmixer"};
	const EngineChoice choice = {BACKEND_AUTO, PRECISION_F32};
	const StepOptions options = {.learning_rate = 1e-2,.weight_decay = 0.1,.gradient_clip = 1};

	(void) state;
	draw_batch(batch_rgb, batch_masks);
	for (size_t a = 0; a < sizeof names / sizeof names[0]; a++)
	{
		const Architecture *architecture = arch_find(names[a]);
		ArchConfig	config;
		Network    *network;
		Learner    *learner;
		StepResult	result;
		double		first_loss = 0;
		float	   *before;
		int			frozen = 0;
		int			moved = 0;

		arch_config_default(architecture, &config);
		assert_ok(set_config(architecture, &config, architecture->config.rows[0].name, 8));
		assert_ok(network_create(&call_standalone()->host, architecture, &config, &network));
		assert_ok(network_initialise(network, call_standalone(), 3));
		network_freeze_encoder(network);
		before = malloc(network->graph->weight_count * sizeof(float));
		memcpy(before, network->weights, network->graph->weight_count * sizeof(float));
		assert_ok(learner_create(network, two_threads(), &choice, BATCH, SIZE, SIZE, &learner));
		for (int step = 0; step < 12; step++)
		{
			assert_ok(learner_step(learner, two_threads(), batch_rgb, batch_masks, &options, &result));
			if (step == 0)
				first_loss = result.loss;
		}
		assert_true(result.loss < first_loss);
		for (int i = 0; i < network->graph->param_count; i++)
		{
			const GraphParam *param = &network->graph->params[i];
			bool		same = memcmp(before + param->offset, network->weights + param->offset,
									  param->count * sizeof(float)) == 0;

			if (param->frozen)
				assert_true(same);
			frozen += param->frozen;
			moved += !same;
		}
		assert_true(frozen > 4);
		assert_int_equal(moved, network->graph->param_count - frozen);
		free(before);
		learner_free(learner);
		network_free(network);
	}
}

/* All of it frozen, training sees what prediction sees: the loss is that of
 * the predictor's probabilities. */
static void
test_freeze_all(void **state)
{
	const EngineChoice choice = {BACKEND_AUTO, PRECISION_F32};
	const StepOptions options = {.learning_rate = 1e-2};
	static float probabilities[BATCH * SIZE * SIZE];
	Network    *network = make_unet(call_standalone(), 4, 2, 7);
	Learner    *learner;
	Predictor  *predictor;
	StepResult	result;

	(void) state;
	draw_batch(batch_rgb, batch_masks);

	/* Running statistics that are not those of a new network. */
	assert_ok(learner_create(network, two_threads(), &choice, BATCH, SIZE, SIZE, &learner));
	assert_ok(learner_step(learner, two_threads(), batch_rgb, batch_masks, &options, &result));
	learner_free(learner);

	graph_freeze(network->graph, "");
	assert_ok(learner_create(network, two_threads(), &choice, BATCH, SIZE, SIZE, &learner));
	assert_ok(learner_step(learner, two_threads(), batch_rgb, batch_masks, &options, &result));
	assert_true(result.gradient_norm == 0);
	assert_ok(predictor_create(network, two_threads(), &choice, BATCH, SIZE, SIZE, &predictor));
	assert_ok(predictor_run(predictor, two_threads(), batch_rgb, probabilities));
	assert_true(fabs(result.loss - network_loss(BATCH, SIZE, SIZE, probabilities, batch_masks)) < 1e-5);
	predictor_free(predictor);
	learner_free(learner);
	network_free(network);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registry),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_initialise),
		cmocka_unit_test(test_unet_size),
		cmocka_unit_test(test_save_and_load),
		cmocka_unit_test(test_load_other_architecture),
		cmocka_unit_test(test_load_config),
		cmocka_unit_test(test_freeze_encoder),
		cmocka_unit_test(test_freeze_all),
		cmocka_unit_test(test_check_size),
		cmocka_unit_test(test_learning),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_step),
		cmocka_unit_test(test_divergence),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_stopped_anywhere),
	};

	return cmocka_run_group_tests(tests, draw, NULL);
}
