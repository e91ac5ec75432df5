/*
 * degrade_detail.c: loss of detail: by the lens, the hand, too few pixels, the
 * file format.
 *
 * Both blurs add up whole rows of 32-bit sums, one shifted row after another,
 * which compiles to vector code; beyond an edge the outermost pixel repeats.
 */
#include <math.h>
#include <string.h>

#include "core/checked.h"
#include "enhance/degrade/degrade_kinds.h"
#include "image/codec/codec.h"

#define RADIUS_MAX 500			/* pixels; 16 * 255 times the area of such a disc fits 32 bits */

/* Allocate rows * samples of 32 bits. */
static Status
alloc_sums(const Call *call, size_t rows, size_t samples, uint32_t **sums)
{
	void	   *memory;

	if (!checked_mul(rows, samples, &samples))
		return status_error(LS_LIMIT_EXCEEDED, "an image of this size does not fit in memory");
	TRY(call_alloc(call, samples * sizeof(uint32_t), &memory));
	*sums = memory;
	return status_ok();
}

/* ---- defocus ---- */

/* The pixels of a disc in one row: `full` pixels on each side of the centre
 * have full weight, the next one `part` sixteenths. */
typedef struct Chord
{
	int			full;			/* -1: none in this row */
	int			part;
} Chord;

/* A disc and the running sums of the image rows that it touches. */
typedef struct Disc
{
	int			reach;			/* rows and columns on each side of the centre */
	uint32_t	area;			/* in 1/16 pixel */
	size_t		row_sums;		/* in one row of sums */
	uint32_t   *rows;			/* 2 reach + 1 rows; image row y stands in y % that */
	uint32_t   *result;			/* of one row */
} Disc;

/* The chord at dy rows from the centre of a disc, radius in 1/16 pixel. */
static Chord
disc_chord(int radius, int dy)
{
	int64_t		square = (int64_t) radius * radius - (int64_t) 256 * dy * dy;
	int			half = square <= 0 ? 0 : (int) sqrt((double) square);

	if (half < 8)
		return (Chord) {-1, 0};
	return (Chord) {(half - 8) / 16, (half - 8) % 16};
}

/*
 * Running sums of one row of samples: sums[i] is the sum of all samples before
 * i of the same channel, in a row extended by reach + 1 pixels on each side.
 */
static void
sum_row(const Image *image, int y, int reach, uint32_t *sums)
{
	int			channels = image->channels;
	const uint8_t *row = image->pixels + (size_t) y * samples_in_row(image);

	for (int c = 0; c < channels; c++)
	{
		uint32_t	sum = 0;
		uint32_t   *out = sums + c;

		for (int x = -reach - 1; x <= image->width + reach; x++, out += channels)
		{
			*out = sum;
			sum += row[(x < 0 ? 0 : x >= image->width ? image->width - 1 : x) * channels + c];
		}
		*out = sum;
	}
}

/* Add the samples of one chord of every pixel's disc. */
static void
add_chord(Chord chord, int reach, int channels, const uint32_t *sums, size_t samples, uint32_t *result)
{
	const uint32_t *first = sums + (size_t) (reach + 1 - chord.full) * (size_t) channels;
	const uint32_t *end = sums + (size_t) (reach + 2 + chord.full) * (size_t) channels;
	const uint32_t *before = first - channels;
	const uint32_t *after = end + channels;
	uint32_t	part = (uint32_t) chord.part;

#pragma omp simd
	for (size_t i = 0; i < samples; i++)
		result[i] += (16 - part) * (end[i] - first[i]) + part * (after[i] - before[i]);
}

static Status
blur_rows(const Call *call, int radius, Disc *disc, Image *image)
{
	size_t		samples = samples_in_row(image);
	int			ring = 2 * disc->reach + 1;
	int			summed = 0;		/* rows so far */

	for (int y = 0; y < image->height; y++)
	{
		uint8_t    *out = image->pixels + (size_t) y * samples;

		TRY(call_poll(call));
		for (; summed <= y + disc->reach && summed < image->height; summed++)
			sum_row(image, summed, disc->reach, disc->rows + (size_t) (summed % ring) * disc->row_sums);
		for (size_t i = 0; i < samples; i++)
			disc->result[i] = disc->area / 2;
		for (int dy = -disc->reach; dy <= disc->reach; dy++)
		{
			Chord		chord = disc_chord(radius, dy);
			int			from = y + dy < 0 ? 0 : y + dy >= image->height ? image->height - 1 : y + dy;

			if (chord.full >= 0)
				add_chord(chord, disc->reach, image->channels, disc->rows + (size_t) (from % ring) * disc->row_sums,
						  samples, disc->result);
		}
		for (size_t i = 0; i < samples; i++)
			out[i] = (uint8_t) (disc->result[i] / disc->area);
	}
	return status_ok();
}

Status
degrade_blur(const Call *call, int severity, Rng *rng, Image *image)
{
	/* radius in 1/16 pixel of an image of 256, which is 1/4096 of the side */
	static const int radii[DEGRADE_SEVERITY_MAX] = {28, 56, 96, 150, 230};
	int64_t		radius = (int64_t) radii[severity - 1] * draw_between(rng, 95, 105) * shorter_side(image) / 25600 + 8;
	Disc		disc = {0};
	Status		status;

	radius = radius > RADIUS_MAX * 16 ? RADIUS_MAX * 16 : radius;
	disc.reach = (int) ((radius + 15) / 16);
	for (int dy = -disc.reach; dy <= disc.reach; dy++)
	{
		Chord		chord = disc_chord((int) radius, dy);

		if (chord.full >= 0)
			disc.area += (uint32_t) (16 * (2 * chord.full + 1) + 2 * chord.part);
	}
	disc.row_sums = ((size_t) image->width + 2 * (size_t) disc.reach + 3) * (size_t) image->channels;
	status = alloc_sums(call, 2 * (size_t) disc.reach + 1, disc.row_sums, &disc.rows);
	if (status.code == LS_OK)
		status = alloc_sums(call, 1, samples_in_row(image), &disc.result);
	if (status.code == LS_OK)
		status = blur_rows(call, (int) radius, &disc, image);
	call_free(call, disc.rows);
	call_free(call, disc.result);
	return status;
}

/* ---- motion ---- */

/* Copy the image, each row extended by margin pixels on both sides; the caller
 * frees *copy, also on failure. */
static Status
copy_with_margin(const Call *call, const Image *image, int margin, uint8_t **copy)
{
	size_t		channels = (size_t) image->channels;
	size_t		samples = samples_in_row(image);
	size_t		stride = samples + 2 * (size_t) margin * channels;
	void	   *memory;

	TRY(call_alloc_array(call, (size_t) image->height, stride, &memory));
	*copy = memory;
	for (int y = 0; y < image->height; y++)
	{
		const uint8_t *row = image->pixels + (size_t) y * samples;
		uint8_t    *out = *copy + (size_t) y * stride;

		TRY(call_poll(call));
		for (int i = 0; i < margin; i++)
		{
			memcpy(out + (size_t) i * channels, row, channels);
			memcpy(out + ((size_t) margin + (size_t) image->width + (size_t) i) * channels,
				   row + samples - channels, channels);
		}
		memcpy(out + (size_t) margin * channels, row, samples);
	}
	return status_ok();
}

/* Average each pixel with 2 reach others on a line through it; the step along
 * the line is (step_x, step_y) / 4096 pixels. */
static Status
blur_along(const Call *call, const uint8_t *copy, int reach, int step_x, int step_y, uint32_t *sums,
		   Image *image)
{
	size_t		channels = (size_t) image->channels;
	size_t		samples = samples_in_row(image);
	size_t		stride = samples + 2 * (size_t) reach * channels;
	uint32_t	count = 2 * (uint32_t) reach + 1;

	for (int y = 0; y < image->height; y++)
	{
		uint8_t    *out = image->pixels + (size_t) y * samples;

		TRY(call_poll(call));
		for (size_t i = 0; i < samples; i++)
			sums[i] = count / 2;
		for (int t = -reach; t <= reach; t++)
		{
			int			dx = (t * step_x + 2048) >> 12;
			int			from = y + ((t * step_y + 2048) >> 12);
			const uint8_t *in;

			from = from < 0 ? 0 : from >= image->height ? image->height - 1 : from;
			in = copy + (size_t) from * stride + (size_t) (reach + dx) * channels;
#pragma omp simd
			for (size_t i = 0; i < samples; i++)
				sums[i] += in[i];
		}
		for (size_t i = 0; i < samples; i++)
			out[i] = (uint8_t) (sums[i] / count);
	}
	return status_ok();
}

Status
degrade_motion_blur(const Call *call, int severity, Rng *rng, Image *image)
{
	/* pixels on each side in an image of 256 */
	static const int reaches[DEGRADE_SEVERITY_MAX] = {3, 5, 8, 12, 16};
	int			reach = (reaches[severity - 1] * (shorter_side(image) < 8192 ? shorter_side(image) : 8192) + 128) / 256;
	int			x = draw_between(rng, -4096, 4096);
	int			y = draw_between(rng, 0, 4096);
	int			length;
	uint8_t    *copy = NULL;
	uint32_t   *sums = NULL;
	Status		status;

	if (x == 0 && y == 0)
		x = 1;
	length = (int) sqrt((double) ((int64_t) x * x + (int64_t) y * y));
	status = copy_with_margin(call, image, reach, &copy);
	if (status.code == LS_OK)
		status = alloc_sums(call, 1, samples_in_row(image), &sums);
	if (status.code == LS_OK)
		status = blur_along(call, copy, reach, x * 4096 / length, y * 4096 / length, sums, image);
	call_free(call, sums);
	call_free(call, copy);
	return status;
}

/* ---- pixels and files ---- */

/* Replace the image's pixels by those of a result of the same size. */
static void
take_pixels(const Call *call, Image *result, Image *image)
{
	memcpy(image->pixels, result->pixels, samples_in_row(image) * (size_t) image->height);
	image_free(call, result);
}

/* The length of a side after scaling by share / 256. */
static int
reduced_side(int side, int shorter, int permille)
{
	int64_t		frame = shorter < 256 ? shorter : 256;
	int64_t		reduced = ((int64_t) side * frame * permille / 1000 + shorter / 2) / shorter;

	return reduced < 1 ? 1 : (int) reduced;
}

Status
degrade_low_resolution(const Call *call, int severity, Rng *rng, Image *image)
{
	static const int permille[DEGRADE_SEVERITY_MAX] = {420, 280, 190, 130, 90};
	int			share = permille[severity - 1] * draw_between(rng, 95, 105) / 100;
	int			shorter = shorter_side(image);
	Image		small;
	Image		result;
	Status		status;

	TRY(image_resize(call, image, reduced_side(image->width, shorter, share),
					 reduced_side(image->height, shorter, share), &small));
	status = image_resize(call, &small, image->width, image->height, &result);
	image_free(call, &small);
	if (status.code == LS_OK)
		take_pixels(call, &result, image);
	return status;
}

Status
degrade_jpeg(const Call *call, int severity, Rng *rng, Image *image)
{
	static const int qualities[DEGRADE_SEVERITY_MAX] = {22, 14, 11, 8, 7};
	EncodedImage encoded;
	Image		result;
	Status		status;

	(void) rng;
	TRY(jpeg_encode(call, image, qualities[severity - 1], &encoded));
	status = image_decode(call, encoded.bytes, encoded.size,
						  image->channels == 1 ? DECODE_GREY : DECODE_RGB, &result);
	call_free(call, encoded.bytes);
	if (status.code == LS_OK)
		take_pixels(call, &result, image);
	return status;
}
