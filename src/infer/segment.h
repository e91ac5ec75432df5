/*
 * segment.h: from an image to a network's probability map.
 */
#ifndef LESIONSEG_INFER_SEGMENT_H
#define LESIONSEG_INFER_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/network.h"
#include "image/image.h"

/* Probabilities at the size at which a network sees images. */
typedef struct ProbabilityMap
{
	int			size;
	float	   *values;			/* (size, size) */
	double		disagreement;	/* of the views of test-time augmentation, see symmetry.h; else 0 */
} ProbabilityMap;

void		probability_map_free(const Call *call, ProbabilityMap *map);

typedef struct Segmenter Segmenter;

/*
 * Plan single-image segmentation with network at its image_size (square);
 * LS_INVALID_ARGUMENT for a network without image_size. The segmenter's memory
 * comes from network->host; the network must outlive it.
 */
Status		segmenter_create(const Network *network, const Call *call, const EngineChoice *choice,
							 Segmenter **segmenter);
void		segmenter_free(Segmenter *segmenter);
size_t		segmenter_memory(const Segmenter *segmenter);

/*
 * Resize an RGB image to network size and predict. With `tta` the map is the
 * mean over the eight symmetries of the square: a square image flipped or
 * turned gives the same map flipped or turned, bit for bit. `disagreement`
 * compares the eight masks at `threshold`. The map comes from the call's
 * memory and the caller frees it; on failure there is nothing to free.
 */
Status		segmenter_run(Segmenter *segmenter, const Call *call, const Image *image, bool tta, double threshold,
						  ProbabilityMap *map);

/* The instances of the last segmenter_run, as predictor_instances; with tta
 * only those of the last view. */
int			segmenter_instances(const Segmenter *segmenter, const NetworkInstance **instances);

#endif
