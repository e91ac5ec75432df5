/*
 * shared_weights_fixture.h: small U-Nets and their files, for tests of what
 * hospitals exchange.
 */
#ifndef TEST_SHARED_WEIGHTS_FIXTURE_H
#define TEST_SHARED_WEIGHTS_FIXTURE_H

#include <stdio.h>

#include "arch/network.h"
#include "arch_config.h"
#include "test_call.h"

typedef struct File
{
	void	   *bytes;
	size_t		size;
} File;

static inline void
assert_ok(Status status)
{
	if (status.code != LS_OK)
		fail_msg("%s", status.message);
}

/* A U-Net of depth 1 with weights drawn at random, running statistics
 * included, and every trait known. */
static inline Network *
make_network(const Call *call, int base, int64_t seed)
{
	const Architecture *architecture = arch_find("unet");
	ArchConfig	config;
	Network    *network;

	arch_config_default(architecture, &config);
	assert_ok(set_config(architecture, &config, "base", base));
	assert_ok(set_config(architecture, &config, "depth", 1));
	assert_ok(network_create(&call->host, architecture, &config, &network));
	assert_ok(network_initialise(network, call_standalone(), seed));
	for (int p = 0; p < network->graph->param_count; p++)
	{
		const GraphParam *param = &network->graph->params[p];

		if (param->kind == PARAM_RUNNING_MEAN || param->kind == PARAM_RUNNING_VARIANCE)
			for (size_t i = 0; i < param->count; i++)
				network->weights[param->offset + i] = (float) (seed + (int64_t) i) / 7;
	}
	network->traits = (Traits) {32, 0.45, 1.5, 0.75, {-0.5, 1.25, 0.5, 0.25, -0.125, -0.375}, ENHANCE_MODE_AUTO};
	strcpy(network->split, "{\"columns\": [\"patient\"], \"seed\": 7}");
	return network;
}

static inline File
write_network(const Call *call, const Network *network, WeightsStorage storage)
{
	File		file;
	char		config[64];

	snprintf(config, sizeof config, "{\"base\": %g, \"depth\": %g}", network->config.values[0],
			 network->config.values[1]);
	assert_ok(network_save(network, call, storage, config, &file.bytes, &file.size));
	return file;
}

static inline void
free_file(const Call *call, File *file)
{
	call_free(call, file->bytes);
}

#endif
