/*
 * batch_images.h: the images of a batch of lesion_predict, fetched by what was
 * listed of them, and whether they are still the same.
 */
#ifndef LESIONSEG_PG_PREDICT_BATCH_IMAGES_H
#define LESIONSEG_PG_PREDICT_BATCH_IMAGES_H

#include "postgres.h"

#include "executor/spi.h"
#include "pg/images/images_source.h"

/* An image that has no row. */
typedef struct PendingImage
{
	char	   *id;
	Datum	   *key;			/* the values of the source's key */
	ItemPointer tid;			/* where its row stood when it was listed; NULL where the source has no tid */
} PendingImage;

/* Columns of the result of batch_images_fetch. */
enum
{
	BATCH_ID = 1,				/* text */
	BATCH_IMAGE					/* bytea */
};

/*
 * Fetch `count` images, in the order of their ids; TOASTed values are not
 * fetched. Rows that have moved are found by their keys. The caller frees the
 * result with SPI_freetuptable.
 */
SPITupleTable *batch_images_fetch(const ImagesSource *source, const PendingImage *images, int count);

/* The id of a fetched image. */
char	   *batch_image_id(const SPITupleTable *rows, uint64 i);

/*
 * The ids of the images that are others by now, of the rows from .. to that
 * batch_images_fetch returned, in their order; with `gone` also of those that
 * are not there any more. None where images are computed: they would be made
 * once more.
 */
List	   *batch_images_replaced(const ImagesSource *source, const PendingImage *images, int count,
								  const SPITupleTable *rows, uint64 from, uint64 to, bool gone);

#endif
