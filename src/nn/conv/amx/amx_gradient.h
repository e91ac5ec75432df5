/*
 * amx_gradient.h: the weight gradient of a dense bf16 convolution by AMX, with
 * any kernel, stride and padding, and tensors of any pixel stride. Shared by
 * planning (amx_gradient.c), packing (amx_gradient_pack_amx.c) and running
 * (amx_gradient_run_amx.c); private to this folder.
 *
 * For each kernel tap, dw is a matrix product over pixels: (C_out, pixels) of
 * dy times (pixels, C_in) of x, x shifted by the tap. An AMX tile product
 * takes 32 pixels: a tile of A is 16 output channels of dy, transposed; a
 * tile of B is 16 pairs of pixels of x, the pair's values interleaved.
 *
 * Both are packed a segment at a time: two strips, which are some rows of an
 * image each. A pair is the pixels at one place of the two strips, so that a
 * shift moves both alike. A segment is flat: row after row, with zeros between
 * rows, as many as the taps reach beyond an edge. So a tap is one constant
 * shift through the whole segment. Interleaving works in lanes of 128 bits, so
 * of a group of 32 channels the first tile gets channels 0-3, 8-11, 16-19,
 * 24-27 and the second the others; they are sorted when dw is brought into
 * plain order. With a stride s, x is packed as its s * s phases; each is read
 * by some of the taps, at stride 1.
 *
 * Products go by blocks of a segment that stay in the L1 while all taps pass
 * over them; the L2 could not feed the tiles. The price is that sums are
 * loaded and stored once per block.
 *
 * Two ways to share the work, by the size of dw. If it is small, each thread
 * works on its own segments and sums into its own dw; these are added at the
 * end. If it is large, that would mean too much traffic for dw: threads pack a
 * block of segments together, then each takes some channels. The order of
 * additions depends only on shape and thread count.
 */
#ifndef LESIONSEG_NN_CONV_AMX_GRADIENT_H
#define LESIONSEG_NN_CONV_AMX_GRADIENT_H

#include "nn/conv/kernel.h"

/* Flat places (each a pair of pixels) in a tile product. */
#define CHUNK_PLACES 16

/* The place that a tap reads in a packed segment. */
typedef struct GradientTap
{
	int			phase;
	int			shift;			/* flat places from dy's to x's */
} GradientTap;

/* Some rows of an image. */
typedef struct Strip
{
	int			image;
	int			row;
	int			rows;			/* 0: there is none */
} Strip;

/* The content of a slot: two strips whose pixels are paired. */
typedef struct Segment
{
	Strip		strips[2];
	int			rows;			/* of the longer */
	int			chunks;			/* of CHUNK_PLACES */
} Segment;

typedef struct AmxGradient
{
	KernelPass	base;
	bool		shared;			/* threads share blocks and split channels */
	int			phases;			/* stride * stride */
	int			top;			/* rows and columns that taps reach beyond the edges, in phases */
	int			bottom;
	int			left;
	int			pitch;			/* flat places from row to row */
	int			lead;			/* flat place in x of dy's first pixel */
	int			in_groups;		/* groups of 32 channels */
	int			out_groups;
	int			tap_count;
	GradientTap *taps;

	int			strip_rows;
	int			strips_per_image;
	int			strip_count;
	int			segment_count;
	int			slots;			/* segments in a shared block, else 1 */
	size_t		max_chunks;
	size_t		max_places;
	size_t		x_size;			/* values of a packed x: (phase, channels / 16, place, 16, 2) */
	size_t		dy_size;		/* values of a packed dy: (channels / 16, chunk, 16, 32) */
	size_t		dw_size;		/* sums: (tap, out / 16, in / 16, 16, 16) */
	size_t		db_size;

	/* Scratch. */
	size_t		packed_at;		/* per thread, or per slot: x, then dy */
	size_t		dw_at;			/* per thread, or one: dw_size floats */
	size_t		db_at;			/* per thread: db_size floats */
	/* Per thread: did it sum into its dw in this run? Some do not, if there
	 * are few segments or the pool is smaller than asked for. */
	size_t		summed_at;
	size_t		parts_at;		/* pointers to the dw that were summed */
} AmxGradient;

/* One run. */
typedef struct GradientJob
{
	const AmxGradient *state;
	const bfloat16 *x;
	const bfloat16 *dy;
	float	   *plain_dw;		/* (C_out, C_in, K, K) */
	bfloat16   *packed;			/* scratch, as above */
	float	   *dw;
	float	   *db;
	bool	   *summed;
	const float **parts;
	int			part_count;
	int			first_segment;	/* of a shared block */
	int			segments;
	bool		bias;
} GradientJob;

/* The index-th segment of the batch. */
Segment		amx_segment(const AmxGradient *state, int index);

/* The packed x and dy of a slot. */
static inline bfloat16 *
packed_x(const GradientJob *job, int slot)
{
	return job->packed + slot * (job->state->x_size + job->state->dy_size);
}

static inline bfloat16 *
packed_dy(const GradientJob *job, int slot)
{
	return packed_x(job, slot) + job->state->x_size;
}

/* amx_gradient_pack_amx.c */

/* Pack a group of 32 channels of one phase of x for a segment. */
void		amx_pack_x(const GradientJob *job, const Segment *segment, int slot, int phase, int group);

/* Pack a group of 32 channels of dy for a segment, transposed; sums gets the
 * group's bias gradient unless it is NULL. */
void		amx_pack_dy(const GradientJob *job, const Segment *segment, int slot, int group, float *sums);

/* amx_gradient_run_amx.c */
Status		amx_gradient_run(const KernelPass *pass, const ConvolutionCall *call, const PassTensors *tensors);

#endif
