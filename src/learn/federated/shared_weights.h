/*
 * shared_weights.h: weight files that hospitals exchange while they train one
 * network together.
 *
 * Such a file has our metadata, so it says itself of which network it is. Two
 * files can be averaged or compared only if they are of one network: the same
 * architecture, config and tensors, and the same normalisation of the input.
 */
#ifndef LESIONSEG_LEARN_SHARED_WEIGHTS_H
#define LESIONSEG_LEARN_SHARED_WEIGHTS_H

#include <stddef.h>

#include "arch/network.h"

/* A file that was read. All zero = none. */
typedef struct SharedWeights
{
	Network    *network;		/* owned; with the file's weights, traits and split */
	char		config[WEIGHTS_CONFIG_SIZE];	/* as the file says it, JSON */
} SharedWeights;

/*
 * Read a file into memory of host, which must outlive it. A file without our
 * metadata is LS_INVALID_WEIGHTS, as is what weights_read refuses. After an
 * error there is nothing to close.
 */
Status		shared_weights_open(const Host *host, const Call *call, const void *bytes, size_t size,
								SharedWeights *weights);

/* The same for a file that must be of the first one's network, else it is
 * LS_INVALID_WEIGHTS: the message says what differs. */
Status		shared_weights_open_like(const SharedWeights *first, const Host *host, const Call *call,
									 const void *bytes, size_t size, SharedWeights *weights);

/* Write the file that network and config are, in float32: *bytes is allocated
 * through call, the caller frees it. */
Status		shared_weights_write(const SharedWeights *weights, const Call *call, void **bytes, size_t *size);

void		shared_weights_close(SharedWeights *weights);

#endif
