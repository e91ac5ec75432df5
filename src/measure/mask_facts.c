/*
 * mask_facts.c: see mask_facts.h.
 */
#include "measure/mask_facts.h"

#include <stdbool.h>

/* The border is this share of the width and height, on each side. */
#define BORDER 12

/* The middle is the third of the width and height. */
#define MIDDLE 3

/* Pixels of an area, and of lesion there. */
typedef struct AreaCount
{
	int64_t		pixels;
	int64_t		lesion;
} AreaCount;

/* Lesion pixels of a row in [from, to). */
static void
count_pixels(const uint8_t *row, int from, int to, AreaCount *area)
{
	int			lesion = 0;

	for (int x = from; x < to; x++)
		lesion += row[x] != 0;
	area->pixels += to - from;
	area->lesion += lesion;
}

/* The share of an area that is lesion. */
static double
area_share(const AreaCount *area)
{
	return area->pixels > 0 ? (double) area->lesion / (double) area->pixels : 0;
}

/* Is more than half of the border lesion, and a larger share than of the
 * middle? */
static bool
looks_inverted(const Image *mask)
{
	int			side = mask->width / BORDER;
	int			edge = mask->height / BORDER;
	AreaCount	border = {0, 0};
	AreaCount	middle = {0, 0};

	for (int y = 0; y < mask->height; y++)
	{
		const uint8_t *row = mask->pixels + (size_t) y * mask->width;

		if (y < edge || y >= mask->height - edge)
			count_pixels(row, 0, mask->width, &border);
		else
		{
			count_pixels(row, 0, side, &border);
			count_pixels(row, mask->width - side, mask->width, &border);
		}
		if (y >= mask->height / MIDDLE && y < mask->height - mask->height / MIDDLE)
			count_pixels(row, mask->width / MIDDLE, mask->width - mask->width / MIDDLE, &middle);
	}
	return area_share(&border) > 0.5 && area_share(&border) > area_share(&middle);
}

void
mask_facts_add(MaskFacts *facts, const Image *mask, MaskKind kind)
{
	AreaCount	whole = {0, 0};
	double		share;

	for (int y = 0; y < mask->height; y++)
		count_pixels(mask->pixels + (size_t) y * mask->width, 0, mask->width, &whole);
	share = area_share(&whole);
	facts->count++;
	facts->empty += whole.lesion == 0;
	facts->full += whole.lesion == whole.pixels;
	facts->mostly += share > 0.5;
	facts->inverted += looks_inverted(mask);
	facts->share += share;
	facts->kinds[kind]++;
}
