/*
 * degrade_light.c: too little light, scattered light, light from one side,
 * light of a wrong colour.
 *
 * Gains are integers in 1/GAIN_ONE. If the new value depends only on the old
 * one, a table of 256 entries is used.
 */
#include "enhance/degrade/degrade_kinds.h"
#include "enhance/steps/value_tables.h"

#define GAIN_ONE 4096

/* A gain of permille, 5 % more or less. */
static int
draw_gain(Rng *rng, int permille)
{
	return (int) ((int64_t) permille * GAIN_ONE * draw_between(rng, 9500, 10500) / 10000000);
}

Status
degrade_darkness(const Call *call, int severity, Rng *rng, Image *image)
{
	static const int permille[DEGRADE_SEVERITY_MAX] = {680, 630, 570, 490, 400};
	int			gain = draw_gain(rng, permille[severity - 1]);
	uint8_t		tables[3][256];

	for (int v = 0; v < 256; v++)
		tables[0][v] = tables[1][v] = tables[2][v] = (uint8_t) ((v * gain + GAIN_ONE / 2) / GAIN_ONE);
	return value_tables_apply(call, tables, image);
}

Status
degrade_low_contrast(const Call *call, int severity, Rng *rng, Image *image)
{
	static const int permille[DEGRADE_SEVERITY_MAX] = {700, 600, 500, 410, 330};
	int			share = draw_gain(rng, permille[severity - 1]);
	int			veil = draw_between(rng, 110, 190);
	uint8_t		tables[3][256];

	for (int v = 0; v < 256; v++)
		tables[0][v] = tables[1][v] = tables[2][v] =
			(uint8_t) ((v * share + veil * (GAIN_ONE - share) + GAIN_ONE / 2) / GAIN_ONE);
	return value_tables_apply(call, tables, image);
}

/* Half of the loss grows towards one side, half with the distance from a point
 * near the centre. */
Status
degrade_uneven_light(const Call *call, int severity, Rng *rng, Image *image)
{
	static const int permille[DEGRADE_SEVERITY_MAX] = {420, 540, 650, 760, 870};
	int			loss = permille[severity - 1] * GAIN_ONE / 1000;
	int			toward_x = draw_between(rng, -256, 256);
	int			toward_y = draw_between(rng, 96, 256) * (rng_below(rng, 2) == 0 ? 1 : -1);
	int			centre_x = draw_between(rng, -200, 200);	/* 1/1024 of half the width */
	int			centre_y = draw_between(rng, -200, 200);
	int			longest;
	int			samples = (int) samples_in_row(image);

	if (rng_below(rng, 2) == 0)
	{
		int			swap = toward_x;

		toward_x = toward_y;
		toward_y = swap;
	}
	longest = (toward_x < 0 ? -toward_x : toward_x) + (toward_y < 0 ? -toward_y : toward_y);
	for (int y = 0; y < image->height; y++)
	{
		uint8_t    *row = image->pixels + (size_t) y * (size_t) samples;
		int			v = (int) ((2 * (int64_t) y + 1 - image->height) * 1024 / image->height);

		TRY(call_poll(call));
		for (int x = 0; x < image->width; x++)
		{
			/* (u, v) is -1024 .. 1024 across the image */
			int			u = (int) ((2 * (int64_t) x + 1 - image->width) * 1024 / image->width);
			int			slope = (u * toward_x + v * toward_y) / longest + 1024;	/* 0 .. 2048 */
			int			du = u - centre_x;
			int			dv = v - centre_y;
			int			away = (du * du + dv * dv) >> 11;	/* 0 .. 1463 */
			int			dark = slope + away > 2048 ? 2048 : slope + away;
			int			gain = GAIN_ONE - loss * dark / 2048;

			for (int c = 0; c < image->channels; c++)
			{
				uint8_t    *sample = row + x * image->channels + c;

				*sample = (uint8_t) ((*sample * gain + GAIN_ONE / 2) / GAIN_ONE);
			}
		}
	}
	return status_ok();
}

/* A hue of the hexagon, 0 .. 1535, decides which channels lose; grey keeps
 * about the same brightness. */
Status
degrade_colour_cast(const Call *call, int severity, Rng *rng, Image *image)
{
	static const int permille[DEGRADE_SEVERITY_MAX] = {170, 260, 350, 450, 560};
	int			strength = draw_gain(rng, permille[severity - 1]);
	int			hue = draw_between(rng, 0, 1535);
	uint8_t		tables[3][256];

	for (int c = 0; c < 3; c++)
	{
		/* distance to this channel's own hue on the hexagon, 0 .. 768 */
		int			apart = (hue + 1536 - 512 * c) % 1536;
		int			lacking;
		int			gain;

		apart = apart > 768 ? 1536 - apart : apart;
		lacking = apart <= 256 ? 0 : apart >= 512 ? 256 : apart - 256;
		gain = GAIN_ONE + strength / 3 - strength * lacking / 256;
		for (int v = 0; v < 256; v++)
			tables[c][v] = to_byte((v * gain + GAIN_ONE / 2) / GAIN_ONE);
	}
	if (image->channels == 1)
		return call_poll(call);	/* grey has no colour to lose */
	return value_tables_apply(call, tables, image);
}
