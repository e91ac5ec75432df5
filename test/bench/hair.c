/*
 * hair.c: how well hair is found and filled in, where the truth is known.
 *
 *   hair image...
 *
 * Lays rendered hair on photographs at each severity and prints, as means over
 * images: Dice of the pixels found against those that hair covers by more than
 * half, what is found in the photograph as it is taken out of both; PSNR
 * inside those pixels before and after filling.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enhance/degrade/degrade.h"
#include "enhance/enhance.h"
#include "enhance/quality/hair.h"
#include "image_files.h"

/* Sums over images of one severity. */
typedef struct HairResult
{
	double		dice;
	double		before;
	double		after;
} HairResult;

/* PSNR of b against a where cover is above half. */
static double
psnr(const Image *a, const Image *b, const uint8_t *cover)
{
	double		sum = 0;
	double		count = 0;

	for (size_t i = 0; i < (size_t) a->width * (size_t) a->height; i++)
	{
		for (size_t c = 0; c < 3 && cover[i] > 127; c++)
		{
			double		apart = a->pixels[3 * i + c] - b->pixels[3 * i + c];

			sum += apart * apart;
			count++;
		}
	}
	return 10 * log10(255 * 255 * count / (sum + 1e-9));
}

/* Add one photograph at one severity. */
static void
add_image(const Image *image, int severity, uint64_t seed, HairResult *result)
{
	const Call *call = call_standalone();
	EnhanceOptions options = enhance_options_default();
	size_t		count = (size_t) image->width * (size_t) image->height;
	uint8_t    *cover = malloc(3 * count);
	uint8_t    *found = cover + count;
	uint8_t    *own = found + count;
	double		both = 0;
	double		either = 0;
	Image		hairy;
	Rng			rng;

	require(image_resize(call, image, image->width, image->height, &hairy));
	rng_seed(&rng, seed, DEGRADE_HAIR);
	require(degrade_hair(call, severity, &rng, &hairy, cover));
	require(hair_detect(call, image, own));
	require(hair_detect(call, &hairy, found));
	for (size_t i = 0; i < count; i++)
	{
		bool		truth = cover[i] > 127;

		if (own[i] != 0 && !truth)
			continue;
		both += found[i] != 0 && truth;
		either += (found[i] != 0) + truth;
	}
	result->dice += either > 0 ? 2 * both / either : 1;
	result->before += psnr(image, &hairy, cover);
	require(enhance_apply(call, ENHANCE_HAIR, &options, &hairy));
	result->after += psnr(image, &hairy, cover);
	image_free(call, &hairy);
	free(cover);
}

int
main(int argc, char **argv)
{
	HairResult	results[DEGRADE_SEVERITY_MAX + 1];

	memset(results, 0, sizeof results);
	for (int i = 1; i < argc; i++)
	{
		Image		image = read_image(argv[i]);

		for (int severity = 1; severity <= DEGRADE_SEVERITY_MAX; severity++)
			add_image(&image, severity, (uint64_t) i, &results[severity]);
		image_free(call_standalone(), &image);
	}
	for (int severity = 1; severity <= DEGRADE_SEVERITY_MAX && argc > 1; severity++)
		printf("severity %d: Dice %.3f, PSNR %.1f dB, after filling %.1f dB\n", severity,
			   results[severity].dice / (argc - 1),
			   results[severity].before / (argc - 1), results[severity].after / (argc - 1));
	return 0;
}
