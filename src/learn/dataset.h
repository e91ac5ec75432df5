/*
 * dataset.h: images and masks decoded once, at training size, and kept.
 *
 * 8-bit RGB and mask, size * size * 4 bytes an image. What does not fit in the
 * given share of memory goes to the host's temporary file. A host has only one
 * such file, and a data set uses it alone: two data sets that may both spill
 * need two hosts.
 */
#ifndef LESIONSEG_LEARN_DATASET_H
#define LESIONSEG_LEARN_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "enhance/enhance.h"
#include "image/codec/codec.h"
#include "measure/mask_facts.h"

/* The share of the memory that a caller may take for images; the rest is for
 * the network. */
#define DATASET_MEMORY_SHARE 0.5

typedef struct Dataset Dataset;

/* An empty data set of size x size images that holds at most max_memory
 * bytes of pixels in memory. host must outlive it. */
Status		dataset_create(const Host *host, int size, size_t max_memory, Dataset **dataset);

/* Enhance the images that are added from now on, after resizing. */
void		dataset_enhance(Dataset *dataset, EnhanceMode mode);

/* Which way up to read the images and masks that are added from now on. */
void		dataset_turn(Dataset *dataset, ImageTurn turn);

void		dataset_free(Dataset *dataset);

/*
 * Decode, check that image and mask have the same shape, resize both to size x
 * size and append; a mask pixel is lesion if at least half of the area that it
 * covers is. The mask is counted in `facts` unless that is NULL. On failure
 * nothing is added; INVALID_IMAGE (also above max_pixels) and UNSUPPORTED mean
 * that the pair is bad; any other code is not the pair's fault.
 */
Status		dataset_add(Dataset *dataset, const Call *call, const void *image, size_t image_size,
						const void *mask, size_t mask_size, MaskFacts *facts);

/* Number of images. */
long		dataset_count(const Dataset *dataset);

/* Copy image `index` into rgb (size, size, 3) and mask (size, size). */
Status		dataset_read(const Dataset *dataset, long index, uint8_t *rgb, uint8_t *mask);

int			dataset_size(const Dataset *dataset);

#endif
