/*
 * reduce.c: see reduce.h.
 */
#include "image/reduce.h"

#include "image/resize/resize_rows.h"

#define CHANNELS 3

typedef struct Reducer
{
	const Call *call;
	ImagePart	part;			/* width 0: all */
	const int  *sides;
	int			count;
	ResizeRows **resizes;		/* count */
	const RowSink *also;		/* NULL = nobody */
	int			taken;			/* rows */
} Reducer;

/* Start all resizes, when the size of what comes is known. */
static Status
reducer_begin(void *user, int width, int height)
{
	Reducer    *reducer = user;

	if (reducer->part.width == 0)
		reducer->part = (ImagePart) {.width = width, .height = height};
	for (int i = 0; i < reducer->count; i++)
		TRY(resize_rows_create(reducer->call, reducer->part.width, reducer->part.height, CHANNELS, reducer->sides[i],
							   reducer->sides[i], &reducer->resizes[i]));
	return reducer->also != NULL ? reducer->also->begin(reducer->also->user, width, height) : status_ok();
}

/* Show a row to all. */
static Status
reducer_row(void *user, const uint8_t *pixels)
{
	Reducer    *reducer = user;
	const ImagePart *part = &reducer->part;
	int			y = reducer->taken++;

	if (y >= part->y && y - part->y < part->height)
		for (int i = 0; i < reducer->count; i++)
			resize_rows_take(reducer->resizes[i], pixels + (size_t) part->x * CHANNELS);
	return reducer->also != NULL ? reducer->also->row(reducer->also->user, pixels) : status_ok();
}

Status
image_decode_reduced(const Call *call, const void *bytes, size_t size, ImageTurn turn, const ImagePart *part,
					 const int *sides, int count, const RowSink *also, Image *images)
{
	Reducer		reducer = {.call = call, .sides = sides, .count = count, .also = also};
	RowSink		sink = {reducer_begin, reducer_row, &reducer};
	int			largest = 0;
	void	   *memory;
	Status		status;

	for (int i = 0; part == NULL && i < count; i++)
		largest = sides[i] > largest ? sides[i] : largest;
	if (part != NULL)
		reducer.part = *part;
	TRY(call_alloc_array(call, (size_t) count, sizeof(ResizeRows *), &memory));
	reducer.resizes = memory;
	status = image_decode_rows(call, bytes, size, DECODE_RGB, turn, largest, largest, &sink);
	for (int i = 0; i < count; i++)
	{
		if (status.code == LS_OK)
			images[i] = resize_rows_result(reducer.resizes[i]);
		resize_rows_free(call, reducer.resizes[i]);
	}
	call_free(call, reducer.resizes);
	return status;
}
