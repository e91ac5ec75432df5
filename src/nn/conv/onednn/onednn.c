/*
 * onednn.c: dense convolution by oneDNN primitives on NHWC tensors.
 *
 * Activations stay as they are; only weights are given the layout that the
 * library asks for (format "any"), by a reorder in set_weights, and weight
 * gradients are reordered back to the plain order. Bias, residual and ReLU
 * are fused into the forward primitive. Weight gradients are float32 even
 * when activations are bfloat16.
 *
 * The library's fast kernels take dense tensors alone; slices of wider
 * tensors pass through dense scratch. Primitives use our scratch memory.
 */
#ifdef HAVE_ONEDNN

#include "core/threads.h"
#include "nn/conv/kernels.h"
#include "nn/conv/onednn/onednn_primitive.h"
#include "nn/loops/loops.h"

typedef struct OneDnn
{
	KernelPass	base;
	OneDnnEngine engine;
	OneDnnDesc	x;
	OneDnnDesc	y;
	OneDnnDesc	weights;		/* format any */
	OneDnnDesc	gradient;		/* of weights: format any, float32 */
	OneDnnDesc	packed;			/* the format chosen */
	OneDnnDesc	plain;			/* (O, I, K, K) float32 */
	OneDnnDesc	bias;
	OneDnnPrimitive primitive;
	OneDnnPrimitive reorder;	/* for weights from plain to packed; for their gradient back to plain */
	bool		sums;			/* the primitive adds the residual to its result */
	void	   *packed_weights;
	float	   *bias_values;

	/* Scratch. */
	size_t		primitive_at;
	size_t		dense_x_at;		/* dense x or dx, if the tensor is a slice */
	size_t		dense_y_at;		/* y or dy, where it is one or needs finishing */
	size_t		gradient_at;	/* packed */
	size_t		bias_gradient_at;
} OneDnn;

/* ---- what the library must not be asked for ----
 *
 * Versions 2.6.3, 3.7.2 and 3.12.1 are treated alike. The unit test
 * nn_onednn_faults asks the library at hand for each fault. */

/*
 * The pixels of a strided 1x1 convolution are gathered into scratch that is
 * sized for C channels but filled in whole vectors: if C is not a multiple of
 * the vector's length, the end is overrun (2.6, jit_1x1:avx2, C_in = 4, stride
 * 2 on 8 x 8: 272 bytes; the weight gradient at 64 x 64 and 128 x 128 crashes
 * up to 3.12.1: uxlfoundation/oneDNN#6035).
 */
static bool
overruns_scratch(const ConvolutionShape *shape)
{
	return shape->kernel == 1 && shape->stride > 1 && (shape->x.c % 16 != 0 || shape->y.c % 16 != 0);
}

/*
 * The AMX kernel of the bf16 weight gradient writes before the start of its
 * scratch at many sizes (from 20 pixels on), and its code is unrolled over a
 * whole row: at 1024 pixels, making it takes minutes that nothing can
 * interrupt.
 */
static bool
is_amx_gradient(const ConvolutionUse *use, ConvolutionPass pass)
{
	return pass == PASS_BACKWARD_WEIGHTS && use->type == DATA_BF16 && cpu_features()->amx_bf16;
}

/*
 * The AMX kernel of the forward pass, for kernels above 1 x 1 and more than 4
 * channels, reads up to 124 bytes past a vector while it is made: a crash
 * where the heap ends there (2.6; mended in 3.0). With at most 4 channels
 * another kernel is used; with strides larger than the kernel's size both give
 * wrong values or crash (2.6, 2 x 2 at stride 4 on 33 x 33;
 * uxlfoundation/oneDNN#5494).
 */
static bool
is_amx_forward_fault(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	return pass == PASS_FORWARD && use->type == DATA_BF16 && cpu_features()->amx_bf16 && shape->kernel > 1 &&
		(shape->x.c > 4 || shape->stride > shape->kernel);
}

/* ---- planning ---- */

/* Without AVX2 its depthwise kernel for SSE4.1 crashes, and nothing is fast. */
static bool
onednn_runs(const CpuFeatures *cpu)
{
	return runs_avx2(cpu) && !onednn_misreads_caches(cpu);
}

static bool
onednn_can(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	return shape->groups == 1 && (use->type == DATA_F32 || cpu_features()->avx512_bf16) &&
		!overruns_scratch(shape) && !is_amx_gradient(use, pass) && !is_amx_forward_fault(shape, use, pass);
}

/* Does the primitive add the bias, or compute its gradient? Not in
 * backward-data, which is a transposed convolution's forward. */
static bool
primitive_bias(const KernelPass *pass)
{
	return pass->use.bias && pass->pass != PASS_BACKWARD_DATA;
}

/* Does the primitive's result need finishing? It does if there is a residual after a ReLU, which the primitive cannot
 * add, or bias or ReLU of a transposed convolution. */
static bool
needs_finishing(const OneDnn *state)
{
	const ConvolutionUse *use = &state->base.use;

	return (use->residual_stride != 0 && !state->sums) ||
		(state->base.pass == PASS_BACKWARD_DATA && (use->bias || use->relu));
}

/* Does the primitive write to scratch? */
static bool
writes_scratch(const OneDnn *state)
{
	return target_stride(&state->base) > target_shape(&state->base).c ||
		(state->base.use.residual_stride != 0 && !state->sums);
}

/* Describe a dense NHWC tensor. */
static Status
describe_tensor(OneDnnDesc *desc, TensorShape shape, DataType type)
{
	dnnl_dims_t sizes = {shape.n, shape.c, shape.h, shape.w};
	dnnl_dims_t strides = {(dnnl_dim_t) shape.h * shape.w * shape.c, 1, (dnnl_dim_t) shape.w * shape.c, shape.c};

	return onednn_check(onednn_desc_strided(desc, 4, sizes, type == DATA_BF16 ? dnnl_bf16 : dnnl_f32, strides),
						"describe a tensor");
}

/* Describe all tensors to the library. */
static Status
describe_tensors(OneDnn *state)
{
	const KernelPass *pass = &state->base;
	const ConvolutionShape *shape = &pass->shape;
	dnnl_data_type_t type = pass->use.type == DATA_BF16 ? dnnl_bf16 : dnnl_f32;
	dnnl_dim_t	kernel = (dnnl_dim_t) shape->kernel * shape->kernel;
	dnnl_dims_t sizes = {shape->y.c, shape->x.c, shape->kernel, shape->kernel};
	dnnl_dims_t strides = {shape->x.c * kernel, kernel, shape->kernel, 1};
	dnnl_dims_t bias_sizes = {shape->y.c};
	dnnl_dims_t bias_strides = {1};

	TRY(describe_tensor(&state->x, shape->x, pass->use.type));
	TRY(describe_tensor(&state->y, shape->y, pass->use.type));
	TRY(onednn_check(onednn_desc_any(&state->weights, 4, sizes, type), "describe weights"));
	TRY(onednn_check(onednn_desc_any(&state->gradient, 4, sizes, dnnl_f32), "describe gradients"));
	TRY(onednn_check(onednn_desc_strided(&state->plain, 4, sizes, dnnl_f32, strides), "describe plain weights"));
	return onednn_check(onednn_desc_strided(&state->bias, 1, bias_sizes, dnnl_f32, bias_strides), "describe a bias");
}

/* Describe a pass's primitive; a backward one needs a forward one as a hint. */
static Status
describe_primitive(OneDnn *state, ConvolutionPass which, OneDnnPrimitive *primitive, const OneDnnPrimitive *hint)
{
	const KernelPass *pass = &state->base;
	bool		forward = pass->pass == PASS_FORWARD;
	OneDnnGeometry geometry;
	dnnl_primitive_attr_t attributes;
	Status		status;

	for (int d = 0; d < 2; d++)
	{
		geometry.strides[d] = pass->shape.stride;
		geometry.dilations[d] = 0;
		geometry.padding[d] = pass->shape.padding;
	}
	TRY(onednn_attributes(&(OneDnnFusion) {
		.relu_before = forward && pass->use.relu_before,
		.sum = forward && state->sums,
		.relu = forward && pass->use.relu && !(pass->use.residual_stride != 0 && !state->sums),
	}, &attributes));
	status = onednn_check(onednn_convolution(&primitive->description, which, state->engine.engine, attributes,
											 hint == NULL ? NULL : hint->description, &state->x,
											 which == PASS_BACKWARD_WEIGHTS ? &state->gradient : &state->weights,
											 primitive_bias(pass) ? &state->bias : NULL, &state->y, &geometry),
						  "make a convolution");
	dnnl_primitive_attr_destroy(attributes);
	return status;
}

/* The name of the implementation that oneDNN chose. */
static const char *
implementation_name(const OneDnnPrimitive *primitive)
{
	const char *name = "";

	dnnl_primitive_desc_query(primitive->description, dnnl_query_impl_info_str, 0, &name);
	return name;
}

/* Describe the forward primitive. Not all fast implementations can add after a ReLU; with such a request the library
 * would take its slow reference loops. */
static Status
describe_forward(OneDnn *state)
{
	state->sums = state->base.use.residual_stride != 0;
	TRY(describe_primitive(state, PASS_FORWARD, &state->primitive, NULL));
	if (!state->base.use.relu_before || strncmp(implementation_name(&state->primitive), "ref", 3) != 0)
		return status_ok();
	state->sums = false;
	onednn_primitive_destroy(&state->primitive);
	return describe_primitive(state, PASS_FORWARD, &state->primitive, NULL);
}

/* Describe a backward primitive. */
static Status
describe_backward(OneDnn *state)
{
	OneDnnPrimitive hint = {.description = NULL};
	Status		status = describe_primitive(state, PASS_FORWARD, &hint, NULL);

	if (status.code == LS_OK)
		status = describe_primitive(state, state->base.pass, &state->primitive, &hint);
	onednn_primitive_destroy(&hint);
	return status;
}

/* Make the primitive, with the weight layout that it asks for. */
static Status
make_primitive(OneDnn *state)
{
	ConvolutionPass pass = state->base.pass;

	TRY(pass == PASS_FORWARD ? describe_forward(state) : describe_backward(state));
	TRY(onednn_check(onednn_desc_query(&state->packed, state->primitive.description,
									   pass == PASS_BACKWARD_WEIGHTS ?
									   dnnl_query_diff_weights_md : dnnl_query_weights_md),
					 "find out its weight layout"));
	TRY(onednn_primitive_make(&state->engine, &state->primitive));
	if (pass == PASS_BACKWARD_WEIGHTS)
		return onednn_primitive_reorder(&state->engine, &state->packed, &state->plain, &state->reorder);
	return onednn_primitive_reorder(&state->engine, &state->plain, &state->packed, &state->reorder);
}

/* Reserve lasting memory and scratch. */
static Status
reserve_memory(OneDnn *state)
{
	KernelPass *pass = &state->base;
	bool		gradient = pass->pass == PASS_BACKWARD_WEIGHTS;
	size_t		packed = dnnl_memory_desc_get_size(ONEDNN_DESC(&state->packed));
	size_t		element = data_type_size(pass->use.type);
	bool		forward = pass->pass == PASS_FORWARD;
	bool		x_is_dense = pass->use.x_pixel_stride == pass->shape.x.c;
	bool		y_is_dense = pass->use.y_pixel_stride == pass->shape.y.c && !(forward && writes_scratch(state));
	size_t		x_pixels = x_is_dense ? 0 : shape_pixels(pass->shape.x);
	size_t		y_pixels = y_is_dense ? 0 : shape_pixels(pass->shape.y);
	int			most = pass->shape.x.c > pass->shape.y.c ? pass->shape.x.c : pass->shape.y.c;
	size_t		packed_at;
	size_t		bias_at;

	TRY(reserve_scratch(pass, state->engine.scratch_size, 1, &state->primitive_at));
	TRY(reserve_scratch(pass, x_pixels * pass->shape.x.c, element, &state->dense_x_at));
	TRY(reserve_scratch(pass, y_pixels * pass->shape.y.c, element, &state->dense_y_at));
	TRY(reserve_scratch(pass, gradient ? packed : 0, 1, &state->gradient_at));
	TRY(reserve_scratch(pass, pass->shape.y.c, sizeof(float), &state->bias_gradient_at));
	TRY(reserve_held(pass, gradient ? 0 : packed, 1, &packed_at));
	TRY(reserve_held(pass, most, sizeof(float), &bias_at));
	TRY(arena_commit(&pass->arena, NULL, "convolution weights"));
	state->packed_weights = arena_at(&pass->arena, packed_at);
	state->bias_values = arena_at(&pass->arena, bias_at);
	return status_ok();
}

/* Give primitive and reorder their arguments; addresses that vary are set per
 * run. */
static Status
bind_arguments(OneDnn *state)
{
	const OneDnnEngine *engine = &state->engine;
	OneDnnPrimitive *step = &state->primitive;
	OneDnnPrimitive *reorder = &state->reorder;
	const OneDnnDesc *from = &state->plain;
	const OneDnnDesc *to = &state->packed;

	switch (state->base.pass)
	{
		case PASS_FORWARD:
			TRY(onednn_add_argument(engine, step, DNNL_ARG_SRC, &state->x, NULL));
			TRY(onednn_add_argument(engine, step, DNNL_ARG_WEIGHTS, &state->packed, state->packed_weights));
			if (primitive_bias(&state->base))
				TRY(onednn_add_argument(engine, step, DNNL_ARG_BIAS, &state->bias, state->bias_values));
			TRY(onednn_add_argument(engine, step, DNNL_ARG_DST, &state->y, NULL));
			break;
		case PASS_BACKWARD_DATA:
			TRY(onednn_add_argument(engine, step, DNNL_ARG_DIFF_DST, &state->y, NULL));
			TRY(onednn_add_argument(engine, step, DNNL_ARG_WEIGHTS, &state->packed, state->packed_weights));
			TRY(onednn_add_argument(engine, step, DNNL_ARG_DIFF_SRC, &state->x, NULL));
			break;
		case PASS_BACKWARD_WEIGHTS:
			TRY(onednn_add_argument(engine, step, DNNL_ARG_SRC, &state->x, NULL));
			TRY(onednn_add_argument(engine, step, DNNL_ARG_DIFF_DST, &state->y, NULL));
			TRY(onednn_add_argument(engine, step, DNNL_ARG_DIFF_WEIGHTS, &state->packed, NULL));
			if (primitive_bias(&state->base))
				TRY(onednn_add_argument(engine, step, DNNL_ARG_DIFF_BIAS, &state->bias, NULL));
			from = &state->packed;
			to = &state->plain;
			break;
	}
	TRY(onednn_add_argument(engine, step, DNNL_ARG_SCRATCHPAD, &step->scratch, NULL));
	TRY(onednn_add_argument(engine, reorder, DNNL_ARG_FROM, from, NULL));
	TRY(onednn_add_argument(engine, reorder, DNNL_ARG_TO, to, NULL));
	return onednn_add_argument(engine, reorder, DNNL_ARG_SCRATCHPAD, &reorder->scratch, NULL);
}

static Status
onednn_plan(KernelPass *pass)
{
	OneDnn	   *state = (OneDnn *) pass;

	threads_use(pass->use.threads);
	TRY(onednn_engine_create(&state->engine));
	TRY(describe_tensors(state));
	TRY(make_primitive(state));
	TRY(reserve_memory(state));
	return bind_arguments(state);
}

static void
onednn_release(KernelPass *pass)
{
	OneDnn	   *state = (OneDnn *) pass;

	onednn_primitive_destroy(&state->primitive);
	onednn_primitive_destroy(&state->reorder);
	onednn_desc_destroy(&state->x);
	onednn_desc_destroy(&state->y);
	onednn_desc_destroy(&state->weights);
	onednn_desc_destroy(&state->gradient);
	onednn_desc_destroy(&state->packed);
	onednn_desc_destroy(&state->plain);
	onednn_desc_destroy(&state->bias);
	onednn_engine_destroy(&state->engine);
}

static const char *
onednn_detail(const KernelPass *pass)
{
	return implementation_name(&((const OneDnn *) pass)->primitive);
}

/* ---- running ---- */

/* Reorder weights from one place to another. */
static Status
run_reorder(const OneDnn *state, const ConvolutionCall *call, const void *from, void *to)
{
	TRY(onednn_set_argument(&state->reorder, DNNL_ARG_FROM, from));
	TRY(onednn_set_argument(&state->reorder, DNNL_ARG_TO, to));
	TRY(onednn_set_argument(&state->reorder, DNNL_ARG_SCRATCHPAD, scratch_at(call, state->primitive_at)));
	return onednn_run(&state->engine, &state->reorder);
}

static Status
onednn_set_weights(KernelPass *pass, const ConvolutionCall *call, const float *weights, const float *bias)
{
	OneDnn	   *state = (OneDnn *) pass;

	if (pass->pass == PASS_BACKWARD_WEIGHTS)
		return status_ok();
	copy_bias(state->bias_values, pass->use.bias ? bias : NULL, target_shape(pass).c);
	return run_reorder(state, call, weights, state->packed_weights);
}

/* Copy a tensor from one pixel stride to another. */
static void
copy_pixels(const KernelPass *pass, int threads, TensorShape shape, const void *source, int source_stride,
			void *target, int target_stride)
{
	AddArgs		copy = {
		.a = source,.a_stride = source_stride,
		.y = target,.y_stride = target_stride,
		.channels = shape.c,
	};

	threads_run(threads, shape_pixels(shape), loops_for(pass->use.type)->add, &copy);
}

/* A tensor as primitives read it: itself or, if it is a slice, a dense copy in
 * scratch. */
static const void *
dense_source(const KernelPass *pass, int threads, TensorShape shape, int stride, const void *tensor, void *scratch)
{
	if (stride == shape.c)
		return tensor;
	copy_pixels(pass, threads, shape, tensor, stride, scratch, shape.c);
	return scratch;
}

/* Finish a primitive's result, and copy it to its tensor if that is a
 * slice. */
static void
store_target(const OneDnn *state, int threads, const void *dense, const PassTensors *tensors)
{
	const KernelPass *pass = &state->base;
	TensorShape shape = target_shape(pass);
	AffineArgs	finish = {
		.x = dense,.x_stride = shape.c,
		.y = tensors->target,.y_stride = target_stride(pass),
		.residual = state->sums ? NULL : tensors->residual,.residual_stride = pass->use.residual_stride,
		.channels = shape.c,
		.shift = pass->pass == PASS_BACKWARD_DATA && pass->use.bias ? state->bias_values : NULL,
		.relu = pass->use.relu,
	};

	if (needs_finishing(state))
		threads_run(threads, shape_pixels(shape), loops_for(pass->use.type)->affine, &finish);
	else if (dense != tensors->target)
		copy_pixels(pass, threads, shape, dense, shape.c, tensors->target, target_stride(pass));
}

/* y from x, or dx from dy. */
static Status
run_mapping(const OneDnn *state, const ConvolutionCall *call, const PassTensors *tensors)
{
	const KernelPass *pass = &state->base;
	bool		forward = pass->pass == PASS_FORWARD;
	TensorShape target = target_shape(pass);
	void	   *dense_x = scratch_at(call, state->dense_x_at);
	void	   *dense_y = scratch_at(call, state->dense_y_at);
	const void *source = dense_source(pass, call->threads, source_shape(pass), source_stride(pass), tensors->source,
									  forward ? dense_x : dense_y);
	void	   *dense = tensors->target;

	if (writes_scratch(state))
		dense = forward ? dense_y : dense_x;

	/* The fused sum adds to the target's old content. */
	if (state->sums && tensors->residual != dense)
		copy_pixels(pass, call->threads, target, tensors->residual, pass->use.residual_stride, dense, target.c);
	TRY(onednn_set_argument(&state->primitive, forward ? DNNL_ARG_SRC : DNNL_ARG_DIFF_DST, source));
	TRY(onednn_set_argument(&state->primitive, forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_SRC, dense));
	TRY(onednn_run(&state->engine, &state->primitive));
	store_target(state, call->threads, dense, tensors);
	return status_ok();
}

static Status
run_gradient(const OneDnn *state, const ConvolutionCall *call, const PassTensors *tensors)
{
	const KernelPass *pass = &state->base;
	const OneDnnPrimitive *step = &state->primitive;
	void	   *gradient = scratch_at(call, state->gradient_at);
	void	   *bias = scratch_at(call, state->bias_gradient_at);
	const void *x = dense_source(pass, call->threads, pass->shape.x, pass->use.x_pixel_stride, tensors->source,
								 scratch_at(call, state->dense_x_at));
	const void *dy = dense_source(pass, call->threads, pass->shape.y, pass->use.y_pixel_stride, tensors->dy,
								  scratch_at(call, state->dense_y_at));

	TRY(onednn_set_argument(step, DNNL_ARG_SRC, x));
	TRY(onednn_set_argument(step, DNNL_ARG_DIFF_DST, dy));
	TRY(onednn_set_argument(step, DNNL_ARG_DIFF_WEIGHTS, gradient));
	if (primitive_bias(pass))
		TRY(onednn_set_argument(step, DNNL_ARG_DIFF_BIAS, bias));
	TRY(onednn_run(&state->engine, step));
	TRY(run_reorder(state, call, gradient, tensors->dw));
	if (tensors->db != NULL)
		memcpy(tensors->db, bias, pass->shape.y.c * sizeof(float));
	return status_ok();
}

static Status
onednn_pass_run(const KernelPass *pass, const ConvolutionCall *call, const PassTensors *tensors)
{
	const OneDnn *state = (const OneDnn *) pass;

	TRY(onednn_set_argument(&state->primitive, DNNL_ARG_SCRATCHPAD, scratch_at(call, state->primitive_at)));
	return pass->pass == PASS_BACKWARD_WEIGHTS ? run_gradient(state, call, tensors) : run_mapping(state, call, tensors);
}

const ConvolutionKernel onednn_kernel = {
	.name = "onednn",
	.owner = KERNEL_ONEDNN,
	.state_size = sizeof(OneDnn),
	.runs = onednn_runs,
	.can = onednn_can,
	.plan = onednn_plan,
	.release = onednn_release,
	.set_weights = onednn_set_weights,
	.run = onednn_pass_run,
	.detail = onednn_detail,
};

#endif							/* HAVE_ONEDNN */
