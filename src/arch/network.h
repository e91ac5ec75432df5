/*
 * network.h: an architecture with a config and weights, and its two uses:
 * predict a batch, and take a training step.
 *
 * Images go in as 8-bit RGB and are normalised on the way into the first
 * layer; what comes out is a probability per pixel.
 */
#ifndef LESIONSEG_ARCH_NETWORK_H
#define LESIONSEG_ARCH_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "core/call.h"
#include "core/status.h"
#include "nn/conv/backend.h"
#include "nn/weights/weights.h"

/* The extension's version. It is written to weight files. The module works on
 * the tables of the extension script of this version. */
#define LESIONSEG_VERSION "0.3"

typedef struct Network
{
	const Host *host;			/* where its memory comes from */
	const Architecture *architecture;
	ArchConfig	config;
	Graph	   *graph;
	float	   *weights;		/* graph->weight_count floats, PyTorch's layouts */
	float		mean[3];		/* normalisation: (x / 255 - mean) / std */
	float		std[3];
	Traits		traits;			/* 0 = not known, as before training */
	char		split[WEIGHTS_SPLIT_SIZE];	/* how its images were split (nn/weights.h); empty = not known */
} Network;

/* Build the graph and allocate weights (all zero) from host, which must
 * outlive the network and all that is made of it. */
Status		network_create(const Host *host, const Architecture *architecture,
						   const ArchConfig *config, Network **network);
void		network_free(Network *network);

/* Fill the weights for a training from scratch, unless a cancel comes. */
Status		network_initialise(Network *network, const Call *call, int64_t seed);

/* Leave the encoder unchanged in training. Call before a learner is made. */
void		network_freeze_encoder(Network *network);

/* Load from / save as a weight file. Loading checks that architecture and
 * config in the metadata, if present, equal this network's. */
Status		network_load(Network *network, const Call *call, const void *bytes, size_t size);

/* The same for the start of a training: the config may differ if all tensors
 * fit, for instance in the size of anchors. */
Status		network_load_initial(Network *network, const Call *call, const void *bytes, size_t size);

/* The bytes come from the call's memory; the caller frees them. */
Status		network_save(const Network *network, const Call *call, WeightsStorage storage, const char *config_json,
						 void **bytes, size_t *size);

/* The largest width and height that a network may be planned for. */
#define NETWORK_MAX_SIZE 16384

/* LS_INVALID_ARGUMENT unless width and height fit the stride and are not
 * above NETWORK_MAX_SIZE; the hint names the nearest sizes that fit. */
Status		network_check_size(const Network *network, int width, int height);

/* The same for a network that is not made yet. */
Status		network_config_check_size(const Architecture *architecture, const ArchConfig *config, int width,
									  int height);

/* The backend and the precision to run with. */
typedef struct EngineChoice
{
	BackendKind backend;
	Precision	precision;
} EngineChoice;

/* ---- prediction ---- */

typedef struct Predictor Predictor;

/*
 * Plan inference for batches of exactly `batch` images of height x width and
 * copy the network's weights (folded and packed): later changes of
 * network->weights have no effect until predictor_refresh.
 */
Status		predictor_create(const Network *network, const Call *call, const EngineChoice *choice, int batch,
							 int height,
							 int width, Predictor **predictor);
void		predictor_free(Predictor *predictor);

/* Copy the network's weights again. */
Status		predictor_refresh(Predictor *predictor, const Call *call);

/* rgb (N, H, W, 3) 8-bit -> probabilities (N, H, W) in 0..1. Polls per layer. */
Status		predictor_run(Predictor *predictor, const Call *call, const uint8_t *rgb, float *probabilities);

/* Part of an image, in shares of its width and height. */
typedef struct NetworkArea
{
	float		x1;
	float		y1;
	float		x2;
	float		y2;
} NetworkArea;

/* One lesion that an architecture with instances found. */
typedef struct NetworkInstance
{
	float		score;			/* 0..1 */
	NetworkArea box;
	NetworkArea mask_area;		/* the area that the mask covers: more than the box */
	int			side;
	const float *mask;			/* (side, side): probabilities */
} NetworkInstance;

/*
 * The instances found in image `image` of the last predictor_run, best first:
 * returns their number, 0 for architectures without instances. They are valid
 * until the next run.
 */
int			predictor_instances(const Predictor *predictor, int image, const NetworkInstance **instances);

/* Write the instance's probabilities for row y of an image of width x
 * height, 0 outside its mask's area. */
void		network_instance_row(const NetworkInstance *instance, int width, int height, int y, float *row);

/* Bytes that it holds. */
size_t		predictor_memory(const Predictor *predictor);

/* ---- training ---- */

typedef struct StepOptions
{
	double		learning_rate;
	double		weight_decay;	/* decoupled (AdamW), on PARAM_WEIGHT only */
	double		gradient_clip;	/* global norm; 0 = off */
	int64_t		seed;			/* with the number of the step, the seed of what a step draws at random */
} StepOptions;

typedef struct StepResult
{
	double		loss;			/* mean over the batch: BCE + soft Dice, or the architecture's own */
	double		gradient_norm;	/* before clipping */
} StepResult;

typedef struct Learner Learner;

/* Plan training of network for batches of exactly `batch` images. The
 * learner updates network->weights in place. */
Status		learner_create(Network *network, const Call *call, const EngineChoice *choice, int batch, int height,
						   int width,
						   Learner **learner);
void		learner_free(Learner *learner);

/* Forward, backward, clip, AdamW: one step on rgb (N, H, W, 3) with masks
 * (N, H, W) of 0/255. A loss or gradient that is not finite is
 * LS_INVALID_ARGUMENT and leaves the trained weights as they were. Polls per
 * layer. */
Status		learner_step(Learner *learner, const Call *call, const uint8_t *rgb, const uint8_t *masks,
						 const StepOptions *options, StepResult *result);

/* The optimiser's state, to checkpoint and restore: `count` floats (first and
 * second moments, owned by the learner) and the number of steps taken. */
void		learner_state(Learner *learner, float **moments, size_t *count, int64_t **steps);

/* Loss of probabilities (N, H, W) against masks (N, H, W) 0/255, the same
 * formula as in training (nn/loss.h), for validation. */
double		network_loss(int n, int height, int width, const float *probabilities, const uint8_t *masks);

#endif
