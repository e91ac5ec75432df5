/*
 * train_masks.h: a training's messages about the masks that it read.
 */
#ifndef LESIONSEG_PG_TRAIN_TRAIN_MASKS_H
#define LESIONSEG_PG_TRAIN_TRAIN_MASKS_H

#include "postgres.h"

#include "measure/mask_facts.h"
#include "utils/jsonb.h"

/* Raise a NOTICE about the masks, and a WARNING if they look inverted or
 * wrong. At least one was read. */
void		train_masks_report(const MaskFacts *facts);

/* The same as an object, for the run's row. */
Jsonb	   *train_masks_jsonb(const MaskFacts *facts);

#endif
