/*
 * bilinear.h: resize a probability map row by row.
 *
 * A map is read at output positions (pixel centres at half integers, edges
 * extended). Rows come out one at a time, so a caller can threshold a row
 * while it is in the cache and the resized map never exists as a whole.
 */
#ifndef LESIONSEG_LEARN_BILINEAR_H
#define LESIONSEG_LEARN_BILINEAR_H

#include <stddef.h>
#include <stdint.h>

#include "core/host.h"
#include "core/status.h"

/* Where the samples of one output position stand. */
typedef struct BilinearTap
{
	int32_t		first;			/* index of the sample before */
	int32_t		second;			/* and after */
	float		weight;			/* of the second, 0..1 */
} BilinearTap;

typedef struct Bilinear
{
	const HostContext *host;
	int			size;			/* the map is size x size */
	int			width;			/* of the output; 0 before bilinear_prepare */
	int			height;
	BilinearTap *columns;		/* width */
	float	   *rows[2];		/* map rows resized to width */
	int			row_index[2];	/* which map row each holds; -1 = none */
	float	   *output;			/* the current output row */
} Bilinear;

/* Start for size x size maps; memory comes from host. */
void		bilinear_init(Bilinear *bilinear, const HostContext *host, int size);
void		bilinear_free(Bilinear *bilinear);

/* Get ready for outputs of width x height; does nothing when they are the
 * size of the call before. */
Status		bilinear_prepare(Bilinear *bilinear, int width, int height);

/* Forget the map of the call before. */
void		bilinear_start(Bilinear *bilinear);

/* Output row y of map (size, size): `width` floats, valid until the next call. */
const float *bilinear_row(Bilinear *bilinear, const float *map, int y);

/* Bytes it holds. */
size_t		bilinear_memory(const Bilinear *bilinear);

#endif
