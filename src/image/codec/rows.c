/*
 * rows.c: where a decoder puts its rows: into an image, or one after another
 * into memory for one row, which the request's sink is shown.
 */
#include "image/codec/formats.h"

Status
rows_begin(const Call *call, const DecodeRequest *request, int width, int height, Image *image)
{
	int			channels = request_channels(request);
	void	   *row;

	if (request->rows == NULL)
		return image_create(call, width, height, channels, image);
	TRY(image_check_size(call, width, height));
	TRY(call_alloc_array(call, (size_t) width, (size_t) channels, &row));
	*image = (Image) {width, height, channels, row};
	return request->rows->begin(request->rows->user, width, height);
}

uint8_t *
rows_at(const DecodeRequest *request, const Image *image, int y)
{
	if (request->rows != NULL)
		return image->pixels;
	return image->pixels + (size_t) y * (size_t) image->width * (size_t) image->channels;
}

Status
rows_done(const DecodeRequest *request, const Image *image)
{
	return request->rows != NULL ? request->rows->row(request->rows->user, image->pixels) : status_ok();
}
