/*
 * images_scan.h: the images and masks of a source, row by row.
 *
 * Rows come in the order of their ids (of their bytes, if ids are equal),
 * independent of the order on disk and the session's settings, so that the
 * same rows train the same weights. All rows are read as of the beginning of
 * the scan.
 */
#ifndef LESIONSEG_PG_IMAGES_IMAGES_SCAN_H
#define LESIONSEG_PG_IMAGES_IMAGES_SCAN_H

#include "postgres.h"

#include "executor/spi.h"
#include "pg/images/images_source.h"
#include "utils/snapshot.h"

/* Is a row wanted? Decided by id and group, before image and mask are read. */
typedef bool (*ImagesWanted) (const void *context, const ImageRow *row);

/* A cursor and the rows that it fetched last. */
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
	ImagesCursor list;			/* the list of all rows */
	ImagesCursor batch;			/* of a few of them, with their images */
	MemoryContext batch_context;
	MemoryContext row_context;	/* memory of the current row */
	int64		skipped;		/* rows with a NULL or too long a text so far, as far as they were looked at */
} ImagesScan;

void		images_begin(const ImagesSource *source, ImagesWanted wanted, const void *context, ImagesScan *scan);

/* The next wanted row without NULLs; image and mask are fetched by images_fetch. */
bool		images_next(ImagesScan *scan, ImageRow *row);

/* The next wanted row, without its image, which may be NULL. A scan is read by
 * this or by images_next, not by both. */
bool		images_next_listed(ImagesScan *scan, ImageRow *row);

/* The number of wanted rows, without reading images and masks; 0 if counting
 * would read every image. */
int64		images_wanted(const ImagesSource *source, ImagesWanted wanted, const void *context);

/* Fetch the row's image and mask. */
void		images_fetch(const ImagesScan *scan, ImageRow *row);

void		images_end(ImagesScan *scan);

#endif
