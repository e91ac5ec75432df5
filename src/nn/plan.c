/*
 * plan.c: making and freeing plans. The passes, in order: shapes, steps
 * (plan_lower.c), places in memory (plan_place.c), the backend's convolutions.
 */
#include "nn/planner.h"

#include <string.h>

#include "nn/conv/backend.h"

/* Create the backend's convolution of every step that has one, and what they
 * share. */
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
		ConvolutionUse use = {.type = plan->options.type,.scratch = &plan->scratch};
		ThreadsState before;
		Status		status;

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
		use.bias = step->has_shift;
		use.relu = step->relu;
		use.transposed = step->kind == OP_CONV_TRANSPOSE2D;
		if (step->kind == OP_CONV2D)
		{
			shape.x = x.shape;
			shape.y = y.shape;
			use.x_pixel_stride = x.pixel_stride;
			use.y_pixel_stride = y.pixel_stride;
			use.forward = true;
			use.backward_data = plan->options.training && step->wants_dx;
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
		TRY(call_poll(plan->call));
		threads_enter(&before);
		step->backend = backend_for_shape(plan->options.backend, &shape, &use);
		status = step->backend->create(plan->call, &shape, &use, &step->convolution);
		threads_leave(&before);
		TRY(status);
	}
	if (plan->scratch.bytes == 0)
		return status_ok();
	return call_alloc_array(plan->call, 1, plan->scratch.bytes, &plan->scratch.memory);
}

/* Allocate the planner's arrays, all in one block. */
static Status
planner_create(Planner *planner, Plan *plan, void **memory)
{
	int			nodes = plan->graph->node_count;
	int			buffers = 5 * nodes + 1;
	size_t		node_bytes = 4 * sizeof(int) + 4 * sizeof(bool) + 2 * sizeof(Slot);
	char	   *at;

	TRY(call_alloc_array(plan->call, 1, nodes * node_bytes + buffers * sizeof(Buffer), memory));
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
	planner->is_output = planner->gradient_begun + nodes;
	for (int i = 0; i < plan->part->output_count; i++)
		planner->is_output[plan->part->outputs[i]] = true;
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
	TRY(plan_shapes(planner));
	TRY(plan_steps(planner));
	TRY(plan_memory_layout(planner, extras));
	return create_convolutions(planner->plan);
}

Status
plan_create(const Call *call, const Graph *graph, const PlanOptions *options, Plan **plan_out)
{
	Planner		planner;
	Plan	   *plan;
	void	   *memory;
	void	   *planner_memory = NULL;
	void	   *extras = NULL;
	Status		status;

	*plan_out = NULL;
	TRY(graph_status(graph));
	if (options->part < 0 || options->part >= graph->part_count)
		return status_error(LS_INTERNAL, "the graph has no part %d", options->part);
	TRY(call_alloc_array(call, 1, sizeof(Plan), &memory));
	plan = memory;
	plan->call = call;
	plan->graph = graph;
	plan->part = &graph->parts[options->part];
	plan->options = *options;
	plan->loops = loops_for(options->type);
	arena_init(&plan->arena, call);
	threads_use(call->threads);

	status = call_alloc_array(call, graph->node_count, sizeof(Step), &memory);
	plan->steps = memory;
	if (status.code == LS_OK)
	{
		status = call_alloc_array(call, graph->node_count, sizeof(Tensor), &memory);
		plan->values = memory;
	}
	if (status.code == LS_OK)
	{
		status = call_alloc_array(call, graph->node_count, sizeof(Tensor), &memory);
		plan->gradients = memory;
	}
	if (status.code == LS_OK)
		status = call_alloc_array(call, graph->node_count, sizeof(StepBuffers), &extras);
	if (status.code == LS_OK)
		status = planner_create(&planner, plan, &planner_memory);
	if (status.code == LS_OK)
		status = run_passes(&planner, extras);
	call_free(call, planner_memory);
	call_free(call, extras);
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
			plan->steps[s].backend->destroy(plan->steps[s].convolution);
	arena_free(&plan->arena);
	call_free(plan->call, plan->scratch.memory);
	call_free(plan->call, plan->seconds);
	call_free(plan->call, plan->steps);
	call_free(plan->call, plan->values);
	call_free(plan->call, plan->gradients);
	call_free(plan->call, plan);
}

Tensor
plan_input(const Plan *plan)
{
	return plan->values[plan->steps[0].y];
}

Tensor
plan_output(const Plan *plan)
{
	return plan_output_at(plan, 0);
}

Tensor
plan_output_gradient(const Plan *plan)
{
	return plan_output_gradient_at(plan, 0);
}

Tensor
plan_output_at(const Plan *plan, int i)
{
	return plan->values[plan->part->outputs[i]];
}

Tensor
plan_output_gradient_at(const Plan *plan, int i)
{
	return plan->gradients[plan->part->outputs[i]];
}

Tensor
plan_input_gradient(const Plan *plan)
{
	return plan->gradients[plan->steps[0].y];
}

size_t
plan_memory(const Plan *plan)
{
	size_t		bytes = plan->arena.size + plan->scratch.bytes;

	for (int s = 0; s < plan->step_count; s++)
		if (plan->steps[s].convolution != NULL)
			bytes += plan->steps[s].backend->memory(plan->steps[s].convolution);
	return bytes;
}
