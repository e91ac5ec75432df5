/*
 * kernel.h: what a convolution kernel is. Private to src/nn/conv.
 *
 * A kernel computes one or more of the passes of some convolutions. It is a
 * file (or a folder) and a row in the table of table.c; to retire one is to
 * delete both. The table is read from the top, once for each pass that a
 * Convolution is made for: the first row runs it that the backend allows, that
 * the CPU can run, that can compute the pass and that pays there. So choice
 * follows from shape, type and CPU, never from a timing.
 */
#ifndef LESIONSEG_NN_CONV_KERNEL_H
#define LESIONSEG_NN_CONV_KERNEL_H

#include "core/arena.h"
#include "core/cpu.h"
#include "nn/conv/convolution.h"

typedef struct ConvolutionKernel ConvolutionKernel;

/* One pass of one convolution, as its kernel runs it. A kernel's own state
 * begins with this. */
typedef struct KernelPass
{
	const ConvolutionKernel *kernel;
	const Backend *backend;		/* for kernels that use another convolution */
	const Host *host;	/* whose memory it holds */
	ConvolutionShape shape;
	ConvolutionUse use;			/* bias, ReLUs and residual as they concern this pass */
	ConvolutionPass pass;
	Arena		arena;			/* what stays between runs */
	size_t		held;			/* bytes of it that are not in the arena */
	size_t		scratch;		/* bytes that a run is lent */
} KernelPass;

/* The tensors of one run. */
typedef struct PassTensors
{
	const void *source;			/* x; of backward-data dy */
	void	   *target;			/* y; of backward-data dx; NULL of backward-weights */
	const void *residual;		/* of forward, where use has one; may be target */
	const void *dy;				/* of backward-weights: dy, dw, and db or NULL */
	float	   *dw;
	float	   *db;
} PassTensors;

struct ConvolutionKernel
{
	const char *name;			/* "winograd:avx512" */
	KernelOwner owner;
	size_t		state_size;		/* of what begins with a KernelPass */

	/* May this CPU run it? NULL = any. */
	bool		(*runs) (const CpuFeatures *cpu);

	/* Can it compute that pass? What use has of other passes' bias, ReLUs and
	 * residual is left out. */
	bool		(*can) (const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass);

	/* Is it worth it there? NULL = always. Not a matter of how many images
	 * there are: a network computes the same in batches of any size. */
	bool		(*pays) (const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass);

	/* Complete a state whose KernelPass is filled in: allocate what stays, add
	 * up what a run needs. */
	Status		(*plan) (KernelPass *pass);

	/* Release what is not in the arena; NULL = nothing. Also called after a
	 * plan that failed. */
	void		(*release) (KernelPass *pass);

	/* Take weights and bias, as convolution_set_weights; NULL = it needs none. */
	Status		(*set_weights) (KernelPass *pass, const ConvolutionCall *call, const float *weights,
								const float *bias);

	Status		(*run) (const KernelPass *pass, const ConvolutionCall *call, const PassTensors *tensors);

	/* A name in place of `name`, where that of the state tells more; NULL = none. */
	const char *(*detail) (const KernelPass *pass);

	const void *loops;			/* of an instruction set, where several rows share the rest */
};

/* The table, from the top; *count rows. */
const ConvolutionKernel *const *convolution_kernels(int *count);

/* convolution_create with one kernel for all passes, worth it or not: for
 * tests and benchmarks. LS_UNSUPPORTED for what it cannot compute. */
Status		convolution_create_by(const ConvolutionKernel *kernel, const Host *host, const Backend *backend,
								  const ConvolutionShape *shape, const ConvolutionUse *use,
								  Convolution **convolution);

/* Refuse shapes and strides that do not describe a convolution. */
Status		convolution_check(const ConvolutionShape *shape, const ConvolutionUse *use);

/* Reserve room for count items of so many bytes; *at is its offset. */
Status		reserve_held(KernelPass *pass, size_t count, size_t size, size_t *at);
Status		reserve_scratch(KernelPass *pass, size_t count, size_t size, size_t *at);

/* The address of an offset that reserve_scratch gave. */
static inline void *
scratch_at(const ConvolutionCall *call, size_t at)
{
	return (char *) call->scratch + at;
}

/* Weights of a convolution: C_out * C_in / groups * K * K. */
static inline size_t
convolution_weight_count(const ConvolutionShape *shape)
{
	return (size_t) shape->y.c * (shape->x.c / shape->groups) * shape->kernel * shape->kernel;
}

/* The tensors of a pass that maps one to another. */
static inline TensorShape
source_shape(const KernelPass *pass)
{
	return pass->pass == PASS_BACKWARD_DATA ? pass->shape.y : pass->shape.x;
}

static inline TensorShape
target_shape(const KernelPass *pass)
{
	return pass->pass == PASS_BACKWARD_DATA ? pass->shape.x : pass->shape.y;
}

/* Their pixel strides. */
static inline int
source_stride(const KernelPass *pass)
{
	return pass->pass == PASS_BACKWARD_DATA ? pass->use.y_pixel_stride : pass->use.x_pixel_stride;
}

static inline int
target_stride(const KernelPass *pass)
{
	return pass->pass == PASS_BACKWARD_DATA ? pass->use.x_pixel_stride : pass->use.y_pixel_stride;
}

/* For `runs`. */
static inline bool
runs_avx2(const CpuFeatures *cpu)
{
	return cpu->avx2;
}

static inline bool
runs_avx512(const CpuFeatures *cpu)
{
	return cpu->avx512;
}

static inline bool
runs_amx(const CpuFeatures *cpu)
{
	return cpu->amx_bf16;
}

/* Copy a bias of so many channels, zeros where there is none. */
void		copy_bias(float *to, const float *bias, int channels);

#endif
