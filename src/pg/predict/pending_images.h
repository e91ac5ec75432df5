/*
 * pending_images.h: the images of a source that have no row yet in a table of
 * predictions.
 */
#ifndef LESIONSEG_PG_PREDICT_PENDING_IMAGES_H
#define LESIONSEG_PG_PREDICT_PENDING_IMAGES_H

#include "postgres.h"

#include "executor/spi.h"
#include "utils/hsearch.h"
#include "pg/images/images_source.h"
#include "pg/models/model_store.h"
#include "pg/predict/batch_images.h"

typedef struct PendingImages
{
	const ImagesSource *source;
	const char *named;			/* what rows call it */
	const char *target;			/* the table of predictions, qualified and quoted */
	bool		target_indexed; /* it has an index that finds the row of an image */
	int			batch_size;
	int64		list_length;	/* at most */
	MemoryContext version_context;	/* of all that is about one version */
	MemoryContext list_context; /* memory of the list, a child of version_context */
	char	   *model;			/* what the list is for; NULL = there is none yet */
	int			version;
	PendingImage *images;		/* in the order of their ids */
	int64		count;
	int64		next;
	char	   *last;			/* the last id that was listed; NULL = the list is the first of a pass */
	bool		more;			/* behind it there may be others */
	int64		left;			/* images without a row, this batch's too; counted once for each version */
	int64		batch;			/* ids in the batch at hand */

	/* A pass goes through all ids once. */
	int64		pass_listed;
	int64		pass_found;		/* of these, images that were found */
	int64		without_image;	/* of these, ids whose image proved NULL */
	char	   *pass_first;		/* the first of these */
	char	   *before_first;	/* that of the pass before */
	int			same_passes;	/* passes in a row with the same first image */
	int			lost_passes;	/* passes in a row that found none of the listed images */
	HTAB	   *left_out;		/* ids that are not to be listed again; NULL = none */
} PendingImages;

/* Begin with no list, in the current memory context. */
PendingImages *pending_begin(const ImagesSource *source, const char *named, const char *target, bool target_indexed,
							 int batch_size);

/*
 * Fetch the next batch (batch_images.h) of images without a row from the
 * version; with another version than in the last call, start again. TOASTed
 * values are not fetched. A row whose image is NULL may stand among them,
 * behind others of its id: it was counted here, pass it over. After the last
 * id it looks again from the first, because rows may have come or got another
 * id meanwhile; NULL when nothing is left then. An id that several images have
 * is an error where it is listed; where it has come to be so since, or where
 * NULLs are seen only in what is fetched, the rows stand side by side. What
 * would go on for ever is an error too: a row that was stored is gone again,
 * or ids are others each time they are read.
 */
SPITupleTable *pending_fetch(PendingImages *pending, const ModelVersion *version);

/* batch_images_replaced (batch_images.h) of the batch at hand, whose rows pending_fetch returned, from `from` to before
 * `to`, which is more; with those that are gone or without. */
List	   *pending_replaced(const PendingImages *pending, const SPITupleTable *rows, uint64 from, uint64 to,
							 bool gone);

/* Leave an image out for as long as the version is the same; it gets no
 * row. */
void		pending_leave_out(PendingImages *pending, const char *id);

/* Raise the error of several images with one id, unless the id says that they
 * are equal (a SHA-256). */
void		pending_refuse_ambiguous(const ImagesSource *source, const char *id);

/*
 * How many rows the table has of the source's images and that version that
 * were made otherwise: with other weights, which a dropped model of the name
 * had, other columns of images, or another threshold, tta, enhancement or
 * options. Threads do not count, nor does the column of ids.
 */
int64		pending_made_otherwise(const PendingImages *pending, const ModelVersion *version, Jsonb *options);

#endif
