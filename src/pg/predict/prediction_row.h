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

/* A prepared INSERT, with its text, which an error shows. */
typedef struct InsertPlan
{
	char	   *query;
	SPIPlanPtr	plan;
} InsertPlan;

/* How rows are inserted into a table. */
typedef struct PredictionInsert
{
	Oid			oid;			/* of the table */
	const char *table;			/* its name, qualified and quoted */
	InsertPlan	always;
	InsertPlan	unless_there;	/* does nothing where the row is there; its plan is NULL: the table allows none */
} PredictionInsert;

/* Prepare to insert rows into the table of that name, and let go of it. */
PredictionInsert prediction_prepare(Oid oid, const char *table);
void		prediction_end(PredictionInsert *insert);

/* What came of a row. */
typedef enum PredictionOutcome
{
	PREDICTION_STORED,
	PREDICTION_TAKEN,			/* another session or a trigger has stored such a row, or is at it */
	PREDICTION_NO_ROOM,			/* its id is too long for a key of the table */
	PREDICTION_BLOCKED			/* a row that is hidden, or another constraint, stands in its way */
} PredictionOutcome;

/*
 * Insert a row into the table, and check that it was stored: a row that a
 * trigger drops or gives another key, which every call would make again, is an
 * error. What others store meanwhile must not end a job: a NOTICE says so, a
 * WARNING that there is no room, that a row is in the way, or a deadlock with
 * those who store it. `name` is the image's, as in 'row "7" of public.archive'.
 */
PredictionOutcome prediction_insert(const PredictionInsert *insert, const PredictionRow *row, const char *name);

#endif
