/*
 * fuzz_weights.c: the weight file reader against arbitrary bytes, and the mean of
 * weight files, which takes the network from the file itself.
 *
 * A file that is accepted must be one that can be written and read again with
 * the same result; everything else must be refused as invalid, with a
 * message. libFuzzer's generic entry points; the sanitizers find the rest.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "learn/federated/weights_mean.h"

#include "../unit/weights_fixture.h"

/* libFuzzer's name for what it calls. */
int			LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Stop with a crash, which is what a fuzzer records. */
static void
require(bool condition)
{
	if (!condition)
		abort();
}

/* Write what was read and read it again. */
static void
check_round_trip(const Graph *graph, WeightsInfo *info, const float *weights)
{
	const Call *call = call_standalone();
	float		again[FIXTURE_COUNT];
	WeightsInfo info_again;
	void	   *bytes;
	size_t		size;

	if (info->format_version == 0)	/* a file of another tool does not say */
	{
		strcpy(info->architecture, "unet");
		strcpy(info->config, "{}");
	}
	require(weights_write(call, info, graph, weights, WEIGHTS_F32, &bytes, &size).code == LS_OK);
	require(weights_read(call, bytes, size, graph, again).code == LS_OK);
	require(memcmp(again, weights, sizeof again) == 0);
	require(weights_read_info(call, bytes, size, &info_again).code == LS_OK);
	require(strcmp(info_again.architecture, info->architecture) == 0);
	require(strcmp(info_again.config, info->config) == 0);
	require(strcmp(info_again.split, info->split) == 0);
	require(memcmp(info_again.mean, info->mean, sizeof info->mean) == 0);
	require(memcmp(info_again.std, info->std, sizeof info->std) == 0);
	call_free(call, bytes);
}

/* Take the mean of a file and itself. */
static void
check_mean(const uint8_t *bytes, size_t size)
{
	Call		call = *call_standalone();
	WeightsMean *mean;
	Status		status;
	void	   *result;
	size_t		result_size;

	call.host.max_memory = 4 << 20;
	require(weights_mean_create(&call.host, &mean).code == LS_OK);
	status = weights_mean_add(mean, &call, bytes, size, 3);
	require(status.code == LS_OK || status.code == LS_INVALID_WEIGHTS || status.code == LS_LIMIT_EXCEEDED);
	if (status.code == LS_OK)
	{
		require(weights_mean_add(mean, &call, bytes, size, 2).code == LS_OK);
		require(weights_mean_write(mean, &call, &result, &result_size).code == LS_OK);
		call_free(&call, result);
	}
	weights_mean_free(mean);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static Graph *graph = NULL;
	float		weights[FIXTURE_COUNT];
	WeightsInfo info;
	Status		info_status;
	Status		status;

	if (graph == NULL)
		graph = fixture_graph();
	info_status = weights_read_info(call_standalone(), bytes, size, &info);
	status = weights_read(call_standalone(), bytes, size, graph, weights);
	require(status.code == LS_OK || (status.code == LS_INVALID_WEIGHTS && status.message[0] != '\0'));
	require(info_status.code == LS_OK || (info_status.code == LS_INVALID_WEIGHTS && status.code != LS_OK));
	if (status.code == LS_OK)
		check_round_trip(graph, &info, weights);
	check_mean(bytes, size);
	return 0;
}
