/*
 * optimiser.h: AdamW on the flat weight array of a graph.
 */
#ifndef LESIONSEG_NN_OPTIMISER_H
#define LESIONSEG_NN_OPTIMISER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/host.h"
#include "core/status.h"
#include "nn/graph.h"
#include "nn/loops/loops.h"

typedef struct AdamW
{
	const Host *host;
	int			threads;		/* number of threads that it works on */
	const Graph *graph;
	const Loops *loops;
	float	   *moments;		/* (2, weight_count): first, second */
	size_t		count;			/* floats in moments */
	int64_t		steps;			/* updates so far */
	double	   *sums;			/* (threads) */
} AdamW;

/* Start with moments of zero, in memory of host, which must outlive them. */
Status		adamw_create(const Host *host, const Graph *graph, int threads, AdamW *adamw);
void		adamw_free(AdamW *adamw);

/* The Euclidean norm of all gradients together. */
double		adamw_gradient_norm(AdamW *adamw, const float *gradients);

/*
 * Update weights from gradients * gradient_scale (Loshchilov and Hutter,
 * arXiv:1711.05101): beta 0.9 and 0.999, epsilon 1e-8, decay on PARAM_WEIGHT
 * only; running statistics and frozen parameters do not change.
 */
void		adamw_step(AdamW *adamw, float *weights, const float *gradients, double gradient_scale,
					   double learning_rate, double weight_decay);

#endif
