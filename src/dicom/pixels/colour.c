/*
 * colour.c: see colour.h. For grey values and palette indices a table is made
 * with an entry for each possible stored value; then every pixel is one
 * look-up.
 */
#include "dicom/pixels/colour.h"

#include <math.h>
#include <string.h>

#include "dicom/pixels/palette.h"
#include "dicom/data/tags.h"
#include "dicom/data/values.h"

/* The window that maps stored values to light. */
typedef struct Window
{
	double		slope;
	double		intercept;
	bool		given;
	double		centre;
	double		width;
	bool		exact;			/* LINEAR_EXACT */
	bool		sigmoid;
} Window;

static void
read_window(const DicomSet *set, Window *window)
{
	char		function[20];

	memset(window, 0, sizeof *window);
	if (!dicom_number(set, dicom_find(set, NULL, TAG_RescaleSlope), 0, &window->slope) || window->slope == 0)
		window->slope = 1;
	dicom_number(set, dicom_find(set, NULL, TAG_RescaleIntercept), 0, &window->intercept);
	dicom_string(dicom_find(set, NULL, TAG_VOILUTFunction), 0, function, sizeof function);
	window->exact = strcmp(function, "LINEAR_EXACT") == 0;
	window->sigmoid = strcmp(function, "SIGMOID") == 0;
	window->given = dicom_number(set, dicom_find(set, NULL, TAG_WindowCenter), 0, &window->centre) &&
		dicom_number(set, dicom_find(set, NULL, TAG_WindowWidth), 0, &window->width) &&
		(window->exact || window->sigmoid ? window->width > 0 : window->width >= 1);
}

/* The light, 0..1, of a value between low and high. */
static double
window_light(const Window *window, double value, double low, double high)
{
	double		x = value * window->slope + window->intercept;

	if (!window->given)
		return high == low ? 0 : (value - low) / (high - low);
	if (window->sigmoid)
		return 1 / (1 + exp(-4 * (x - window->centre) / window->width));
	if (window->exact)
		return (x - window->centre) / window->width + 0.5;
	if (window->width == 1)
		return x > window->centre - 0.5 ? 1 : 0;
	return (x - (window->centre - 0.5)) / (window->width - 1) + 0.5;
}

/* Fill a table of 2^bits entries of 1 channel with the light of grey
 * values. */
static void
fill_grey_table(const DicomSet *set, const Raster *raster, const DecodeRequest *request, uint8_t *table)
{
	size_t		count = (size_t) 1 << raster->bits;
	double		low = raster->is_signed ? -(double) (count / 2) : 0;
	double		high = low + (double) (count - 1);
	bool		inverted = raster->photometric == PHOTOMETRIC_MONOCHROME1;
	Window		window;

	read_window(set, &window);
	for (size_t i = 0; i < count; i++)
	{
		double		value = raster->is_signed && i >= count / 2 ? (double) i - (double) count : (double) i;
		double		light = window_light(&window, value, low, high);
		int			level;

		light = light < 0 ? 0 : light > 1 ? 1 : light;
		level = (int) floor(light * 255 + 0.5);
		if (inverted)
			level = 255 - level;
		if (request->cut_wide)
			level = value < 0 ? 0 : value > 255 ? 255 : (int) value;
		if (request->keep_faint && level == 0 && light > 0 && !inverted)
			level = 1;
		table[i] = (uint8_t) level;
	}
}

static uint8_t
clamp_level(int level)
{
	return (uint8_t) (level < 0 ? 0 : level > 255 ? 255 : level);
}

/* Full-range YCbCr to RGB, as in JFIF; in 1/65536, rounded to nearest. */
static void
ybr_to_rgb(int y, int cb, int cr, uint8_t *rgb)
{
	int			light = (y << 16) + 32768;

	cb -= 128;
	cr -= 128;
	rgb[0] = clamp_level((light + 91881 * cr) >> 16);
	rgb[1] = clamp_level((light - 22554 * cb - 46802 * cr) >> 16);
	rgb[2] = clamp_level((light + 116130 * cb) >> 16);
}

/* The stored bits of sample c of the pixel at `at`. */
static inline unsigned
sample_at(const Raster *raster, const uint8_t *at, int c)
{
	const uint8_t *bytes = at + (size_t) c * raster->sample_step;
	unsigned	value = bytes[0];

	if (raster->sample_bytes == 2)
		value = raster->big_endian ? value << 8 | bytes[1] : value | (unsigned) bytes[1] << 8;
	return value >> raster->shift & ((1u << raster->bits) - 1);
}

/* Turn a row of colours into 8-bit RGB. */
static void
colour_row(const Raster *raster, const uint8_t *row, uint8_t *rgb)
{
	unsigned	most = (1u << raster->bits) - 1;

	for (int x = 0; x < raster->width; x++, rgb += 3)
	{
		const uint8_t *at = row + (size_t) x * raster->pixel_step;

		for (int c = 0; c < 3; c++)
			rgb[c] = (uint8_t) (raster->bits == 8 ? sample_at(raster, at, c) :
								(sample_at(raster, at, c) * 255 + most / 2) / most);
		if (raster->photometric == PHOTOMETRIC_YBR_FULL)
			ybr_to_rgb(rgb[0], rgb[1], rgb[2], rgb);
	}
}

/* Turn a row of native YBR_FULL_422 (Y Y Cb Cr for two pixels) into RGB. */
static void
colour_row_422(const Raster *raster, const uint8_t *row, uint8_t *rgb)
{
	for (int x = 0; x < raster->width; x += 2, row += 4, rgb += 6)
	{
		ybr_to_rgb(row[0], row[2], row[3], rgb);
		ybr_to_rgb(row[1], row[2], row[3], rgb + 3);
	}
}

/* Look a row of values up in a table of 1 or 3 channels. */
static void
table_row(const Raster *raster, const uint8_t *row, const uint8_t *table, int channels, uint8_t *out)
{
	for (int x = 0; x < raster->width; x++, out += channels)
	{
		const uint8_t *entry = table + (size_t) channels * sample_at(raster, row + (size_t) x * raster->pixel_step, 0);

		for (int c = 0; c < channels; c++)
			out[c] = entry[c];
	}
}

/* Convert all rows. `scratch` has room for a row of RGB; `table` is NULL for
 * colours. */
static Status
convert_rows(const Call *call, const Raster *raster, const uint8_t *table, const DecodeRequest *request,
			 uint8_t *scratch, Image *image)
{
	int			channels = raster->samples == 1 && raster->photometric != PHOTOMETRIC_PALETTE ? 1 : 3;

	for (int y = 0; y < raster->height; y++)
	{
		const uint8_t *row = raster->bytes + (size_t) y * raster->row_step;
		uint8_t    *out = image->pixels + (size_t) y * (size_t) image->width * (size_t) image->channels;

		if (y % POLL_ROWS == 0)
			TRY(call_poll(call));
		if (table != NULL)
			table_row(raster, row, table, channels, scratch);
		else if (raster->photometric == PHOTOMETRIC_YBR_FULL_422)
			colour_row_422(raster, row, scratch);
		else
			colour_row(raster, row, scratch);
		pixels_store(request, scratch, channels, raster->width, out);
	}
	return status_ok();
}

Status
raster_to_image(const DicomSet *set, const DicomPixels *pixels, const Raster *raster, const DecodeRequest *request,
				Image *image)
{
	const Call *call = set->call;
	void	   *table = NULL;
	void	   *scratch = NULL;
	Status		status;

	TRY(image_create(call, raster->width, raster->height, request_channels(request), image));
	status = call_alloc_array(call, (size_t) raster->width, 3, &scratch);
	if (status.code == LS_OK && raster->samples == 1)
	{
		status = call_alloc_array(call, (size_t) 1 << raster->bits, 3, &table);
		if (status.code == LS_OK && pixels->photometric == PHOTOMETRIC_PALETTE)
			status = palette_fill(set, raster, table);
		else if (status.code == LS_OK)
			fill_grey_table(set, raster, request, table);
	}
	if (status.code == LS_OK)
		status = convert_rows(call, raster, table, request, scratch, image);
	call_free(call, scratch);
	call_free(call, table);
	if (status.code != LS_OK)
		image_free(call, image);
	return status;
}

Status
grey_to_image(const DicomSet *set, const DicomPixels *pixels, const Image *grey, const DecodeRequest *request,
			  Image *image)
{
	Raster		raster = {
		.width = grey->width,
		.height = grey->height,
		.samples = 1,
		.sample_bytes = 1,
		.bits = 8,
		.photometric = pixels->photometric,
		.row_step = (size_t) grey->width,
		.pixel_step = 1,
		.bytes = grey->pixels,
	};

	return raster_to_image(set, pixels, &raster, request, image);
}
