/*
 * shared_weights.c: see shared_weights.h.
 */
#include "learn/federated/shared_weights.h"

#include <string.h>

/* Make the network of that architecture and config, and load the file into it. */
static Status
load_file(const Host *host, const Call *call, const Architecture *architecture, const ArchConfig *config,
		  const void *bytes, size_t size, Network **network)
{
	Status		status;

	TRY(network_create(host, architecture, config, network));
	status = network_load(*network, call, bytes, size);
	if (status.code != LS_OK)
	{
		network_free(*network);
		*network = NULL;
	}
	return status;
}

/* Check that the file is not too short for its network, before that takes memory:
 * a few bytes may claim a network of gigabytes. */
static Status
check_length(const Host *host, const Architecture *architecture, const ArchConfig *config, size_t size)
{
	Graph	   *graph;
	Status		status;

	TRY(graph_create(host, &graph));
	architecture->build(config, graph);
	status = graph_status(graph);
	if (status.code == LS_OK && size / 2 < graph->weight_count)
		status = status_with_hint(status_error(LS_INVALID_WEIGHTS,
											   "a weight file of %zu bytes is too short for %zu weights", size,
											   graph->weight_count),
								  "Its metadata name another config than that of its tensors, or it was cut off.");
	graph_free(graph);
	return status;
}

Status
shared_weights_open(const Host *host, const Call *call, const void *bytes, size_t size, SharedWeights *weights)
{
	const Architecture *architecture;
	WeightsInfo info;
	ArchConfig	config;
	Status		status;

	weights->network = NULL;
	TRY(weights_read_info(call, bytes, size, &info));
	if (info.format_version == 0)
		return status_with_hint(status_error(LS_INVALID_WEIGHTS, "the file does not say of which architecture it is"),
								"Import it with lesion_model_import, and take what lesion_model_export returns.");
	architecture = arch_find(info.architecture);
	if (architecture == NULL)
		return status_with_hint(status_error(LS_INVALID_WEIGHTS,
											 "the file is for \"%s\", which is no architecture here",
											 info.architecture),
								"Use the release of lesionseg that wrote the file.");
	status = arch_config_parse(architecture, info.config, &config);
	if (status.code == LS_INVALID_ARGUMENT)
		status.code = LS_INVALID_WEIGHTS;
	TRY(status);
	TRY(check_length(host, architecture, &config, size));
	memcpy(weights->config, info.config, sizeof weights->config);
	return load_file(host, call, architecture, &config, bytes, size, &weights->network);
}

Status
shared_weights_open_like(const SharedWeights *first, const Host *host, const Call *call, const void *bytes,
						 size_t size, SharedWeights *weights)
{
	const Architecture *architecture = first->network->architecture;
	WeightsInfo info;
	Status		status;

	weights->network = NULL;
	TRY(weights_read_info(call, bytes, size, &info));
	status = load_file(host, call, architecture, &first->network->config, bytes, size, &weights->network);
	if (status.code == LS_INVALID_WEIGHTS &&
		(strcmp(info.architecture, architecture->name) != 0 || strcmp(info.config, first->config) != 0))
		status = status_with_hint(status, "All files must be of one network: the first is a %s with config %s.",
								  architecture->name, first->config);
	TRY(status);
	memcpy(weights->config, first->config, sizeof weights->config);
	if (memcmp(weights->network->mean, first->network->mean, sizeof first->network->mean) == 0 &&
		memcmp(weights->network->std, first->network->std, sizeof first->network->std) == 0)
		return status_ok();
	shared_weights_close(weights);
	return status_with_hint(status_error(LS_INVALID_WEIGHTS,
										 "the mean and std of the input differ from those of the first file"),
							"Train all of them from the same start.");
}

Status
shared_weights_write(const SharedWeights *weights, const Call *call, void **bytes, size_t *size)
{
	return network_save(weights->network, call, WEIGHTS_F32, weights->config, bytes, size);
}

void
shared_weights_close(SharedWeights *weights)
{
	network_free(weights->network);
	weights->network = NULL;
}
