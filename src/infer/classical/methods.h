/*
 * methods.h: the image that the methods work on, and the methods. Private to
 * this folder.
 */
#ifndef LESIONSEG_INFER_CLASSICAL_METHODS_H
#define LESIONSEG_INFER_CLASSICAL_METHODS_H

#include <stdint.h>

#include "image/cielab.h"
#include "infer/classical/classical.h"

/* A reduced and smoothed image. Planes are (height, width). */
typedef struct ClassicalFrame
{
	int			width;
	int			height;
	size_t		count;			/* pixels */
	uint8_t    *values;			/* of the channel */
	Cielab	   *colours;
	uint8_t    *valid;			/* 0 where the lens's rim is */
} ClassicalFrame;

/* Make a frame of an image; the caller frees it, also after a failure. */
Status		classical_frame_make(const Call *call, const Image *image, const ClassicalOptions *options,
								 ClassicalFrame *frame);
void		classical_frame_free(const Call *call, ClassicalFrame *frame);

/* The value that splits a histogram best: the last of the lower class. */
int			otsu_threshold(const int64_t counts[256]);

/* Each sets lesion to 255 in a (height, width) plane that is all 0 before. */
Status		classical_otsu(const Call *call, const ClassicalFrame *frame, const ClassicalOptions *options,
						   uint8_t *lesion);
Status		classical_adaptive(const Call *call, const ClassicalFrame *frame, const ClassicalOptions *options,
							   uint8_t *lesion);
Status		classical_kmeans(const Call *call, const ClassicalFrame *frame, const ClassicalOptions *options,
							 uint8_t *lesion);
Status		classical_region_growing(const Call *call, const ClassicalFrame *frame,
									 const ClassicalOptions *options, uint8_t *lesion);
Status		classical_chan_vese(const Call *call, const ClassicalFrame *frame, const ClassicalOptions *options,
								uint8_t *lesion);

#endif
