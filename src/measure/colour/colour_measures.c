/*
 * colour_measures.c: see colour_measures.h.
 */
#include "measure/colour/colour_measures.h"

#include <math.h>
#include <string.h>

#include "measure/colour/lesion_patch.h"
#include "measure/mask_has.h"

#define BORDER 0.05f			/* width of the bands along the border, in D */
#define BORDER_PIXELS 3			/* narrower bands keep the pixels that touch the border */
#define LEAST_SHARE 0.05		/* of the lesion, for a colour to count */

static const struct
{
	const char *name;
	uint8_t		rgb[3];
}			references[LESION_COLOURS] = {
	{"white", {255, 255, 255}},
	{"red", {204, 51, 51}},
	{"light brown", {153, 102, 0}},
	{"dark brown", {51, 0, 0}},
	{"blue-grey", {51, 153, 153}},
	{"black", {0, 0, 0}}
};

const char *
lesion_colour_name(LesionColour colour)
{
	return references[colour].name;
}

/* Sums over pixels. */
typedef struct ColourSum
{
	double		n;
	double		l;
	double		a;
	double		b;
	double		squares;		/* of all three channels together */
} ColourSum;

static void
add_colour(ColourSum *sum, Cielab colour)
{
	sum->n++;
	sum->l += colour.l;
	sum->a += colour.a;
	sum->b += colour.b;
	sum->squares += (double) colour.l * colour.l + (double) colour.a * colour.a + (double) colour.b * colour.b;
}

static Cielab
mean_colour(const ColourSum *sum)
{
	return (Cielab) {(float) (sum->l / sum->n), (float) (sum->a / sum->n), (float) (sum->b / sum->n)};
}

/* Delta E between two means, NAN if one has no pixels. */
static double
mean_distance(const ColourSum *a, const ColourSum *b)
{
	return a->n > 0 && b->n > 0 ? cielab_distance(mean_colour(a), mean_colour(b)) : NAN;
}

/* The eighth in which a pixel lies, counted clockwise from the right. */
static int
sector_of(const LesionPatch *patch, int x, int y)
{
	double		angle = atan2((y + 0.5 - patch->axis.y) * patch->axis.spacing.down,
							  (x + 0.5 - patch->axis.x) * patch->axis.spacing.across);
	int			sector = (int) floor(angle / (2 * M_PI) * COLOUR_SECTORS);

	return (sector + COLOUR_SECTORS) % COLOUR_SECTORS;
}

/* Where the bands along the border begin, in D. The pixels that touch the border
 * are left out: reducing an image mixes both colours in them. Narrow bands keep
 * them. */
static float
band_begin(const LesionPatch *patch)
{
	float		pixel = (float) fmax(patch->axis.spacing.down, patch->axis.spacing.across) / patch->diameter;

	return BORDER_PIXELS * pixel <= BORDER ? 1.25f * pixel : 0;
}

/* Sum up lesion, skin and the bands of the border, and set the measures of the
 * border. */
static Status
measure_regions(const Call *call, const LesionPatch *patch, ColourSum *lesion, ColourSum *skin,
				ColourMeasures *measures)
{
	ColourSum	within[COLOUR_SECTORS] = {0};
	ColourSum	without[COLOUR_SECTORS] = {0};
	float		begin = band_begin(patch);
	size_t		i = 0;

	for (int y = 0; y < patch->mask.height; y++)
	{
		TRY(call_poll(call));
		for (int x = 0; x < patch->mask.width; x++, i++)
		{
			bool		is_lesion = patch->mask.pixels[i] != 0;
			float		distance = is_lesion ? patch->inside[i] : patch->outside[i];

			if (is_lesion)
				add_colour(lesion, patch->colours[i]);
			else if (distance > BORDER && distance <= (float) COLOUR_MARGIN)
				add_colour(skin, patch->colours[i]);
			if (distance > begin && distance <= BORDER)
				add_colour(&(is_lesion ? within : without)[sector_of(patch, x, y)], patch->colours[i]);
		}
	}
	for (int sector = 0; sector < COLOUR_SECTORS; sector++)
		measures->sharpness[sector] = mean_distance(&within[sector], &without[sector]);
	return status_ok();
}

/* Add Delta E between the lesion's pixels and their mirror images. */
static Status
add_mirrored(const Call *call, const LesionPatch *patch, const Mirror *mirror, double *sum, double *count)
{
	size_t		i = 0;

	for (int y = 0; y < patch->mask.height; y++)
	{
		TRY(call_poll(call));
		for (int x = 0; x < patch->mask.width; x++, i++)
		{
			double		dx = x + 0.5 - mirror->x;
			double		dy = y + 0.5 - mirror->y;
			int			x_at = (int) floor(mirror->x + mirror->xx * dx + mirror->xy * dy);
			int			y_at = (int) floor(mirror->y + mirror->yx * dx + mirror->yy * dy);

			if (patch->mask.pixels[i] == 0 || !mask_has(&patch->mask, x_at, y_at))
				continue;
			(*count)++;
			*sum += cielab_distance(patch->colours[i],
									patch->colours[(size_t) y_at * (size_t) patch->mask.width + (size_t) x_at]);
		}
	}
	return status_ok();
}

/* Find which of the six colours occur. */
static void
find_colours(const LesionPatch *patch, const ColourSum *lesion, const ColourSum *skin, ColourMeasures *measures)
{
	size_t		count = (size_t) patch->mask.width * (size_t) patch->mask.height;
	Cielab		colours[LESION_COLOURS];
	double		pixels[LESION_COLOURS] = {0};
	Cielab		skin_colour = mean_colour(skin);
	CielabTable table;

	cielab_table_init(&table);
	for (int colour = 0; colour < LESION_COLOURS; colour++)
		colours[colour] = cielab_of(&table, references[colour].rgb);
	for (size_t i = 0; i < count; i++)
	{
		float		least = skin->n > 0 ? cielab_distance(patch->colours[i], skin_colour) : INFINITY;
		int			nearest = -1;

		if (patch->mask.pixels[i] == 0)
			continue;
		for (int colour = 0; colour < LESION_COLOURS; colour++)
		{
			float		distance = cielab_distance(patch->colours[i], colours[colour]);

			nearest = distance < least ? colour : nearest;
			least = fminf(least, distance);
		}
		if (nearest >= 0)
			pixels[nearest]++;
	}
	for (int colour = 0; colour < LESION_COLOURS; colour++)
		measures->colours[colour] = pixels[colour] > LEAST_SHARE * lesion->n;
}

/* Measure a patch. */
static Status
measure_patch(const Call *call, const LesionPatch *patch, ColourMeasures *measures)
{
	ColourSum	lesion = {0};
	ColourSum	skin = {0};
	double		sum = 0;
	double		count = 0;

	TRY(measure_regions(call, patch, &lesion, &skin, measures));
	measures->contrast = mean_distance(&lesion, &skin);
	if (lesion.n > 0)
	{
		Cielab		mean = mean_colour(&lesion);
		double		square = (double) mean.l * mean.l + (double) mean.a * mean.a + (double) mean.b * mean.b;

		measures->variance = fmax(lesion.squares / lesion.n - square, 0);
	}
	for (int axis = 0; axis < 2; axis++)
	{
		Mirror		mirror = mirror_make(&patch->axis, axis == 1);

		TRY(add_mirrored(call, patch, &mirror, &sum, &count));
	}
	measures->asymmetry = count > 0 ? sum / count : NAN;
	find_colours(patch, &lesion, &skin, measures);
	return status_ok();
}

Status
colour_measure(const Call *call, const Image *image, const Image *mask, const ShapeMeasures *shape,
			   ColourMeasures *measures)
{
	LesionPatch patch;
	Status		status;

	memset(measures, 0, sizeof *measures);
	status = lesion_patch_make(call, image, mask, shape, &patch);
	if (status.code == LS_OK)
		status = measure_patch(call, &patch, measures);
	lesion_patch_free(call, &patch);
	return status;
}
