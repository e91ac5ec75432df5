/*
 * onednn_convolution.c: convolution by oneDNN primitives on NHWC tensors.
 *
 * Activations stay as they are; only weights are given the layout that the
 * library asks for (format "any"), by a reorder in set_weights, and weight
 * gradients are reordered back to the plain order. Bias, residual and ReLU
 * are fused into the forward primitive. Weight gradients are float32 even
 * when activations are bfloat16.
 *
 * The library's fast kernels take dense tensors alone; slices of wider
 * tensors pass through dense scratch.
 *
 * Where the CPU has AMX, dense bf16 convolutions run on kernels of our own
 * (convolution_amx.c, weight_gradient_amx.c) in place of primitives: they
 * take slices as they are and are faster (test/bench/convolution.c). Passes
 * that the library is not safe with go to the OpenBLAS backend.
 *
 * The primitives use our scratch memory, one block for the largest need.
 */
#ifdef HAVE_ONEDNN

#include "nn/conv/kernel.h"
#include "nn/loops/loops.h"

#include "core/arena.h"
#include "core/cpu.h"
#include "core/threads.h"
#include "nn/conv/amx/convolution_amx.h"
#include "nn/conv/onednn/onednn_faults.h"
#include "nn/conv/onednn/onednn_primitive.h"
#include "nn/conv/amx/weight_gradient_amx.h"
#include "nn/conv/window_product.h"

/* Weights in the layout a primitive asked for, and the way there or back. */
typedef struct Packed
{
	OneDnnDesc	desc;
	OneDnnPrimitive reorder;
	size_t		at;				/* in the arena */
} Packed;

struct Convolution
{
	const Call *call;
	ConvolutionShape shape;
	ConvolutionUse use;
	int			threads;
	Arena		arena;
	OneDnnEngine engine;
	OneDnnDesc	x;
	OneDnnDesc	y;
	OneDnnDesc	weights;		/* format any */
	OneDnnDesc	gradient;		/* format any, float32 */
	OneDnnDesc	plain;			/* (O, I, KH, KW) float32 */
	OneDnnDesc	bias;
	OneDnnGeometry geometry;
	OneDnnPrimitive forward;
	OneDnnPrimitive backward_data;
	OneDnnPrimitive backward_weights;
	Packed		forward_weights;
	Packed		backward_data_weights;
	Packed		weight_gradient;

	/* What replaces the steps above, where not NULL: kernels of our own, ... */
	AmxConvolution *own_forward;
	AmxConvolution *own_backward_data;
	WeightGradient *own_gradient;
	WindowProduct *window_product;	/* of backward-data */

	/* ... and the OpenBLAS backend's convolution, for the passes that the
	 * library is not safe with. */
	Convolution *substitute;
	bool		substituted[3]; /* by ConvolutionPass */

	size_t		bias_at;
	size_t		bias_gradient_at;
	size_t		dense_x_at;		/* scratch for x and dx, where it is a slice */
	size_t		dense_y_at;
	size_t		scratch_at;
};

/* Do the library's primitives add the bias? A transposed convolution's is
 * added after backward-data, which has none. */
static bool
primitive_bias(const ConvolutionUse *use)
{
	return use->bias && !use->transposed;
}

/* Values in the bias. */
static int
bias_channels(const Convolution *convolution)
{
	return convolution->use.transposed ? convolution->shape.x.c : convolution->shape.y.c;
}

/* Make one pass's primitive; packed takes the weight layout it asks for.
 * Without packed only the description is made, as a hint for others. */
static Status
make_pass(Convolution *convolution, OneDnnPass pass, OneDnnPrimitive *step, const OneDnnPrimitive *hint, Packed *packed)
{
	const ConvolutionUse *use = &convolution->use;
	const OneDnnDesc *weights = pass == ONEDNN_BACKWARD_WEIGHTS ? &convolution->gradient : &convolution->weights;
	const OneDnnDesc *bias = pass != ONEDNN_BACKWARD_DATA && primitive_bias(use) ? &convolution->bias : NULL;
	bool		fuses = pass == ONEDNN_FORWARD && !use->transposed;
	dnnl_primitive_attr_t attributes;
	Status		status;

	TRY(onednn_attributes(fuses && use->residual, fuses && use->relu, &attributes));
	status = onednn_check(onednn_convolution(&step->description, pass, convolution->engine.engine, attributes,
											 hint == NULL ? NULL : hint->description,
											 &convolution->x, weights, bias, &convolution->y,
											 &convolution->geometry),
						  "make a convolution");
	dnnl_primitive_attr_destroy(attributes);
	TRY(status);
	if (packed == NULL)
		return status_ok();
	TRY(onednn_check(onednn_desc_query(&packed->desc, step->description,
									   pass == ONEDNN_BACKWARD_WEIGHTS ?
									   dnnl_query_diff_weights_md : dnnl_query_weights_md),
					 "find out its weight layout"));
	TRY(onednn_primitive_make(&convolution->engine, step));
	return arena_reserve(&convolution->arena, dnnl_memory_desc_get_size(ONEDNN_DESC(&packed->desc)),
						 &packed->at);
}

/* Copy a tensor of so many pixels and channels from one stride to another. */
static void
copy_pixels(const Convolution *convolution, TensorShape shape, const void *source, int source_stride,
			void *target, int target_stride)
{
	AddArgs		copy = {
		.a = source,.a_stride = source_stride,
		.y = target,.y_stride = target_stride,
		.channels = shape.c,
	};

	threads_use(convolution->threads);
	threads_run(convolution->threads, shape_pixels(shape), loops_for(convolution->use.type)->add, &copy);
}

static bool
x_is_slice(const Convolution *convolution)
{
	return convolution->use.x_pixel_stride > convolution->shape.x.c;
}

static bool
y_is_slice(const Convolution *convolution)
{
	return convolution->use.y_pixel_stride > convolution->shape.y.c;
}

/* x as the primitives read it: itself, or its values in dense scratch. */
static const void *
dense_x(Convolution *convolution, const void *x)
{
	TensorShape shape = convolution->shape.x;
	void	   *dense;

	if (!x_is_slice(convolution))
		return x;
	dense = arena_at(&convolution->arena, convolution->dense_x_at);
	copy_pixels(convolution, shape, x, convolution->use.x_pixel_stride, dense, shape.c);
	return dense;
}

/* The same for y. */
static const void *
dense_y(Convolution *convolution, const void *y)
{
	TensorShape shape = convolution->shape.y;
	void	   *dense;

	if (!y_is_slice(convolution))
		return y;
	dense = arena_at(&convolution->arena, convolution->dense_y_at);
	copy_pixels(convolution, shape, y, convolution->use.y_pixel_stride, dense, shape.c);
	return dense;
}

/* Describe tensors and geometry to the library. */
static Status
describe(Convolution *convolution)
{
	const ConvolutionShape *shape = &convolution->shape;
	const ConvolutionUse *use = &convolution->use;
	dnnl_data_type_t type = use->type == DATA_BF16 ? dnnl_bf16 : dnnl_f32;
	dnnl_dims_t x_sizes = {shape->x.n, shape->x.c, shape->x.h, shape->x.w};
	dnnl_dims_t x_strides = {(dnnl_dim_t) shape->x.h * shape->x.w * shape->x.c, 1,
	(dnnl_dim_t) shape->x.w * shape->x.c, shape->x.c};
	dnnl_dims_t y_sizes = {shape->y.n, shape->y.c, shape->y.h, shape->y.w};
	dnnl_dims_t y_strides = {(dnnl_dim_t) shape->y.h * shape->y.w * shape->y.c, 1,
	(dnnl_dim_t) shape->y.w * shape->y.c, shape->y.c};
	dnnl_dim_t	kernel = (dnnl_dim_t) shape->kernel_h * shape->kernel_w;
	dnnl_dim_t	inputs = shape->x.c / shape->groups;
	dnnl_dims_t dense_sizes = {shape->y.c, inputs, shape->kernel_h, shape->kernel_w};
	dnnl_dims_t dense_strides = {inputs * kernel, kernel, shape->kernel_w, 1};
	dnnl_dims_t grouped_sizes = {shape->groups, 1, 1, shape->kernel_h, shape->kernel_w};
	dnnl_dims_t grouped_strides = {kernel, kernel, kernel, shape->kernel_w, 1};
	bool		grouped = shape->groups > 1;
	int			rank = grouped ? 5 : 4;
	const dnnl_dim_t *weight_sizes = grouped ? grouped_sizes : dense_sizes;
	const dnnl_dim_t *weight_strides = grouped ? grouped_strides : dense_strides;
	dnnl_dims_t bias_sizes = {bias_channels(convolution)};
	dnnl_dims_t bias_strides = {1};

	for (int d = 0; d < 2; d++)
	{
		convolution->geometry.strides[d] = shape->stride;
		convolution->geometry.dilations[d] = shape->dilation - 1;
		convolution->geometry.padding[d] = shape->padding;
	}
	TRY(onednn_check(onednn_desc_strided(&convolution->x, 4, x_sizes, type, x_strides), "describe x"));
	TRY(onednn_check(onednn_desc_strided(&convolution->y, 4, y_sizes, type, y_strides), "describe y"));
	TRY(onednn_check(onednn_desc_any(&convolution->weights, rank, weight_sizes, type), "describe weights"));
	TRY(onednn_check(onednn_desc_any(&convolution->gradient, rank, weight_sizes, dnnl_f32), "describe gradients"));
	TRY(onednn_check(onednn_desc_strided(&convolution->plain, rank, weight_sizes, dnnl_f32, weight_strides),
					 "describe plain weights"));
	return onednn_check(onednn_desc_strided(&convolution->bias, 1, bias_sizes, dnnl_f32, bias_strides),
						"describe a bias");
}

/* Give each step its arguments, once the arena has addresses. */
static Status
bind_arguments(Convolution *convolution)
{
	const Arena *arena = &convolution->arena;
	const ConvolutionUse *use = &convolution->use;
	void	   *scratch = arena_at(arena, convolution->scratch_at);

	if (convolution->forward.primitive != NULL)
	{
		OneDnnPrimitive *step = &convolution->forward;
		Packed	   *packed = &convolution->forward_weights;
		void	   *weights = arena_at(arena, packed->at);

		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_SRC, &convolution->x, NULL));
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_WEIGHTS, &packed->desc, weights));
		if (primitive_bias(use))
			TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_BIAS, &convolution->bias,
									arena_at(arena, convolution->bias_at)));
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_DST, &convolution->y, NULL));
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_SCRATCHPAD, &step->scratch, scratch));
		step = &packed->reorder;
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_FROM, &convolution->plain, NULL));
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_TO, &packed->desc, weights));
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_SCRATCHPAD, &step->scratch, scratch));
	}
	if (convolution->backward_data.primitive != NULL)
	{
		OneDnnPrimitive *step = &convolution->backward_data;
		Packed	   *packed = &convolution->backward_data_weights;
		void	   *weights = arena_at(arena, packed->at);

		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_DIFF_DST, &convolution->y, NULL));
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_WEIGHTS, &packed->desc, weights));
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_DIFF_SRC, &convolution->x, NULL));
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_SCRATCHPAD, &step->scratch, scratch));
		step = &packed->reorder;
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_FROM, &convolution->plain, NULL));
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_TO, &packed->desc, weights));
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_SCRATCHPAD, &step->scratch, scratch));
	}
	if (convolution->backward_weights.primitive != NULL)
	{
		OneDnnPrimitive *step = &convolution->backward_weights;
		Packed	   *packed = &convolution->weight_gradient;
		void	   *gradient = arena_at(arena, packed->at);

		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_SRC, &convolution->x, NULL));
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_DIFF_DST, &convolution->y, NULL));
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_DIFF_WEIGHTS, &packed->desc, gradient));
		if (primitive_bias(use))
			TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_DIFF_BIAS, &convolution->bias,
									arena_at(arena, convolution->bias_gradient_at)));
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_SCRATCHPAD, &step->scratch, scratch));
		step = &packed->reorder;
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_FROM, &packed->desc, gradient));
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_TO, &convolution->plain, NULL));
		TRY(onednn_add_argument(&convolution->engine, step, DNNL_ARG_SCRATCHPAD, &step->scratch, scratch));
	}
	return status_ok();
}

/* Make our own kernels for the passes that they suit. */
static Status
make_own_kernels(Convolution *convolution)
{
	const Call *call = convolution->call;
	const ConvolutionShape *shape = &convolution->shape;
	const ConvolutionUse *use = &convolution->use;

	if (!cpu_features()->amx_bf16)
		return status_ok();
	if (use->forward && amx_convolution_suits(shape, use, PASS_FORWARD))
		TRY(amx_convolution_create(call, shape, use, PASS_FORWARD, &convolution->own_forward));
	if (use->backward_data && amx_convolution_suits(shape, use, PASS_BACKWARD_DATA))
		TRY(amx_convolution_create(call, shape, use, PASS_BACKWARD_DATA, &convolution->own_backward_data));
	if (use->backward_weights && weight_gradient_suits(shape, use))
		TRY(weight_gradient_create(call, shape, use, &convolution->own_gradient));
	return status_ok();
}

/* Have the OpenBLAS backend compute the passes in *left that the library is
 * not safe with, and take them out of it. */
static Status
make_substitute(Convolution *convolution, ConvolutionUse *left)
{
	ConvolutionUse use = *left;
	bool	   *passes[] = {&left->forward, &left->backward_data, &left->backward_weights};
	bool	   *ours[] = {&use.forward, &use.backward_data, &use.backward_weights};
	bool		any = false;

	for (int pass = PASS_FORWARD; pass <= PASS_BACKWARD_WEIGHTS; pass++)
	{
		bool		unsafe = *passes[pass] && !onednn_safe(&convolution->shape, use.type, pass);

		*ours[pass] = convolution->substituted[pass] = unsafe;
		*passes[pass] = *passes[pass] && !unsafe;
		any = any || unsafe;
	}
	if (!any)
		return status_ok();
	return openblas_backend.create(convolution->call, &convolution->shape, &use, &convolution->substitute);
}

/* Make primitives and memory of a convolution whose fields are filled in. */
static Status
plan_convolution(Convolution *convolution)
{
	const ConvolutionUse *use = &convolution->use;
	size_t		bias_size = bias_channels(convolution) * sizeof(float);
	ConvolutionUse left = *use; /* passes that the library computes */

	TRY(onednn_engine_create(&convolution->engine, convolution->threads));
	TRY(describe(convolution));

	TRY(make_own_kernels(convolution));
	left.forward = use->forward && convolution->own_forward == NULL;
	left.backward_data = use->backward_data && convolution->own_backward_data == NULL;
	left.backward_weights = use->backward_weights && convolution->own_gradient == NULL;
	if (left.backward_data && window_product_suits(&convolution->shape, use))
	{
		TRY(window_product_create(convolution->call, &onednn_backend, &convolution->shape, use,
								  &convolution->window_product));
		left.backward_data = false;
	}
	TRY(make_substitute(convolution, &left));

	/* Backward primitives want a forward one as a hint, run or not. */
	if (left.forward || left.backward_data || left.backward_weights)
		TRY(make_pass(convolution, ONEDNN_FORWARD, &convolution->forward, NULL,
					  left.forward ? &convolution->forward_weights : NULL));
	if (left.forward)
		TRY(onednn_primitive_reorder(&convolution->engine, &convolution->plain, &convolution->forward_weights.desc,
									 &convolution->forward_weights.reorder));
	if (left.backward_data)
	{
		TRY(make_pass(convolution, ONEDNN_BACKWARD_DATA, &convolution->backward_data, &convolution->forward,
					  &convolution->backward_data_weights));
		TRY(onednn_primitive_reorder(&convolution->engine, &convolution->plain, &convolution->backward_data_weights.desc,
									 &convolution->backward_data_weights.reorder));
	}
	if (left.backward_weights)
	{
		TRY(make_pass(convolution, ONEDNN_BACKWARD_WEIGHTS, &convolution->backward_weights,
					  &convolution->forward, &convolution->weight_gradient));
		TRY(onednn_primitive_reorder(&convolution->engine, &convolution->weight_gradient.desc, &convolution->plain,
									 &convolution->weight_gradient.reorder));
	}
	TRY(arena_reserve(&convolution->arena, bias_size, &convolution->bias_at));
	TRY(arena_reserve(&convolution->arena, bias_size, &convolution->bias_gradient_at));
	TRY(arena_reserve(&convolution->arena, convolution->engine.scratch_size, &convolution->scratch_at));
	TRY(arena_reserve(&convolution->arena, x_is_slice(convolution) && convolution->forward.description != NULL ?
					  shape_pixels(convolution->shape.x) * convolution->shape.x.c * data_type_size(use->type) : 0,
					  &convolution->dense_x_at));
	TRY(arena_reserve(&convolution->arena, y_is_slice(convolution) && convolution->forward.description != NULL ?
					  shape_pixels(convolution->shape.y) * convolution->shape.y.c * data_type_size(use->type) : 0,
					  &convolution->dense_y_at));
	TRY(arena_commit(&convolution->arena, "convolution weights and scratch"));
	return bind_arguments(convolution);
}

static void
onednn_destroy(Convolution *convolution)
{
	if (convolution == NULL)
		return;
	onednn_primitive_destroy(&convolution->forward);
	onednn_primitive_destroy(&convolution->backward_data);
	onednn_primitive_destroy(&convolution->backward_weights);
	onednn_primitive_destroy(&convolution->forward_weights.reorder);
	onednn_primitive_destroy(&convolution->backward_data_weights.reorder);
	onednn_primitive_destroy(&convolution->weight_gradient.reorder);
	onednn_desc_destroy(&convolution->forward_weights.desc);
	onednn_desc_destroy(&convolution->backward_data_weights.desc);
	onednn_desc_destroy(&convolution->weight_gradient.desc);
	onednn_desc_destroy(&convolution->x);
	onednn_desc_destroy(&convolution->y);
	onednn_desc_destroy(&convolution->weights);
	onednn_desc_destroy(&convolution->gradient);
	onednn_desc_destroy(&convolution->plain);
	onednn_desc_destroy(&convolution->bias);
	onednn_engine_destroy(&convolution->engine);
	amx_convolution_destroy(convolution->own_forward);
	amx_convolution_destroy(convolution->own_backward_data);
	weight_gradient_destroy(convolution->own_gradient);
	window_product_destroy(convolution->window_product);
	if (convolution->substitute != NULL)
		openblas_backend.destroy(convolution->substitute);
	arena_free(&convolution->arena);
	call_free(convolution->call, convolution);
}

static Status
onednn_create(const Call *call, const ConvolutionShape *shape, const ConvolutionUse *use,
			  Convolution **convolution)
{
	Convolution *made;
	Status		status;
	void	   *memory;

	*convolution = NULL;
	TRY(convolution_check(shape, use));
	TRY(call_alloc_array(call, 1, sizeof(Convolution), &memory));
	made = memory;
	made->call = call;
	made->shape = *shape;
	made->use = *use;
	made->threads = call->threads > 1 ? call->threads : 1;
	arena_init(&made->arena, call);
	status = plan_convolution(made);
	if (status.code != LS_OK)
		onednn_destroy(made);
	else
		*convolution = made;
	return status;
}

static bool
onednn_supports(DataType type)
{
	return type == DATA_F32 || cpu_features()->avx512_bf16;
}

static size_t
onednn_memory(const Convolution *convolution)
{
	size_t		size = convolution->arena.size;

	if (convolution->own_forward != NULL)
		size += amx_convolution_memory(convolution->own_forward);
	if (convolution->own_backward_data != NULL)
		size += amx_convolution_memory(convolution->own_backward_data);
	if (convolution->own_gradient != NULL)
		size += weight_gradient_memory(convolution->own_gradient);
	if (convolution->window_product != NULL)
		size += window_product_memory(convolution->window_product);
	if (convolution->substitute != NULL)
		size += openblas_backend.memory(convolution->substitute);
	return size;
}

static Status
onednn_set_weights(Convolution *convolution, const float *weights, const float *bias)
{
	Packed	   *packed[2] = {&convolution->forward_weights, &convolution->backward_data_weights};

	int			channels = bias_channels(convolution);

	if (convolution->own_forward != NULL)
		amx_convolution_set_weights(convolution->own_forward, weights, bias);
	if (convolution->own_backward_data != NULL)
		amx_convolution_set_weights(convolution->own_backward_data, weights, bias);
	if (convolution->window_product != NULL)
		TRY(window_product_set_weights(convolution->window_product, weights, bias));
	if (convolution->substitute != NULL)
		TRY(openblas_backend.set_weights(convolution->substitute, weights, bias));
	for (int i = 0; i < 2; i++)
	{
		if (packed[i]->reorder.primitive == NULL)
			continue;
		TRY(onednn_set_argument(&packed[i]->reorder, DNNL_ARG_FROM, weights));
		TRY(onednn_run(&convolution->engine, &packed[i]->reorder));
	}
	if (bias != NULL)
		memcpy(arena_at(&convolution->arena, convolution->bias_at), bias, channels * sizeof(float));
	else
		memset(arena_at(&convolution->arena, convolution->bias_at), 0, channels * sizeof(float));
	return status_ok();
}

static Status
onednn_forward(Convolution *convolution, const void *x, void *y)
{
	OneDnnPrimitive *step = &convolution->forward;
	TensorShape shape = convolution->shape.y;
	int			stride = convolution->use.y_pixel_stride;
	void	   *dense = y;

	if (convolution->own_forward != NULL)
	{
		amx_convolution_run(convolution->own_forward, x, y);
		return status_ok();
	}
	if (convolution->substituted[PASS_FORWARD])
		return openblas_backend.forward(convolution->substitute, x, y);
	if (y_is_slice(convolution))
	{
		dense = arena_at(&convolution->arena, convolution->dense_y_at);
		if (convolution->use.residual)
			copy_pixels(convolution, shape, y, stride, dense, shape.c);
	}
	TRY(onednn_set_argument(step, DNNL_ARG_SRC, dense_x(convolution, x)));
	TRY(onednn_set_argument(step, DNNL_ARG_DST, dense));
	TRY(onednn_run(&convolution->engine, step));
	if (y_is_slice(convolution))
		copy_pixels(convolution, shape, dense, shape.c, y, stride);
	return status_ok();
}

/* dx = dense dx + bias, then the ReLU: what the library does not add to
 * backward-data when it is a transposed convolution. */
static void
finish_transposed(const Convolution *convolution, const void *dense, void *dx)
{
	AffineArgs	args = {
		.x = dense,.x_stride = convolution->shape.x.c,
		.y = dx,.y_stride = convolution->use.x_pixel_stride,
		.channels = convolution->shape.x.c,
		.shift = convolution->use.bias ? arena_at(&convolution->arena, convolution->bias_at) : NULL,
		.relu = convolution->use.relu,
	};

	threads_run(convolution->threads, shape_pixels(convolution->shape.x),
				loops_for(convolution->use.type)->affine, &args);
}

static Status
onednn_backward_data(Convolution *convolution, const void *dy, void *dx)
{
	OneDnnPrimitive *step = &convolution->backward_data;
	TensorShape shape = convolution->shape.x;
	void	   *dense = dx;

	if (convolution->own_backward_data != NULL)
	{
		amx_convolution_run(convolution->own_backward_data, dy, dx);
		return status_ok();
	}
	if (convolution->window_product != NULL)
		return window_product_run(convolution->window_product, dy, dx);
	if (convolution->substituted[PASS_BACKWARD_DATA])
		return openblas_backend.backward_data(convolution->substitute, dy, dx);
	if (x_is_slice(convolution))
		dense = arena_at(&convolution->arena, convolution->dense_x_at);
	TRY(onednn_set_argument(step, DNNL_ARG_DIFF_DST, dense_y(convolution, dy)));
	TRY(onednn_set_argument(step, DNNL_ARG_DIFF_SRC, dense));
	TRY(onednn_run(&convolution->engine, step));
	if (convolution->use.transposed && (convolution->use.bias || convolution->use.relu))
		finish_transposed(convolution, dense, dx);
	else if (x_is_slice(convolution))
		copy_pixels(convolution, shape, dense, shape.c, dx, convolution->use.x_pixel_stride);
	return status_ok();
}

static Status
onednn_backward_weights(Convolution *convolution, const void *x, const void *dy, float *dw, float *db)
{
	OneDnnPrimitive *step = &convolution->backward_weights;
	OneDnnPrimitive *reorder = &convolution->weight_gradient.reorder;

	if (convolution->own_gradient != NULL)
	{
		weight_gradient_run(convolution->own_gradient, x, dy, dw, db);
		return status_ok();
	}
	if (convolution->substituted[PASS_BACKWARD_WEIGHTS])
		return openblas_backend.backward_weights(convolution->substitute, x, dy, dw, db);
	TRY(onednn_set_argument(step, DNNL_ARG_SRC, dense_x(convolution, x)));
	TRY(onednn_set_argument(step, DNNL_ARG_DIFF_DST, dense_y(convolution, dy)));
	TRY(onednn_run(&convolution->engine, step));
	TRY(onednn_set_argument(reorder, DNNL_ARG_TO, dw));
	TRY(onednn_run(&convolution->engine, reorder));
	if (db != NULL)
		memcpy(db, arena_at(&convolution->arena, convolution->bias_gradient_at),
			   convolution->shape.y.c * sizeof(float));
	return status_ok();
}

static const char *
onednn_implementation(const Convolution *convolution, ConvolutionPass pass)
{
	const OneDnnPrimitive *step = pass == PASS_FORWARD ? &convolution->forward :
		pass == PASS_BACKWARD_DATA ? &convolution->backward_data : &convolution->backward_weights;
	const char *name = "";

	if ((pass == PASS_FORWARD && convolution->own_forward != NULL) ||
		(pass == PASS_BACKWARD_DATA && convolution->own_backward_data != NULL) ||
		(pass == PASS_BACKWARD_WEIGHTS && convolution->own_gradient != NULL))
		return "lesionseg:amx_bf16";
	if (pass == PASS_BACKWARD_DATA && convolution->window_product != NULL)
		return window_product_implementation(convolution->window_product);
	if (convolution->substituted[pass])
		return openblas_backend.implementation(convolution->substitute, pass);
	if (step->primitive != NULL)
		dnnl_primitive_desc_query(step->description, dnnl_query_impl_info_str, 0, &name);
	return name;
}

const Backend onednn_backend = {
	.name = "onednn",
	.supports = onednn_supports,
	.create = onednn_create,
	.destroy = onednn_destroy,
	.memory = onednn_memory,
	.set_weights = onednn_set_weights,
	.forward = onednn_forward,
	.backward_data = onednn_backward_data,
	.backward_weights = onednn_backward_weights,
	.implementation = onednn_implementation,
};

#endif							/* HAVE_ONEDNN */
