/*
 * loops.h: the operators that are limited by memory, as loops over pixels.
 *
 * Each loop is a ThreadsTask: threads_run() divides its items (pixels, or
 * others if the arguments say so) between the workers. The loops are written
 * once (loops_template.h) and compiled for each instruction set and storage
 * type; loops_for() picks the table for this machine.
 *
 * Tensors are (pixels, C) with a stride in elements from pixel to pixel.
 */
#ifndef LESIONSEG_NN_LOOPS_H
#define LESIONSEG_NN_LOOPS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/threads.h"
#include "nn/loops/roi_align.h"
#include "nn/tensor.h"

/* y = (rgb / 255 - mean) / std, as rgb * scale + shift; items: pixels. */
typedef struct InputArgs
{
	const uint8_t *rgb;			/* (pixels, 3) */
	void	   *y;				/* (pixels, 3), dense */
	float		scale[3];
	float		shift[3];
} InputArgs;

/* y = x * scale + shift (+ residual) (then ReLU), of GELU(x) if asked for; items: pixels. */
typedef struct AffineArgs
{
	const void *x;
	int			x_stride;
	void	   *y;				/* may be x */
	int			y_stride;
	const void *residual;		/* NULL = none */
	int			residual_stride;
	int			channels;
	const float *scale;			/* (C); NULL = 1 */
	const float *shift;			/* (C); NULL = 0 */
	bool		gelu;			/* of x, first */
	bool		relu;			/* last */
} AffineArgs;

/* Per channel sums of (x - origin) and (x - origin)^2, of GELU(x) if that is wanted; items: pixels. */
typedef struct MomentArgs
{
	const void *x;
	int			x_stride;
	int			channels;
	const float *origin;		/* (C): an estimate of the mean; NULL = 0 */
	double	   *sums;			/* (workers, 2, C), added to */
	void	   *gelu;			/* GELU(x) is written here; NULL = sums of x itself */
	int			gelu_stride;
} MomentArgs;

/*
 * The two halves of the gradient of y = relu(x * scale + shift + residual). dz
 * is dy where the ReLU passed it, else 0: by the sign of y if y is given
 * (needed with a residual), else by the sign of x * scale + shift. Where x is
 * GELU(u), dx can be the gradient of u.
 */
typedef struct NormGradientArgs
{
	const void *x;				/* dense: (pixels, C) */
	const void *y;				/* NULL unless there was a residual */
	int			y_stride;
	const void *dy;
	int			dy_stride;
	const void *u;				/* NULL = dx is the gradient of x */
	int			u_stride;
	void	   *dx;				/* dense; may be dy when that is dense */
	bool		accumulate;		/* add to dx instead of writing it */
	void	   *dresidual;		/* NULL = none; dz is written to it before dx is written; may be dx */
	int			dresidual_stride;
	bool		accumulate_residual;	/* add dz to dresidual instead of writing it */
	int			channels;
	bool		relu;
	const float *scale;
	const float *shift;
	const float *mean;			/* (C) batch mean */
	const float *inverse_std;	/* (C) */
	double	   *sums;			/* (workers, 2, C): dz and dz * (x - mean) * inverse_std */
	const float *slope_dz;		/* dx = dz * slope_dz + x * slope_x + offset */
	const float *slope_x;
	const float *offset;
} NormGradientArgs;

/* Max pooling; items of forward: output rows (n * OH); of backward: input
 * rows (n * H). */
typedef struct PoolArgs
{
	TensorShape x_shape;
	TensorShape y_shape;
	int			kernel;
	int			stride;
	int			padding;
	const void *x;
	int			x_stride;
	void	   *y;
	int			y_stride;
	uint8_t    *index;			/* (pixels of y, C): place of the maximum in its window; NULL = do not keep */
	const void *dy;
	int			dy_stride;
	void	   *dx;
	int			dx_stride;
	const void *before;			/* is added to dx; may be dx; NULL = nothing */
	int			before_stride;
} PoolArgs;

/* y = a + b, or y = a where b is NULL; items: pixels. */
typedef struct AddArgs
{
	const void *a;
	int			a_stride;
	const void *b;
	int			b_stride;
	void	   *y;				/* may be a or b */
	int			y_stride;
	int			channels;
} AddArgs;

/* dx = dy where y > 0, else 0 (added to dx when accumulate); items: pixels. */
typedef struct ReluGradientArgs
{
	const void *y;
	int			y_stride;
	const void *dy;
	int			dy_stride;
	void	   *dx;
	int			dx_stride;
	int			channels;
	bool		accumulate;
} ReluGradientArgs;

/* y = x * P(X <= x) of the normal distribution (GELU, Hendrycks and Gimpel,
 * arXiv:1606.08415), within 1e-6; its gradient dx, from x and dy; items:
 * pixels. */
typedef struct GeluArgs
{
	const void *x;
	int			x_stride;
	void	   *y;				/* forward only; may be x */
	int			y_stride;
	const void *dy;				/* gradient only */
	int			dy_stride;
	void	   *dx;				/* may be dy */
	int			dx_stride;
	int			channels;
	bool		accumulate;		/* add to dx instead of writing it */
} GeluArgs;

/* A 1x1 convolution to one channel: each pixel's dot product with the weights
 * (+ bias) (+ what y holds) (then ReLU), and its gradients; items: pixels. */
typedef struct DotArgs
{
	const void *x;
	int			x_stride;
	int			channels;
	const float *weights;		/* (C) */
	float		bias;
	bool		residual;
	bool		relu;
	void	   *y;				/* one channel */
	int			y_stride;
	const void *dy;				/* gradients only */
	int			dy_stride;
	void	   *dx;				/* dot_gradient: dy * weights */
	int			dx_stride;
	double	   *sums;			/* dot_gradient_sums: (workers, C + 1): dy * x, and dy; added to */
} DotArgs;

#define RESIZE_MOST 64			/* largest scale */

/* Bilinear enlargement by a whole factor; items of forward: output rows
 * (n * H * scale); of backward: input rows (n * H). */
typedef struct ResizeArgs
{
	TensorShape x_shape;
	int			scale;
	const void *x;
	int			x_stride;
	void	   *y;
	int			y_stride;
	const void *dy;
	int			dy_stride;
	void	   *dx;
	int			dx_stride;
	bool		accumulate;		/* add to dx instead of writing it */
} ResizeArgs;

/* Conversion from the storage type to float32 (optionally followed by the
 * logistic function) and back; items: elements. */
typedef struct ConvertArgs
{
	const void *from;
	void	   *to;
} ConvertArgs;

/* One AdamW update of float32 arrays (Loshchilov and Hutter, arXiv:1711.05101); items: elements. */
typedef struct AdamArgs
{
	float	   *weights;
	const float *gradients;
	float	   *first;			/* moments */
	float	   *second;
	float		gradient_scale; /* for clipping */
	float		beta1;
	float		beta2;
	float		step_size;		/* learning rate / (1 - beta1^t) */
	float		inverse_root;	/* 1 / sqrt(1 - beta2^t) */
	float		epsilon;
	float		keep;			/* 1 - learning rate * weight decay */
} AdamArgs;

/* Sum of squares of a float32 array; items: elements. */
typedef struct SquareArgs
{
	const float *values;
	double	   *sums;			/* (workers), added to */
} SquareArgs;

typedef struct Loops
{
	ThreadsTask input;			/* InputArgs */
	ThreadsTask affine;			/* AffineArgs */
	ThreadsTask moments;		/* MomentArgs */
	ThreadsTask norm_gradient_sums; /* NormGradientArgs */
	ThreadsTask norm_gradient;	/* NormGradientArgs */
	ThreadsTask max_pool;		/* PoolArgs */
	ThreadsTask max_pool_gradient;	/* PoolArgs */
	ThreadsTask add;			/* AddArgs */
	ThreadsTask relu_gradient;	/* ReluGradientArgs */
	ThreadsTask gelu;			/* GeluArgs */
	ThreadsTask gelu_gradient;	/* GeluArgs */
	ThreadsTask dot;			/* DotArgs */
	ThreadsTask dot_gradient;	/* DotArgs */
	ThreadsTask dot_gradient_sums;	/* DotArgs */
	ThreadsTask resize;			/* ResizeArgs */
	ThreadsTask resize_gradient;	/* ResizeArgs */
	ThreadsTask roi_align;		/* RoiAlignArgs */
	ThreadsTask roi_align_gradient; /* RoiAlignArgs */
	ThreadsTask to_float;		/* ConvertArgs */
	ThreadsTask to_probability; /* ConvertArgs: 1 / (1 + exp(-x)) as float32 */
	ThreadsTask from_float;		/* ConvertArgs */
	ThreadsTask adam;			/* AdamArgs; float32 in every table */
	ThreadsTask squares;		/* SquareArgs; float32 in every table */
} Loops;

/* The fastest loops for a storage type on this CPU. */
const Loops *loops_for(DataType type);

/* The tables by instruction set and type, for loops_for and the tests. */
extern const Loops loops_f32_baseline;
extern const Loops loops_bf16_baseline;
extern const Loops loops_f32_avx2;
extern const Loops loops_bf16_avx2;
extern const Loops loops_f32_avx512;
extern const Loops loops_bf16_avx512;
extern const Loops loops_bf16_avx512bf16;

#endif
