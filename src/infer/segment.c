/*
 * segment.c: one image through one network.
 *
 * The plan is kept between calls, in memory of the network's host; results
 * come from the call's memory. So an error or a cancel in one call leaves the
 * segmenter ready for the next.
 *
 * For test-time augmentation the image is turned before it is resized, not
 * after: the filters do not round alike in every direction.
 */
#include "infer/segment.h"

#include <math.h>
#include <string.h>

#include "infer/symmetry.h"

struct Segmenter
{
	const Host *host;			/* the network's */
	int			size;			/* network input width and height */
	Predictor  *predictor;
};

void
probability_map_free(const Call *call, ProbabilityMap *map)
{
	call_free(call, map->values);
	memset(map, 0, sizeof *map);
}

Status
segmenter_create(const Network *network, const Call *call, const EngineChoice *choice, Segmenter **result)
{
	const Host *host = network->host;
	Segmenter  *segmenter;
	Status		status;
	void	   *memory;

	*result = NULL;
	if (network->traits.image_size < 1)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "the network has not been trained"),
								"Train it first, or set the image size its weights were made for.");
	TRY(network_check_size(network, network->traits.image_size, network->traits.image_size));
	TRY(host_alloc_array(host, 1, sizeof(Segmenter), &memory));
	segmenter = memory;
	segmenter->host = host;
	segmenter->size = network->traits.image_size;
	status = predictor_create(network, call, choice, 1, segmenter->size, segmenter->size, &segmenter->predictor);
	if (status.code != LS_OK)
	{
		segmenter_free(segmenter);
		return status;
	}
	*result = segmenter;
	return status_ok();
}

void
segmenter_free(Segmenter *segmenter)
{
	if (segmenter == NULL)
		return;
	predictor_free(segmenter->predictor);
	host_free(segmenter->host, segmenter);
}

size_t
segmenter_memory(const Segmenter *segmenter)
{
	return sizeof(Segmenter) + predictor_memory(segmenter->predictor);
}

/* Refuse NaN probabilities: their mask would be empty, and nobody would know
 * why. */
static Status
check_probabilities(const float *probabilities, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (isnan(probabilities[i]))
			return status_with_hint(status_error(LS_INVALID_WEIGHTS, "the network's sums are beyond float32"),
									"Its weights are damaged, or too large: train or import another version.");
	return status_ok();
}

/* Predict an image as it stands. */
static Status
run_view(Segmenter *segmenter, const Call *call, const Image *image, float *probabilities)
{
	Image		resized = {0};
	const Image *input = image;
	Status		status;

	if (image->width != segmenter->size || image->height != segmenter->size)
	{
		TRY(image_resize(call, image, segmenter->size, segmenter->size, &resized));
		input = &resized;
	}
	status = call_poll(call);
	if (status.code == LS_OK)
		status = predictor_run(segmenter->predictor, call, input->pixels, probabilities);
	image_free(call, &resized);
	if (status.code == LS_OK)
		status = check_probabilities(probabilities, (size_t) segmenter->size * (size_t) segmenter->size);
	return status;
}

/* Predict an image in all symmetries. map holds one view's probabilities in
 * between, and the mean in the end. */
static Status
run_symmetries(Segmenter *segmenter, const Call *call, const Image *image, double threshold, ProbabilityMap *map)
{
	SymmetryMean mean;
	Status		status;

	TRY(symmetry_mean_create(call, segmenter->size, &mean));
	status = run_view(segmenter, call, image, map->values);
	for (int symmetry = 0; status.code == LS_OK; symmetry++)
	{
		Image		seen;

		symmetry_mean_add(&mean, symmetry, map->values, (float) threshold);
		if (symmetry + 1 == SYMMETRIES)
			break;
		status = symmetry_image(call, symmetry + 1, image, &seen);
		if (status.code == LS_OK)
		{
			status = run_view(segmenter, call, &seen, map->values);
			image_free(call, &seen);
		}
	}
	if (status.code == LS_OK)
		symmetry_mean_finish(&mean, map->values, &map->disagreement);
	symmetry_mean_free(call, &mean);
	return status;
}

Status
segmenter_run(Segmenter *segmenter, const Call *call, const Image *image, bool tta, double threshold,
			  ProbabilityMap *map)
{
	Status		status;
	void	   *memory;

	memset(map, 0, sizeof *map);
	TRY(call_alloc_array(call, (size_t) segmenter->size * (size_t) segmenter->size, sizeof(float),
						 &memory));
	map->size = segmenter->size;
	map->values = memory;
	status = tta ? run_symmetries(segmenter, call, image, threshold, map) : run_view(segmenter, call, image,
																					 map->values);
	if (status.code != LS_OK)
		probability_map_free(call, map);
	return status;
}

int
segmenter_instances(const Segmenter *segmenter, const NetworkInstance **instances)
{
	return predictor_instances(segmenter->predictor, 0, instances);
}
