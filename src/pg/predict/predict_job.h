/*
 * predict_job.h: a call of lesion_predict. Private to predict*.c.
 *
 * predict.c        the procedure: its arguments, what it ends with
 * predict_batch.c  a batch of images
 */
#ifndef LESIONSEG_PG_PREDICT_PREDICT_JOB_H
#define LESIONSEG_PG_PREDICT_PREDICT_JOB_H

#include "postgres.h"

#include "portability/instr_time.h"

#include "pg/images/images_source.h"
#include "pg/models/model_store.h"
#include "pg/predict/pending_images.h"
#include "utils/jsonb.h"

typedef struct Predict
{
	ModelStore	store;
	bool		commits;		/* commit after each batch; else all is in the caller's transaction */
	char	   *model;
	const ImagesSource *source;
	const ImagesSource *named;	/* what rows name: source, or the table that it is a part of */
	KnownRelation known_target;
	char	   *target;			/* qualified and quoted */
	double		threshold;		/* NAN: the version's own */
	bool		tta;
	char	   *enhance;		/* NULL: the version's own */
	Jsonb	   *segment_options;	/* as given */
	const char *image_column;
	const char *id_column;		/* NULL: the key */
	int			threads;		/* of the session; it may change with the transaction */
	Jsonb	   *options;		/* all that the masks depend on, but for model and engine */
	int			batch_size;
	double		max_seconds;
	instr_time	started;
	PendingImages *pending;
	uint8_t		ready[SHA256_BYTES];	/* digest of the loaded version */
	int64		segmented;
	int64		broken;
	int64		taken;			/* have a row that was stored otherwise meanwhile */
	int			version;		/* that of the latest batch; of it are the two that follow */
	int64		limited;		/* above a limit */
	int64		blocked;		/* not stored because of another row */
	int64		replaced;		/* while they were segmented */
	bool		out_of_time;
} Predict;

/* Segment a batch; false if nothing was left to do. */
bool		predict_batch(Predict *job);

#endif
