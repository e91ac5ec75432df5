/*
 * plan_place.c: where every tensor of a plan stands in memory. Each gets a
 * buffer with a lifetime; buffers whose lifetimes do not meet share
 * addresses.
 */
#include "nn/planner.h"

#include "core/checked.h"

/* Make a buffer that is in use from first to last. */
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

/* Extend the lifetime of slot's buffer to include time. */
static void
keep_alive(Planner *planner, Slot slot, int time)
{
	Buffer	   *buffer = &planner->buffers[slot.buffer];

	if (time < buffer->first)
		buffer->first = time;
	if (time > buffer->last)
		buffer->last = time;
}

/* Make a slot with its own buffer for a tensor of shape, in use at `time`. */
static Status
own_slot(Planner *planner, TensorShape shape, int time, Slot *slot)
{
	size_t		elements;

	if (!checked_mul((size_t) shape_pixels(shape), (size_t) shape.c, &elements))
		return status_error(LS_LIMIT_EXCEEDED, "a tensor does not fit in memory");
	slot->channel = 0;
	slot->width = shape.c;
	return add_buffer(planner, elements, data_type_size(planner->plan->options.type), time, time, &slot->buffer);
}

/* Find the slot of node id, or make it at `time`. Parts of a concatenation are
 * slices of the whole's slot. */
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
		TRY(own_slot(planner, shape, time, &slots[id]));
	keep_alive(planner, slots[id], time);
	*slot = slots[id];
	return status_ok();
}

/*
 * True if a convolution's result can overwrite the tensor that it adds,
 * because nothing reads that afterwards. A library that adds to its target's
 * content then needs no copy.
 */
static bool
adds_in_place(const Planner *planner, int s)
{
	const Plan *plan = planner->plan;
	const Step *step = &plan->steps[s];
	NodeId		residual = step->residual;

	if (step->weights < 0 || residual < 0 || residual == step->x || planner->is_output[residual] ||
		planner->graph->nodes[residual].kind == OP_INPUT ||
		planner->concat_of[residual] >= 0 || planner->concat_of[step->y] >= 0)
		return false;
	for (int later = s + 1; later < plan->step_count; later++)
		if (plan->steps[later].x == residual || plan->steps[later].residual == residual)
			return false;
	return true;
}

/* Give every value a slot that lives until its last use. */
static Status
place_values(Planner *planner)
{
	Plan	   *plan = planner->plan;
	Slot		slot;

	for (int s = 0; s < plan->step_count; s++)
	{
		const Step *step = &plan->steps[s];
		int			back = 2 * plan->step_count - 1 - s;

		if (adds_in_place(planner, s))
			planner->value_slots[step->y] = planner->value_slots[step->residual];
		TRY(slot_for(planner, planner->value_slots, step->y, s, &slot));
		if (step->x >= 0)
			keep_alive(planner, planner->value_slots[step->x], s);
		if (step->residual >= 0)
			keep_alive(planner, planner->value_slots[step->residual], s);
		if (plan->options.training)
		{
			if (step->weights >= 0 || step->norm >= 0 || step->kind == OP_GELU)
				keep_alive(planner, planner->value_slots[step->x], back);
			if (step->gelu >= 0)
			{
				TRY(own_slot(planner, plan->values[step->gelu].shape, s, &planner->value_slots[step->gelu]));
				keep_alive(planner, planner->value_slots[step->gelu], back);
			}
			/* A ReLU's gradient needs its output; that of a batch norm without
			 * addition needs only its input. */
			if (step->kind == OP_RELU || (step->relu && step->residual >= 0))
				keep_alive(planner, slot, back);
		}
	}
	/* The caller writes the input before and reads the outputs after the run. */
	keep_alive(planner, planner->value_slots[plan->steps[0].y], 0);
	for (int i = 0; i < plan->part->output_count; i++)
		keep_alive(planner, planner->value_slots[plan->part->outputs[i]], planner->last_time);
	return status_ok();
}

/* True if the dx of a batch norm or a GELU can overwrite its dy. That needs a
 * dense dy: not a part of a concatenation's. */
static bool
gradient_in_place(const Planner *planner, const Step *step)
{
	return (step->kind == OP_BATCH_NORM || step->kind == OP_GELU) && step->wants_dx &&
		planner->consumers[step->x] == 1 && !planner->is_output[step->x] &&
		planner->gradient_slots[step->y].width == planner->plan->values[step->y].shape.c &&
		planner->concat_of[step->x] < 0;
}

/*
 * True if a pooling step moves the gradient of its input out of a
 * concatenation's gradient: it reads the part written before from there, adds
 * its own, and writes a dense tensor. A batch norm, which reads its dy twice,
 * then reads a dense one and can overwrite it. Only if just these two steps
 * contribute.
 */
static bool
moves_gradient(const Planner *planner, const Step *step)
{
	return step->kind == OP_MAX_POOL2D && step->wants_dx && step->accumulate_dx &&
		planner->concat_of[step->x] >= 0 && planner->consumers[step->x] == 2 && !planner->is_output[step->x];
}

/* Give every gradient a slot from its first contribution to its last use. */
static Status
place_gradients(Planner *planner, StepBuffers *extras)
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
		else if (moves_gradient(planner, step))
		{
			extras[s].before = planner->gradient_slots[step->x];
			keep_alive(planner, extras[s].before, time);
			TRY(own_slot(planner, plan->values[step->x].shape, time, &planner->gradient_slots[step->x]));
		}
		else if (step->wants_dx)
			TRY(slot_for(planner, planner->gradient_slots, step->x, time, &slot));
		if (step->residual >= 0 && planner->wants_gradient[step->residual])
			TRY(slot_for(planner, planner->gradient_slots, step->residual, time, &slot));
	}
	/* The caller writes the outputs' gradients between forward and backward. */
	for (int i = 0; i < plan->part->output_count; i++)
		keep_alive(planner, planner->gradient_slots[plan->part->outputs[i]], plan->step_count - 1);
	return status_ok();
}

/* Do the lifetimes of a and b overlap? */
static bool
lifetimes_overlap(const Buffer *a, const Buffer *b)
{
	return a->first <= b->last && b->first <= a->last;
}

/* Set each buffer's offset: the largest first, each at the lowest address that
 * is free during its whole lifetime. */
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

		/* Move up past every overlapping buffer until there is none. */
		next->offset = 0;
		while (moved)
		{
			moved = false;
			for (int i = 0; i < planner->buffer_count; i++)
			{
				const Buffer *other = &planner->buffers[i];

				if (other->placed && lifetimes_overlap(next, other) &&
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

/* Reserve the other buffers of steps, besides values and gradients. */
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
		if (step->kind == OP_BATCH_NORM && !plan->options.training)
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
	return add_buffer(planner, (size_t) plan->threads * 2 * widest, sizeof(double), 0,
					  planner->last_time, sums);
}

/* The address of a buffer in the committed arena. */
static void *
buffer_address(const Planner *planner, int buffer)
{
	return arena_at(&planner->plan->arena, planner->buffers[buffer].offset);
}

/* The tensor with that shape in a slot. */
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
write_addresses(Planner *planner, const StepBuffers *extras, int sums)
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

			if (plan->options.training)
				step->arrays = (NormArrays) {base, base + c, base + 2 * c, base + 3 * c, base + 4 * c,
					base + 5 * c, base + 6 * c
				};
			else
				step->arrays = (NormArrays) {.scale = base,.shift = base + c};
		}
		if (step->wants_dx && step->accumulate_dx)
			step->dx_before = extras[s].before.buffer < 0 ? plan->gradients[step->x] :
				slot_tensor(planner, extras[s].before, plan->values[step->x].shape);
		if (extras[s].scratch >= 0)
		{
			step->dx_scratch = plan->gradients[step->x];
			step->dx_scratch.data = buffer_address(planner, extras[s].scratch);
		}
	}
	plan->sums = buffer_address(planner, sums);
}

Status
plan_memory_layout(Planner *planner, const Call *call, StepBuffers *extras)
{
	Plan	   *plan = planner->plan;
	int			sums;

	for (int s = 0; s < plan->step_count; s++)
		extras[s] = (StepBuffers) {-1, -1, -1, {-1, 0, 0}};
	TRY(place_values(planner));
	if (plan->options.training)
		TRY(place_gradients(planner, extras));
	TRY(place_extras(planner, extras, &sums));
	TRY(place_buffers(planner));
	TRY(arena_commit(&plan->arena, call, plan->options.training ? "training tensors" : "tensors"));
	write_addresses(planner, extras, sums);
	return status_ok();
}
