/*
 * pending_images.h: the images of a source that a table of predictions has no
 * row for.
 */
#ifndef LESIONSEG_PG_PENDING_IMAGES_H
#define LESIONSEG_PG_PENDING_IMAGES_H

#include "postgres.h"

#include "executor/spi.h"
#include "pg/images/images_source.h"
#include "pg/models/model_store.h"

/* An image that has no row. */
typedef struct PendingImage
{
	char	   *id;
	ItemPointer tid;			/* where its row stood when it was listed; NULL where the source has no tid */
} PendingImage;

typedef struct PendingImages
{
	const ImagesSource *source;
	const char *target;			/* the table of predictions, qualified and quoted */
	int			batch_size;
	int64		list_length;	/* at most */
	MemoryContext context;		/* of the list */
	char	   *model;			/* what the list is for; NULL = there is none yet */
	int			version;
	PendingImage *images;		/* in the order of their ids */
	int64		count;
	int64		next;
	bool		more;			/* behind the last of the list there may be others */
} PendingImages;

/* Begin with no list, in the current memory context. */
PendingImages *pending_begin(const ImagesSource *source, const char *target, int batch_size);

/*
 * Fetch a batch of images that have no row from the version, further on
 * in the order of ids than those of the call before, unless the version is
 * another. They stand in the result as (id, image), their TOASTed values not
 * fetched; NULL when there are none left. An id that several images have is
 * an error where it is listed; where it has come to be so since, the rows
 * stand side by side.
 */
SPITupleTable *pending_fetch(PendingImages *pending, const ModelVersion *version);

/* Raise an error because several images have an id, unless it is one that
 * says that they are equal. */
void		pending_refuse_ambiguous(const ImagesSource *source, const char *id);

#endif
