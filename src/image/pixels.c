/*
 * pixels.c: converts a decoded row, in any file's layout, to the requested
 * grey or RGB row. All rounding of the decoders is here.
 */
#include <string.h>

#include "image/codec/formats.h"

/* Divide a product of two 8-bit values by 255, rounding to nearest. */
static inline unsigned
divide_255(unsigned product)
{
	return (product + 127) / 255;
}

/* Luma of Rec. 601, as in JPEG's Y. */
static inline unsigned
luma_of_rgb(unsigned red, unsigned green, unsigned blue)
{
	return (299 * red + 587 * green + 114 * blue + 500) / 1000;
}

void
pixels_store(const DecodeRequest *request, const uint8_t *row, int channels, int width, uint8_t *out)
{
	bool		colour = channels >= 3;
	bool		alpha = channels == 2 || channels == 4;

	if (request->as == DECODE_ALPHA)
	{
		for (int x = 0; x < width; x++)
			out[x] = alpha ? row[(size_t) x * (size_t) channels + (size_t) channels - 1] : 255;
		return;
	}
	if (channels == request_channels(request))
	{
		memcpy(out, row, (size_t) width * (size_t) channels);
		return;
	}
	for (int x = 0; x < width; x++, row += channels)
	{
		unsigned	red = row[0];
		unsigned	green = colour ? row[1] : red;
		unsigned	blue = colour ? row[2] : red;
		bool		black = (red | green | blue) == 0;

		if (alpha && !request->ignore_alpha)
		{
			unsigned	opacity = row[channels - 1];

			black = black || opacity == 0;
			red = divide_255(red * opacity);
			green = divide_255(green * opacity);
			blue = divide_255(blue * opacity);
		}
		if (request->as == DECODE_RGB)
		{
			*out++ = (uint8_t) red;
			*out++ = (uint8_t) green;
			*out++ = (uint8_t) blue;
		}
		else
		{
			unsigned	grey = luma_of_rgb(red, green, blue);

			*out++ = (uint8_t) (grey == 0 && request->keep_faint && !black ? 1 : grey);
		}
	}
}

void
pixels_narrow(const DecodeRequest *request, uint8_t *samples, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		unsigned	wide = (unsigned) samples[2 * i] << 8 | samples[2 * i + 1];
		unsigned	narrow = request->cut_wide ? (wide > 255 ? 255 : wide) : (wide + 128) / 257;

		samples[i] = (uint8_t) (narrow == 0 && request->keep_faint && wide != 0 ? 1 : narrow);
	}
}
