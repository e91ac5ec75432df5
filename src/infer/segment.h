/*
 * segment.h: from an image to a network's probability map.
 */
#ifndef LESIONSEG_LEARN_SEGMENT_H
#define LESIONSEG_LEARN_SEGMENT_H

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

/* Plan single-image segmentation with network at its image_size (square);
 * LS_INVALID_ARGUMENT for a network that has none. The segmenter's memory is
 * of network->host and the network must outlive it. */
Status		segmenter_create(const Network *network, const Call *call, const EngineChoice *choice,
							 Segmenter **segmenter);
void		segmenter_free(Segmenter *segmenter);
size_t		segmenter_memory(const Segmenter *segmenter);
const Predictor *segmenter_predictor(const Segmenter *segmenter);

/*
 * Resize an RGB image to network size and predict. With `tta` the image is
 * seen in the eight symmetries of the square and the map is their mean, so
 * that a square image flipped or turned gives the same map flipped or turned,
 * bit for bit; `threshold` is that of the masks which disagreement compares.
 * The caller frees the map, which is of the call's memory; on failure there is
 * nothing to free.
 */
Status		segmenter_run(Segmenter *segmenter, const Call *call, const Image *image, bool tta, double threshold,
						  ProbabilityMap *map);

/* The instances of the last segmenter_run, as predictor_instances; with tta
 * those of the last view alone. */
int			segmenter_instances(const Segmenter *segmenter, const NetworkInstance **instances);

#endif
