/*
 * mask_facts.h: counts over the masks of a data set, to show masks that were
 * misread or badly drawn before a network learns from them.
 *
 * A lesion is usually in the middle of its photograph. A mask looks inverted
 * if more than half of its border is lesion, and a larger share than of its
 * middle. None of the masks of 3,425 photographs of the ISIC archive and of
 * 9,373 of HAM10000 does; of the same masks inverted, 96 % do.
 */
#ifndef LESIONSEG_MEASURE_MASK_FACTS_H
#define LESIONSEG_MEASURE_MASK_FACTS_H

#include <stdint.h>

#include "image/mask_decode.h"

/* Counts of masks; all zero at first. */
typedef struct MaskFacts
{
	int64_t		count;
	int64_t		empty;			/* no lesion */
	int64_t		full;			/* nothing but lesion */
	int64_t		mostly;			/* masks with more than half lesion, full ones included */
	int64_t		inverted;		/* look inverted */
	double		share;			/* sum over masks of the share of lesion, 0 to 1 each */
	int64_t		kinds[MASK_KINDS];	/* how they were understood */
} MaskFacts;

/* Add a mask of one channel, 255 where there is lesion and 0 elsewhere. */
void		mask_facts_add(MaskFacts *facts, const Image *mask, MaskKind kind);

#endif
