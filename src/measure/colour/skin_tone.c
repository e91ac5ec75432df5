/*
 * skin_tone.c: see skin_tone.h.
 */
#include "measure/colour/skin_tone.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "image/cielab.h"
#include "measure/distance.h"
#include "measure/morphology.h"

#define AROUND_LESION 0.1		/* share of its equivalent diameter that does not count as skin */
#define LEAST_AROUND 2.0		/* pixels */
#define BLACK 16				/* the lens's rim has all channels up to this */
#define WIDE 2.5				/* robust standard deviations */
#define LEAST_WIDE 2.0			/* least spread of L or b: noise and texture of even skin */
#define LEAST_B 1.0				/* of skin: less is grey or blue */

/* Values in steps of 1 / 8 from -128 to 128, counted. */
#define STEP 0.125
#define STEPS 2048

typedef struct Histogram
{
	int64_t		counts[STEPS];
	int64_t		all;
} Histogram;

static void
histogram_add(Histogram *histogram, double value)
{
	int			step = (int) floor((value + 128) / STEP);

	histogram->counts[step < 0 ? 0 : step >= STEPS ? STEPS - 1 : step]++;
	histogram->all++;
}

/* The median of the counted values. */
static double
histogram_median(const Histogram *histogram)
{
	int64_t		below = 0;
	int			step = 0;

	while (step < STEPS - 1 && 2 * (below + histogram->counts[step]) < histogram->all)
		below += histogram->counts[step++];
	return (step + 0.5) * STEP - 128;
}

/* The robust standard deviation: the median distance from a value, scaled. */
static double
histogram_spread(const Histogram *histogram, double from)
{
	Histogram	distances = {0};

	for (int step = 0; step < STEPS; step++)
	{
		double		distance = fabs((step + 0.5) * STEP - 128 - from);
		int			at = (int) floor((distance + 128) / STEP);

		distances.counts[at < STEPS ? at : STEPS - 1] += histogram->counts[step];
		distances.all += histogram->counts[step];
	}
	return 1.4826 * histogram_median(&distances);
}

/* Mark in `skin` what may be skin, by place and light. */
static Status
mark_skin(const Call *call, const Image *image, const Image *mask, const uint8_t *hidden, uint8_t *skin)
{
	size_t		count = (size_t) image->width * (size_t) image->height;
	LesionShape shape;
	float	   *distances;
	float		around;
	void	   *memory;
	Status		status;

	TRY(lesion_shape(call, mask, &shape));
	around = (float) fmax(AROUND_LESION * sqrt(4 * (double) shape.area / M_PI), LEAST_AROUND);
	TRY(call_alloc_array(call, count, sizeof(float), &memory));
	distances = memory;
	status = distance_map(call, mask->pixels, image->width, image->height, (PixelSpacing) {1, 1}, distances);
	for (size_t i = 0; status.code == LS_OK && i < count; i++)
	{
		const uint8_t *pixel = image->pixels + 3 * i;

		if (i % ((size_t) image->width * POLL_ROWS) == 0)
			status = call_poll(call);
		skin[i] = distances[i] > around && hidden[i] == 0 &&
			(pixel[0] > BLACK || pixel[1] > BLACK || pixel[2] > BLACK);
	}
	call_free(call, memory);
	return status;
}

/* The range of L and b of skin. */
typedef struct Range
{
	double		l;
	double		b;
	double		wide_l;
	double		wide_b;
} Range;

/* Find the range from the marked pixels. */
static Status
find_range(const Call *call, const CielabTable *table, const Image *image, const uint8_t *skin, Range *range)
{
	size_t		i = 0;
	Histogram	l = {0};
	Histogram	b = {0};

	for (int y = 0; y < image->height; y++)
	{
		if (y % POLL_ROWS == 0)
			TRY(call_poll(call));
		for (int x = 0; x < image->width; x++, i++)
		{
			Cielab		colour;

			if (skin[i] == 0)
				continue;
			colour = cielab_of(table, image->pixels + 3 * i);
			histogram_add(&l, colour.l);
			histogram_add(&b, colour.b);
		}
	}
	range->l = histogram_median(&l);
	range->b = histogram_median(&b);
	range->wide_l = WIDE * fmax(histogram_spread(&l, range->l), LEAST_WIDE);
	range->wide_b = WIDE * fmax(histogram_spread(&b, range->b), LEAST_WIDE);
	return status_ok();
}

/* Sum up the marked pixels within the range. */
static Status
sum_range(const Call *call, const CielabTable *table, const Image *image, const uint8_t *skin, const Range *range,
		  SkinTone *tone)
{
	size_t		i = 0;
	double		l = 0;
	double		b = 0;

	for (int y = 0; y < image->height; y++)
	{
		if (y % POLL_ROWS == 0)
			TRY(call_poll(call));
		for (int x = 0; x < image->width; x++, i++)
		{
			Cielab		colour;

			if (skin[i] == 0)
				continue;
			colour = cielab_of(table, image->pixels + 3 * i);
			if (fabs(colour.l - range->l) > range->wide_l || fabs(colour.b - range->b) > range->wide_b)
				continue;
			tone->pixels++;
			l += colour.l;
			b += colour.b;
		}
	}
	tone->lightness = l / (double) tone->pixels;
	tone->b = b / (double) tone->pixels;
	return status_ok();
}

/* The category of an angle. */
static const char *
category_of(double ita)
{
	return ita > 55 ? "very light" : ita > 41 ? "light" : ita > 28 ? "intermediate" : ita > 10 ? "tan" :
		ita > -30 ? "brown" : "dark";
}

Status
skin_tone(const Call *call, const Image *image, const Image *mask, const uint8_t *hidden, SkinTone *tone)
{
	double		all = (double) image->width * image->height;
	Range		range;
	CielabTable table;
	void	   *skin;
	Status		status;

	cielab_table_init(&table);
	memset(tone, 0, sizeof *tone);
	TRY(call_alloc(call, (size_t) all, &skin));
	status = mark_skin(call, image, mask, hidden, skin);
	if (status.code == LS_OK)
		status = find_range(call, &table, image, skin, &range);
	if (status.code == LS_OK)
		status = sum_range(call, &table, image, skin, &range, tone);
	call_free(call, skin);
	if ((double) tone->pixels < SKIN_LEAST_SHARE * all)
		tone->lightness = tone->b = NAN;
	tone->ita = tone->b >= LEAST_B ? atan((tone->lightness - 50) / tone->b) * 180 / M_PI : NAN;
	tone->category = isnan(tone->ita) ? NULL : category_of(tone->ita);
	return status;
}
