/*
 * engine.h: what predictor and learner share: a plan, and the way from 8-bit
 * images to its input and from its logits to probabilities.
 */
#ifndef LESIONSEG_ARCH_ENGINE_H
#define LESIONSEG_ARCH_ENGINE_H

#include "arch/network.h"
#include "nn/plan.h"

/* The backend and the storage type of choice into options. */
Status		engine_resolve(const EngineChoice *choice, PlanOptions *options);

/* Resolve choice and plan network for batch images of height x width. */
Status		engine_plan(const Network *network, const Call *call, const EngineChoice *choice, int batch, int height,
						int width,
						bool training, Plan **plan);

/* rgb (N, H, W, 3) normalised into the plan's input. */
void		engine_write_input(const Plan *plan, const Network *network, const uint8_t *rgb);

/* The plan's logits as probabilities (N, H, W). */
void		engine_read_probabilities(const Plan *plan, float *probabilities);

/* The plan inside, for benchmarks that profile it. */
Plan	   *predictor_plan(Predictor *predictor);
Plan	   *learner_plan(Learner *learner);

#endif
