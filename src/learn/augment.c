/*
 * augment.c: one warp and one colour table per image.
 *
 * The warp runs in fixed point: source positions carry 32 fraction bits and
 * step by integer addition, weights carry 8, so the result is the same
 * everywhere and a mask pixel is decided on an exact sum. The four samples of
 * a pixel (R, G, B and mask) travel in one 64-bit word, 16 bits each, which
 * makes a blend of four bytes one multiplication in plain C. A degradation, if
 * one was drawn, changes the result in place.
 */
#include "learn/augment.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define WIDE_LANES 0x0000FFFF0000FFFFu	/* every second 16-bit lane */

#define VALUE(key) offsetof(AugmentOptions, key)

/* The option that says how often a kind of degradation is drawn. */
#define KIND(name, kind) \
	{name, OPTION_NUMBER, VALUE(degrade_weight[kind]), 0, 1e6, 1, "how often this kind comes, among the others", NULL}

static const Option option_rows[] = {
	{"flip", OPTION_BOOL, VALUE(flip), 0, 1, 1, "flip at random", NULL},
	{"rotate", OPTION_NUMBER, VALUE(rotate), 0, 180, 180, "degrees, either way", NULL},
	{"scale", OPTION_NUMBER, VALUE(scale), 0, 1, 0.25, "by a factor of e to the power of at most this, either way",
	 NULL},
	{"shift", OPTION_NUMBER, VALUE(shift), 0, 1, 0.1, "share of the size, any way", NULL},
	{"brightness", OPTION_NUMBER, VALUE(brightness), 0, 1, 0.2, "share, either way", NULL},
	{"contrast", OPTION_NUMBER, VALUE(contrast), 0, 1, 0.2, "share, either way, about mid-grey", NULL},
	{"colour", OPTION_NUMBER, VALUE(colour), 0, 1, 0.1, "share, either way, for each channel", NULL},
	{"degrade", OPTION_NUMBER, VALUE(degrade), 0, 1, 0.5,
		"share of the images that get one degradation, after all else", NULL},
	{"degrade_severity", OPTION_NUMBER, VALUE(degrade_severity), 1, DEGRADE_SEVERITY_MAX, DEGRADE_SEVERITY_MAX,
		"the highest severity; all up to it are as likely", NULL},
	KIND("noise", DEGRADE_NOISE),
	KIND("shot_noise", DEGRADE_SHOT_NOISE),
	KIND("blur", DEGRADE_BLUR),
	KIND("motion_blur", DEGRADE_MOTION_BLUR),
	KIND("low_resolution", DEGRADE_LOW_RESOLUTION),
	KIND("jpeg", DEGRADE_JPEG),
	KIND("darkness", DEGRADE_DARKNESS),
	KIND("low_contrast", DEGRADE_LOW_CONTRAST),
	KIND("uneven_light", DEGRADE_UNEVEN_LIGHT),
	KIND("colour_cast", DEGRADE_COLOUR_CAST),
	KIND("hair", DEGRADE_HAIR),
	KIND("ruler_ink", DEGRADE_RULER_INK),
	KIND("bubbles", DEGRADE_BUBBLES),
};

const OptionTable augment_option_table = OPTION_TABLE(option_rows);

AugmentOptions
augment_default(void)
{
	AugmentOptions options = {.enhance = ENHANCE_MODE_OFF};

	options_default(&augment_option_table, &options);
	return options;
}

AugmentOptions
augment_none(void)
{
	AugmentOptions options = {.flip = false, .degrade_severity = DEGRADE_SEVERITY_MAX};

	return options;
}

void
augment_values(const AugmentOptions *options, double values[AUGMENT_VALUES])
{
	const double plain[] = {options->flip, options->rotate, options->scale, options->shift, options->brightness,
	options->contrast, options->colour, options->degrade, options->degrade_severity};

	memcpy(values, plain, sizeof plain);
	memcpy(values + sizeof plain / sizeof plain[0], options->degrade_weight, sizeof options->degrade_weight);
}

/* A uniform value in +- range. */
static double
draw_around_zero(Rng *rng, double range)
{
	return rng_range(rng, -1, 1) * range;
}

/* Choose a kind by its weight: weights are laid end to end, `share` (0 .. 1)
 * is a place on them. */
static DegradeKind
kind_at(const double *weight, double share)
{
	double		total = 0;
	int			kind;

	for (kind = 0; kind < DEGRADE_KINDS; kind++)
		total += weight[kind];
	share *= total;
	for (kind = 0; kind < DEGRADE_KINDS - 1; kind++)
	{
		if (share < weight[kind])
			break;
		share -= weight[kind];
	}
	/* rounding may lead past the last kind that has a weight */
	while (kind > 0 && weight[kind] == 0)
		kind--;
	return (DegradeKind) kind;
}

/* Decide whether to degrade, and draw the degradation. */
static void
draw_degradation(const AugmentOptions *options, Rng *rng, Variation *variation)
{
	bool		degraded = rng_uniform(rng) < options->degrade;
	double		share = rng_uniform(rng);
	double		severity = rng_uniform(rng);

	variation->kind = kind_at(options->degrade_weight, share);
	variation->severity = degraded ? 1 + (int) (severity * options->degrade_severity) : 0;
	rng_seed(&variation->degrade_rng, rng_next(rng), (uint64_t) variation->kind);
}

Variation
augment_draw(const AugmentOptions *options, Rng *rng)
{
	Variation	variation;
	uint64_t	coins = rng_next(rng);

	variation.enhance = options->enhance;
	variation.flip_x = options->flip && (coins & 1) != 0;
	variation.flip_y = options->flip && (coins & 2) != 0;
	variation.angle = draw_around_zero(rng, options->rotate);
	variation.scale = exp(draw_around_zero(rng, options->scale));
	variation.shift_x = draw_around_zero(rng, options->shift);
	variation.shift_y = draw_around_zero(rng, options->shift);
	variation.brightness = 1 + draw_around_zero(rng, options->brightness);
	variation.contrast = 1 + draw_around_zero(rng, options->contrast);
	for (int channel = 0; channel < 3; channel++)
		variation.gain[channel] = 1 + draw_around_zero(rng, options->colour);
	draw_degradation(options, rng, &variation);
	return variation;
}

/* Where output pixels come from: source position = start + x * step_x + y *
 * step_y, in pixels with 32 fraction bits, for u (right) and v (down). */
typedef struct Warp
{
	int64_t		start_u;
	int64_t		start_v;
	int64_t		step_x_u;
	int64_t		step_x_v;
	int64_t		step_y_u;
	int64_t		step_y_v;
} Warp;

/* Round a position or step to 32 fraction bits. */
static int64_t
fixed_position(double value)
{
	return llrint(value * 0x1.0p32);
}

/* The warp of a variation: its geometry inverted about the image's centre. */
static Warp
warp_from_variation(const Variation *variation, int size)
{
	double		radians = variation->angle * (M_PI / 180);
	double		c = cos(radians) / variation->scale;
	double		s = sin(radians) / variation->scale;
	double		sign_x = variation->flip_x ? -1 : 1;
	double		sign_y = variation->flip_y ? -1 : 1;
	double		centre = size / 2.0;
	double		x = 0.5 - centre - variation->shift_x * size;
	double		y = 0.5 - centre - variation->shift_y * size;
	Warp		warp;

	warp.step_x_u = fixed_position(sign_x * c);
	warp.step_y_u = fixed_position(sign_x * s);
	warp.step_x_v = fixed_position(sign_y * -s);
	warp.step_y_v = fixed_position(sign_y * c);
	warp.start_u = fixed_position(sign_x * (c * x + s * y) + centre - 0.5);
	warp.start_v = fixed_position(sign_y * (c * y - s * x) + centre - 0.5);

	/* Weights keep the upper 8 fraction bits: round to them. */
	warp.start_u += 1 << 23;
	warp.start_v += 1 << 23;
	return warp;
}

/* Reflect an index beyond the border back inside; the edge pixel is
 * repeated. */
static int64_t
reflect_index(int64_t index, int64_t size)
{
	while (index < 0 || index >= size)
		index = index < 0 ? -1 - index : 2 * size - 1 - index;
	return index;
}

/* The pixel at index: R, G, B and mask, each in a lane of 16 bits. */
static inline uint64_t
load_pixel(const uint8_t *rgb, const uint8_t *mask, size_t index)
{
	const uint8_t *pixel = rgb + 3 * index;
	uint64_t	packed = pixel[0] | (uint64_t) pixel[1] << 16 | (uint64_t) pixel[2] << 32;

	return packed | (uint64_t) mask[index] << 48;
}

/* Fill the colour table of one channel. */
static void
fill_colour_table(const Variation *variation, int channel, uint8_t *table)
{
	double		gain = variation->gain[channel] * variation->brightness;

	for (int value = 0; value < 256; value++)
	{
		double		varied = (value * gain - 127.5) * variation->contrast + 127.5;

		table[value] = (uint8_t) (varied <= 0 ? 0 : varied >= 255 ? 255 : floor(varied + 0.5));
	}
}

/* Apply warp and colour tables. */
static void
warp_and_colour(const Variation *variation, int size, const uint8_t *rgb, const uint8_t *mask,
				uint8_t *out_rgb, uint8_t *out_mask)
{
	Warp		warp = warp_from_variation(variation, size);
	uint8_t		tables[3][256];

	for (int channel = 0; channel < 3; channel++)
		fill_colour_table(variation, channel, tables[channel]);

	for (int64_t y = 0; y < size; y++)
	{
		int64_t		u = warp.start_u + y * warp.step_y_u;
		int64_t		v = warp.start_v + y * warp.step_y_v;

		for (int x = 0; x < size; x++)
		{
			int64_t		left = u >> 32;
			int64_t		top = v >> 32;
			int64_t		right = left + 1;
			int64_t		bottom = top + 1;
			uint64_t	weight_x = (u >> 24) & 255;
			uint64_t	weight_y = (v >> 24) & 255;
			uint64_t	above;
			uint64_t	below;
			uint64_t	even;
			uint64_t	odd;

			if (left < 0 || right >= size || top < 0 || bottom >= size)
			{
				left = reflect_index(left, size);
				right = reflect_index(right, size);
				top = reflect_index(top, size);
				bottom = reflect_index(bottom, size);
			}

			/* Lanes reach 255 * 256, which 16 bits hold. */
			above = load_pixel(rgb, mask, top * size + left) * (256 - weight_x) +
				load_pixel(rgb, mask, top * size + right) * weight_x;
			below = load_pixel(rgb, mask, bottom * size + left) * (256 - weight_x) +
				load_pixel(rgb, mask, bottom * size + right) * weight_x;

			/* R and B, then G and mask, in 32 bits: 255 * 65536 at most. */
			even = (above & WIDE_LANES) * (256 - weight_y) + (below & WIDE_LANES) * weight_y;
			odd = (above >> 16 & WIDE_LANES) * (256 - weight_y) + (below >> 16 & WIDE_LANES) * weight_y;

			out_rgb[0] = tables[0][((uint32_t) even + 0x8000) >> 16];
			out_rgb[1] = tables[1][((uint32_t) odd + 0x8000) >> 16];
			out_rgb[2] = tables[2][((even >> 32) + 0x8000) >> 16];
			*out_mask++ = (odd >> 32) * 2 > 255 * 65536 ? 255 : 0;
			out_rgb += 3;
			u += warp.step_x_u;
			v += warp.step_x_v;
		}
	}
}

Status
augment_apply(const Call *call, const Variation *variation, int size, const uint8_t *rgb, const uint8_t *mask,
			  uint8_t *out_rgb, uint8_t *out_mask)
{
	Image		image = {.width = size, .height = size, .channels = 3, .pixels = out_rgb};
	Rng			rng = variation->degrade_rng;

	warp_and_colour(variation, size, rgb, mask, out_rgb, out_mask);
	if (variation->severity > 0)
		TRY(degrade_apply(call, variation->kind, variation->severity, &rng, &image));
	return enhance_by_mode(call, variation->enhance, &image);
}
