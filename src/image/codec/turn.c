/*
 * turn.c: see turn.h.
 */
#include "image/codec/turn.h"

#include "image/codec/formats.h"

bool
orientation_transposes(int orientation)
{
	return orientation >= 5;
}

TurnedView
turned_view(const Image *image, int orientation)
{
	bool		transpose = orientation_transposes(orientation);
	bool		from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
	bool		from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
	ptrdiff_t	step_x = from_right ? -1 : 1;
	ptrdiff_t	step_y = from_bottom ? -image->width : image->width;

	return (TurnedView) {
		.image = image,
		.width = transpose ? image->height : image->width,
		.height = transpose ? image->width : image->height,
		.origin = (from_right ? image->width - 1 : 0) +
			(from_bottom ? (ptrdiff_t) (image->height - 1) * image->width : 0),
		.along = transpose ? step_y : step_x,
		.down = transpose ? step_x : step_y,
	};
}

void
turned_row(const TurnedView *view, int y, uint8_t *row)
{
	int			channels = view->image->channels;
	const uint8_t *in = view->image->pixels + (view->origin + y * view->down) * channels;

	for (int x = 0; x < view->width; x++)
	{
		for (int c = 0; c < channels; c++)
			row[c] = in[c];
		in += view->along * channels;
		row += channels;
	}
}

Status
turn_upright(const Call *call, Image *image, int orientation)
{
	TurnedView	view = turned_view(image, orientation);
	Image		turned;

	if (orientation == 1)
		return status_ok();
	TRY(image_create(call, view.width, view.height, image->channels, &turned));
	for (int y = 0; y < turned.height; y++)
	{
		Status		status = y % POLL_ROWS == 0 ? call_poll(call) : status_ok();

		if (status.code != LS_OK)
		{
			image_free(call, &turned);
			return status;
		}
		turned_row(&view, y, turned.pixels + (size_t) y * (size_t) turned.width * (size_t) turned.channels);
	}
	image_free(call, image);
	*image = turned;
	return status_ok();
}
