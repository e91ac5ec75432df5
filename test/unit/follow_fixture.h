/*
 * follow_fixture.h: two photographs of one rendered lesion whose map to each
 * other is known: another light, other hair, other noise, grown where told.
 */
#ifndef LESIONSEG_TEST_FOLLOW_FIXTURE_H
#define LESIONSEG_TEST_FOLLOW_FIXTURE_H

#include "image_fixture.h"

#include <math.h>

#include "core/rng.h"
#include "image/synthetic.h"
#include "measure/follow/register.h"

#define SCENE_WIDTH 800
#define SCENE_HEIGHT 600
#define PHOTO_WIDTH 400
#define PHOTO_HEIGHT 300
#define SCENE_STEP 1.4			/* pixels of the scene to one of a photograph */

typedef struct Pair
{
	Image		before;
	Image		mask_before;
	Image		after;
	Image		mask_after;
	Similarity	to_after;
	double		growth;			/* area after over before, at one scale */
} Pair;

#define ANGLES_OF_SCENE 360

/* A scene, and where its lesion is. */
typedef struct Scene
{
	Image		image;
	Image		mask;
	double		x;
	double		y;
	double		radii[ANGLES_OF_SCENE]; /* of its outline, from the right on, clockwise as seen */
	double		area;
} Scene;

/* Lesion at a point, from the centroid on? */
static inline bool
scene_has(const Scene *scene, double x, double y)
{
	x += scene->x;
	y += scene->y;
	return x >= 0 && y >= 0 && x < SCENE_WIDTH && y < SCENE_HEIGHT &&
		scene->mask.pixels[(int) y * SCENE_WIDTH + (int) x] != 0;
}

static inline Scene
scene_make(int64_t seed)
{
	Scene		scene;
	double		n = 0;

	assert_ok(synthetic_lesion(call_standalone(), seed, SCENE_WIDTH, SCENE_HEIGHT, 0, &scene.image, &scene.mask));
	scene.x = scene.y = 0;
	for (int i = 0; i < SCENE_WIDTH * SCENE_HEIGHT; i++)
		if (scene.mask.pixels[i] != 0)
		{
			n++;
			scene.x += i % SCENE_WIDTH + 0.5;
			scene.y += i / SCENE_WIDTH + 0.5;
		}
	scene.x /= n;
	scene.y /= n;
	scene.area = n;
	for (int i = 0; i < ANGLES_OF_SCENE; i++)
	{
		double		angle = 2 * M_PI * i / ANGLES_OF_SCENE;
		double		radius = 400;

		while (radius > 1 && !scene_has(&scene, radius * cos(angle), radius * sin(angle)))
			radius -= 1;
		scene.radii[i] = radius;
	}
	return scene;
}

static inline void
scene_free(Scene *scene)
{
	image_free(call_standalone(), &scene->image);
	image_free(call_standalone(), &scene->mask);
}

/* A lesion grows at its border: what was at a share of the outline's radius, where
 * that grew by a factor. The inside and the skin farther out stay. */
static inline double
grown_from(double share, double factor)
{
	const double inner = 0.85;
	const double outer = 1.35;

	if (share < inner || share > outer)
		return share;
	if (share < factor)
		return inner + (share - inner) * (1 - inner) / (factor - inner);
	return 1 + (share - factor) * (outer - 1) / (outer - factor);
}

/* By how much a point is pulled towards the centroid. */
static inline double
pull_at(const Scene *scene, double x, double y, double factor)
{
	double		place = (atan2(y, x) / (2 * M_PI) + 1) * ANGLES_OF_SCENE;
	int			first = (int) place;
	double		between = place - first;
	double		outline = (1 - between) * scene->radii[first % ANGLES_OF_SCENE] +
		between * scene->radii[(first + 1) % ANGLES_OF_SCENE];
	double		share = hypot(x, y) / outline;

	return share > 0 ? grown_from(share, factor) / share : 1;
}

/* By what factor a lesion's radii grow where its area grows so. */
static inline double
growth_factor(const Scene *scene, double growth)
{
	double		low = 1;
	double		high = 1.3;

	for (int round = 0; growth > 1 && round < 14; round++)
	{
		double		factor = (low + high) / 2;
		double		n = 0;

		for (int y = 0; y < SCENE_HEIGHT; y += 2)
			for (int x = 0; x < SCENE_WIDTH; x += 2)
			{
				double		dx = x + 0.5 - scene->x;
				double		dy = y + 0.5 - scene->y;
				double		pull = pull_at(scene, dx, dy, factor);

				n += scene_has(scene, pull * dx, pull * dy);
			}
		*(4 * n < growth * scene->area ? &low : &high) = factor;
	}
	return low;
}

/* A mirrored position within the scene. */
static inline double
mirrored(double at, double side)
{
	at = fabs(at);
	return at > side - 1 ? fmax(2 * (side - 1) - at, 0) : at;
}

/* Photograph the scene: at is the map from the photograph to the scene. */
static inline void
photograph(const Scene *scene, const Similarity *at, double factor, Rng *rng, Image *image, Image *mask)
{
	double		gains[3];
	double		slope[2] = {rng_range(rng, -0.2, 0.2), rng_range(rng, -0.2, 0.2)};
	double		light = rng_range(rng, 0.75, 1.15);

	for (int c = 0; c < 3; c++)
		gains[c] = light * rng_range(rng, 0.9, 1.1);
	*image = constant(PHOTO_WIDTH, PHOTO_HEIGHT, 3, 0);
	*mask = constant(PHOTO_WIDTH, PHOTO_HEIGHT, 1, 0);
	for (int i = 0; i < PHOTO_WIDTH * PHOTO_HEIGHT; i++)
	{
		double		px = i % PHOTO_WIDTH + 0.5;
		double		py = i / PHOTO_WIDTH + 0.5;
		double		x = at->a * px - at->b * py + at->x0 - scene->x;
		double		y = at->b * px + at->a * py + at->y0 - scene->y;
		double		pull = pull_at(scene, x, y, factor);
		double		sx = mirrored(scene->x + pull * x - 0.5, SCENE_WIDTH - 1);
		double		sy = mirrored(scene->y + pull * y - 0.5, SCENE_HEIGHT - 1);
		int			ix = (int) sx;
		int			iy = (int) sy;

		mask->pixels[i] = scene->mask.pixels[(int) (sy + 0.5) * SCENE_WIDTH + (int) (sx + 0.5)];
		for (int c = 0; c < 3; c++)
		{
			const uint8_t *from = scene->image.pixels + 3 * (iy * SCENE_WIDTH + ix) + c;
			double		upper = from[0] + (sx - ix) * (from[3] - from[0]);
			double		lower = from[3 * SCENE_WIDTH] +
				(sx - ix) * (from[3 * SCENE_WIDTH + 3] - from[3 * SCENE_WIDTH]);
			double		value = upper + (sy - iy) * (lower - upper);

			value *= gains[c] * (1 + slope[0] * (px / PHOTO_WIDTH - 0.5) + slope[1] * (py / PHOTO_HEIGHT - 0.5));
			value += rng_range(rng, -4, 4);
			image->pixels[3 * i + c] = (uint8_t) fmin(fmax(value, 0), 255);
		}
	}
}

/* Lay so many hairs over a photograph. */
static inline void
add_hair(Image *image, int hairs, Rng *rng)
{
	for (int i = 0; i < hairs; i++)
	{
		double		x = rng_range(rng, 0, PHOTO_WIDTH);
		double		y = rng_range(rng, 0, PHOTO_HEIGHT);
		double		angle = rng_range(rng, 0, 2 * M_PI);
		double		bend = rng_range(rng, -0.01, 0.01);

		for (int step = 0; step < 160; step++, angle += bend, x += cos(angle), y += sin(angle))
			for (int dy = 0; dy < 2; dy++)
				for (int dx = 0; dx < 2; dx++)
					if (x + dx >= 0 && y + dy >= 0 && x + dx < PHOTO_WIDTH && y + dy < PHOTO_HEIGHT)
						memset(image->pixels + 3 * ((int) (y + dy) * PHOTO_WIDTH + (int) (x + dx)), 35, 3);
	}
}

/* The map from a photograph to the scene, by what the camera did: turned by
 * degrees, nearer by scale, moved by shares of the photograph. */
static inline Similarity
camera(double degrees, double scale, double dx, double dy)
{
	double		angle = degrees * M_PI / 180;
	double		a = SCENE_STEP / scale * cos(angle);
	double		b = -SCENE_STEP / scale * sin(angle);
	double		px = PHOTO_WIDTH * (0.5 + dx);
	double		py = PHOTO_HEIGHT * (0.5 + dy);

	return (Similarity) {a, b, SCENE_WIDTH / 2.0 - a * px + b * py, SCENE_HEIGHT / 2.0 - b * px - a * py};
}

/* first, then second. */
static inline Similarity
similarity_after(const Similarity *first, const Similarity *second)
{
	return (Similarity) {
		second->a * first->a - second->b * first->b, second->b * first->a + second->a * first->b,
		second->a * first->x0 - second->b * first->y0 + second->x0,
		second->b * first->x0 + second->a * first->y0 + second->y0
	};
}

/* The inverse map. */
static inline Similarity
similarity_inverse(const Similarity *map)
{
	double		square = map->a * map->a + map->b * map->b;
	double		a = map->a / square;
	double		b = -map->b / square;

	return (Similarity) {a, b, b * map->y0 - a * map->x0, -b * map->x0 - a * map->y0};
}

/* Make pair number `seed`: turned by up to 45 degrees, scaled and moved by up to a fifth. */
static inline Pair
pair_make(int64_t seed, double growth)
{
	Scene		scene = scene_make(seed);
	Similarity	first = camera(0, 1, 0, 0);
	Similarity	second;
	Similarity	back;
	Pair		pair = {.growth = growth};
	Rng			rng;

	rng_seed(&rng, (uint64_t) seed, 77);
	second = camera(rng_range(&rng, -45, 45), exp(rng_range(&rng, log(0.8), log(1.2))), rng_range(&rng, -0.2, 0.2),
					rng_range(&rng, -0.2, 0.2));
	photograph(&scene, &first, 1, &rng, &pair.before, &pair.mask_before);
	photograph(&scene, &second, growth_factor(&scene, growth), &rng, &pair.after, &pair.mask_after);
	add_hair(&pair.before, (int) rng_below(&rng, 12), &rng);
	add_hair(&pair.after, (int) rng_below(&rng, 12), &rng);
	back = similarity_inverse(&second);
	pair.to_after = similarity_after(&first, &back);
	scene_free(&scene);
	return pair;
}

static inline void
pair_free(Pair *pair)
{
	image_free(call_standalone(), &pair->before);
	image_free(call_standalone(), &pair->mask_before);
	image_free(call_standalone(), &pair->after);
	image_free(call_standalone(), &pair->mask_after);
}

/* How far two maps are apart at most within the first photograph, in shares of its
 * longer side. */
static inline double
map_error(const Similarity *a, const Similarity *b)
{
	double		most = 0;

	for (int corner = 0; corner < 4; corner++)
	{
		double		x = corner % 2 * PHOTO_WIDTH;
		double		y = corner / 2 * PHOTO_HEIGHT;

		most = fmax(most, hypot((a->a - b->a) * x - (a->b - b->b) * y + a->x0 - b->x0,
								(a->b - b->b) * x + (a->a - b->a) * y + a->y0 - b->y0));
	}
	return most / PHOTO_WIDTH;
}

#endif
