/*
 * onednn_primitive.h: oneDNN primitives with their arguments. They run on our
 * memory, also for scratch.
 */
#ifndef LESIONSEG_NN_CONV_ONEDNN_PRIMITIVE_H
#define LESIONSEG_NN_CONV_ONEDNN_PRIMITIVE_H

#include "core/cpu.h"
#include "core/status.h"
#include "nn/conv/onednn/onednn_compat.h"

#define ONEDNN_MAX_ARGUMENTS 6

/* Where primitives run. */
typedef struct OneDnnEngine
{
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	size_t		scratch_size;	/* largest scratch of the primitives so far: they never run at the same time */
} OneDnnEngine;

/* A primitive with its arguments; addresses that vary are set per run. */
typedef struct OneDnnPrimitive
{
	dnnl_primitive_desc_t description;
	dnnl_primitive_t primitive;
	dnnl_exec_arg_t arguments[ONEDNN_MAX_ARGUMENTS];
	int			argument_count;
	OneDnnDesc	scratch;
} OneDnnPrimitive;

/* Convert the library's status to ours; `what` names the operation for the
 * message. */
Status		onednn_check(dnnl_status_t status, const char *what);

/*
 * Does the library take the caches of this processor for one byte each? So do
 * versions 3.2 to 3.7 where an AMD processor describes none (setCacheHierarchy
 * of their xbyak). 3.7.2 then divides by zero while it describes some 1x1
 * convolutions, which ends the server, and others give sums that differ from
 * one run to the next. Such a library is not used at all.
 */
bool		onednn_misreads_caches(const CpuFeatures *cpu);

/* Create and destroy. Destroying is allowed if all is zero, or made in
 * part. */
Status		onednn_engine_create(OneDnnEngine *engine);
void		onednn_engine_destroy(OneDnnEngine *engine);
void		onednn_primitive_destroy(OneDnnPrimitive *primitive);

/* The operations after a convolution, in this order. */
typedef struct OneDnnFusion
{
	bool		relu_before;
	bool		sum;			/* add to the target's old content */
	bool		relu;
} OneDnnFusion;

/* Make attributes: our scratch, and the operations that follow. The caller
 * destroys them. */
Status		onednn_attributes(const OneDnnFusion *fusion, dnnl_primitive_attr_t *attributes);

/* Make the described primitive, and note the size of its scratch. */
Status		onednn_primitive_make(OneDnnEngine *engine, OneDnnPrimitive *primitive);

/* Describe and make a reorder. */
Status		onednn_primitive_reorder(OneDnnEngine *engine, const OneDnnDesc *source, const OneDnnDesc *target,
									 OneDnnPrimitive *primitive);

/* Append an argument; a NULL handle is set before it runs. */
Status		onednn_add_argument(const OneDnnEngine *engine, OneDnnPrimitive *primitive, int argument,
								const OneDnnDesc *desc, void *handle);

/* Point an argument at memory. */
Status		onednn_set_argument(const OneDnnPrimitive *primitive, int argument, const void *handle);

Status		onednn_run(const OneDnnEngine *engine, const OneDnnPrimitive *primitive);

#endif
