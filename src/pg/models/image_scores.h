/*
 * image_scores.h: what each image of an evaluation came to.
 *
 * Kept in lesion_image_score for the worst cases, and paired by id for
 * the comparison of two versions.
 */
#ifndef LESIONSEG_PG_MODELS_IMAGE_SCORES_H
#define LESIONSEG_PG_MODELS_IMAGE_SCORES_H

#include "postgres.h"

#include "measure/boundary.h"
#include "measure/score.h"
#include "pg/models/model_store.h"

typedef struct ScoredImage
{
	char	   *id;
	ImageScore	score;
	BoundaryScore outlines;		/* in pixels of the truth */
	double		predicted_dice; /* NAN of what has no probabilities */
	bool		seen;			/* the version was trained on it, as far as is known */
	char	   *subgroup;		/* NULL = not known, or not asked for */
} ScoredImage;

/* A growing list, in the order of the source: by id. */
typedef struct ImageScores
{
	ScoredImage *images;
	int64		count;
	int64		room;
} ImageScores;

/* Add an image; its id and its subgroup, which may be NULL, are copied to the current context. */
void		image_scores_add(ImageScores *scores, const char *id, const char *subgroup, const ConfusionCounts *counts,
							 const BoundaryScore *outlines, double predicted_dice, bool seen);

/* Means over the images; hausdorff95 and assd over those that have a distance,
 * NAN where none has. All NAN of an empty list. */
typedef struct OutlineMeans
{
	double		hausdorff95;
	double		assd;
	double		surface_dice;
	int64		no_distance;	/* images that hausdorff95 and assd leave out */
} OutlineMeans;

OutlineMeans image_scores_outlines(const ImageScores *scores);

/* Write the figure at that offset in ScoredImage of each image that both lists
 * have, or of those of them that neither version has seen, and return how many
 * there are. of_a and of_b have room for as many as b has images. */
int64		image_scores_pair(const ImageScores *a, const ImageScores *b, size_t offset, bool unseen, double *of_a,
							  double *of_b);

/* Store the list under an evaluation. */
void		image_scores_store(const ModelStore *store, const ImageScores *scores, int64 evaluation);

#endif
