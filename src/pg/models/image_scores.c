/*
 * image_scores.c: see image_scores.h.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "pg/base/values/stored_row.h"
#include "pg/models/image_scores.h"

void
image_scores_add(ImageScores *scores, const char *id, const char *subgroup, const ConfusionCounts *counts,
				 const BoundaryScore *outlines, double predicted_dice, bool seen)
{
	ScoredImage *image;

	if (scores->count == scores->room)
	{
		scores->room = scores->room == 0 ? 64 : 2 * scores->room;
		scores->images = scores->images == NULL ? palloc(scores->room * sizeof(ScoredImage)) :
			repalloc_huge(scores->images, scores->room * sizeof(ScoredImage));
	}
	image = &scores->images[scores->count++];
	image->id = pstrdup(id);
	image->subgroup = subgroup == NULL ? NULL : pstrdup(subgroup);
	image->score = image_score(counts);
	image->outlines = *outlines;
	image->predicted_dice = predicted_dice;
	image->seen = seen;
}

OutlineMeans
image_scores_outlines(const ImageScores *scores)
{
	OutlineMeans means = {0};
	double		with_distance;

	for (int64 i = 0; i < scores->count; i++)
	{
		const BoundaryScore *outlines = &scores->images[i].outlines;

		means.hausdorff95 += outlines->hausdorff95;	/* 0 where there is no distance */
		means.assd += outlines->assd;
		means.surface_dice += outlines->surface_dice;
		means.no_distance += !outlines->has_distance;
	}
	with_distance = (double) (scores->count - means.no_distance);
	means.hausdorff95 = with_distance > 0 ? means.hausdorff95 / with_distance : NAN;
	means.assd = with_distance > 0 ? means.assd / with_distance : NAN;
	means.surface_dice = scores->count > 0 ? means.surface_dice / (double) scores->count : NAN;
	return means;
}

int64
image_scores_pair(const ImageScores *a, const ImageScores *b, size_t offset, bool unseen, double *of_a,
				  double *of_b)
{
	int64		count = 0;

	/* Both are ordered by id, in bytes. */
	for (int64 i = 0, j = 0; i < a->count && j < b->count;)
	{
		int			order = strcmp(a->images[i].id, b->images[j].id);

		if (order == 0)
		{
			if (!unseen || !(a->images[i].seen || b->images[j].seen))
			{
				of_a[count] = *(const double *) ((const char *) &a->images[i] + offset);
				of_b[count++] = *(const double *) ((const char *) &b->images[j] + offset);
			}
			i++;
			j++;
		}
		else if (order < 0)
			i++;
		else
			j++;
	}
	return count;
}

/* A figure of all images as float8[], NULL where it is NAN; offset is in
 * ScoredImage. Where `distance`, it is NULL for images that have none. */
static Datum
figures(const ImageScores *scores, size_t offset, bool distance)
{
	Datum	   *values = palloc(scores->count * sizeof(Datum));
	bool	   *nulls = palloc(scores->count * sizeof(bool));
	int			count = (int) scores->count;
	int			lower = 1;

	for (int i = 0; i < count; i++)
	{
		const ScoredImage *image = &scores->images[i];
		double		value = *(const double *) ((const char *) image + offset);

		values[i] = Float8GetDatum(value);
		nulls[i] = isnan(value) || (distance && !image->outlines.has_distance);
	}
	return PointerGetDatum(construct_md_array(values, nulls, 1, &count, &lower, FLOAT8OID, sizeof(float8),
											  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* The subgroups of all images as text[]. */
static Datum
subgroups(const ImageScores *scores)
{
	Datum	   *values = palloc(scores->count * sizeof(Datum));
	bool	   *nulls = palloc(scores->count * sizeof(bool));
	int			count = (int) scores->count;
	int			lower = 1;

	for (int i = 0; i < count; i++)
	{
		nulls[i] = scores->images[i].subgroup == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(scores->images[i].subgroup);
	}
	return PointerGetDatum(construct_md_array(values, nulls, 1, &count, &lower, TEXTOID, -1, false, TYPALIGN_INT));
}

void
image_scores_store(const ModelStore *store, const ImageScores *scores, int64 evaluation)
{
	static const struct
	{
		const char *column;
		size_t		offset;		/* in ScoredImage */
		bool		distance;
	}			scored[] = {
		{"dice", offsetof(ScoredImage, score.dice), false},
		{"jaccard", offsetof(ScoredImage, score.jaccard), false},
		{"sensitivity", offsetof(ScoredImage, score.sensitivity), false},
		{"specificity", offsetof(ScoredImage, score.specificity), false},
		{"predicted_dice", offsetof(ScoredImage, predicted_dice), false},
		{"hausdorff95", offsetof(ScoredImage, outlines.hausdorff95), true},
		{"assd", offsetof(ScoredImage, outlines.assd), true},
		{"surface_dice", offsetof(ScoredImage, outlines.surface_dice), false}
	};
	Datum	   *ids = palloc(scores->count * sizeof(Datum));
	StoredRow	row;

	for (int64 i = 0; i < scores->count; i++)
		ids[i] = CStringGetTextDatum(scores->images[i].id);
	stored_row_begin(&row);
	stored_row_int8(&row, "evaluation", evaluation);
	stored_row_unnested(&row, "id", TEXTARRAYOID,
						PointerGetDatum(construct_array(ids, (int) scores->count, TEXTOID, -1, false, TYPALIGN_INT)));
	for (size_t i = 0; i < lengthof(scored); i++)
		stored_row_unnested(&row, scored[i].column, FLOAT8ARRAYOID,
							figures(scores, scored[i].offset, scored[i].distance));
	stored_row_unnested(&row, "subgroup", TEXTARRAYOID, subgroups(scores));
	stored_row_insert(store, "lesion_image_score", &row, "", SPI_OK_INSERT);
}
