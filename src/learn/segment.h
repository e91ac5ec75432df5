/*
 * segment.h: from image bytes to a mask at the image's own size.
 */
#ifndef LESIONSEG_LEARN_SEGMENT_H
#define LESIONSEG_LEARN_SEGMENT_H

#include <stdint.h>

#include "arch/network.h"
#include "image/image.h"

typedef struct Segmenter Segmenter;

/* Plan single-image segmentation with network at its image_size (square);
 * LS_INVALID_ARGUMENT for a network that has none. The segmenter's memory is
 * of network->host and the network must outlive it. */
Status		segmenter_create(const Network *network, const EngineChoice *choice, Segmenter **segmenter);
void		segmenter_free(Segmenter *segmenter);
size_t		segmenter_memory(const Segmenter *segmenter);
const Predictor *segmenter_predictor(const Segmenter *segmenter);

/* Lend it the host of the current call: limits, poll, and the memory of
 * everything a call makes. What is kept from call to call stays with
 * network->host, which is also the host before the first lending. */
void		segmenter_set_host(Segmenter *segmenter, const HostContext *host);

/*
 * Decode (a JPEG at reduced scale), resize to network size, predict, resize
 * the probabilities bilinearly to (width, height) - 0, 0 for the image's own
 * size - and threshold (0..1): mask is 1 channel of 0/255, lesion where
 * probability > threshold. If probabilities is not NULL it receives the
 * resized map as 1-channel 8-bit (round(255 p)). The caller frees both
 * through the lent host; on failure there is nothing to free.
 */
Status		segment_image(Segmenter *segmenter, const void *bytes, size_t size, double threshold,
						  int width, int height, Image *mask, Image *probabilities);

#endif
