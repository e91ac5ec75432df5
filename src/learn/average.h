/*
 * average.h: the mean of a network's weights over the last steps of a run.
 *
 * Late in a run, weights move around within a valley of the loss; their mean
 * lies nearer to the middle of the valley than most of them (Izmailov et al.,
 * arXiv:1803.05407). Running statistics of batch norms are averaged, too.
 */
#ifndef LESIONSEG_LEARN_AVERAGE_H
#define LESIONSEG_LEARN_AVERAGE_H

#include <stddef.h>

/* The first step (0-based) whose weights are averaged, if the last `share`
 * (0..1, rounded to whole steps) of `steps` is; `steps` if none is. */
long		average_first_step(double share, long steps);

/*
 * Add the count-th weights to the mean: mean += (weights - mean) / count, in
 * float32. The same weights in the same order give the same bits on any number
 * of threads.
 */
void		average_add(int threads, float *mean, const float *weights, size_t weight_count, long count);

#endif
