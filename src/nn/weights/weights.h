/*
 * weights.h: weight files (safetensors).
 *
 * Layout: https://huggingface.co/docs/safetensors: 8 bytes little-endian
 * header length, a JSON object of name -> {dtype, shape, data_offsets}, then
 * the tensors. Our metadata: format_version, architecture, config (JSON text),
 * image_size, mean, std (three numbers each, comma separated),
 * extension_version, crc32 (of each tensor, weights_checksum.h); threshold,
 * temperature, review_below and dice_coefficients if they are known; enhance if
 * training enhanced images; split (JSON text) if it is known which images were kept from
 * training. docs/weights.md tells users the whole format.
 */
#ifndef LESIONSEG_NN_WEIGHTS_H
#define LESIONSEG_NN_WEIGHTS_H

#include "core/call.h"
#include "core/status.h"
#include "core/traits.h"
#include "nn/graph.h"

#define WEIGHTS_FORMAT_VERSION 1

/* Room for a file's texts about its config and its split. */
#define WEIGHTS_CONFIG_SIZE 1024
#define WEIGHTS_SPLIT_SIZE 8192

typedef struct WeightsInfo
{
	int			format_version;	/* 0 = the file has no metadata of ours */
	char		architecture[64];
	char		config[WEIGHTS_CONFIG_SIZE];	/* JSON object text, as in the model's row */
	float		mean[3];		/* of the input: (x / 255 - mean) / std */
	float		std[3];
	char		extension_version[32];
	Traits		traits;
	char		split[WEIGHTS_SPLIT_SIZE];	/* JSON object text: how training split its images; empty = unknown */
} WeightsInfo;

typedef enum WeightsStorage
{
	WEIGHTS_F32,
	WEIGHTS_BF16,
	WEIGHTS_F16
} WeightsStorage;

/* Set the current format version, and ImageNet's mean and std, which most
 * published weights expect; all else is empty. */
void		weights_info_default(WeightsInfo *info);

/*
 * Read only the metadata. A file of another tool, without our metadata, is
 * accepted: it gives weights_info_default() with format_version 0. Otherwise
 * text is printable ASCII, config a JSON object, mean and std usable.
 */
Status		weights_read_info(const Call *call, const void *bytes, size_t size, WeightsInfo *info);

/*
 * Read a file into weights[graph->weight_count]. dtypes F32, F16, BF16 and F64
 * are converted. A missing, extra, misshapen or overlapping tensor, an offset
 * outside the file, a wrong checksum, an unknown version or dtype and
 * non-finite values (or negative running variances) are LS_INVALID_WEIGHTS,
 * and the message names the tensor; weights is then undefined. Polls per
 * tensor. "num_batches_tracked" tensors, which PyTorch adds, are ignored.
 */
Status		weights_read(const Call *call, const void *bytes, size_t size, const Graph *graph,
						 float *weights);

/*
 * Write a file: *bytes is allocated through call, the caller frees it. The
 * same input gives the same bytes. Running statistics stay float32. A weight
 * that is not finite, or does not fit float16, is LS_INVALID_WEIGHTS. The
 * current format version is written; info->format_version is not read.
 */
Status		weights_write(const Call *call, const WeightsInfo *info, const Graph *graph,
						  const float *weights, WeightsStorage storage, void **bytes, size_t *size);

#endif
