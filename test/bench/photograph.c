/*
 * photograph.c: a rendered photograph with a camera's noise, as a file to measure with.
 *
 *   photograph WIDTH HEIGHT SEED png|jpeg >FILE
 *
 * A JPEG has quality 90 and all of its colour (4:4:4). The same numbers give the same pixels everywhere.
 */
#include <string.h>

#include "core/call.h"
#include "core/rng.h"
#include "image/synthetic.h"
#include "image_files.h"

#define JPEG_QUALITY 90
#define NOISE 2					/* standard deviation, grey levels */

static uint8_t
clamped(double level)
{
	return (uint8_t) (level < 0 ? 0 : level > 255 ? 255 : level + 0.5);
}

static void
add_noise(Image *image, uint64_t seed)
{
	size_t		samples = (size_t) image->width * (size_t) image->height * (size_t) image->channels;
	Rng			rng;

	rng_seed(&rng, seed, 0);
	for (size_t i = 0; i < samples; i++)
		image->pixels[i] = clamped(image->pixels[i] + NOISE * rng_normal(&rng));
}

int
main(int argc, char **argv)
{
	const Call *call = call_standalone();
	EncodedImage encoded;
	Image		image;
	Image		mask;
	long		seed;

	if (argc != 5 || (strcmp(argv[4], "png") != 0 && strcmp(argv[4], "jpeg") != 0))
	{
		fprintf(stderr, "usage: photograph WIDTH HEIGHT SEED png|jpeg >FILE\n");
		return 1;
	}
	seed = atol(argv[3]);
	require(synthetic_lesion(call, seed, atoi(argv[1]), atoi(argv[2]), 0, &image, &mask));
	add_noise(&image, (uint64_t) seed);
	if (strcmp(argv[4], "png") == 0)
		require(png_encode(call, &image, &encoded));
	else
		require(jpeg_encode(call, &image, JPEG_QUALITY, &encoded));
	if (fwrite(encoded.bytes, 1, encoded.size, stdout) != encoded.size || fflush(stdout) != 0)
	{
		fprintf(stderr, "cannot write the photograph\n");
		return 1;
	}
	call_free(call, encoded.bytes);
	image_free(call, &mask);
	image_free(call, &image);
	return 0;
}
