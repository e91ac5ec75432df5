/*
 * weights_mean.c: see weights_mean.h.
 *
 * The first file's network stays: it is what later files are compared with, and
 * at the end it takes the mean.
 */
#include "learn/federated/weights_mean.h"

#include <string.h>

#include "learn/federated/shared_weights.h"

#define ADDED_AT_ONCE ((size_t) 1 << 20)	/* weights between two polls */

struct WeightsMean
{
	const Host *host;
	SharedWeights first;		/* its traits and split: those on which all files agree */
	double	   *sums;			/* of n times weight */
	double		total;			/* sum of n */
	bool		splits_differ;
};

Status
weights_mean_create(const Host *host, WeightsMean **mean)
{
	void	   *memory;

	TRY(host_alloc_array(host, 1, sizeof(WeightsMean), &memory));
	*mean = memory;
	(*mean)->host = host;
	return status_ok();
}

void
weights_mean_free(WeightsMean *mean)
{
	if (mean == NULL)
		return;
	shared_weights_close(&mean->first);
	host_free(mean->host, mean->sums);
	host_free(mean->host, mean);
}

/* Add a file's weights to the sums. */
static Status
add_weights(WeightsMean *mean, const Call *call, const Network *network, double n)
{
	size_t		count = network->graph->weight_count;

	for (size_t begin = 0; begin < count; begin += ADDED_AT_ONCE)
	{
		size_t		end = count - begin > ADDED_AT_ONCE ? begin + ADDED_AT_ONCE : count;

		TRY(call_poll(call));
		for (size_t i = begin; i < end; i++)
			mean->sums[i] += n * (double) network->weights[i];
	}
	mean->total += n;
	return status_ok();
}

/* Check that two networks were trained for the same images. */
static Status
check_images(const Traits *first, const Traits *next)
{
	Status		status;

	if (next->image_size != first->image_size)
		status = status_error(LS_INVALID_WEIGHTS,
							  "the weights are for images of %d pixels, those of the first file of %d",
							  next->image_size, first->image_size);
	else if (next->enhance != first->enhance)
		status = status_error(LS_INVALID_WEIGHTS,
							  "the weights were trained with enhance \"%s\", those of the first file with \"%s\"",
							  enhance_mode_name(next->enhance), enhance_mode_name(first->enhance));
	else
		return status_ok();
	return status_with_hint(status, "Train all of them with the same image_size and enhance.");
}

/* Forget what the next file says otherwise. */
static void
keep_agreed(WeightsMean *mean, const Network *next)
{
	Network    *agreed = mean->first.network;

	if (next->traits.threshold != agreed->traits.threshold)
		agreed->traits.threshold = 0;
	if (next->traits.temperature != agreed->traits.temperature)
		agreed->traits.temperature = 0;
	if (next->traits.review_below != agreed->traits.review_below)
		agreed->traits.review_below = 0;
	if (memcmp(next->traits.dice_coefficients, agreed->traits.dice_coefficients,
			   sizeof agreed->traits.dice_coefficients) != 0)
		memset(agreed->traits.dice_coefficients, 0, sizeof agreed->traits.dice_coefficients);
	if (strcmp(next->split, agreed->split) != 0)
	{
		mean->splits_differ = true;
		agreed->split[0] = '\0';
	}
}

/* Begin with the first file. Sums start from -0, which changes nothing that is
 * added to it: from 0, a weight of -0 would become 0. */
static Status
add_first(WeightsMean *mean, const Call *call, const void *bytes, size_t size, double n)
{
	size_t		count;
	size_t		length;
	void	   *memory;

	TRY(shared_weights_open(mean->host, call, bytes, size, &mean->first));
	count = mean->first.network->graph->weight_count;
	TRY(array_bytes(count, sizeof(double), &length));
	TRY(host_alloc(mean->host, length, &memory));
	mean->sums = memory;
	for (size_t i = 0; i < count; i++)
	{
		if (i % ADDED_AT_ONCE == 0)
			TRY(call_poll(call));
		mean->sums[i] = -0.0;
	}
	return add_weights(mean, call, mean->first.network, n);
}

Status
weights_mean_add(WeightsMean *mean, const Call *call, const void *bytes, size_t size, double n)
{
	SharedWeights next;
	Status		status;

	if (!(n >= WEIGHTS_MEAN_LEAST_N && n <= WEIGHTS_MEAN_MOST_N))
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "n is %g, it must be from %g to %g", n,
											 WEIGHTS_MEAN_LEAST_N, WEIGHTS_MEAN_MOST_N),
								"n says how much a file counts: the number of images it was trained on.");
	if (mean->first.network == NULL)
		return add_first(mean, call, bytes, size, n);
	TRY(shared_weights_open_like(&mean->first, &call->host, call, bytes, size, &next));
	status = check_images(&mean->first.network->traits, &next.network->traits);
	if (status.code == LS_OK)
		status = add_weights(mean, call, next.network, n);
	if (status.code == LS_OK)
		keep_agreed(mean, next.network);
	shared_weights_close(&next);
	return status;
}

bool
weights_mean_splits_differ(const WeightsMean *mean)
{
	return mean->splits_differ;
}

Status
weights_mean_write(WeightsMean *mean, const Call *call, void **bytes, size_t *size)
{
	float	   *weights = mean->first.network->weights;
	size_t		count = mean->first.network->graph->weight_count;

	for (size_t i = 0; i < count; i++)
	{
		if (i % ADDED_AT_ONCE == 0)
			TRY(call_poll(call));
		weights[i] = (float) (mean->sums[i] / mean->total);
	}
	return shared_weights_write(&mean->first, call, bytes, size);
}
