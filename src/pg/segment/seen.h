/*
 * seen.h: which of the images that are scored the version was trained on:
 * scores on these say nothing about new images.
 */
#ifndef LESIONSEG_PG_SEGMENT_SEEN_H
#define LESIONSEG_PG_SEGMENT_SEEN_H

#include "postgres.h"

#include "pg/base/split.h"
#include "pg/images/images_source.h"
#include "pg/models/image_digests.h"

/* What is known of the images that a version was trained on. */
typedef struct SeenImages
{
	ImageDigests digests;
	bool		complete;		/* it was trained on no others */
	int64		seen;			/* counted so far */
} SeenImages;

/* Nothing counted yet for a version. */
SeenImages	seen_open(const ModelStore *store, const ModelVersion *version);

/* What a classical method was trained on: no image. */
SeenImages	seen_nothing(void);

/* Was the version trained on the fetched row's image, as far as is known? */
bool		seen_contains(const SeenImages *images, const ImageRow *row);

/* How many it was trained on of those counted, at least; -1 where none is
 * known, and it may have been trained on others. */
int64		seen_count(const SeenImages *images);

/* Warn where the version was trained on rows of a part that is held back
 * ("test" or "validation"), or may have been. seen of n rows; seen is -1 where
 * that is not known. */
void		seen_warn(const ModelVersion *version, const Split *split, const char *subset, int64 seen, int64 n);

#endif
