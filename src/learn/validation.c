/*
 * validation.c: see validation.h.
 *
 * Images are predicted and used batch by batch, so that memory does not grow
 * with their number.
 */
#include "learn/validation.h"

#include <math.h>

#include "core/checked.h"
#include "measure/score.h"

struct Validation
{
	Network    *network;
	const Host *host;			/* the network's */
	const Dataset *images;
	long		count;			/* number of images */
	int			batch;
	int			size;			/* image width and height */
	size_t		pixels;			/* size * size */
	Predictor  *predictor;
	uint8_t    *rgb;			/* (batch, size, size, 3) */
	uint8_t    *mask;			/* (batch, size, size) */
	float	   *probabilities;	/* (batch, size, size) */
};

/* Make the predictor and allocate memory for a batch. */
static Status
allocate_batch(Validation *validation, const Call *call, const EngineChoice *engine)
{
	size_t		pixels;
	void	   *memory;

	if (!checked_mul((size_t) validation->batch, validation->pixels, &pixels))
		return status_error(LS_LIMIT_EXCEEDED, "a batch of %d images does not fit in memory", validation->batch);
	TRY(predictor_create(validation->network, call, engine, validation->batch, validation->size, validation->size,
						 &validation->predictor));
	TRY(host_alloc_array(validation->host, pixels, 3, &memory));
	validation->rgb = memory;
	TRY(host_alloc_array(validation->host, pixels, 1, &memory));
	validation->mask = memory;
	TRY(host_alloc_array(validation->host, pixels, sizeof(float), &memory));
	validation->probabilities = memory;
	return status_ok();
}

Status
validation_create(Network *network, const Call *call, const EngineChoice *engine, const Dataset *images, int max_batch,
				  Validation **result)
{
	Validation *validation;
	void	   *memory;
	Status		status;

	*result = NULL;
	TRY(host_alloc_array(network->host, 1, sizeof *validation, &memory));
	validation = memory;
	validation->network = network;
	validation->host = network->host;
	validation->images = images;
	validation->count = images == NULL ? 0 : dataset_count(images);
	if (validation->count > 0)
	{
		validation->batch = validation->count < max_batch ? (int) validation->count : max_batch;
		validation->size = dataset_size(images);
		validation->pixels = (size_t) validation->size * (size_t) validation->size;
		status = allocate_batch(validation, call, engine);
		if (status.code != LS_OK)
		{
			validation_free(validation);
			return status;
		}
	}
	*result = validation;
	return status_ok();
}

void
validation_free(Validation *validation)
{
	if (validation == NULL)
		return;
	predictor_free(validation->predictor);
	host_free(validation->host, validation->rgb);
	host_free(validation->host, validation->mask);
	host_free(validation->host, validation->probabilities);
	host_free(validation->host, validation);
}

/* Predict one batch of images from `first` on, and return how many they
 * are. */
static Status
predict_batch(Validation *validation, const Call *call, long first, int *images)
{
	long		left = validation->count - first;

	/* The predictor's batch size is fixed: in a shorter last batch, the rest
	 * are old images, and their results are not used. */
	*images = left < validation->batch ? (int) left : validation->batch;
	for (long i = 0; i < *images; i++)
		TRY(dataset_read(validation->images, first + i, validation->rgb + 3 * (size_t) i * validation->pixels,
						 validation->mask + (size_t) i * validation->pixels));
	TRY(predictor_run(validation->predictor, call, validation->rgb, validation->probabilities));
	return call_poll(call);
}

/* Dice of one image's probabilities (H, W), lesion above one half. */
static double
dice_at_half(size_t pixels, const float *probabilities, const uint8_t *mask)
{
	ConfusionCounts counts = {0};
	int64_t		predicted = 0;
	int64_t		truth = 0;

	for (size_t i = 0; i < pixels; i++)
	{
		int			p = probabilities[i] > 0.5f;
		int			t = mask[i] != 0;

		counts.true_positive += p & t;
		predicted += p;
		truth += t;
	}
	counts.false_positive = predicted - counts.true_positive;
	counts.false_negative = truth - counts.true_positive;
	counts.true_negative = (int64_t) pixels - predicted - counts.false_negative;
	return image_score(&counts).dice;
}

Status
validation_score(Validation *validation, const Call *call, double *loss, double *dice)
{
	size_t		pixels = validation->pixels;
	double		loss_sum = 0;
	double		dice_sum = 0;
	int			images;

	*loss = NAN;
	*dice = NAN;
	if (validation->count == 0)
		return status_ok();
	TRY(predictor_refresh(validation->predictor, call));
	for (long first = 0; first < validation->count; first += images)
	{
		TRY(predict_batch(validation, call, first, &images));
		loss_sum += images * network_loss(images, validation->size, validation->size, validation->probabilities,
										  validation->mask);
		for (size_t i = 0; i < (size_t) images; i++)
			dice_sum += dice_at_half(pixels, validation->probabilities + i * pixels, validation->mask + i * pixels);
	}
	*loss = loss_sum / (double) validation->count;
	*dice = dice_sum / (double) validation->count;
	return status_ok();
}

/* A validation and the call for it, as data of fit_run. */
typedef struct AskedValidation
{
	Validation *validation;
	const Call *call;
} AskedValidation;

/* The network's prediction of image i; predicts a whole batch at its first
 * image. */
static Status
predict_image(void *data, long i, const float **probabilities, const uint8_t **mask)
{
	const AskedValidation *asked = data;
	Validation *validation = asked->validation;
	size_t		offset = (size_t) (i % validation->batch) * validation->pixels;
	int			images;

	if (i % validation->batch == 0)
		TRY(predict_batch(validation, asked->call, i, &images));
	*probabilities = validation->probabilities + offset;
	*mask = validation->mask + offset;
	return status_ok();
}

Status
validation_fit(Validation *validation, const Call *call, double threshold, Traits *traits)
{
	AskedValidation asked = {validation, call};
	FitImages	images = {validation->count, validation->size, predict_image, &asked};

	if (validation->count > 0)
		TRY(predictor_refresh(validation->predictor, call));
	return fit_run(call, &images, threshold, traits);
}
