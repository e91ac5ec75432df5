/*
 * synthetic.c: a rendered dermoscopic lesion and its exact mask.
 *
 * A Scene is drawn from the seed: skin, the lesion's outline and pigments,
 * spots beside it, the microscope's vignette. The renderer then computes for
 * each pixel how far inside the outline it is. That number decides the mask
 * (inside or not) and, eased over the border's width, how much pigment there
 * is; so the mask's edge is exactly where the pigment is half.
 *
 * All arithmetic is in integers (see noise.h for their units): a mask that
 * differs by one pixel between machines would break tests and trainings.
 */
#include "image/synthetic.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "image/flaws.h"
#include "image/codec/formats.h"
#include "image/noise.h"

#define SIDE_MIN 16
#define SIDE_MAX 16384
#define HARMONICS 7				/* of the outline, from the second on */
#define SPOTS_MAX 10
#define TURN_BITS 14			/* sines and cosines: 1 is 1 << TURN_BITS */
#define PERCENT(x) ((x) * NOISE_ONE / 100)

/* How the pigment of a lesion is laid out close up. */
typedef enum Texture
{
	TEXTURE_PLAIN,
	TEXTURE_NETWORK,			/* brown lines around paler holes */
	TEXTURE_GLOBULES			/* darker dots */
} Texture;

/* A small area of another colour: a freckle on the skin, or a blotch in the
 * lesion. */
typedef struct Spot
{
	int32_t		x;
	int32_t		y;
	int32_t		radius;
	int32_t		strength;		/* of NOISE_ONE */
	int			pigment;
	bool		in_lesion;		/* its pigment ends at the lesion's outline */
} Spot;

typedef struct Scene
{
	int			skin[3];
	NoiseField	mottle;			/* patches of redder and paler skin */
	NoiseField	grain;
	int			mottle_strength;
	int			grain_strength;

	int32_t		x;				/* the lesion's centre */
	int32_t		y;
	int32_t		radius;
	int32_t		cosines[HARMONICS + 1];	/* outline, as fractions of the radius */
	int32_t		sines[HARMONICS + 1];
	NoiseField	ragged;			/* fine irregularity of the outline */
	int32_t		ragged_strength;
	int32_t		softness;		/* half the width of the border */

	int			pigment;		/* the main pigment, and one that replaces it in places */
	int			second_pigment;
	NoiseField	mixture;
	int32_t		mixture_bias;
	NoiseField	density;
	int32_t		density_strength;
	int32_t		density_rim;	/* how much denser the rim is than the centre */
	int32_t		contrast;
	Texture		texture;
	uint32_t	texture_seed;
	int			texture_cells;
	int32_t		texture_strength;

	Spot		spots[SPOTS_MAX];
	int			spot_count;

	int32_t		vignette_start;	/* distance from the centre where it starts */
	int32_t		vignette_end;	/* and where it is black; none if <= start */
} Scene;

/* Skin in dermoscopes' light, from pale and pink to tanned and bluish. */
static const int skins[][3] = {
	{236, 200, 190}, {222, 178, 156}, {240, 218, 208}, {205, 160, 135},
	{226, 190, 150}, {196, 150, 118}, {214, 208, 214}, {240, 170, 165},
};

/*
 * The shares of red, green and blue that a full layer of pigment absorbs, of
 * NOISE_ONE. Melanin looks brown in the upper skin and blue-grey deep in it.
 */
static const int pigments[][3] = {
	{PERCENT(40), PERCENT(58), PERCENT(68)},	/* brown */
	{PERCENT(66), PERCENT(80), PERCENT(85)},	/* dark brown */
	{PERCENT(82), PERCENT(86), PERCENT(84)},	/* black */
	{PERCENT(16), PERCENT(50), PERCENT(54)},	/* red */
	{PERCENT(18), PERCENT(40), PERCENT(62)},	/* light brown */
	{PERCENT(58), PERCENT(55), PERCENT(46)},	/* blue-grey */
};

#define COUNT(array) ((int) (sizeof(array) / sizeof(array)[0]))

/* A field with a seed of its own. */
static NoiseField
pick_field(Rng *rng, int cells_low, int cells_high, int octaves)
{
	NoiseField	field;

	field.seed = (uint32_t) rng_next(rng);
	field.cells = pick_between(rng, cells_low, cells_high);
	field.octaves = octaves;
	return field;
}

/* A length between two percentages of the shorter side. */
static int32_t
pick_length(Rng *rng, int low, int high)
{
	return pick_between(rng, low * NOISE_UNIT / 100, high * NOISE_UNIT / 100);
}

/* Draw a skin colour between two of the tones, its patches and its grain. */
static void
pick_skin(Rng *rng, Scene *scene)
{
	const int  *one = skins[pick_between(rng, 0, COUNT(skins) - 1)];
	const int  *other = skins[pick_between(rng, 0, COUNT(skins) - 1)];
	int			share = pick_between(rng, 0, 100);

	for (int c = 0; c < 3; c++)
		scene->skin[c] = (one[c] * share + other[c] * (100 - share)) / 100;
	scene->mottle = pick_field(rng, 3, 9, 4);
	scene->mottle_strength = pick_between(rng, 4, 26);
	scene->grain = pick_field(rng, 40, 70, 2);
	scene->grain_strength = pick_between(rng, 3, 9);
}

/* Draw the lesion's place and outline. Harmonic k is at most about 1/k of the
 * first one's strength, as in natural outlines. */
static void
pick_outline(Rng *rng, Scene *scene)
{
	int			irregularity = pick_between(rng, 20, 100);

	scene->radius = pick_length(rng, 9, 38);
	scene->x = pick_length(rng, -18, 18);
	scene->y = pick_length(rng, -18, 18);
	for (int k = 2; k <= HARMONICS; k++)
	{
		int			most = PERCENT(34) * irregularity / (100 * k);

		scene->cosines[k] = pick_between(rng, -most, most);
		scene->sines[k] = pick_between(rng, -most, most);
	}
	scene->ragged = pick_field(rng, 9, 18, 3);
	scene->ragged_strength = PERCENT(14) * pick_between(rng, 10, 100) / 100;
	scene->softness = scene->radius * pick_between(rng, 4, 22) / 100;
}

/* Draw the lesion's pigments and texture. One lesion in four is pale. */
static void
pick_filling(Rng *rng, Scene *scene)
{
	scene->pigment = pick_between(rng, 0, 1) == 0 ? 0 : pick_between(rng, 1, 4);
	scene->second_pigment = pick_between(rng, 0, COUNT(pigments) - 1);
	scene->mixture = pick_field(rng, 4, 8, 3);
	scene->mixture_bias = PERCENT(pick_between(rng, -10, 60));
	scene->density = pick_field(rng, 6, 14, 4);
	scene->density_strength = PERCENT(pick_between(rng, 15, 55));
	scene->density_rim = PERCENT(pick_between(rng, -45, 25));
	scene->contrast = pick_between(rng, 0, 3) == 0 ? PERCENT(pick_between(rng, 28, 50)) :
		PERCENT(pick_between(rng, 55, 105));
	scene->texture = (Texture) pick_between(rng, TEXTURE_PLAIN, TEXTURE_GLOBULES);
	scene->texture_seed = (uint32_t) rng_next(rng);
	scene->texture_cells = pick_between(rng, 26, 55);
	scene->texture_strength = PERCENT(pick_between(rng, 15, 45));
}

/* Draw freckles, too faint to count as lesions, and in some lesions blotches
 * of another pigment. */
static void
pick_spots(Rng *rng, Scene *scene)
{
	int			freckles = pick_between(rng, 0, 6);
	int			blotches = pick_between(rng, 1, SPOTS_MAX - 6);

	if (pick_between(rng, 0, 1) == 0)
		blotches = 0;
	scene->spot_count = freckles + blotches;
	for (int i = 0; i < scene->spot_count; i++)
	{
		Spot	   *spot = &scene->spots[i];

		if (i < freckles)
		{
			spot->x = pick_length(rng, -50, 50);
			spot->y = pick_length(rng, -50, 50);
			spot->radius = pick_length(rng, 1, 5);
			spot->strength = scene->contrast * pick_between(rng, 8, 32) / 100;
			spot->pigment = pick_between(rng, 0, 1) == 0 ? 3 : 4;
		}
		else
		{
			spot->x = scene->x + scene->radius * pick_between(rng, -60, 60) / 100;
			spot->y = scene->y + scene->radius * pick_between(rng, -60, 60) / 100;
			spot->radius = scene->radius * pick_between(rng, 15, 45) / 100;
			spot->strength = PERCENT(pick_between(rng, 35, 75));
			spot->pigment = pick_between(rng, 1, COUNT(pigments) - 1);
			spot->in_lesion = true;
		}
	}
}

/* Draw the whole scene from the seed. */
static void
pick_scene(Rng *rng, Scene *scene)
{
	memset(scene, 0, sizeof *scene);
	pick_skin(rng, scene);
	pick_outline(rng, scene);
	pick_filling(rng, scene);
	pick_spots(rng, scene);
	scene->vignette_start = pick_length(rng, 46, 62);
	if (pick_between(rng, 0, 2) == 0)
		scene->vignette_end = scene->vignette_start + pick_length(rng, 6, 30);
}

static int32_t
length_of(int64_t dx, int64_t dy)
{
	return (int32_t) sqrt((double) (dx * dx + dy * dy));	/* correctly rounded: the same everywhere */
}

/*
 * The outline's distance from the lesion's centre in the direction of (dx,
 * dy), a vector of length `far`. Higher harmonics come from the first by
 * Chebyshev's recurrence, cos (k+1)t = 2 cos t cos kt - cos (k-1)t.
 */
static int32_t
outline_distance(const Scene *scene, int32_t dx, int32_t dy, int32_t far)
{
	int64_t		one = 1 << TURN_BITS;
	int64_t		cosine = far == 0 ? one : dx * one / far;
	int64_t		sine = far == 0 ? 0 : dy * one / far;
	int64_t		cosines[2] = {one, cosine};	/* of the last two multiples of the angle */
	int64_t		sines[2] = {0, sine};
	int64_t		sum = NOISE_ONE * one;

	for (int k = 2; k <= HARMONICS; k++)
	{
		int64_t		next_cosine = 2 * cosine * cosines[1] / one - cosines[0];
		int64_t		next_sine = 2 * cosine * sines[1] / one - sines[0];

		sum += scene->cosines[k] * next_cosine + scene->sines[k] * next_sine;
		cosines[0] = cosines[1];
		cosines[1] = next_cosine;
		sines[0] = sines[1];
		sines[1] = next_sine;
	}
	return (int32_t) (scene->radius * sum / (NOISE_ONE * one));
}

/* Subtract the light that `amount` of a pigment absorbs; colour is in
 * 1/256. */
static void
absorb_light(int32_t *colour, int pigment, int32_t amount)
{
	for (int c = 0; c < 3; c++)
		colour[c] -= (int32_t) ((int64_t) colour[c] * pigments[pigment][c] * amount / (NOISE_ONE * NOISE_ONE));
}

/* How the texture changes the pigment's density at a point. */
static int32_t
texture_at(const Scene *scene, int32_t x, int32_t y)
{
	int32_t		nearest;
	int32_t		second;

	if (scene->texture == TEXTURE_PLAIN)
		return 0;
	noise_cells(scene->texture_seed, scene->texture_cells, x, y, &nearest, &second);
	if (scene->texture == TEXTURE_NETWORK)	/* lines lie where two points are equally near */
		return scene->texture_strength * (NOISE_ONE / 3 - noise_step(second - nearest, 0, PERCENT(40))) /
			NOISE_ONE;
	return scene->texture_strength * (NOISE_ONE - noise_step(nearest, PERCENT(20), PERCENT(45)) - NOISE_ONE / 4) /
		NOISE_ONE;
}

/* The noise fields of a row, one value per pixel each. */
typedef struct RowNoise
{
	int32_t    *xs;				/* positions */
	int32_t    *mottle;
	int32_t    *grain;
	int32_t    *ragged;
	int32_t    *mixture;
	int32_t    *density;
} RowNoise;

/* Colour of pixel i of a row at height y; sets whether it is lesion. */
static void
render_pixel(const Scene *scene, const RowNoise *noise, int i, int32_t y, uint8_t *rgb, uint8_t *mask)
{
	static const int mottle_tint[3] = {35, 100, 85};	/* redness takes green and blue */
	int32_t		x = noise->xs[i];
	int32_t		dx = x - scene->x;
	int32_t		dy = y - scene->y;
	int32_t		far = length_of(dx, dy);
	int32_t		edge = outline_distance(scene, dx, dy, far);
	int32_t		inside;			/* depth below the outline */
	int32_t		softness;
	int32_t		amount;
	int32_t		colour[3];

	for (int c = 0; c < 3; c++)
		colour[c] = 256 * scene->skin[c] +
			(scene->mottle_strength * mottle_tint[c] * noise->mottle[i] / 100 +
			 scene->grain_strength * noise->grain[i]) / (NOISE_ONE / 256);

	inside = edge - far + (int32_t) ((int64_t) scene->radius * scene->ragged_strength / NOISE_ONE *
									 noise->ragged[i] / NOISE_ONE);
	softness = (int32_t) ((int64_t) scene->softness * (NOISE_ONE + noise->mixture[i] / 2) / NOISE_ONE) + 64;
	amount = noise_step(inside, -softness, softness);
	*mask = inside >= 0 ? 255 : 0;
	if (amount > 0)
	{
		int64_t		rim = edge > 0 ? (int64_t) NOISE_ONE * far / edge : 0;
		int32_t		second = noise_step(noise->mixture[i], scene->mixture_bias - PERCENT(45),
										scene->mixture_bias + PERCENT(45));
		int64_t		density = PERCENT(78) +
			(int64_t) scene->density_strength * noise->density[i] / NOISE_ONE +
			scene->density_rim * (rim > NOISE_ONE ? NOISE_ONE : rim) / NOISE_ONE + texture_at(scene, x, y);

		if (density < PERCENT(18))
			density = PERCENT(18);
		if (density > PERCENT(125))
			density = PERCENT(125);
		density = density * amount / NOISE_ONE * scene->contrast / NOISE_ONE;
		absorb_light(colour, scene->pigment, (int32_t) density * (NOISE_ONE - second) / NOISE_ONE);
		absorb_light(colour, scene->second_pigment, (int32_t) density * second / NOISE_ONE);
	}
	for (int s = 0; s < scene->spot_count; s++)
	{
		const Spot *spot = &scene->spots[s];
		int32_t		reach = spot->radius + spot->radius / 2;
		int32_t		from;

		/* noise moves a spot's edge by less than the spot's radius */
		if (abs(x - spot->x) > reach + spot->radius || abs(y - spot->y) > reach + spot->radius)
			continue;
		from = length_of(x - spot->x, y - spot->y) +
			(int32_t) ((int64_t) spot->radius * noise->density[i] / (2 * NOISE_ONE));
		absorb_light(colour, spot->pigment,
					 (int32_t) ((int64_t) spot->strength * (NOISE_ONE - noise_step(from, 0, reach)) /
								NOISE_ONE * (spot->in_lesion ? amount : NOISE_ONE) / NOISE_ONE));
	}
	if (scene->vignette_end > scene->vignette_start)
	{
		int32_t		light = NOISE_ONE -
			noise_step(length_of(x, y), scene->vignette_start, scene->vignette_end) * 9 / 10;

		for (int c = 0; c < 3; c++)
			colour[c] = (int32_t) ((int64_t) colour[c] * light / NOISE_ONE);
	}
	for (int c = 0; c < 3; c++)
	{
		int32_t		value = (colour[c] + 128) / 256;

		rgb[c] = (uint8_t) (value < 0 ? 0 : value > 255 ? 255 : value);
	}
}

/* Render all rows. memory holds six rows of int32. */
static Status
render_rows(const Call *call, const Scene *scene, int32_t *memory, Image *image, Image *mask)
{
	int			width = image->width;
	int			height = image->height;
	int			side = width < height ? width : height;
	RowNoise	noise = {
		.xs = memory,
		.mottle = memory + width,
		.grain = memory + 2 * width,
		.ragged = memory + 3 * width,
		.mixture = memory + 4 * width,
		.density = memory + 5 * width,
	};

	for (int x = 0; x < width; x++)
		noise.xs[x] = (int32_t) ((int64_t) (2 * x + 1 - width) * NOISE_UNIT / (2 * side));
	for (int row = 0; row < height; row++)
	{
		int32_t		y = (int32_t) ((int64_t) (2 * row + 1 - height) * NOISE_UNIT / (2 * side));
		size_t		start = (size_t) row * (size_t) width;

		if (row % POLL_ROWS == 0)
			TRY(call_poll(call));
		noise_row(&scene->mottle, noise.xs, y, width, noise.mottle);
		noise_row(&scene->grain, noise.xs, y, width, noise.grain);
		noise_row(&scene->ragged, noise.xs, y, width, noise.ragged);
		noise_row(&scene->mixture, noise.xs, y, width, noise.mixture);
		noise_row(&scene->density, noise.xs, y, width, noise.density);
		for (int x = 0; x < width; x++)
			render_pixel(scene, &noise, x, y, image->pixels + 3 * (start + (size_t) x),
						 mask->pixels + start + (size_t) x);
	}
	return status_ok();
}

/* Check the arguments of synthetic_lesion. */
static Status
check_arguments(int width, int height, int severity)
{
	if (width < SIDE_MIN || width > SIDE_MAX || height < SIDE_MIN || height > SIDE_MAX)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "cannot render %d x %d pixels", width, height),
								"Width and height go from %d to %d.", SIDE_MIN, SIDE_MAX);
	if (severity < 0 || severity > 5)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "the severity is %d", severity),
								"Severity goes from 0 (a clean image) to 5 (a poor one).");
	return status_ok();
}

Status
synthetic_lesion(const Call *call, int64_t seed, int width, int height, int severity,
				 Image *image, Image *mask)
{
	Scene		scene;
	Rng			rng;
	void	   *memory = NULL;
	Status		status;

	memset(image, 0, sizeof *image);
	memset(mask, 0, sizeof *mask);
	TRY(check_arguments(width, height, severity));
	rng_seed(&rng, (uint64_t) seed, 0);
	pick_scene(&rng, &scene);
	status = image_create(call, width, height, 3, image);
	if (status.code == LS_OK)
		status = image_create(call, width, height, 1, mask);
	if (status.code == LS_OK)
		status = call_alloc_array(call, (size_t) width * 6, sizeof(int32_t), &memory);
	if (status.code == LS_OK)
		status = render_rows(call, &scene, memory, image, mask);
	if (status.code == LS_OK && severity > 0)
	{
		rng_seed(&rng, (uint64_t) seed, 1);	/* the scene stays the same at every severity */
		status = flaws_add(call, &rng, severity, image);
	}
	call_free(call, memory);
	if (status.code != LS_OK)
	{
		image_free(call, image);
		image_free(call, mask);
	}
	return status;
}
