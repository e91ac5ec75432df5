/*
 * engine.h: what predictor and learner share: how to make a plan, to write
 * 8-bit images into its input, and to turn its logits into probabilities.
 */
#ifndef LESIONSEG_ARCH_ENGINE_H
#define LESIONSEG_ARCH_ENGINE_H

#include "arch/network.h"
#include "nn/plan.h"

/* Set backend and storage type in options from the choice. */
Status		engine_resolve(const EngineChoice *choice, PlanOptions *options);

/* Resolve choice and plan network for batch images of height x width. */
Status		engine_plan(const Network *network, const Call *call, const EngineChoice *choice, int batch, int height,
						int width,
						bool training, Plan **plan);

/* Write rgb (N, H, W, 3), normalised, into the plan's input. */
void		engine_write_input(const Plan *plan, const Network *network, const uint8_t *rgb);

/* Read the plan's logits as probabilities (N, H, W). */
void		engine_read_probabilities(const Plan *plan, float *probabilities);

/* ---- what tests and benchmarks look at, and nothing else uses ---- */

/* The plan inside: what it runs on, and where its time goes. */
Plan	   *predictor_plan(Predictor *predictor);
Plan	   *learner_plan(Learner *learner);

/* The gradients of the last step before clipping, in the weights' layout
 * (owned by the learner). */
const float *learner_gradients(const Learner *learner);

/* Bytes that it holds. */
size_t		learner_memory(const Learner *learner);

#endif
