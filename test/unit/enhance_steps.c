/*
 * enhance_steps.c: every enhancement step on images whose answer is known: what
 * was done to them, taken back; images that must not change; odd shapes; any
 * number of threads; every way to fail.
 */
#include "between.h"
#include "image_fixture.h"

#include <math.h>

#include "core/cpu.h"
#include "enhance/degrade/degrade.h"
#include "enhance/enhance.h"
#include "enhance/quality/hair.h"
#include "enhance/steps/inpaint.h"
#include "enhance/kernels.h"
#include "enhance/quality/noise_model.h"
#include "enhance/steps/steps.h"
#include "image/synthetic.h"

static const int shapes[][3] = {
	{1, 1, 1}, {1, 1, 3}, {2, 2, 3}, {3, 1, 1}, {1, 10000, 3}, {10000, 1, 1}, {7, 3, 3}, {300, 301, 3}, {2000, 20, 1}
};

#define SHAPES (sizeof shapes / sizeof shapes[0])

/* Set an option to a number. */
static Status
set_option(EnhanceOptions *options, const char *key, double number)
{
	const OptionBlock block = {&enhance_option_table, options};
	const OptionValue value = {.kind = OPTION_VALUE_NUMBER,.number = number};

	return options_set(&block, 1, "options", key, &value);
}

static Image
copy_of(const Image *image)
{
	return make_image(image->width, image->height, image->channels, image->pixels);
}

/* A rendered lesion, made worse in one way. */
static Image
rendered(int64_t seed, int size, int kind, int severity)
{
	Image		image;
	Image		mask;

	assert_ok(synthetic_lesion(call_standalone(), seed, size, size, 0, &image, &mask));
	image_free(call_standalone(), &mask);
	if (severity > 0)
		assert_ok(degrade_image(call_standalone(), (DegradeKind) kind, severity, seed, &image));
	return image;
}

/* Take one step at default options on so many threads. */
static void
take_step(EnhanceStep step, int threads, Image *image)
{
	Call call = *call_standalone();
	EnhanceOptions options = enhance_options_default();

	call.threads = threads;
	assert_ok(enhance_apply(&call, step, &options, image));
}

static Quality
quality_of(const Image *image)
{
	Quality		quality;

	assert_ok(quality_measure(call_standalone(), image, &quality));
	return quality;
}

/* Peak signal to noise ratio where cover is above a bound (NULL: everywhere). */
static double
psnr(const Image *a, const Image *b, const uint8_t *cover)
{
	size_t		channels = (size_t) a->channels;
	double		sum = 0;
	double		count = 0;

	for (size_t i = 0; i < samples_of(a); i++)
	{
		double		apart = a->pixels[i] - b->pixels[i];

		if (cover != NULL && cover[i / channels] <= 127)
			continue;
		sum += apart * apart;
		count++;
	}
	return 10 * log10(255 * 255 * count / (sum + 1e-9));
}

/* A constant image stays as it is, by enhance_apply and by each step itself. */
static void
test_constant(void **state)
{
	static Status (*const steps[]) (const Call *, const EnhanceOptions *, Image *) = {
		step_denoise, step_hair, step_illumination, step_exposure, step_levels, step_colour_constancy,
		step_white_balance, step_contrast, step_sharpen
	};
	EnhanceOptions options = enhance_options_default();

	(void) state;
	for (size_t s = 0; s < SHAPES; s++)
	{
		for (int value = 0; value < 256; value += 51)
		{
			Image		image = constant(shapes[s][0], shapes[s][1], shapes[s][2], value);
			Image		before = copy_of(&image);

			for (int step = 0; step < ENHANCE_UPSCALE; step++)
			{
				take_step((EnhanceStep) step, 2, &image);
				assert_same_image(&image, &before);
			}
			for (size_t step = 0; step < sizeof steps / sizeof steps[0]; step++)
			{
				Image		own = copy_of(&image);

				assert_ok(steps[step] (call_standalone(), &options, &own));
				assert_int_equal(own.width, image.width);
				assert_memory_equal(own.pixels, own.pixels + own.channels, samples_of(&own) - (size_t) own.channels);
				image_free(call_standalone(), &own);
			}
			for (int mode = 0; mode < 3; mode++)
			{
				assert_ok(enhance_by_mode(call_standalone(), (EnhanceMode) mode, &image));
				assert_same_image(&image, &before);
			}
			take_step(ENHANCE_UPSCALE, 2, &image);
			assert_int_equal(image.width, 2 * before.width);
			assert_int_equal(image.height, 2 * before.height);
			for (size_t i = 0; i < samples_of(&image); i++)
				assert_int_equal(image.pixels[i], value);
			image_free(call_standalone(), &image);
			image_free(call_standalone(), &before);
		}
	}
}

/* Noise of every shape goes through every step, the same on any number of
 * threads. */
static void
test_shapes(void **state)
{
	(void) state;
	for (size_t s = 0; s < SHAPES; s++)
	{
		for (int step = 0; step < ENHANCE_STEPS; step++)
		{
			Image		one = make_noise(shapes[s][0], shapes[s][1], shapes[s][2], 5);
			Image		three = copy_of(&one);

			take_step((EnhanceStep) step, 1, &one);
			take_step((EnhanceStep) step, 3, &three);
			assert_same_image(&one, &three);
			image_free(call_standalone(), &one);
			image_free(call_standalone(), &three);
		}
		for (int mode = 1; mode < 3; mode++)
		{
			Call call = *call_standalone();
			Image		one = make_noise(shapes[s][0], shapes[s][1], shapes[s][2], 6);
			Image		three = copy_of(&one);

			assert_ok(enhance_by_mode(&call, (EnhanceMode) mode, &one));
			call.threads = 3;
			assert_ok(enhance_by_mode(&call, (EnhanceMode) mode, &three));
			assert_same_image(&one, &three);
			assert_int_equal(one.width, shapes[s][0]);
			assert_int_equal(one.height, shapes[s][1]);
			image_free(&call, &one);
			image_free(&call, &three);
		}
	}
}

/* The next number of a simple sequence. */
static uint32_t
next_number(uint32_t *seed)
{
	return *seed = *seed * 1664525u + 1013904223u;
}

/* The loops of the instruction sets that this CPU has; NULL for the others. */
static void
find_kernels(const EnhanceKernels *tables[3])
{
	tables[0] = &enhance_kernels_baseline;
	tables[1] = cpu_features()->avx2 ? &enhance_kernels_avx2 : NULL;
	tables[2] = cpu_features()->avx512 ? &enhance_kernels_avx512 : NULL;
}

/* A tile of noise to denoise. */
static void
fill_tile(NlmTile *tile, NlmSettings settings, uint32_t *seed)
{
	memset(tile, 0, sizeof *tile);
	for (size_t i = 0; i < NLM_PLANE_ROWS * NLM_STRIDE; i++)
	{
		uint32_t	number = next_number(seed);

		tile->guide[i] = (uint16_t) (number >> 27);
		tile->planes[0][i] = (uint16_t) (number >> 24);
		tile->planes[2][i] = (uint16_t) (number >> 16 & 255);
	}
	tile->settings = settings;
	tile->width = 100;
	tile->rows = 31;
	tile->channels = 3;
}

/* The instruction sets give the same bytes: denoising. */
static void
test_denoise_kernels(void **state)
{
	const EnhanceKernels *tables[3];
	uint32_t	seed = 1;
	NlmTile    *tile = calloc(2, sizeof(NlmTile));
	uint32_t	rows[2][77];

	(void) state;
	assert_non_null(tile);
	find_kernels(tables);
	for (int patch = 1; patch <= 3; patch++)
	{
		NlmSettings settings = {patch, 4, (uint16_t) (400 * patch), (uint16_t) (2000 * patch)};

		for (int k = 1; k < 3; k++)
		{
			if (tables[k] == NULL)
				continue;
			fill_tile(&tile[0], settings, &seed);
			tile[1] = tile[0];
			tables[0]->nlm_tile(&tile[0]);
			tables[k]->nlm_tile(&tile[1]);
			assert_memory_equal(tile[0].weights, tile[1].weights, sizeof tile[0].weights);
			assert_memory_equal(tile[0].sums, tile[1].sums, sizeof tile[0].sums);
		}
	}
	fill_tile(&tile[0], (NlmSettings) {0}, &seed);
	for (int k = 0; k < 3; k++)
	{
		if (tables[k] == NULL)
			continue;
		memset(rows[k > 0], 0, sizeof rows[0]);
		tables[k]->add_row(rows[k > 0], (const uint8_t *) tile[0].planes[0], 7, 77);
		assert_memory_equal(rows[0], rows[k > 0], sizeof rows[0]);
	}
	free(tile);
}

/* The response at one place to dark lines through it, as the formula says. */
static int
hair_response(const uint8_t *hat, ptrdiff_t lines[HAIR_DIRECTIONS][HAIR_SAMPLES_MAX])
{
	int			best = 0;
	int			all = 0;
	int			response;

	for (int d = 0; d < HAIR_DIRECTIONS; d++)
	{
		int			sum = 0;

		for (int s = 0; s < 15; s++)
			sum += hat[lines[d][s]];
		best = sum > best ? sum : best;
		all += sum;
	}
	response = (best - all * 3 / 24) / 15;
	return response < 0 ? 0 : response;
}

/* The instruction sets give the same bytes: lines of hair. */
static void
test_hair_kernels(void **state)
{
	const EnhanceKernels *tables[3];
	uint32_t	seed = 1;
	ptrdiff_t	lines[HAIR_DIRECTIONS][HAIR_SAMPLES_MAX];
	uint8_t    *hat = calloc(1, 4000);
	uint8_t		responses[2][300];

	(void) state;
	assert_non_null(hat);
	find_kernels(tables);
	for (int i = 0; i < 4000; i++)
		hat[i] = (uint8_t) (next_number(&seed) >> 24);
	for (int d = 0; d < HAIR_DIRECTIONS; d++)
		for (int s = 0; s < 15; s++)
			lines[d][s] = 100 * (s - 7) * d / 12 + s - 7;
	for (int k = 0; k < 3; k++)
	{
		if (tables[k] == NULL)
			continue;
		tables[k]->hair_lines(hat + 1500, lines, 15, 299, responses[k > 0]);
		assert_memory_equal(responses[0], responses[k > 0], 299);
	}
	for (int x = 0; x < 299; x++)
		assert_int_equal(responses[0][x], hair_response(hat + 1500 + x, lines));
	free(hat);
}

/* Tables are interpolated down, then across: every instruction set gives what
 * the formulas say. */
static void
test_contrast_kernels(void **state)
{
	const EnhanceKernels *tables[3];
	uint32_t	seed = 2;
	uint8_t		values[4][256];	/* upper left, upper right, lower left, lower right */

	(void) state;
	find_kernels(tables);
	for (int i = 0; i < 4 * 256; i++)
		values[i / 256][i % 256] = (uint8_t) (next_number(&seed) >> 24);
	for (int k = 0; k < 3; k++)
	{
		const uint8_t *const top[2] = {values[0], values[1]};
		const uint8_t *const bottom[2] = {values[2], values[3]};
		uint32_t	pairs[256];
		uint8_t		mapped[777];

		if (tables[k] == NULL)
			continue;
		tables[k]->clahe_pairs(top, bottom, 77, pairs);
		for (uint32_t v = 0; v < 256; v++)
		{
			assert_int_equal(pairs[v] & 0xFFFF, values[0][v] * (256 - 77) + values[2][v] * 77);
			assert_int_equal(pairs[v] >> 16, values[1][v] * (256 - 77) + values[3][v] * 77);
		}
		for (int i = 0; i < 777; i++)
			mapped[i] = (uint8_t) (i * 7);
		tables[k]->clahe_map(pairs, 1000000, 20000, mapped, 777);
		for (uint32_t i = 0; i < 777; i++)
		{
			uint32_t	share = (1000000 + 20000 * i) >> 16;
			uint32_t	v = i * 7 & 255;

			assert_int_equal(mapped[i], ((pairs[v] & 0xFFFF) * (256 - share) + (pairs[v] >> 16) * share + 32768) >> 16);
		}
	}
}

/* The noise of a constant image is found, and where it comes from. */
static void
test_noise_model(void **state)
{
	Image		ramp = constant(512, 400, 1, 0);
	Image		shot;
	NoiseModel	model;

	(void) state;
	for (int y = 0; y < 400; y++)
		for (int x = 0; x < 512; x++)
			ramp.pixels[512 * y + x] = (uint8_t) (30 + 3 * x / 8);
	shot = copy_of(&ramp);
	assert_ok(degrade_image(call_standalone(), DEGRADE_NOISE, 2, 1, &ramp));
	assert_ok(noise_model_estimate(call_standalone(), &ramp, &model));
	/* severity 2 has the same sigma at black and white */
	assert_true(fabs(noise_model_sigma(&model, 60) / noise_model_sigma(&model, 200) - 1) < 0.1);
	assert_ok(degrade_image(call_standalone(), DEGRADE_SHOT_NOISE, 2, 1, &shot));
	assert_ok(noise_model_estimate(call_standalone(), &shot, &model));
	assert_true(fabs(noise_model_sigma(&model, 200) / noise_model_sigma(&model, 50) - 2) < 0.3);
	image_free(call_standalone(), &ramp);
	image_free(call_standalone(), &shot);
}

static void
test_denoise(void **state)
{
	static const DegradeKind kinds[] = {DEGRADE_NOISE, DEGRADE_SHOT_NOISE};

	(void) state;
	for (int k = 0; k < 2; k++)
	{
		Image		clean = rendered(3, 256, 0, 0);
		Image		noisy = rendered(3, 256, (int) kinds[k], 3);
		double		before = psnr(&clean, &noisy, NULL);

		take_step(ENHANCE_DENOISE, 2, &noisy);
		assert_true(psnr(&clean, &noisy, NULL) > before + 7);
		/* and without noise there is nothing to do */
		image_free(call_standalone(), &noisy);
		noisy = copy_of(&clean);
		take_step(ENHANCE_DENOISE, 2, &noisy);
		assert_true(psnr(&clean, &noisy, NULL) > 40);
		image_free(call_standalone(), &clean);
		image_free(call_standalone(), &noisy);
	}
}

/* Rendered hairs are found and filled in. */
static void
test_hair(void **state)
{
	(void) state;
	for (int size = 256; size <= 512; size += 256)
	{
		for (int severity = 1; severity <= 5; severity += 2)
		{
			Image		clean = rendered(7, size, 0, 0);
			Image		hairy = copy_of(&clean);
			size_t		count = (size_t) size * (size_t) size;
			uint8_t    *cover = malloc(count);
			uint8_t    *mask = malloc(count);
			long		both = 0;
			long		either = 0;
			double		before;
			Rng			rng;

			rng_seed(&rng, 11, 10);
			assert_ok(degrade_hair(call_standalone(), severity, &rng, &hairy, cover));
			assert_ok(hair_detect(call_standalone(), &hairy, mask));
			for (size_t i = 0; i < count; i++)
			{
				both += mask[i] && cover[i] > 127;
				either += mask[i] + (cover[i] > 127);
			}
			assert_true(2.0 * (double) both / (double) either >= 0.75);
			before = psnr(&clean, &hairy, cover);
			take_step(ENHANCE_HAIR, 2, &hairy);
			assert_true(psnr(&clean, &hairy, cover) >= before + 6);
			assert_ok(hair_detect(call_standalone(), &clean, mask));
			assert_null(memchr(mask, 1, count));
			free(cover);
			free(mask);
			image_free(call_standalone(), &clean);
			image_free(call_standalone(), &hairy);
		}
	}
}

/* A hole in a slope is filled by the slope; of nothing comes nothing. */
static void
test_inpaint(void **state)
{
	Image		image = constant(64, 64, 3, 0);
	Image		before;
	uint8_t		hidden[64 * 64];

	(void) state;
	for (int i = 0; i < 64 * 64; i++)
	{
		hidden[i] = i / 64 > 20 && i / 64 < 26;
		for (int c = 0; c < 3; c++)
			image.pixels[3 * i + c] = (uint8_t) (hidden[i] ? 255 : 50 + i % 64 + i / 64 + c);
	}
	assert_ok(inpaint(call_standalone(), hidden, &image));
	for (int i = 0; i < 64 * 64; i++)
		for (int c = 0; c < 3; c++)
			assert_true(abs(image.pixels[3 * i + c] - (50 + i % 64 + i / 64 + c)) <= (hidden[i] ? 3 : 0));
	before = copy_of(&image);
	memset(hidden, 1, sizeof hidden);
	assert_ok(inpaint(call_standalone(), hidden, &image));
	assert_same_image(&image, &before);
	image_free(call_standalone(), &image);
	image_free(call_standalone(), &before);
}

/* What each step of light and colour is for. */
static void
test_light(void **state)
{
	Image		image = rendered(5, 256, DEGRADE_DARKNESS, 5);

	(void) state;
	assert_true(quality_of(&image).brightness < 0.4);
	take_step(ENHANCE_EXPOSURE, 2, &image);
	assert_true(fabs(quality_of(&image).brightness - SKIN_LUMA / 255) < 0.03);
	image_free(call_standalone(), &image);

	image = rendered(5, 256, DEGRADE_UNEVEN_LIGHT, 4);
	assert_true(quality_of(&image).slope > 0.4);
	take_step(ENHANCE_ILLUMINATION, 2, &image);
	assert_true(quality_of(&image).slope < 0.15);
	image_free(call_standalone(), &image);

	image = rendered(5, 256, DEGRADE_COLOUR_CAST, 5);
	assert_true(quality_of(&image).colour_cast > 0.3);
	take_step(ENHANCE_WHITE_BALANCE, 2, &image);
	assert_true(quality_of(&image).colour_cast < 0.05);
	image_free(call_standalone(), &image);

	image = rendered(5, 256, DEGRADE_LOW_CONTRAST, 5);
	{
		Quality		before = quality_of(&image);
		Quality		after;

		take_step(ENHANCE_LEVELS, 2, &image);
		after = quality_of(&image);
		assert_true(after.contrast > 1.3 * before.contrast && after.saturation > 1.3 * before.saturation);
	}
	image_free(call_standalone(), &image);

	image = rendered(5, 256, DEGRADE_LOW_CONTRAST, 3);
	{
		double		before = quality_of(&image).contrast;

		take_step(ENHANCE_CONTRAST, 2, &image);
		assert_true(quality_of(&image).contrast > 1.3 * before);
	}
	image_free(call_standalone(), &image);
}

/* Light with an edge that is dark all over, which no quadratic surface
 * follows, is made even without places that are brighter than any was. */
static void
test_dark_edge(void **state)
{
	(void) state;
	for (int seed = 0; seed < 20; seed++)
	{
		Image		image = constant(256, 256, 3, 180);

		assert_ok(degrade_image(call_standalone(), DEGRADE_UNEVEN_LIGHT, 4, seed, &image));
		take_step(ENHANCE_ILLUMINATION, 2, &image);
		for (size_t i = 0; i < samples_of(&image); i++)
			if (image.pixels[i] > 200)
				fail_msg("seed %d: 180 became %d", seed, image.pixels[i]);
		image_free(call_standalone(), &image);
	}
}

/* Shades of grey by hand: two values a channel. */
static void
test_colour_constancy(void **state)
{
	Image		image = constant(16, 16, 3, 0);

	(void) state;
	for (int i = 0; i < 256; i++)
		for (int c = 0; c < 3; c++)
			image.pixels[3 * i + c] = (uint8_t) ((i % 2 ? 60 : 30) * (c + 1));
	take_step(ENHANCE_COLOUR_CONSTANCY, 1, &image);
	/* the norms are as 1 : 2 : 3, so gains make all channels equal, at the luma
	 * 0.299 * 1 + 0.587 * 2 + 0.114 * 3 = 1.815 of the first */
	for (int i = 0; i < 256; i++)
		for (int c = 0; c < 3; c++)
			assert_between(image.pixels[3 * i + c], (i % 2 ? 108 : 54), (i % 2 ? 109 : 55));
	image_free(call_standalone(), &image);
}

/* CLAHE of one tile without a limit to speak of is histogram equalisation. */
static void
test_contrast(void **state)
{
	EnhanceOptions options = enhance_options_default();
	Image		image = constant(16, 16, 1, 0);

	(void) state;
	assert_ok(set_option(&options, "contrast_clip", 40));
	assert_ok(set_option(&options, "contrast_tiles", 1));
	for (int i = 0; i < 256; i++)
		image.pixels[i] = (uint8_t) (100 + i / 16);
	assert_ok(enhance_apply(call_standalone(), ENHANCE_CONTRAST, &options, &image));
	/* sixteen values of a sixteenth each: the k-th becomes k / 16 of 255 */
	for (int i = 0; i < 256; i++)
		assert_int_equal(image.pixels[i], (int) floor((i / 16 + 1) * 255 / 16.0 + 0.5));
	image_free(call_standalone(), &image);
}

/* Between the centres of two tiles a value goes evenly from what the table of
 * one makes of it to what that of the other does. */
static void
test_contrast_between_tiles(void **state)
{
	EnhanceOptions options = enhance_options_default();
	int			width = 512;
	Image		image = constant(width, 8, 1, 0);

	(void) state;
	assert_ok(set_option(&options, "contrast_clip", 40));
	assert_ok(set_option(&options, "contrast_tiles", 2));
	/*
	 * 100 is the darker half of the left tile, the brighter half of the right
	 * one; of each half 40/256 are left, the rest is spread over all values
	 */
	for (int y = 0; y < 8; y++)
		for (int x = 0; x < width; x++)
			image.pixels[y * width + x] = x < width / 2 ? (x % 2 == 0 ? 100 : 200) : (x % 2 == 0 ? 100 : 50);
	assert_ok(enhance_apply(call_standalone(), ENHANCE_CONTRAST, &options, &image));
	for (int x = 0; x < width; x += 2)
	{
		double		share = fmin(fmax((x + 0.5 - width / 4) / (width / 2), 0), 1);
		double		spread = (1 - 2 * 40 / 256.0) * 101 / 256;
		double		expected = 255 * (spread + (1 + share) * 40 / 256.0);

		assert_between(image.pixels[3 * width + x], (int) floor(expected) - 1, (int) ceil(expected) + 1);
	}
	image_free(call_standalone(), &image);
}

/* Grey as grey and as RGB is the same. */
static void
test_contrast_of_grey(void **state)
{
	Image		grey = constant(301, 203, 1, 0);
	Image		rgb = constant(301, 203, 3, 0);

	(void) state;
	for (size_t i = 0; i < samples_of(&grey); i++)
	{
		grey.pixels[i] = (uint8_t) (90 + i % 301 / 4 + i % 7 * 3);
		memset(rgb.pixels + 3 * i, grey.pixels[i], 3);
	}
	take_step(ENHANCE_CONTRAST, 2, &grey);
	take_step(ENHANCE_CONTRAST, 2, &rgb);
	for (size_t i = 0; i < samples_of(&rgb); i++)
		assert_int_equal(rgb.pixels[i], grey.pixels[i / 3]);
	image_free(call_standalone(), &grey);
	image_free(call_standalone(), &rgb);
}

/* A tile may be wider than fractions of it can tell pixels apart. */
static void
test_contrast_of_a_wide_image(void **state)
{
	EnhanceOptions options = enhance_options_default();
	Call call = *call_standalone();
	int			width = (1 << 24) + 1;

	(void) state;
	call.threads = 2;
	for (int tiles = 1; tiles <= 2; tiles++)
	{
		Image		image = {width, 2, 1, malloc(2 * (size_t) width)};

		assert_ok(set_option(&options, "contrast_clip", 40));
		assert_ok(set_option(&options, "contrast_tiles", tiles));
		for (int i = 0; i < 2 * width; i++)
			image.pixels[i] = i % 2 == 0 ? 100 : 101;
		assert_ok(enhance_apply(&call, ENHANCE_CONTRAST, &options, &image));
		for (int i = 0; i < 2 * width; i += 4999)
			assert_between(image.pixels[i], i % 2 == 0 ? 108 : 149, i % 2 == 0 ? 110 : 151);
		free(image.pixels);
	}
}

/* However strong, denoising keeps an edge between two even areas where it is,
 * give or take two pixels. */
static void
test_denoise_keeps_edges(void **state)
{
	EnhanceOptions options = enhance_options_default();

	(void) state;
	for (int patch = 1; patch <= 3; patch++)
	{
		Image		image = constant(200, 100, 1, 0);

		for (size_t i = 0; i < samples_of(&image); i++)
			image.pixels[i] = i % 200 < 100 ? 30 : 220;
		assert_ok(degrade_image(call_standalone(), DEGRADE_NOISE, 3, patch, &image));
		assert_ok(set_option(&options, "denoise_strength", 3));
		assert_ok(set_option(&options, "denoise_patch", patch));
		assert_ok(enhance_apply(call_standalone(), ENHANCE_DENOISE, &options, &image));
		for (int x = 0; x < 200; x++)
		{
			double		mean = 0;

			for (int y = 0; y < 100; y++)
				mean += image.pixels[200 * y + x] / 100.0;
			assert_true((x >= 98 && x < 102) || fabs(mean - (x < 100 ? 30 : 220)) < 4);
		}
		image_free(call_standalone(), &image);
	}
}

static void
test_sharpen(void **state)
{
	Image		blurred = rendered(9, 256, DEGRADE_BLUR, 4);
	Image		clean = rendered(9, 256, 0, 0);
	double		before = psnr(&clean, &blurred, NULL);

	(void) state;
	take_step(ENHANCE_SHARPEN, 2, &blurred);
	assert_true(psnr(&clean, &blurred, NULL) > before + 0.5);
	image_free(call_standalone(), &blurred);
	image_free(call_standalone(), &clean);
}

/* A slope enlarged is a slope; the option counts. */
static void
test_upscale(void **state)
{
	EnhanceOptions options = enhance_options_default();
	Image		image = constant(40, 8, 1, 0);

	(void) state;
	for (int i = 0; i < 320; i++)
		image.pixels[i] = (uint8_t) (40 + 4 * (i % 40));
	assert_ok(set_option(&options, "upscale_factor", 4));
	assert_ok(enhance_apply(call_standalone(), ENHANCE_UPSCALE, &options, &image));
	assert_int_equal(image.width, 160);
	assert_int_equal(image.height, 32);
	for (int x = 8; x < 152; x++)
		assert_true(fabs(image.pixels[160 * 16 + x] - (40 + (x + 0.5) - 2)) <= 1);
	image_free(call_standalone(), &image);
}

/* What was done is what is planned against; a good image is left alone. */
static void
test_plan(void **state)
{
	static const struct
	{
		DegradeKind kind;
		EnhanceStep step;
	}			expected[] = {
		{DEGRADE_NOISE, ENHANCE_DENOISE},
		{DEGRADE_SHOT_NOISE, ENHANCE_DENOISE},
		{DEGRADE_DARKNESS, ENHANCE_EXPOSURE},
		{DEGRADE_UNEVEN_LIGHT, ENHANCE_ILLUMINATION},
		{DEGRADE_COLOUR_CAST, ENHANCE_WHITE_BALANCE},
		{DEGRADE_LOW_CONTRAST, ENHANCE_LEVELS},
		{DEGRADE_HAIR, ENHANCE_HAIR},
	};

	(void) state;
	for (int e = -1; e < (int) (sizeof expected / sizeof expected[0]); e++)
	{
		Image		image = e < 0 ? rendered(5, 256, 0, 0) : rendered(5, 256, (int) expected[e].kind, 5);
		Quality		quality = quality_of(&image);
		EnhancePlan plan;
		bool		found = false;

		assert_ok(enhance_plan(call_standalone(), &image, &quality, &plan));
		for (int i = 0; i < plan.count; i++)
		{
			assert_true(strlen(plan.reasons[i]) > 10);
			assert_true(i == 0 || plan.steps[i] > plan.steps[i - 1]);
			found = found || (e >= 0 && plan.steps[i] == expected[e].step);
		}
		if (e < 0)
			assert_int_equal(plan.count, 0);
		else if (!found)
			fail_msg("nothing is planned against %s", degrade_name(expected[e].kind));
		image_free(call_standalone(), &image);
	}
}

static void
test_names(void **state)
{
	EnhanceOptions options = enhance_options_default();
	EnhanceStep step;

	(void) state;
	for (int i = 0; i < ENHANCE_STEPS; i++)
	{
		assert_ok(enhance_find(enhance_step_name((EnhanceStep) i), &step));
		assert_int_equal(step, i);
	}
	assert_failed(enhance_find("polish", &step), LS_INVALID_ARGUMENT, "\"polish\"");
	assert_non_null(strstr(enhance_find("polish", &step).hint, "white_balance"));
	assert_failed(set_option(&options, "colour", 1), LS_INVALID_ARGUMENT, "\"colour\"");
	assert_non_null(strstr(set_option(&options, "colour", 1).hint, "upscale_factor"));
	assert_failed(set_option(&options, "denoise_patch", 1.5), LS_INVALID_ARGUMENT, "1.5");
	assert_failed(set_option(&options, "denoise_patch", NAN), LS_INVALID_ARGUMENT, "nan");
	assert_failed(set_option(&options, "contrast_clip", 41), LS_INVALID_ARGUMENT, "41");
}

/* Every allocation that fails and every poll that cancels ends each step, and
 * nothing stays allocated. */
static void
test_failures(void **state)
{
	EnhanceOptions options = enhance_options_default();

	(void) state;
	for (int step = 0; step < ENHANCE_STEPS; step++)
	{
		Image		original = rendered(1, 80, DEGRADE_NOISE, 2);
		Counts		counts;
		Call call = counting_call(&counts);
		long		allocations;
		long		polls;
		Image		image = original;

		image.pixels = call.host.alloc(call.host.user, samples_of(&original));
		memcpy(image.pixels, original.pixels, samples_of(&original));
		assert_ok(enhance_apply(&call, (EnhanceStep) step, &options, &image));
		image_free(&call, &image);
		assert_int_equal(counts.allocated, 0);
		allocations = counts.allocations;
		polls = counts.polls;
		for (long at = 1; at < allocations + polls; at++)
		{
			Status		status;

			call = counting_call(&counts);
			image = original;
			image.pixels = call.host.alloc(call.host.user, samples_of(&original));
			memcpy(image.pixels, original.pixels, samples_of(&original));
			if (at < allocations)
				counts.fail_at = at + 1;
			else
				counts.cancel_at = at - allocations + 1;
			status = enhance_apply(&call, (EnhanceStep) step, &options, &image);
			assert_int_equal(status.code, at < allocations ? LS_OUT_OF_MEMORY : LS_CANCELLED);
			image_free(&call, &image);
			assert_int_equal(counts.allocated, 0);
		}
		image_free(call_standalone(), &original);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constant),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_denoise_kernels),
		cmocka_unit_test(test_hair_kernels),
		cmocka_unit_test(test_noise_model),
		cmocka_unit_test(test_denoise),
		cmocka_unit_test(test_denoise_keeps_edges),
		cmocka_unit_test(test_hair),
		cmocka_unit_test(test_inpaint),
		cmocka_unit_test(test_light),
		cmocka_unit_test(test_dark_edge),
		cmocka_unit_test(test_colour_constancy),
		cmocka_unit_test(test_contrast),
		cmocka_unit_test(test_contrast_kernels),
		cmocka_unit_test(test_contrast_between_tiles),
		cmocka_unit_test(test_contrast_of_grey),
		cmocka_unit_test(test_contrast_of_a_wide_image),
		cmocka_unit_test(test_sharpen),
		cmocka_unit_test(test_upscale),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
