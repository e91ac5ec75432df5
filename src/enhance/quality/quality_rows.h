/*
 * quality_rows.h: a photograph's quality measured on rows that come while it is
 * decoded, so that no more of it is in memory than its green. The measures are
 * those of quality_measure, bit for bit.
 */
#ifndef LESIONSEG_ENHANCE_QUALITY_ROWS_H
#define LESIONSEG_ENHANCE_QUALITY_ROWS_H

#include <stdbool.h>

#include "enhance/quality/quality.h"
#include "image/codec/codec.h"
#include "image/resize/resize_rows.h"

typedef struct QualityRows
{
	const Call *call;
	int			width;
	int			height;
	bool		grey;			/* the photograph has no colours, and none are judged */
	int			taken;			/* rows */
	uint8_t    *green;			/* (height, width) */
	ResizeRows *frame;
} QualityRows;

/* Begin with the size of an image whose rows are RGB, also where the photograph is grey, in zeroed memory; call
 * quality_rows_free also after a failure. */
Status		quality_rows_begin(QualityRows *rows, const Call *call, int width, int height, bool grey);

/* Take the next row. */
void		quality_rows_take(QualityRows *rows, const uint8_t *pixels);

/* Measure, when all rows are there. */
Status		quality_rows_measure(QualityRows *rows, Quality *quality);

void		quality_rows_free(QualityRows *rows);

#endif
