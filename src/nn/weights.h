/*
 * weights.h: weight files (safetensors).
 *
 * Layout: https://huggingface.co/docs/safetensors: 8 bytes little-endian
 * header length, a JSON object of name -> {dtype, shape, data_offsets}, then
 * the tensors. Our metadata: format_version, architecture, config (JSON
 * text), image_size, mean, std (three numbers each, comma separated),
 * extension_version.
 */
#ifndef LESIONSEG_NN_WEIGHTS_H
#define LESIONSEG_NN_WEIGHTS_H

#include "core/host.h"
#include "core/status.h"
#include "nn/graph.h"

#define WEIGHTS_FORMAT_VERSION 1

typedef struct WeightsInfo
{
	int			format_version;
	char		architecture[64];
	char		config[1024];	/* JSON object text, as the model row keeps it */
	int			image_size;		/* pixels the network was trained at, 0 = unknown */
	float		mean[3];		/* of the input: (x / 255 - mean) / std */
	float		std[3];
	char		extension_version[32];
} WeightsInfo;

typedef enum WeightsStorage
{
	WEIGHTS_F32,
	WEIGHTS_BF16,
	WEIGHTS_F16
} WeightsStorage;

/* Read the metadata alone. A file without ours (written by another tool) is
 * fine: architecture is then empty and the normalisation the default. */
Status		weights_read_info(const HostContext *host, const void *bytes, size_t size, WeightsInfo *info);

/*
 * Read a file into weights[graph->weight_count]. dtypes F32, F16, BF16 and
 * F64 are converted. A missing, extra, misshapen or overlapping tensor, an
 * offset outside the file, an unknown version or dtype and non-finite values
 * are LS_INVALID_WEIGHTS naming the tensor; weights is then undefined.
 * "num_batches_tracked" tensors, which PyTorch adds, are ignored.
 */
Status		weights_read(const HostContext *host, const void *bytes, size_t size, const Graph *graph,
						 float *weights);

/* Write a file: *bytes is allocated through host, the caller frees it. The
 * same input gives the same bytes. Running statistics stay float32. */
Status		weights_write(const HostContext *host, const WeightsInfo *info, const Graph *graph,
						  const float *weights, WeightsStorage storage, void **bytes, size_t *size);

#endif
