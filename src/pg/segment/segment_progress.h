/*
 * segment_progress.h: how many images a query of this process has segmented:
 * for other sessions, and by NOTICEs for the one that called a long job. Without
 * shared memory (progress_slots.h) nothing is shown to others.
 */
#ifndef LESIONSEG_PG_SEGMENT_SEGMENT_PROGRESS_H
#define LESIONSEG_PG_SEGMENT_SEGMENT_PROGRESS_H

#include "postgres.h"

/* A query begins to segment, image by image; it is shown until its memory context goes. */
void		segment_progress_begin(MemoryContext query);

/*
 * A job of many images begins. It is shown until the context that is returned
 * is deleted, or the current context, its parent, is. `activity` ("evaluate")
 * stands in the view and begins the NOTICEs; it is not copied. total: images
 * in all, 0 = not known.
 */
MemoryContext segment_progress_job(const char *activity, int64 total);

/* Set the total of the current job, once it is known or where it changes. */
void		segment_progress_total(int64 total);

/* An image is done. Of a job, a NOTICE every ten seconds says how far it is. */
void		segment_progress_image(const char *model, int version);

/* Seconds as people say them: "75 s", "12 min", "3 h 5 min". */
char	   *duration_text(double seconds);

#endif
