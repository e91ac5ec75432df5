/*
 * row_window.c: see row_window.h.
 */
#include "enhance/steps/row_window.h"

#include <string.h>

#include "core/checked.h"

Status
row_window_create(const Call *call, const Image *image, int margin, int block, RowWindow *window)
{
	size_t		size;
	void	   *memory;

	memset(window, 0, sizeof *window);
	window->image = image;
	window->margin = margin;
	window->block = block < image->height ? block : image->height;
	window->first = -window->block;
	window->stride = ((size_t) image->width + 2 * (size_t) margin) * (size_t) image->channels;
	if (!checked_mul(window->stride, (size_t) window->block + 2 * (size_t) margin, &size))
		return status_error(LS_LIMIT_EXCEEDED, "an image %d pixels wide is too large to enhance", image->width);
	TRY(call_alloc(call, size, &memory));
	window->samples = memory;
	return status_ok();
}

void
row_window_free(const Call *call, RowWindow *window)
{
	call_free(call, window->samples);
	memset(window, 0, sizeof *window);
}

/* Copy image row y into its slot of the window, and extend its ends. */
static void
load_row(RowWindow *window, int slot, int y)
{
	const Image *image = window->image;
	size_t		channels = (size_t) image->channels;
	size_t		samples = (size_t) image->width * channels;
	size_t		margin = (size_t) window->margin * channels;
	const uint8_t *row;
	uint8_t    *out = window->samples + (size_t) slot * window->stride;

	y = y < 0 ? 0 : y >= image->height ? image->height - 1 : y;
	row = image->pixels + (size_t) y * samples;
	memcpy(out + margin, row, samples);
	for (size_t i = 0; i < margin; i++)
	{
		out[i] = row[i % channels];
		out[margin + samples + i] = row[samples - channels + i % channels];
	}
}

bool
row_window_next(RowWindow *window)
{
	int			slots = window->block + 2 * window->margin;
	int			kept = 2 * window->margin;

	window->first += window->block;
	if (window->first >= window->image->height)
		return false;
	window->rows = window->image->height - window->first;
	if (window->rows > window->block)
		window->rows = window->block;
	if (window->first == 0)
		kept = 0;
	else
		memmove(window->samples, window->samples + (size_t) window->block * window->stride,
				(size_t) kept * window->stride);
	for (int slot = kept; slot < slots; slot++)
		load_row(window, slot, window->first - window->margin + slot);
	return true;
}
