/*
 * sweep.h: one form for forward and backward-data: which pixels of the source
 * each pixel of the target reads, and with which elements (taps) of the kernel.
 * Private to src/nn/conv.
 *
 * Forward is one sweep: every pixel of y uses all taps. Backward-data has the
 * same form with source and target exchanged: each pixel of dx gathers the
 * pixels of dy to which it contributed. With a stride s, the taps depend on the
 * pixel's position modulo s. So there are s * s phases; each is a sweep with
 * its own taps, and nothing is multiplied by zeros.
 */
#ifndef LESIONSEG_NN_CONV_SWEEP_H
#define LESIONSEG_NN_CONV_SWEEP_H

#include "nn/conv/convolution.h"

typedef struct SweepTap
{
	int			index;			/* into K * K */
	int			y;				/* what it reads, from a position's own source pixel */
	int			x;
} SweepTap;

/*
 * Target pixels that share their taps: start + j * target_step, for j in
 * [0, rows) x [0, columns), reads source pixel j * source_step + tap.
 */
typedef struct Sweep
{
	int			start_y;
	int			start_x;
	int			rows;
	int			columns;
	int			first_tap;		/* its taps follow those of the sweeps before */
	int			tap_count;
} Sweep;

typedef struct Sweeps
{
	int			count;
	int			source_step;
	int			target_step;
	Sweep	   *sweeps;
	SweepTap   *taps;			/* K * K: each belongs to one sweep */
} Sweeps;

/* The sweeps of a pass, PASS_FORWARD or PASS_BACKWARD_DATA. */
Status		sweeps_create(const Host *host, const ConvolutionShape *shape, ConvolutionPass pass,
						  Sweeps *sweeps);

/* Also frees sweeps that were made in part, or are all zero. */
void		sweeps_free(const Host *host, Sweeps *sweeps);

#endif
