/*
 * prediction_row.h: a row of a table of predictions, column by column.
 */
#ifndef LESIONSEG_PG_PREDICT_PREDICTION_ROW_H
#define LESIONSEG_PG_PREDICT_PREDICTION_ROW_H

#include "postgres.h"

#include "executor/spi.h"

/* The columns of lesion_prediction, in its order. */
typedef enum PredictionColumn
{
	PREDICTION_IMAGES, PREDICTION_ID, PREDICTION_MASK, PREDICTION_AREA, PREDICTION_CONFIDENCE, PREDICTION_UNCERTAIN,
	PREDICTION_DISAGREEMENT, PREDICTION_DICE, PREDICTION_QUALITY, PREDICTION_NEEDS_REVIEW, PREDICTION_ERROR,
	PREDICTION_MODEL, PREDICTION_VERSION, PREDICTION_WEIGHTS_SHA256, PREDICTION_IMAGE_SHA256, PREDICTION_OPTIONS,
	PREDICTION_EXTENSION_VERSION, PREDICTION_BACKEND, PREDICTION_PRECISION, PREDICTION_PREDICTED_AT,
	PREDICTION_PREDICTED_BY, PREDICTION_COLUMNS
} PredictionColumn;

typedef struct PredictionRow
{
	Datum		values[PREDICTION_COLUMNS];
	char		nulls[PREDICTION_COLUMNS + 1];	/* as SPI needs them */
} PredictionRow;

/* A row of NULLs. */
void		prediction_clear(PredictionRow *row);

void		prediction_set(PredictionRow *row, PredictionColumn column, Datum value);

/* Prepare to insert rows into the table of that name. */
SPIPlanPtr	prediction_prepare(const char *table);

/*
 * Insert a row into the table, and check that it was stored: a row that is
 * dropped or gets another key would be made again by every call. `name` is the
 * image's, as in 'row "7" of public.archive'.
 */
void		prediction_insert(SPIPlanPtr plan, const PredictionRow *row, const char *table, const char *name);

#endif
