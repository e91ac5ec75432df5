/*
 * kernel.h: what a convolution kernel is. Private to src/nn/conv.
 *
 * A kernel computes one or more passes of some convolutions. It is a file (or
 * a folder) and a row in the table of table.c; to remove a kernel, delete
 * both. When a Convolution is made, the table is read from the top for each
 * pass. The pass gets the first kernel that the backend allows, the CPU can
 * run, can compute the pass, and pays there. So the choice follows from shape,
 * type and CPU, never from a timing.
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
	ConvolutionUse use;			/* only the bias, ReLUs and residual of this pass */
	ConvolutionPass pass;
	Arena		arena;			/* what stays between runs */
	size_t		held;			/* bytes of it that are not in the arena */
	size_t		scratch;		/* bytes of scratch that a run needs */
} KernelPass;

/* The tensors of one run. */
typedef struct PassTensors
{
	const void *source;			/* x; of backward-data dy */
	void	   *target;			/* y; of backward-data dx; NULL of backward-weights */
	const void *residual;		/* forward only, if use has one; may be target */
	const void *dy;				/* of backward-weights: dy, dw, and db or NULL */
	float	   *dw;
	float	   *db;
} PassTensors;

struct ConvolutionKernel
{
	const char *name;			/* "winograd:avx512" */
	KernelOwner owner;
	size_t		state_size;		/* bytes of the kernel's state, which begins with a KernelPass */

	/* May this CPU run it? NULL = any. */
	bool		(*runs) (const CpuFeatures *cpu);

	/* Can it compute that pass? use has only the bias, ReLUs and residual of
	 * this pass. */
	bool		(*can) (const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass);

	/* Does it pay there? NULL = always. Must not depend on the number of
	 * images, so that a network computes the same in batches of any size. */
	bool		(*pays) (const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass);

	/* Complete a state whose KernelPass is set: allocate what stays, and add
	 * up the scratch of a run. */
	Status		(*plan) (KernelPass *pass);

	/* Release what is not in the arena; NULL = nothing. Also called after a
	 * failure of plan. */
	void		(*release) (KernelPass *pass);

	/* Set weights and bias, as convolution_set_weights does; NULL = it needs
	 * none. */
	Status		(*set_weights) (KernelPass *pass, const ConvolutionCall *call, const float *weights,
								const float *bias);

	Status		(*run) (const KernelPass *pass, const ConvolutionCall *call, const PassTensors *tensors);

	/* A more exact name, from the state, in place of `name`; NULL = none. */
	const char *(*detail) (const KernelPass *pass);

	const void *loops;			/* the loops of an instruction set, if several rows share the rest */
};

/* The table, from the top; *count rows. */
const ConvolutionKernel *const *convolution_kernels(int *count);

/* convolution_create with one kernel for all passes, whether it pays or not:
 * for tests and benchmarks. LS_UNSUPPORTED if it cannot compute a pass. */
Status		convolution_create_by(const ConvolutionKernel *kernel, const Host *host, const Backend *backend,
								  const ConvolutionShape *shape, const ConvolutionUse *use,
								  Convolution **convolution);

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

/* The source and the target shape of a pass. */
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

/* The pixel strides of source and target. */
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

/* For `runs`: AVX2, AVX-512, or more of it. */
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
runs_avx512_bf16(const CpuFeatures *cpu)
{
	return cpu->avx512_bf16;
}

static inline bool
runs_amx(const CpuFeatures *cpu)
{
	return cpu->amx_bf16;
}

/* Copy a bias of so many channels, zeros where there is none. */
void		copy_bias(float *to, const float *bias, int channels);

#endif
