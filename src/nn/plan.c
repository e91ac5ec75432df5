/*
 * plan.c: from a graph to steps with places in memory.
 *
 * In order: infer shapes; lower nodes to steps (fusing); decide the backward
 * pass; give every value and gradient a buffer with a lifetime; place the
 * buffers; create the convolutions. Time runs over the steps forward
 * (0 .. S-1) and, in training, over the same steps backward (step s at
 * 2S-1-s).
 */
#include "nn/plan.h"

#include <string.h>

#include "core/checked.h"

/* A piece of memory with a lifetime. */
typedef struct Buffer
{
	size_t		bytes;
	int			first;			/* first and last time it is in use */
	int			last;
	size_t		offset;			/* in the arena */
	bool		placed;
} Buffer;

/* Where a value stands: channels [channel, channel + C) of a buffer whose
 * pixels have `width` channels. */
typedef struct Slot
{
	int			buffer;			/* -1 = none */
	int			channel;
	int			width;
} Slot;

/* What is only needed while planning. */
typedef struct Planner
{
	Plan	   *plan;
	const Graph *graph;
	int		   *consumers;		/* by node: how many nodes read it */
	int		   *consumer;		/* by node: the last node that reads it */
	int		   *step_of;		/* by node: the step that makes its value, -1 = none */
	int		   *concat_of;		/* by node: the concatenation it is part of, -1 = none */
	bool	   *absorbed;		/* by node: fused into an earlier step */
	bool	   *wants_gradient; /* by node */
	bool	   *gradient_begun; /* by node */
	Slot	   *value_slots;
	Slot	   *gradient_slots;
	Buffer	   *buffers;
	int			buffer_count;
	int			buffer_limit;
	int			last_time;
} Planner;

/* Output size of a window operator along one axis. */
static int
window_output(int size, int kernel, int stride, int padding)
{
	return size + 2 * padding < kernel ? 0 : (size + 2 * padding - kernel) / stride + 1;
}

/* Fill plan->values[].shape for every node. */
static Status
infer_shapes(Planner *planner)
{
	const Graph *graph = planner->graph;
	Plan	   *plan = planner->plan;

	for (int id = 0; id < graph->node_count; id++)
	{
		const GraphNode *node = &graph->nodes[id];
		TensorShape shape = {plan->options.batch, plan->options.height, plan->options.width, node->channels};

		if (node->inputs[0] >= 0)
		{
			TensorShape x = plan->values[node->inputs[0]].shape;

			shape.h = x.h;
			shape.w = x.w;
			if (node->kind == OP_CONV2D || node->kind == OP_MAX_POOL2D)
			{
				shape.h = window_output(x.h, node->kernel, node->stride, node->padding);
				shape.w = window_output(x.w, node->kernel, node->stride, node->padding);
			}
			else if (node->kind == OP_CONV_TRANSPOSE2D)
			{
				shape.h = (x.h - 1) * node->stride - 2 * node->padding + node->kernel + node->output_padding;
				shape.w = (x.w - 1) * node->stride - 2 * node->padding + node->kernel + node->output_padding;
			}
		}
		if (node->inputs[1] >= 0)
		{
			TensorShape b = plan->values[node->inputs[1]].shape;

			if (b.h != shape.h || b.w != shape.w)
				return status_with_hint(
										status_error(LS_INVALID_ARGUMENT,
													 "images of %d x %d pixels do not fit the network: it would join tensors of %d x %d and %d x %d",
													 plan->options.width, plan->options.height,
													 shape.w, shape.h, b.w, b.h),
										"Use a width and height that are multiples of the network's stride.");
		}
		if (shape.h < 1 || shape.w < 1)
			return status_with_hint(
									status_error(LS_INVALID_ARGUMENT,
												 "images of %d x %d pixels are too small for the network",
												 plan->options.width, plan->options.height),
									"Use larger images or a network of less depth.");
		plan->values[id].shape = shape;
		plan->values[id].type = plan->options.type;
	}
	return status_ok();
}

/* The only node that reads id, if it is of that kind and not yet absorbed; else -1. */
static NodeId
sole_consumer(const Planner *planner, NodeId id, OpKind kind)
{
	NodeId		next = planner->consumer[id];

	if (planner->consumers[id] != 1 || id == planner->graph->output || planner->absorbed[next] ||
		planner->graph->nodes[next].kind != kind)
		return -1;
	return next;
}

/* Extend step by the batch norm / addition / ReLU nodes that follow it. */
static void
fuse(Planner *planner, Step *step)
{
	const Graph *graph = planner->graph;
	bool		convolution = step->kind == OP_CONV2D || step->kind == OP_CONV_TRANSPOSE2D;
	bool		training = planner->plan->options.training;
	NodeId		next;

	if (convolution && training)
		return;
	if (convolution && (next = sole_consumer(planner, step->y, OP_BATCH_NORM)) >= 0)
	{
		step->norm = step->y = next;
		planner->absorbed[next] = true;
	}
	if (step->kind == OP_BATCH_NORM && (next = sole_consumer(planner, step->y, OP_ADD)) >= 0)
	{
		const int  *inputs = graph->nodes[next].inputs;
		NodeId		other = inputs[0] == step->y ? inputs[1] : inputs[0];

		/* The other operand must exist by now. */
		if (other != step->y && planner->step_of[other] >= 0)
		{
			step->residual = other;
			step->y = next;
			planner->absorbed[next] = true;
		}
	}
	if ((convolution || step->kind == OP_BATCH_NORM || step->kind == OP_ADD) &&
		(next = sole_consumer(planner, step->y, OP_RELU)) >= 0)
	{
		step->relu = true;
		step->y = next;
		planner->absorbed[next] = true;
	}
}

/* Turn nodes into steps. */
static void
lower(Planner *planner)
{
	const Graph *graph = planner->graph;
	Plan	   *plan = planner->plan;

	for (int id = 0; id < graph->node_count; id++)
		for (int i = 0; i < 2; i++)
			if (graph->nodes[id].inputs[i] >= 0)
			{
				planner->consumers[graph->nodes[id].inputs[i]]++;
				planner->consumer[graph->nodes[id].inputs[i]] = id;
			}

	for (int id = 0; id < graph->node_count; id++)
	{
		const GraphNode *node = &graph->nodes[id];
		Step	   *step = &plan->steps[plan->step_count];

		if (planner->absorbed[id])
			continue;
		memset(step, 0, sizeof *step);
		step->kind = node->kind;
		step->x = node->inputs[0];
		step->residual = node->inputs[1];
		step->y = id;
		step->weights = step->norm = -1;
		if (node->kind == OP_CONV2D || node->kind == OP_CONV_TRANSPOSE2D)
			step->weights = id;
		if (node->kind == OP_BATCH_NORM)
			step->norm = id;
		fuse(planner, step);
		step->has_shift = step->weights >= 0 &&
			(step->norm >= 0 || graph->nodes[step->weights].params[1] >= 0);
		planner->step_of[step->y] = plan->step_count++;
	}
	planner->last_time = (plan->options.training ? 2 : 1) * plan->step_count - 1;
}

/* Note for each step which gradients it hands on, and whether it is the
 * first (in backward order) to do so. */
static Status
plan_gradients(Planner *planner)
{
	Plan	   *plan = planner->plan;
	bool	   *begun = planner->gradient_begun;

	for (int s = 0; s < plan->step_count; s++)
	{
		const Step *step = &plan->steps[s];

		planner->wants_gradient[step->y] = step->weights >= 0 || step->norm >= 0 ||
			(step->x >= 0 && planner->wants_gradient[step->x]) ||
			(step->residual >= 0 && planner->wants_gradient[step->residual]);
	}
	for (int s = plan->step_count - 1; s >= 0; s--)
	{
		Step	   *step = &plan->steps[s];
		bool		wants_residual = step->residual >= 0 && planner->wants_gradient[step->residual];

		step->wants_dx = step->x >= 0 && planner->wants_gradient[step->x];
		if (step->kind == OP_CONCAT &&
			((step->wants_dx && begun[step->x]) || (wants_residual && begun[step->residual])))
			return status_error(LS_UNSUPPORTED, "a tensor is used again after its concatenation");
		if (step->wants_dx)
		{
			step->accumulate_dx = begun[step->x];
			begun[step->x] = true;
		}
		if (wants_residual)
		{
			step->accumulate_dresidual = begun[step->residual];
			begun[step->residual] = true;
		}
	}
	return status_ok();
}

/* A new buffer that is in use from first to last. */
static Status
add_buffer(Planner *planner, size_t elements, size_t element_size, int first, int last, int *index)
{
	Buffer	   *buffer = &planner->buffers[planner->buffer_count];

	if (planner->buffer_count >= planner->buffer_limit)
		return status_error(LS_INTERNAL, "the plan has more buffers than expected");
	if (!checked_mul(elements, element_size, &buffer->bytes) || !checked_add(buffer->bytes, 63, &buffer->bytes))
		return status_error(LS_LIMIT_EXCEEDED, "a tensor of %zu elements does not fit in memory", elements);
	buffer->bytes &= ~(size_t) 63;
	buffer->first = first;
	buffer->last = last;
	*index = planner->buffer_count++;
	return status_ok();
}

/* Keep the buffer behind slot alive at time. */
static void
keep(Planner *planner, Slot slot, int time)
{
	Buffer	   *buffer = &planner->buffers[slot.buffer];

	if (time < buffer->first)
		buffer->first = time;
	if (time > buffer->last)
		buffer->last = time;
}

/* The slot of node id, made at `time` if it is not there yet. Parts of a
 * concatenation are slices of the whole's slot. */
static Status
slot_for(Planner *planner, Slot *slots, NodeId id, int time, Slot *slot)
{
	TensorShape shape = planner->plan->values[id].shape;
	NodeId		whole = planner->concat_of[id];

	if (slots[id].buffer < 0 && whole >= 0)
	{
		Slot		wide;

		TRY(slot_for(planner, slots, whole, time, &wide));
		slots[id] = wide;
		if (planner->graph->nodes[whole].inputs[1] == id)
			slots[id].channel += planner->graph->nodes[planner->graph->nodes[whole].inputs[0]].channels;
	}
	else if (slots[id].buffer < 0)
	{
		size_t		elements;

		if (!checked_mul((size_t) shape_pixels(shape), (size_t) shape.c, &elements))
			return status_error(LS_LIMIT_EXCEEDED, "a tensor does not fit in memory");
		TRY(add_buffer(planner, elements, data_type_size(planner->plan->options.type), time, time,
					   &slots[id].buffer));
		slots[id].channel = 0;
		slots[id].width = shape.c;
	}
	keep(planner, slots[id], time);
	*slot = slots[id];
	return status_ok();
}

/* Which node is part of which concatenation. */
static Status
find_concatenations(Planner *planner)
{
	const Graph *graph = planner->graph;

	for (int id = 0; id < graph->node_count; id++)
		for (int i = 0; graph->nodes[id].kind == OP_CONCAT && i < 2; i++)
		{
			NodeId		part = graph->nodes[id].inputs[i];

			if (planner->concat_of[part] >= 0 || graph->nodes[part].kind == OP_INPUT)
				return status_error(LS_UNSUPPORTED,
									"a tensor is part of two concatenations, or is the network's input");
			planner->concat_of[part] = id;
		}
	for (int s = 0; s < planner->plan->step_count; s++)
		if (planner->plan->steps[s].kind == OP_BATCH_NORM && planner->concat_of[planner->plan->steps[s].x] >= 0)
			return status_error(LS_UNSUPPORTED, "a batch norm reads part of a concatenation");
	return status_ok();
}

/* Give every value a slot that lives as long as it is read. */
static Status
place_values(Planner *planner)
{
	Plan	   *plan = planner->plan;
	Slot		slot;

	for (int s = 0; s < plan->step_count; s++)
	{
		const Step *step = &plan->steps[s];
		int			back = 2 * plan->step_count - 1 - s;

		TRY(slot_for(planner, planner->value_slots, step->y, s, &slot));
		if (step->x >= 0)
			keep(planner, planner->value_slots[step->x], s);
		if (step->residual >= 0)
			keep(planner, planner->value_slots[step->residual], s);
		if (plan->options.training)
		{
			if (step->weights >= 0 || step->norm >= 0)
				keep(planner, planner->value_slots[step->x], back);
			/* A ReLU's gradient looks at its output; a batch norm's without
			 * addition makes do with its input. */
			if (step->kind == OP_RELU || (step->relu && step->residual >= 0))
				keep(planner, slot, back);
		}
	}
	/* The caller writes the input before and reads the output after the run. */
	keep(planner, planner->value_slots[plan->steps[0].y], 0);
	keep(planner, planner->value_slots[planner->graph->output], planner->last_time);
	return status_ok();
}

/* True when a batch norm's dx can take the place of its dy. */
static bool
gradient_in_place(const Planner *planner, const Step *step)
{
	return step->kind == OP_BATCH_NORM && step->wants_dx && planner->consumers[step->x] == 1 &&
		planner->concat_of[step->y] < 0 && planner->concat_of[step->x] < 0;
}

/* Give every gradient a slot from its first contribution to its last use. */
static Status
place_gradients(Planner *planner)
{
	Plan	   *plan = planner->plan;
	Slot		slot;

	for (int s = plan->step_count - 1; s >= 0; s--)
	{
		Step	   *step = &plan->steps[s];
		int			time = 2 * plan->step_count - 1 - s;

		if (!planner->wants_gradient[step->y])
			continue;
		TRY(slot_for(planner, planner->gradient_slots, step->y, time, &slot));
		if (step->wants_dx && gradient_in_place(planner, step))
			planner->gradient_slots[step->x] = slot;
		else if (step->wants_dx)
			TRY(slot_for(planner, planner->gradient_slots, step->x, time, &slot));
		if (step->residual >= 0 && planner->wants_gradient[step->residual])
			TRY(slot_for(planner, planner->gradient_slots, step->residual, time, &slot));
	}
	/* The caller writes the output's gradient between forward and backward. */
	keep(planner, planner->gradient_slots[planner->graph->output], plan->step_count - 1);
	return status_ok();
}

/* Do the lifetimes of a and b overlap? */
static bool
overlap(const Buffer *a, const Buffer *b)
{
	return a->first <= b->last && b->first <= a->last;
}

/* Set each buffer's offset: largest first, each at the lowest address that is
 * free during its whole life. */
static Status
place_buffers(Planner *planner)
{
	size_t		total = 0;
	size_t		offset;

	for (int round = 0; round < planner->buffer_count; round++)
	{
		Buffer	   *next = NULL;
		bool		moved = true;

		for (int i = 0; i < planner->buffer_count; i++)
			if (!planner->buffers[i].placed && (next == NULL || planner->buffers[i].bytes > next->bytes))
				next = &planner->buffers[i];

		/* Move up past every placed buffer in the way until none is. */
		next->offset = 0;
		while (moved)
		{
			moved = false;
			for (int i = 0; i < planner->buffer_count; i++)
			{
				const Buffer *other = &planner->buffers[i];

				if (other->placed && overlap(next, other) &&
					next->offset < other->offset + other->bytes && other->offset < next->offset + next->bytes)
				{
					if (!checked_add(other->offset, other->bytes, &next->offset))
						return status_error(LS_LIMIT_EXCEEDED, "the plan does not fit in memory");
					moved = true;
				}
			}
		}
		next->placed = true;
		if (!checked_add(next->offset, next->bytes, &offset))
			return status_error(LS_LIMIT_EXCEEDED, "the plan does not fit in memory");
		if (offset > total)
			total = offset;
	}
	return arena_reserve(&planner->plan->arena, total, &offset);
}

/* Buffers other than values and gradients; their indices are kept per step. */
typedef struct StepBuffers
{
	int			index;			/* max pool */
	int			arrays;			/* batch norm arrays, or a transposed convolution's bias */
	int			scratch;		/* dx before it is added */
} StepBuffers;

/* Reserve what steps need besides values and gradients. */
static Status
place_extras(Planner *planner, StepBuffers *extras, int *sums)
{
	Plan	   *plan = planner->plan;
	int			widest = 1;

	for (int s = 0; s < plan->step_count; s++)
	{
		Step	   *step = &plan->steps[s];
		TensorShape shape = plan->values[step->y].shape;
		int			back = 2 * plan->step_count - 1 - s;

		if (shape.c > widest)
			widest = shape.c;
		if (plan->options.training && step->kind == OP_MAX_POOL2D)
			TRY(add_buffer(planner, (size_t) shape_pixels(shape) * shape.c, 1, s, back, &extras[s].index));
		if (plan->options.training && step->kind == OP_BATCH_NORM)
			TRY(add_buffer(planner, (size_t) shape.c * 7, sizeof(float), 0, planner->last_time,
						   &extras[s].arrays));
		if (step->kind == OP_CONV_TRANSPOSE2D || (step->kind == OP_BATCH_NORM && !plan->options.training))
			TRY(add_buffer(planner, (size_t) shape.c * 2, sizeof(float), 0, planner->last_time,
						   &extras[s].arrays));
		if (plan->options.training && step->weights >= 0 && step->accumulate_dx)
		{
			Slot		slot = planner->gradient_slots[step->x];

			TRY(add_buffer(planner, (size_t) shape_pixels(plan->values[step->x].shape) * slot.width,
						   data_type_size(plan->options.type), back, back, &extras[s].scratch));
		}
	}
	plan->sum_channels = widest;
	return add_buffer(planner, (size_t) plan->host->threads * 2 * widest, sizeof(double), 0,
					  planner->last_time, sums);
}

/* The address of a buffer once the arena stands. */
static void *
buffer_address(const Planner *planner, int buffer)
{
	return arena_at(&planner->plan->arena, planner->buffers[buffer].offset);
}

/* The tensor of shape in slot. */
static Tensor
slot_tensor(const Planner *planner, Slot slot, TensorShape shape)
{
	Tensor		tensor = {shape, slot.width, planner->plan->options.type, NULL};

	if (slot.buffer >= 0)
		tensor.data = (char *) buffer_address(planner, slot.buffer) +
			slot.channel * data_type_size(tensor.type);
	return tensor;
}

/* Write the addresses into steps and tensors. */
static void
resolve(Planner *planner, const StepBuffers *extras, int sums)
{
	Plan	   *plan = planner->plan;

	for (int id = 0; id < planner->graph->node_count; id++)
	{
		TensorShape shape = plan->values[id].shape;

		plan->values[id] = slot_tensor(planner, planner->value_slots[id], shape);
		if (plan->options.training)
			plan->gradients[id] = slot_tensor(planner, planner->gradient_slots[id], shape);
	}
	for (int s = 0; s < plan->step_count; s++)
	{
		Step	   *step = &plan->steps[s];
		int			c = plan->values[step->y].shape.c;

		if (extras[s].index >= 0)
			step->index = buffer_address(planner, extras[s].index);
		if (extras[s].arrays >= 0)
		{
			float	   *base = buffer_address(planner, extras[s].arrays);

			if (step->kind == OP_CONV_TRANSPOSE2D)
				step->shift = base;
			else if (plan->options.training)
				step->arrays = (NormArrays) {base, base + c, base + 2 * c, base + 3 * c, base + 4 * c,
					base + 5 * c, base + 6 * c
				};
			else
				step->arrays = (NormArrays) {.scale = base,.shift = base + c};
		}
		if (extras[s].scratch >= 0)
		{
			step->dx_scratch = plan->gradients[step->x];
			step->dx_scratch.data = buffer_address(planner, extras[s].scratch);
		}
	}
	plan->sums = buffer_address(planner, sums);
}

/* Create the backend's convolution of every step that has one. */
static Status
create_convolutions(Plan *plan)
{
	for (int s = 0; s < plan->step_count; s++)
	{
		Step	   *step = &plan->steps[s];
		const GraphNode *node;
		Tensor		x;
		Tensor		y;
		ConvolutionShape shape = {.dilation = 1};
		ConvolutionUse use = {.type = plan->options.type};

		if (step->weights < 0)
			continue;
		node = &plan->graph->nodes[step->weights];
		x = plan->values[step->x];
		y = plan->values[step->y];
		shape.kernel_h = shape.kernel_w = node->kernel;
		shape.stride = node->stride;
		shape.padding = node->padding;
		shape.groups = node->groups;
		use.backward_weights = plan->options.training;
		if (step->kind == OP_CONV2D)
		{
			shape.x = x.shape;
			shape.y = y.shape;
			use.x_pixel_stride = x.pixel_stride;
			use.y_pixel_stride = y.pixel_stride;
			use.forward = true;
			use.backward_data = plan->options.training && step->wants_dx;
			use.bias = step->has_shift;
			use.relu = step->relu;
		}
		else
		{
			/* The convolution that runs the other way; see backend.h. */
			shape.x = y.shape;
			shape.y = x.shape;
			use.x_pixel_stride = y.pixel_stride;
			use.y_pixel_stride = x.pixel_stride;
			use.backward_data = true;
			use.forward = plan->options.training && step->wants_dx;
		}
		TRY(plan->options.backend->create(plan->host, &shape, &use, &step->convolution));
		TRY(host_poll(plan->host));
	}
	return status_ok();
}

/* Allocate the planner's arrays, all in one block. */
static Status
planner_create(Planner *planner, Plan *plan, void **memory)
{
	int			nodes = plan->graph->node_count;
	int			buffers = 5 * nodes + 1;
	size_t		node_bytes = 4 * sizeof(int) + 3 * sizeof(bool) + 2 * sizeof(Slot);
	char	   *at;

	TRY(host_alloc_array(plan->host, 1, nodes * node_bytes + buffers * sizeof(Buffer), memory));
	at = *memory;
	memset(planner, 0, sizeof *planner);
	planner->plan = plan;
	planner->graph = plan->graph;
	planner->buffer_limit = buffers;
	planner->buffers = (Buffer *) at;
	at += buffers * sizeof(Buffer);
	planner->value_slots = (Slot *) at;
	planner->gradient_slots = planner->value_slots + nodes;
	at += 2 * nodes * sizeof(Slot);
	planner->consumers = (int *) at;
	planner->consumer = planner->consumers + nodes;
	planner->step_of = planner->consumer + nodes;
	planner->concat_of = planner->step_of + nodes;
	at += 4 * nodes * sizeof(int);
	planner->absorbed = (bool *) at;
	planner->wants_gradient = planner->absorbed + nodes;
	planner->gradient_begun = planner->wants_gradient + nodes;
	for (int id = 0; id < nodes; id++)
	{
		planner->step_of[id] = planner->concat_of[id] = planner->consumer[id] = -1;
		planner->value_slots[id].buffer = planner->gradient_slots[id].buffer = -1;
	}
	return status_ok();
}

/* The passes over a plan whose arrays are allocated. */
static Status
run_passes(Planner *planner, StepBuffers *extras)
{
	Plan	   *plan = planner->plan;
	int			sums;

	TRY(infer_shapes(planner));
	lower(planner);
	TRY(find_concatenations(planner));
	if (plan->options.training)
		TRY(plan_gradients(planner));
	for (int s = 0; s < plan->step_count; s++)
		extras[s] = (StepBuffers) {-1, -1, -1};
	TRY(place_values(planner));
	if (plan->options.training)
		TRY(place_gradients(planner));
	TRY(place_extras(planner, extras, &sums));
	TRY(place_buffers(planner));
	TRY(arena_commit(&plan->arena, plan->options.training ? "training tensors" : "tensors"));
	resolve(planner, extras, sums);
	return create_convolutions(plan);
}

Status
plan_create(const HostContext *host, const Graph *graph, const PlanOptions *options, Plan **plan_out)
{
	Planner		planner;
	Plan	   *plan;
	void	   *memory;
	void	   *planner_memory = NULL;
	void	   *extras = NULL;
	Status		status;

	*plan_out = NULL;
	TRY(graph_status(graph));
	if (graph->nodes[0].kind != OP_INPUT)
		return status_error(LS_INTERNAL, "the graph does not start with its input");
	TRY(host_alloc_array(host, 1, sizeof(Plan), &memory));
	plan = memory;
	plan->host = host;
	plan->graph = graph;
	plan->options = *options;
	plan->kernels = kernels_for(options->type);
	arena_init(&plan->arena, host);
	threads_use(host->threads);

	status = host_alloc_array(host, graph->node_count, sizeof(Step), &memory);
	plan->steps = memory;
	if (status.code == LS_OK)
	{
		status = host_alloc_array(host, graph->node_count, sizeof(Tensor), &memory);
		plan->values = memory;
	}
	if (status.code == LS_OK)
	{
		status = host_alloc_array(host, graph->node_count, sizeof(Tensor), &memory);
		plan->gradients = memory;
	}
	if (status.code == LS_OK)
		status = host_alloc_array(host, graph->node_count, sizeof(StepBuffers), &extras);
	if (status.code == LS_OK)
		status = planner_create(&planner, plan, &planner_memory);
	if (status.code == LS_OK)
		status = run_passes(&planner, extras);
	host_free(host, planner_memory);
	host_free(host, extras);
	if (status.code != LS_OK)
	{
		plan_free(plan);
		return status;
	}
	*plan_out = plan;
	return status_ok();
}

void
plan_free(Plan *plan)
{
	if (plan == NULL)
		return;
	for (int s = 0; s < plan->step_count; s++)
		if (plan->steps[s].convolution != NULL)
			plan->options.backend->destroy(plan->steps[s].convolution);
	arena_free(&plan->arena);
	host_free(plan->host, plan->seconds);
	host_free(plan->host, plan->steps);
	host_free(plan->host, plan->values);
	host_free(plan->host, plan->gradients);
	host_free(plan->host, plan);
}

Tensor
plan_input(const Plan *plan)
{
	return plan->values[plan->steps[0].y];
}

Tensor
plan_output(const Plan *plan)
{
	return plan->values[plan->graph->output];
}

Tensor
plan_output_gradient(const Plan *plan)
{
	return plan->gradients[plan->graph->output];
}

size_t
plan_memory(const Plan *plan)
{
	size_t		bytes = plan->arena.size;

	for (int s = 0; s < plan->step_count; s++)
		if (plan->steps[s].convolution != NULL)
			bytes += plan->options.backend->memory(plan->steps[s].convolution);
	return bytes;
}
