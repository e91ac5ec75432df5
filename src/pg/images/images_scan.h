/*
 * images_scan.h: the images and masks of a source, row by row.
 *
 * Rows come in the order of their ids, and of their bytes where ids are equal,
 * whatever the order on disk and the settings of the session, so that the same
 * rows train the same weights. All of them are as they were when the scan began.
 */
#ifndef LESIONSEG_PG_IMAGES_IMAGES_SCAN_H
#define LESIONSEG_PG_IMAGES_IMAGES_SCAN_H

#include "postgres.h"

#include "executor/spi.h"
#include "pg/images/images_source.h"
#include "utils/snapshot.h"

/* Is a row wanted? Its id and group are known, its image and mask are not. */
typedef bool (*ImagesWanted) (const void *context, const ImageRow *row);

/* What a cursor has handed out last. */
typedef struct ImagesCursor
{
	Portal		portal;			/* NULL = closed */
	SPITupleTable *rows;		/* a few, TOASTed values not fetched */
	uint64		next;			/* in rows */
} ImagesCursor;

typedef struct ImagesScan
{
	const ImagesSource *source;
	ImagesWanted wanted;		/* NULL = all are */
	const void *wanted_context;
	bool		by_key;			/* images are fetched by key; else the list has them */
	Snapshot	snapshot;
	ImagesCursor list;			/* of all rows */
	ImagesCursor batch;			/* of a few of them, with their images */
	MemoryContext batch_context;
	MemoryContext row_context;	/* what the current row was fetched into */
	int64		skipped;		/* rows with a NULL so far, as far as they were looked at */
} ImagesScan;

void		images_begin(const ImagesSource *source, ImagesWanted wanted, const void *context, ImagesScan *scan);

/* The next wanted row without NULLs; image and mask are fetched by images_fetch. */
bool		images_next(ImagesScan *scan, ImageRow *row);

/* The next wanted row, without its image, which may yet prove NULL. A scan is
 * read by this or by images_next. */
bool		images_next_listed(ImagesScan *scan, ImageRow *row);

/* How many rows are wanted, images and masks unseen; 0 where counting would read every image. */
int64		images_wanted(const ImagesSource *source, ImagesWanted wanted, const void *context);

/* Fetch the row's image and mask. */
void		images_fetch(const ImagesScan *scan, ImageRow *row);

void		images_end(ImagesScan *scan);

#endif
