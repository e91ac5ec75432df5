/*
 * image_scores.c: see image_scores.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "pg/models/image_scores.h"

void
image_scores_add(ImageScores *scores, const char *id, const ConfusionCounts *counts, double predicted_dice,
				 bool seen)
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
	image->score = image_score(counts);
	image->predicted_dice = predicted_dice;
	image->seen = seen;
}

int64
image_scores_pair(const ImageScores *a, const ImageScores *b, size_t offset, bool unseen, double *differences)
{
	int64		count = 0;

	/* Both are ordered by id, in bytes. */
	for (int64 i = 0, j = 0; i < a->count && j < b->count;)
	{
		int			order = strcmp(a->images[i].id, b->images[j].id);

		if (order == 0)
		{
			if (!unseen || !(a->images[i].seen || b->images[j].seen))
				differences[count++] = *(const double *) ((const char *) &b->images[j] + offset) -
					*(const double *) ((const char *) &a->images[i] + offset);
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

/* A figure of all images as float8[]; offset is in ScoredImage. */
static Datum
figures(const ImageScores *scores, size_t offset)
{
	Datum	   *values = palloc(scores->count * sizeof(Datum));

	for (int64 i = 0; i < scores->count; i++)
		values[i] = Float8GetDatum(*(const double *) ((const char *) &scores->images[i] + offset));
	return PointerGetDatum(construct_array(values, (int) scores->count, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
										   TYPALIGN_DOUBLE));
}

void
image_scores_store(const ModelStore *store, const ImageScores *scores, int64 evaluation)
{
	Oid			types[] = {INT8OID, TEXTARRAYOID, FLOAT8ARRAYOID, FLOAT8ARRAYOID, FLOAT8ARRAYOID, FLOAT8ARRAYOID,
						   FLOAT8ARRAYOID};
	Datum	   *ids = palloc(scores->count * sizeof(Datum));
	Datum		values[7];

	for (int64 i = 0; i < scores->count; i++)
		ids[i] = CStringGetTextDatum(scores->images[i].id);
	values[0] = Int64GetDatum(evaluation);
	values[1] = PointerGetDatum(construct_array(ids, (int) scores->count, TEXTOID, -1, false, TYPALIGN_INT));
	values[2] = figures(scores, offsetof(ScoredImage, score.dice));
	values[3] = figures(scores, offsetof(ScoredImage, score.jaccard));
	values[4] = figures(scores, offsetof(ScoredImage, score.sensitivity));
	values[5] = figures(scores, offsetof(ScoredImage, score.specificity));
	values[6] = figures(scores, offsetof(ScoredImage, predicted_dice));
	store_execute(store,
				  "INSERT INTO @lesion_image_score (evaluation, id, dice, jaccard, sensitivity, specificity, "
				  "predicted_dice) SELECT $1, u.* FROM ROWS FROM ("
				  "pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), "
				  "pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7)) AS u",
				  lengthof(types), types, values, NULL, SPI_OK_INSERT);
}
