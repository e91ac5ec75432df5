/*
 * planner.h: what the passes of planning share. Private to plan.c,
 * plan_lower.c and plan_place.c.
 *
 * Time runs over the steps forward (0 .. S-1) and, in training, over the same
 * steps backward (step s at 2S-1-s).
 */
#ifndef LESIONSEG_NN_PLANNER_H
#define LESIONSEG_NN_PLANNER_H

#include "nn/plan.h"

/* A piece of memory with a lifetime. */
typedef struct Buffer
{
	size_t		bytes;
	int			first;			/* first and last time it is in use */
	int			last;
	size_t		offset;			/* in the arena */
	bool		placed;
} Buffer;

/* The place of a value: channels [channel, channel + C) of a buffer whose
 * pixels have `width` channels. */
typedef struct Slot
{
	int			buffer;			/* -1 = none */
	int			channel;
	int			width;
} Slot;

/* Data that is only needed while planning. */
typedef struct Planner
{
	Plan	   *plan;
	const Graph *graph;
	int		   *consumers;		/* by node: how many nodes read it */
	int		   *consumer;		/* by node: the last node that reads it */
	int		   *step_of;		/* by node: the step that makes its value, -1 = none */
	int		   *concat_of;		/* by node: the concatenation it is part of, -1 = none */
	bool	   *absorbed;		/* by node: fused into an earlier step */
	bool	   *is_output;		/* by node */
	bool	   *wants_gradient; /* by node */
	bool	   *gradient_begun; /* by node */
	Slot	   *value_slots;
	Slot	   *gradient_slots;
	Buffer	   *buffers;
	int			buffer_count;
	int			buffer_limit;
	int			last_time;
} Planner;

/* Buffers other than values and gradients; their indices are kept per step. */
typedef struct StepBuffers
{
	int			index;			/* max pool */
	int			arrays;			/* batch norm arrays */
	int			scratch;		/* dx before it is added to the gradient */
	Slot		before;			/* where dx stood before this step moved it */
} StepBuffers;

/* Set the shape of every node's value (plan_lower.c). */
Status		plan_shapes(Planner *planner);

/* Turn nodes into steps and decide how gradients flow (plan_lower.c). */
Status		plan_steps(Planner *planner);

/*
 * Give every tensor and buffer a place in memory, allocate it, and write the
 * addresses into steps and tensors (plan_place.c). `extras` has an entry for
 * every step.
 */
Status		plan_memory_layout(Planner *planner, const Call *call, StepBuffers *extras);

#endif
