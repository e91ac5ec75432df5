/*
 * segment_progress.h: how many images a query of this process has segmented,
 * for other sessions. Without shared memory (progress_slots.h) nothing is shown.
 */
#ifndef LESIONSEG_PG_SEGMENT_PROGRESS_H
#define LESIONSEG_PG_SEGMENT_PROGRESS_H

#include "postgres.h"

/* A query begins to segment; it is shown until its memory context goes. */
void		segment_progress_begin(MemoryContext query);

/* An image is done. */
void		segment_progress_image(const char *model, int version);

#endif
