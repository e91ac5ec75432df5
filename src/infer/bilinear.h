/*
 * bilinear.h: resize a probability map row by row.
 *
 * A map is read at output positions (pixel centres at half integers, edges
 * extended). Rows come out one at a time, so a caller can threshold a row
 * while it is in the cache, and the whole resized map is never in memory.
 *
 * Resizing a flipped or turned map to the turned size gives the flipped or
 * turned result, bit for bit.
 */
#ifndef LESIONSEG_INFER_BILINEAR_H
#define LESIONSEG_INFER_BILINEAR_H

#include <stddef.h>
#include <stdint.h>

#include "core/host.h"
#include "core/status.h"

/* Where the samples of one output position stand. */
typedef struct BilinearTap
{
	int32_t		first;			/* index of the sample before */
	int32_t		second;			/* and after */
	float		first_weight;	/* 0..1 */
	float		second_weight;
} BilinearTap;

/* Which part of an output's side the map covers: the side is `whole` units long,
 * whatever they are; the map goes from `first` on over `length` of them. */
typedef struct BilinearSpan
{
	int			whole;
	int			first;
	int			length;
} BilinearSpan;

/* The samples to the left and right of each output column in a row of the
 * map. */
typedef struct BilinearRow
{
	int			index;			/* number of the map's row; -1 = none */
	float	   *left;			/* width */
	float	   *right;			/* width */
} BilinearRow;

typedef struct Bilinear
{
	const Host *host;
	int			size;			/* the map is size x size */
	BilinearSpan across;		/* of the output's width, and */
	BilinearSpan down;			/* of its height */
	int			width;			/* of the output; 0 before bilinear_prepare */
	int			height;
	BilinearTap *columns;		/* width */
	float	   *left_weights;	/* width; those of columns, as vectors */
	float	   *right_weights;	/* width */
	BilinearRow rows[2];
	float	   *output;			/* the current output row */
} Bilinear;

/* Start for size x size maps; memory comes from host. */
void		bilinear_init(Bilinear *bilinear, const Host *host, int size);
void		bilinear_free(Bilinear *bilinear);

/* Say which part of the output the map covers, before bilinear_prepare; all of
 * it unless this is called. Beyond it the map's edges go on. */
void		bilinear_cover(Bilinear *bilinear, BilinearSpan across, BilinearSpan down);

/* Get ready for outputs of width x height; does nothing if the size is the
 * same as before. */
Status		bilinear_prepare(Bilinear *bilinear, int width, int height);

/* Forget the rows kept from the last map. */
void		bilinear_start(Bilinear *bilinear);

/* Output row y of map (size, size): `width` floats, valid until the next call. */
const float *bilinear_row(Bilinear *bilinear, const float *map, int y);

#endif
