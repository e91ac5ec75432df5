/*
 * network.c: creating, loading and saving networks.
 */
#include "arch/network.h"

#include <stdio.h>
#include <string.h>

#include "nn/loss.h"

Status
network_create(const Host *host, const Architecture *architecture,
			   const ArchConfig *config, Network **network_out)
{
	WeightsInfo defaults;
	Network    *network;
	void	   *memory;
	Status		status;

	*network_out = NULL;
	TRY(host_alloc_array(host, 1, sizeof(Network), &memory));
	network = memory;
	network->host = host;
	network->architecture = architecture;
	network->config = *config;
	weights_info_default(&defaults);
	memcpy(network->mean, defaults.mean, sizeof defaults.mean);
	memcpy(network->std, defaults.std, sizeof defaults.std);
	status = graph_create(host, &network->graph);
	if (status.code == LS_OK)
	{
		architecture->build(config, network->graph);
		status = graph_status(network->graph);
	}
	if (status.code == LS_OK)
	{
		status = host_alloc_array(host, network->graph->weight_count, sizeof(float), &memory);
		network->weights = memory;
	}
	if (status.code != LS_OK)
	{
		network_free(network);
		return status;
	}
	*network_out = network;
	return status_ok();
}

void
network_free(Network *network)
{
	if (network == NULL)
		return;
	host_free(network->host, network->weights);
	graph_free(network->graph);
	host_free(network->host, network);
}

Status
network_initialise(Network *network, const Call *call, int64_t seed)
{
	return graph_initialise(network->graph, call, seed, network->weights);
}

void
network_freeze_encoder(Network *network)
{
	for (const char *const *prefix = network->architecture->encoder; *prefix != NULL; prefix++)
		graph_freeze(network->graph, *prefix);
}

/* Check that the config in a file's metadata equals the network's. */
static Status
check_config(const Network *network, const WeightsInfo *info)
{
	const Architecture *architecture = network->architecture;
	ArchConfig	config;
	Status		status = arch_config_parse(architecture, info->config, &config);

	if (status.code != LS_OK)
	{
		status.code = LS_INVALID_WEIGHTS;
		return status;
	}
	for (int i = 0; i < architecture->config.count; i++)
		if (config.values[i] != network->config.values[i])
			return status_with_hint(status_error(LS_INVALID_WEIGHTS,
												 "the weights are for a %s with \"%s\" %g, not %g",
												 architecture->name, architecture->config.rows[i].name,
												 config.values[i], network->config.values[i]),
									"Load them into a model with config %s.", info->config);
	return status_ok();
}

/* Load a file; with same_config, its config must equal the network's. */
static Status
load_weights(Network *network, const Call *call, const void *bytes, size_t size, bool same_config)
{
	WeightsInfo info;

	TRY(weights_read_info(call, bytes, size, &info));
	if (info.architecture[0] != '\0' && strcmp(info.architecture, network->architecture->name) != 0)
		return status_with_hint(
								status_error(LS_INVALID_WEIGHTS, "the weights are for \"%s\", not for \"%s\"",
											 info.architecture, network->architecture->name),
								"Load them into a model of architecture %s.", info.architecture);
	TRY(weights_read(call, bytes, size, network->graph, network->weights));
	if (same_config && info.architecture[0] != '\0')
		TRY(check_config(network, &info));
	memcpy(network->mean, info.mean, sizeof info.mean);
	memcpy(network->std, info.std, sizeof info.std);
	network->traits = info.traits;
	memcpy(network->split, info.split, sizeof info.split);
	return status_ok();
}

Status
network_load(Network *network, const Call *call, const void *bytes, size_t size)
{
	return load_weights(network, call, bytes, size, true);
}

Status
network_load_initial(Network *network, const Call *call, const void *bytes, size_t size)
{
	return load_weights(network, call, bytes, size, false);
}

Status
network_save(const Network *network, const Call *call, WeightsStorage storage, const char *config_json,
			 void **bytes, size_t *size)
{
	WeightsInfo info;

	memset(&info, 0, sizeof info);
	info.format_version = WEIGHTS_FORMAT_VERSION;
	snprintf(info.architecture, sizeof info.architecture, "%s", network->architecture->name);
	if (snprintf(info.config, sizeof info.config, "%s", config_json) >= (int) sizeof info.config)
		return status_error(LS_INVALID_ARGUMENT, "the config is longer than %zu bytes", sizeof info.config - 1);
	snprintf(info.extension_version, sizeof info.extension_version, "%s", LESIONSEG_VERSION);
	info.traits = network->traits;
	memcpy(info.split, network->split, sizeof info.split);
	memcpy(info.mean, network->mean, sizeof info.mean);
	memcpy(info.std, network->std, sizeof info.std);
	return weights_write(call, &info, network->graph, network->weights, storage, bytes, size);
}

Status
network_config_check_size(const Architecture *architecture, const ArchConfig *config, int width, int height)
{
	int			stride = architecture->stride(config);
	int			largest = width > height ? width : height;
	int			below;

	if (width >= stride && height >= stride && width % stride == 0 && height % stride == 0 &&
		largest <= NETWORK_MAX_SIZE)
		return status_ok();
	if (largest > NETWORK_MAX_SIZE)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "an image size of %d x %d is above %d x %d",
											 width, height, NETWORK_MAX_SIZE, NETWORK_MAX_SIZE),
								"Networks see images reduced; 256 is a common size.");
	below = largest > stride ? largest / stride * stride : stride;
	if (below + stride > NETWORK_MAX_SIZE)
		below -= stride;
	return status_with_hint(
							status_error(LS_INVALID_ARGUMENT,
										 "an image size of %d x %d does not fit this %s, which needs multiples of %d",
										 width, height, architecture->name, stride),
							"Use %d or %d.", below, below + stride);
}

Status
network_check_size(const Network *network, int width, int height)
{
	return network_config_check_size(network->architecture, &network->config, width, height);
}

double
network_loss(int n, int height, int width, const float *probabilities, const uint8_t *masks)
{
	return loss_bce_dice(1, n, (long) height * width, probabilities, masks, NULL);
}
