/*
 * backend.h: convolution and matrix product, the two operators worth a library.
 *
 * A transposed convolution is a convolution run backwards: its forward is
 * the data gradient of the convolution that maps its output to its input
 * (and its weight tensor (C_in, C_out, KH, KW) is that convolution's
 * (O, I, KH, KW)), so a backend only knows convolution.
 *
 * A Convolution is made once per plan: primitives, packed weights and
 * scratch all live in it, and running it allocates nothing. It splits its
 * work over call->threads threads; results do not vary from run to run.
 *
 * backend_choice.h says which backends there are and which one runs what.
 */
#ifndef LESIONSEG_NN_BACKEND_H
#define LESIONSEG_NN_BACKEND_H

#include <stdbool.h>

#include "core/call.h"
#include "core/status.h"
#include "nn/tensor.h"

/* y = conv(x, w) (+ bias) (+ residual) (then ReLU): cross-correlation, zero padding. */
typedef struct ConvolutionShape
{
	TensorShape x;				/* (N, H, W, C_in) */
	TensorShape y;				/* (N, OH, OW, C_out) */
	int			kernel_h;
	int			kernel_w;
	int			stride;
	int			padding;		/* zeros on each side */
	int			dilation;		/* 1 = dense */
	int			groups;			/* 1, or C_in == C_out for depthwise */
} ConvolutionShape;

/* Memory that convolutions of a plan may share for what they need while one
 * runs: no two run at the same time. Making them raises bytes; whoever owns it
 * allocates so many before the first runs. */
typedef struct ConvolutionScratch
{
	size_t		bytes;
	void	   *memory;
} ConvolutionScratch;

/* What a Convolution will be asked to do. */
typedef struct ConvolutionUse
{
	DataType	type;			/* of x, y and their gradients */
	int			x_pixel_stride;	/* of x and of its gradient */
	int			y_pixel_stride;
	bool		forward;
	bool		backward_data;
	bool		backward_weights;
	bool		bias;			/* forward adds, backward_weights computes */
	bool		relu;			/* forward only: max(0, .) last */
	bool		transposed;		/* backward_data is a transposed convolution's forward: it adds the
								 * bias (C_in) and ends in the ReLU; forward and backward_weights
								 * have neither */
	bool		residual;		/* forward only: adds what y holds before */
	ConvolutionScratch *scratch;	/* outlives the convolution; NULL = it has its own */
} ConvolutionUse;

/* The three things a convolution does. */
typedef enum ConvolutionPass
{
	PASS_FORWARD,
	PASS_BACKWARD_DATA,
	PASS_BACKWARD_WEIGHTS
} ConvolutionPass;

typedef struct Backend Backend;
typedef struct Convolution Convolution;

struct Backend
{
	const char *name;			/* "onednn", "openblas" */

	/* Can this CPU convolve in type at more than emulated speed? */
	bool		(*supports) (DataType type);

	/* Make a convolution. Strides wider than C may be unsupported by a
	 * library; the backend then goes through its own dense scratch. */
	Status		(*create) (const Call *call, const ConvolutionShape *shape,
						   const ConvolutionUse *use, Convolution **convolution);
	void		(*destroy) (Convolution *convolution);

	/* Bytes that a Convolution holds (packed weights, scratch). */
	size_t		(*memory) (const Convolution *convolution);

	/* Take new weights (C_out, C_in / groups, KH, KW), float32, and a bias
	 * (C_out; C_in when transposed) or NULL; packs them for forward and backward_data. */
	Status		(*set_weights) (Convolution *convolution, const float *weights, const float *bias);

	/* y = conv(x) */
	Status		(*forward) (Convolution *convolution, const void *x, void *y);

	/* dx = gradient of x (overwritten) */
	Status		(*backward_data) (Convolution *convolution, const void *dy, void *dx);

	/* dw (C_out, C_in / groups, KH, KW) and db (C_out), both float32, are
	 * overwritten; db may be NULL. */
	Status		(*backward_weights) (Convolution *convolution, const void *x, const void *dy,
									 float *dw, float *db);

	/* What runs a pass, for benchmarks ("brgconv:avx512_core_amx_bf16");
	 * "" for a pass it was not made for. */
	const char *(*implementation) (const Convolution *convolution, ConvolutionPass pass);
};

/* c (m, n) = a (m, k) * b (k, n) + beta * c, row-major float32. Serves the
 * small dense layers; both backends use it. */
void		matrix_product(int m, int n, int k, const float *a, int lda, bool transpose_a,
						   const float *b, int ldb, bool transpose_b, float beta, float *c, int ldc);

#endif
