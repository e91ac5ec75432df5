/*
 * plan.c: making and freeing plans. The passes, in order: shapes, steps
 * (plan_lower.c), places in memory (plan_place.c), convolutions.
 */
#include "nn/planner.h"

#include <string.h>

/* Describe the convolution of a step. */
static void
describe_convolution(const Plan *plan, const Step *step, ConvolutionShape *shape, ConvolutionUse *use)
{
	const GraphNode *node = &plan->graph->nodes[step->weights];
	Tensor		x = plan->values[step->x];
	Tensor		y = plan->values[step->y];
	bool		wants_dx = plan->options.training && step->wants_dx;

	*shape = (ConvolutionShape) {
		.x = x.shape,.y = y.shape,
		.kernel = node->kernel,.stride = node->stride,.padding = node->padding,.groups = node->groups,
	};
	*use = (ConvolutionUse) {
		.type = plan->options.type,.threads = plan->threads,
		.x_pixel_stride = x.pixel_stride,.y_pixel_stride = y.pixel_stride,
		.forward = true,.backward_data = wants_dx,.backward_weights = plan->options.training,
		.bias = step->has_shift,.relu = step->relu,.relu_before = step->relu_before,
	};
	if (step->residual >= 0)
		use->residual_stride = plan->values[step->residual].pixel_stride;
	if (step->kind == OP_CONV2D)
		return;

	/* The convolution in the opposite direction; see conv/convolution.h. */
	shape->x = y.shape;
	shape->y = x.shape;
	use->x_pixel_stride = y.pixel_stride;
	use->y_pixel_stride = x.pixel_stride;
	use->backward_data = true;
	use->forward = wants_dx;
	use->transposed = true;
}

/* Create the convolution of every step that has one, and the scratch for
 * them. */
static Status
create_convolutions(Plan *plan, const Call *call)
{
	for (int s = 0; s < plan->step_count; s++)
	{
		Step	   *step = &plan->steps[s];
		ConvolutionShape shape;
		ConvolutionUse use;
		ThreadsState before;
		Status		status;

		if (step->weights < 0)
			continue;
		describe_convolution(plan, step, &shape, &use);
		TRY(call_poll(call));
		threads_enter(&before);
		status = convolution_create(plan->host, plan->options.backend, &shape, &use, &step->convolution);
		threads_leave(&before);
		TRY(status);
		if (convolution_scratch(step->convolution) > plan->scratch_bytes)
			plan->scratch_bytes = convolution_scratch(step->convolution);
	}
	if (plan->scratch_bytes == 0)
		return status_ok();
	return host_alloc(plan->host, plan->scratch_bytes, &plan->scratch);
}

/* Allocate the planner's arrays, all in one block. */
static Status
planner_create(Planner *planner, Plan *plan, const Call *call, void **memory)
{
	int			nodes = plan->graph->node_count;
	int			buffers = 5 * nodes + 1;
	size_t		node_bytes = 4 * sizeof(int) + 4 * sizeof(bool) + 2 * sizeof(Slot);
	char	   *at;

	TRY(call_alloc_array(call, 1, nodes * node_bytes + buffers * sizeof(Buffer), memory));
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
run_passes(Planner *planner, const Call *call, StepBuffers *extras)
{
	TRY(plan_shapes(planner));
	TRY(plan_steps(planner));
	TRY(plan_memory_layout(planner, call, extras));
	return create_convolutions(planner->plan, call);
}

Status
plan_create(const Host *host, const Call *call, const Graph *graph, const PlanOptions *options, Plan **plan_out)
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
	TRY(host_alloc_array(host, 1, sizeof(Plan), &memory));
	plan = memory;
	plan->host = host;
	plan->threads = call->threads;
	plan->graph = graph;
	plan->part = &graph->parts[options->part];
	plan->options = *options;
	plan->loops = loops_for(options->type);
	arena_init(&plan->arena, host);

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
		status = call_alloc_array(call, graph->node_count, sizeof(StepBuffers), &extras);
	if (status.code == LS_OK)
		status = planner_create(&planner, plan, call, &planner_memory);
	if (status.code == LS_OK)
		status = run_passes(&planner, call, extras);
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
		convolution_free(plan->steps[s].convolution);
	arena_free(&plan->arena);
	host_free(plan->host, plan->scratch);
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
	size_t		bytes = plan->arena.size + plan->scratch_bytes;

	for (int s = 0; s < plan->step_count; s++)
		if (plan->steps[s].convolution != NULL)
			bytes += convolution_memory(plan->steps[s].convolution);
	return bytes;
}
