/*
 * learn_augment.c: variations that have an exact answer, and what every
 * variation keeps.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "learn/augment.h"
#include "between.h"

#define SIZE 12					/* even, so that the centre is between pixels */
#define BIG 64

/* An image, its mask, and what becomes of them. */
typedef struct Pair
{
	uint8_t		rgb[BIG * BIG * 3];
	uint8_t		mask[BIG * BIG];
	uint8_t		out_rgb[BIG * BIG * 3];
	uint8_t		out_mask[BIG * BIG];
} Pair;

/* The variation that changes nothing. */
static Variation
identity(void)
{
	Variation	variation = {
		.scale = 1,
		.brightness = 1,
		.contrast = 1,
		.gain = {1, 1, 1},
	};

	return variation;
}

/* Fill with noise and a mask of noise. */
static void
fill_noise(Pair *pair, uint64_t seed)
{
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (size_t i = 0; i < sizeof pair->rgb; i++)
		pair->rgb[i] = (uint8_t) rng_next(&rng);
	for (size_t i = 0; i < sizeof pair->mask; i++)
		pair->mask[i] = rng_next(&rng) & 1 ? 255 : 0;
}

/* augment_apply, which must succeed. */
static void
vary(const Variation *variation, int size, const uint8_t *rgb, const uint8_t *mask, uint8_t *out_rgb, uint8_t *out_mask)
{
	assert_int_equal(augment_apply(call_standalone(), variation, size, rgb, mask, out_rgb, out_mask).code, LS_OK);
}

/* Vary a SIZE x SIZE noise pair and check that output (x, y) is input
 * (u[x][y], v[x][y]), where u = ux x + uy y + u0 and so on, reflected. */
static void
assert_moves(const Variation *variation, int ux, int uy, int u0, int vx, int vy, int v0)
{
	Pair		pair;

	fill_noise(&pair, 1);
	vary(variation, SIZE, pair.rgb, pair.mask, pair.out_rgb, pair.out_mask);
	for (int y = 0; y < SIZE; y++)
	{
		for (int x = 0; x < SIZE; x++)
		{
			int			u = ux * x + uy * y + u0;
			int			v = vx * x + vy * y + v0;

			u = u < 0 ? -1 - u : u >= SIZE ? 2 * SIZE - 1 - u : u;
			v = v < 0 ? -1 - v : v >= SIZE ? 2 * SIZE - 1 - v : v;
			assert_int_equal(pair.out_mask[y * SIZE + x], pair.mask[v * SIZE + u]);
			assert_memory_equal(&pair.out_rgb[(y * SIZE + x) * 3], &pair.rgb[(v * SIZE + u) * 3], 3);
		}
	}
}

static void
test_identity(void **state)
{
	Variation	variation = identity();
	AugmentOptions none = augment_none();
	Rng			rng;

	(void) state;
	assert_moves(&variation, 1, 0, 0, 0, 1, 0);
	rng_seed(&rng, 1, 1);
	variation = augment_draw(&none, &rng);
	assert_moves(&variation, 1, 0, 0, 0, 1, 0);
}

static void
test_flips(void **state)
{
	Variation	variation = identity();

	(void) state;
	variation.flip_x = true;
	assert_moves(&variation, -1, 0, SIZE - 1, 0, 1, 0);
	variation.flip_y = true;
	assert_moves(&variation, -1, 0, SIZE - 1, 0, -1, SIZE - 1);
	variation.flip_x = false;
	assert_moves(&variation, 1, 0, 0, 0, -1, SIZE - 1);
}

/* Clockwise: what was at the left is at the top. */
static void
test_quarter_turns(void **state)
{
	Variation	variation = identity();

	(void) state;
	variation.angle = 90;
	assert_moves(&variation, 0, 1, 0, -1, 0, SIZE - 1);
	variation.angle = 180;
	assert_moves(&variation, -1, 0, SIZE - 1, 0, -1, SIZE - 1);
	variation.angle = -90;
	assert_moves(&variation, 0, -1, SIZE - 1, 1, 0, 0);
}

/* Right and down by whole pixels; borders reflect, the edge counted twice. */
static void
test_shift(void **state)
{
	Variation	variation = identity();

	(void) state;
	variation.shift_x = 0.25;
	assert_moves(&variation, 1, 0, -3, 0, 1, 0);
	variation.shift_y = -0.5;
	assert_moves(&variation, 1, 0, -3, 0, 1, 6);
}

/* A flipped image is turned after the flip and shifted last. */
static void
test_order_of_moves(void **state)
{
	Variation	variation = identity();

	(void) state;
	variation.flip_x = true;
	variation.angle = 90;
	variation.shift_x = 0.25;
	assert_moves(&variation, 0, -1, SIZE - 1, -1, 0, SIZE - 1 + 3);
}

/* Half a pixel to the right: means of neighbours, and a mask half covered is
 * not lesion. */
static void
test_half_pixel(void **state)
{
	Variation	variation = identity();
	Pair		pair;

	(void) state;
	variation.shift_x = 0.5 / SIZE;
	fill_noise(&pair, 2);
	vary(&variation, SIZE, pair.rgb, pair.mask, pair.out_rgb, pair.out_mask);
	for (int y = 0; y < SIZE; y++)
	{
		for (int x = 1; x < SIZE; x++)
		{
			int			at = y * SIZE + x;

			for (int c = 0; c < 3; c++)
				assert_int_equal(pair.out_rgb[at * 3 + c],
								 (pair.rgb[at * 3 + c] + pair.rgb[at * 3 - 3 + c] + 1) / 2);
			assert_int_equal(pair.out_mask[at], pair.mask[at] & pair.mask[at - 1]);
		}
		assert_int_equal(pair.out_mask[y * SIZE], pair.mask[y * SIZE]);
	}
}

/* Twice as large: output pixels stand a quarter pixel off the source's. */
static void
test_scale(void **state)
{
	Variation	variation = identity();
	Pair		pair;

	(void) state;
	variation.scale = 2;
	fill_noise(&pair, 3);
	vary(&variation, SIZE, pair.rgb, pair.mask, pair.out_rgb, pair.out_mask);
	for (int y = 0; y < SIZE; y++)
	{
		for (int x = 0; x < SIZE; x++)
		{
			/* Source position (x + 0.5 - 6) / 2 + 6 - 0.5 = x / 2 + 2.75, in quarters. */
			int			u = 2 * x + 11;
			int			v = 2 * y + 11;
			int			sum = 0;

			for (int dy = 0; dy < 2; dy++)
				for (int dx = 0; dx < 2; dx++)
					sum += (dx ? u % 4 : 4 - u % 4) * (dy ? v % 4 : 4 - v % 4) *
						pair.rgb[((v / 4 + dy) * SIZE + u / 4 + dx) * 3];
			assert_int_equal(pair.out_rgb[(y * SIZE + x) * 3], (sum + 8) / 16);
		}
	}
}

/* v -> (v * gain * brightness - 127.5) * contrast + 127.5, rounded, clamped. */
static void
test_colour(void **state)
{
	Variation	variation = identity();
	uint8_t		rgb[12] = {0, 0, 0, 100, 100, 100, 200, 200, 200, 255, 255, 255};
	uint8_t		mask[4] = {255, 0, 255, 0};
	uint8_t		out_rgb[12];
	uint8_t		out_mask[4];
	/* Gains 0.75, 1 and 0.5 in all: 100 -> 75, 100, 50 -> 49, 86, 11. */
	const uint8_t expected[12] = {0, 0, 0, 49, 86, 11, 161, 236, 86, 223, 255, 128};

	(void) state;
	variation.brightness = 0.5;
	variation.contrast = 1.5;
	variation.gain[0] = 1.5;
	variation.gain[1] = 2;
	vary(&variation, 2, rgb, mask, out_rgb, out_mask);
	assert_memory_equal(out_rgb, expected, sizeof expected);
	assert_memory_equal(out_mask, mask, sizeof mask);
}

/* Under any variation the mask stays 0/255 and follows its image: an image
 * that is its mask in grey says lesion where the varied mask does. */
static void
test_mask_follows_image(void **state)
{
	AugmentOptions options = augment_default();

	(void) state;
	options.brightness = options.contrast = options.colour = options.degrade = 0;
	for (int i = 0; i < 200; i++)
	{
		Pair		pair;
		Variation	variation;
		Rng			rng;
		int			lesion = 0;

		fill_noise(&pair, 4);
		for (int at = 0; at < BIG * BIG; at++)
		{
			int			x = at % BIG - 20;
			int			y = at / BIG - 40;

			pair.mask[at] = x * x + 2 * y * y < 300 ? 255 : 0;
			memset(&pair.rgb[at * 3], pair.mask[at], 3);
		}
		rng_seed(&rng, 9, (uint64_t) i);
		variation = augment_draw(&options, &rng);
		vary(&variation, BIG, pair.rgb, pair.mask, pair.out_rgb, pair.out_mask);
		for (int at = 0; at < BIG * BIG; at++)
		{
			assert_true(pair.out_mask[at] == 0 || pair.out_mask[at] == 255);
			if (pair.out_mask[at] == 255)
				assert_true(pair.out_rgb[at * 3] >= 128);
			else
				assert_true(pair.out_rgb[at * 3] <= 128);
			assert_int_equal(pair.out_rgb[at * 3], pair.out_rgb[at * 3 + 1]);
			assert_int_equal(pair.out_rgb[at * 3], pair.out_rgb[at * 3 + 2]);
			lesion += pair.out_mask[at] != 0;
		}
		assert_true(lesion > 100);
	}
}

/* Turning by an angle and back gives the middle of a smooth image again. */
static void
test_turn_and_back(void **state)
{
	Variation	there = identity();
	Variation	back = identity();
	Pair		pair;
	Pair		again;

	(void) state;
	memset(&pair, 0, sizeof pair);
	for (int at = 0; at < BIG * BIG; at++)
		memset(&pair.rgb[at * 3], (int) (127.5 + 60 * sin(at % BIG / 9.0) + 60 * cos(at / BIG / 7.0)), 3);
	there.angle = 30;
	there.scale = 1.2;
	back.angle = -30;
	back.scale = 1 / 1.2;
	vary(&there, BIG, pair.rgb, pair.mask, pair.out_rgb, pair.out_mask);
	vary(&back, BIG, pair.out_rgb, pair.out_mask, again.out_rgb, again.out_mask);
	for (int y = 20; y < 44; y++)
		for (int x = 20; x < 44; x++)
			assert_true(abs(again.out_rgb[(y * BIG + x) * 3] - pair.rgb[(y * BIG + x) * 3]) <= 3);
}

/* Draws stay in their ranges, reach both sides, and repeat with the seed. */
static void
test_draws(void **state)
{
	AugmentOptions options = augment_default();
	double		low_angle = 0;
	double		high_angle = 0;
	int			flips_x = 0;
	int			flips_y = 0;

	(void) state;
	for (int i = 0; i < 1000; i++)
	{
		Rng			rng;
		Variation	variation;
		Variation	again;

		rng_seed(&rng, 3, (uint64_t) i);
		variation = augment_draw(&options, &rng);
		rng_seed(&rng, 3, (uint64_t) i);
		again = augment_draw(&options, &rng);
		assert_true(variation.angle == again.angle && variation.gain[2] == again.gain[2]);

		assert_true(fabs(variation.angle) <= 180);
		assert_true(fabs(log(variation.scale)) <= 0.25);
		assert_true(fabs(variation.shift_x) <= 0.1 && fabs(variation.shift_y) <= 0.1);
		assert_true(fabs(variation.brightness - 1) <= 0.2 && fabs(variation.contrast - 1) <= 0.2);
		for (int c = 0; c < 3; c++)
			assert_true(fabs(variation.gain[c] - 1) <= 0.1);
		low_angle = fmin(low_angle, variation.angle);
		high_angle = fmax(high_angle, variation.angle);
		flips_x += variation.flip_x;
		flips_y += variation.flip_y;
	}
	assert_true(low_angle < -175 && high_angle > 175);
	assert_between(flips_x, 430, 570);
	assert_between(flips_y, 430, 570);
}

/* An option left out does not move the draws of the others. */
static void
test_draws_are_independent(void **state)
{
	AugmentOptions options = augment_default();
	Variation	with;
	Variation	without;
	Rng			rng;

	(void) state;
	rng_seed(&rng, 3, 4);
	with = augment_draw(&options, &rng);
	options.rotate = 0;
	options.flip = false;
	rng_seed(&rng, 3, 4);
	without = augment_draw(&options, &rng);
	assert_true(without.angle == 0 && !without.flip_x && !without.flip_y);
	assert_true(with.scale == without.scale && with.gain[1] == without.gain[1]);
}

/* Degradations come as often as asked, of the kinds that have a weight, in
 * every severity up to the highest, and repeat with the seed. */
static void
test_degradations_drawn(void **state)
{
	AugmentOptions options = augment_default();
	int			kinds[DEGRADE_KINDS] = {0};
	int			severities[DEGRADE_SEVERITY_MAX + 1] = {0};

	(void) state;
	options.degrade = 0.3;
	options.degrade_severity = 4;
	for (int kind = 0; kind < DEGRADE_KINDS; kind++)
		options.degrade_weight[kind] = kind == DEGRADE_BLUR ? 1 : kind == DEGRADE_HAIR ? 3 : 0;
	for (int i = 0; i < 2000; i++)
	{
		Rng			rng;
		Variation	variation;
		Variation	again;

		rng_seed(&rng, 4, (uint64_t) i);
		variation = augment_draw(&options, &rng);
		rng_seed(&rng, 4, (uint64_t) i);
		again = augment_draw(&options, &rng);
		assert_true(variation.kind == again.kind && variation.severity == again.severity);
		assert_true(rng_next(&variation.degrade_rng) == rng_next(&again.degrade_rng));
		severities[variation.severity]++;
		if (variation.severity > 0)
			kinds[variation.kind]++;
	}
	assert_between(severities[0], 1320, 1480);
	for (int severity = 1; severity <= 4; severity++)
		assert_between(severities[severity], 110, 190);
	assert_int_equal(severities[5], 0);
	assert_int_equal(kinds[DEGRADE_BLUR] + kinds[DEGRADE_HAIR], 2000 - severities[0]);
	assert_between(kinds[DEGRADE_BLUR], 110, 190);
}

/* What is degraded is the varied image; the mask stays. */
static void
test_degradation_applied(void **state)
{
	Variation	variation = identity();
	Image		expected = {.width = BIG, .height = BIG, .channels = 3};
	Rng			rng;
	Pair		pair;

	(void) state;
	fill_noise(&pair, 6);
	variation.flip_x = true;
	vary(&variation, BIG, pair.rgb, pair.mask, pair.out_rgb, pair.out_mask);
	expected.pixels = malloc(sizeof pair.out_rgb);
	memcpy(expected.pixels, pair.out_rgb, sizeof pair.out_rgb);
	rng_seed(&rng, 7, 8);
	variation.degrade_rng = rng;
	assert_int_equal(degrade_apply(call_standalone(), DEGRADE_HAIR, 3, &rng, &expected).code, LS_OK);

	variation.kind = DEGRADE_HAIR;
	variation.severity = 3;
	memcpy(pair.mask, pair.out_mask, sizeof pair.mask);
	variation.flip_x = false;
	memcpy(pair.rgb, pair.out_rgb, sizeof pair.rgb);
	vary(&variation, BIG, pair.rgb, pair.mask, pair.out_rgb, pair.out_mask);
	assert_memory_equal(pair.out_rgb, expected.pixels, sizeof pair.out_rgb);
	assert_memory_equal(pair.out_mask, pair.mask, sizeof pair.mask);
	assert_memory_not_equal(pair.out_rgb, pair.rgb, sizeof pair.rgb);

	/* and what is enhanced is what the degradation left */
	variation.enhance = ENHANCE_MODE_ALWAYS;
	vary(&variation, BIG, pair.rgb, pair.mask, pair.out_rgb, pair.out_mask);
	assert_int_equal(enhance_by_mode(call_standalone(), ENHANCE_MODE_ALWAYS, &expected).code, LS_OK);
	assert_memory_equal(pair.out_rgb, expected.pixels, sizeof pair.out_rgb);
	assert_memory_equal(pair.out_mask, pair.mask, sizeof pair.mask);
	free(expected.pixels);
}

/* A shift by whole sizes still ends inside. */
static void
test_far_outside(void **state)
{
	Variation	variation = identity();
	Pair		pair;

	(void) state;
	variation.shift_x = 2;
	variation.shift_y = -4;
	fill_noise(&pair, 5);
	vary(&variation, SIZE, pair.rgb, pair.mask, pair.out_rgb, pair.out_mask);
	assert_memory_equal(pair.rgb, pair.out_rgb, SIZE * SIZE * 3);
	assert_memory_equal(pair.mask, pair.out_mask, SIZE * SIZE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_flips),
		cmocka_unit_test(test_quarter_turns),
		cmocka_unit_test(test_shift),
		cmocka_unit_test(test_order_of_moves),
		cmocka_unit_test(test_half_pixel),
		cmocka_unit_test(test_scale),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_mask_follows_image),
		cmocka_unit_test(test_turn_and_back),
		cmocka_unit_test(test_draws),
		cmocka_unit_test(test_draws_are_independent),
		cmocka_unit_test(test_degradations_drawn),
		cmocka_unit_test(test_degradation_applied),
		cmocka_unit_test(test_far_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
