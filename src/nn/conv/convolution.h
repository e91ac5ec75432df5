/*
 * convolution.h: convolution, the operator that a network spends its time in.
 *
 * A Convolution does up to three passes: forward, and the gradients of its
 * input and of its weights. The kernel of each pass is looked up once, in the
 * table of table.c, when the Convolution is made. It holds what stays between
 * runs, such as packed weights. All that belongs to one run is lent to it
 * (ConvolutionCall), and running allocates nothing. Results do not vary from
 * run to run.
 *
 * A transposed convolution is a convolution run backwards: its forward pass is
 * the data gradient of the convolution that maps its output to its input, and
 * its weight tensor (C_in, C_out, K, K) is that convolution's (O, I, K, K). So
 * only convolution is needed.
 *
 * Call these functions between threads_enter and threads_leave
 * (core/threads.h), because kernels may call libraries.
 */
#ifndef LESIONSEG_NN_CONV_CONVOLUTION_H
#define LESIONSEG_NN_CONV_CONVOLUTION_H

#include <stdbool.h>

#include "core/host.h"
#include "core/status.h"
#include "nn/conv/backend.h"
#include "nn/tensor.h"

/* y = conv(x, w) (+ bias) (+ residual) (then ReLU): cross-correlation, zero padding. */
typedef struct ConvolutionShape
{
	TensorShape x;				/* (N, H, W, C_in) */
	TensorShape y;				/* (N, OH, OW, C_out) */
	int			kernel;			/* K, along either side */
	int			stride;
	int			padding;		/* zeros on each side */
	int			groups;			/* 1, or C_in == C_out for depthwise */
} ConvolutionShape;

typedef enum ConvolutionPass
{
	PASS_FORWARD,
	PASS_BACKWARD_DATA,
	PASS_BACKWARD_WEIGHTS
} ConvolutionPass;

#define PASS_COUNT 3

/* What a Convolution is for. */
typedef struct ConvolutionUse
{
	DataType	type;			/* type of x, y and their gradients */
	int			threads;		/* most threads of a run */
	int			x_pixel_stride;	/* pixel stride of x and of its gradient */
	int			y_pixel_stride;
	bool		forward;		/* the passes */
	bool		backward_data;
	bool		backward_weights;
	bool		bias;			/* forward adds, backward_weights computes */
	bool		relu;			/* forward only: max(0, .) last */
	int			residual_stride;	/* forward only: pixel stride of a tensor like y that is added
									 * before the ReLU; 0 = none */
	bool		relu_before;	/* forward only: max(0, .) before the residual is added */
	/* backward_data is a transposed convolution's forward: it adds the bias
	 * (C_in) and the ReLU; forward and backward_weights have neither. */
	bool		transposed;
} ConvolutionUse;

/* What is lent to one run. Nothing of it is kept. */
typedef struct ConvolutionCall
{
	int			threads;		/* number of threads, as planned */
	void	   *scratch;		/* convolution_scratch() bytes, aligned to 64; contents do not matter */
} ConvolutionCall;

typedef struct Convolution Convolution;

/* Make a convolution from the kernels that backend allows. */
Status		convolution_create(const Host *host, const Backend *backend, const ConvolutionShape *shape,
							   const ConvolutionUse *use, Convolution **convolution);
void		convolution_free(Convolution *convolution);

/* Bytes that it holds, and bytes of scratch that each run must be lent. */
size_t		convolution_memory(const Convolution *convolution);
size_t		convolution_scratch(const Convolution *convolution);

/* Set weights (C_out, C_in / groups, K, K), float32, and a bias (C_out; C_in
 * if transposed) or NULL; packs them for forward and backward_data. */
Status		convolution_set_weights(Convolution *convolution, const ConvolutionCall *call,
									const float *weights, const float *bias);

/* y = conv(x) (+ residual, which may be y itself; NULL where there is none) */
Status		convolution_forward(const Convolution *convolution, const ConvolutionCall *call,
								const void *x, const void *residual, void *y);

/* dx = gradient of x (overwritten) */
Status		convolution_backward_data(const Convolution *convolution, const ConvolutionCall *call,
									  const void *dy, void *dx);

/* dw (C_out, C_in / groups, K, K) and db (C_out), both float32, are
 * overwritten; db may be NULL. */
Status		convolution_backward_weights(const Convolution *convolution, const ConvolutionCall *call,
										 const void *x, const void *dy, float *dw, float *db);

/* The name of the kernel of a pass ("winograd:avx512"), for benchmarks and
 * tests; "" for a pass that was not asked for. */
const char *convolution_kernel(const Convolution *convolution, ConvolutionPass pass);

#endif
