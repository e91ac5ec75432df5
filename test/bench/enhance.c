/*
 * enhance.c: how fast the enhancement steps are on one 1024 x 768 image.
 *
 *   enhance threads=2 image.ppm mask.pgm
 *
 * Renders a lesion with hairs and noise, writes it and the mask of its hairs
 * for opencv_peer.py, which does the same work with OpenCV, and prints
 * milliseconds, the best of several, name by name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "enhance/degrade/degrade.h"
#include "enhance/enhance.h"
#include "enhance/steps/inpaint.h"
#include "image/synthetic.h"
#include "image_files.h"

#define WIDTH 1024
#define HEIGHT 768
#define TURNS 15

static Call call;

static double
milliseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return 1e3 * (double) now.tv_sec + 1e-6 * (double) now.tv_nsec;
}

/* Write raw samples after a header. */
static void
write_file(const char *path, const char *header, const uint8_t *samples, size_t count)
{
	FILE	   *file = fopen(path, "wb");

	if (file == NULL || fprintf(file, "%s\n%d %d\n255\n", header, WIDTH, HEIGHT) < 0 ||
		fwrite(samples, 1, count, file) != count || fclose(file) != 0)
	{
		fprintf(stderr, "cannot write %s\n", path);
		exit(1);
	}
}

/* One piece of work on a copy of an image. */
typedef void (*Work) (Image *image, const void *argument);

static void
measure(const char *name, const Image *image, Work work, const void *argument)
{
	double		best = 1e9;

	for (int turn = 0; turn < TURNS; turn++)
	{
		Image		copy;
		double		started;
		double		taken;

		require(image_resize(&call, image, image->width, image->height, &copy));
		started = milliseconds_now();
		work(&copy, argument);
		taken = milliseconds_now() - started;
		best = taken < best ? taken : best;
		image_free(&call, &copy);
	}
	printf("%s %.3f\n", name, best);
}

typedef struct StepWork
{
	EnhanceStep step;
	EnhanceOptions options;
} StepWork;

static void
take_step(Image *image, const void *argument)
{
	const StepWork *work = argument;

	require(enhance_apply(&call, work->step, &work->options, image));
}

static void
resize(Image *image, const void *argument)
{
	const int  *size = argument;
	Image		result;

	require(image_resize(&call, image, size[0], size[1], &result));
	image_free(&call, &result);
}

static void
fill_in(Image *image, const void *argument)
{
	require(inpaint(&call, argument, image));
}

static void
judge(Image *image, const void *argument)
{
	Quality		quality;

	(void) argument;
	require(quality_measure(&call, image, &quality));
}

int
main(int argc, char **argv)
{
	static const int smaller[2] = {256, 256};
	static const int larger[2] = {2048, 1536};
	StepWork	work = {.options = enhance_options_default()};
	size_t		count = (size_t) WIDTH * HEIGHT;
	uint8_t    *cover = malloc(count);
	Image		image;
	Image		mask;
	Image		grey;
	Rng			rng;

	call = *call_standalone();
	if (argc != 4 || sscanf(argv[1], "threads=%d", &call.threads) != 1 || call.threads < 1)
	{
		fprintf(stderr, "usage: enhance threads=2 image.ppm mask.pgm\n");
		return 2;
	}

	require(synthetic_lesion(&call, 1, WIDTH, HEIGHT, 0, &image, &mask));
	rng_seed(&rng, 1, 1);
	require(degrade_hair(&call, 3, &rng, &image, cover));
	require(degrade_image(&call, DEGRADE_NOISE, 5, 1, &image));
	for (size_t i = 0; i < count; i++)
		cover[i] = cover[i] > 0;
	write_file(argv[2], "P6", image.pixels, 3 * count);
	write_file(argv[3], "P5", cover, count);
	require(image_create(&call, WIDTH, HEIGHT, 1, &grey));
	for (size_t i = 0; i < count; i++)
		grey.pixels[i] = image.pixels[3 * i + 1];

	work.step = ENHANCE_CONTRAST;
	measure("clahe_grey", &grey, take_step, &work);
	measure("clahe_colour", &image, take_step, &work);
	work.step = ENHANCE_DENOISE;
	work.options.denoise_search = 10;
	work.options.denoise_patch = 3;
	measure("nlm_grey_21_7", &grey, take_step, &work);
	measure("nlm_colour_21_7", &image, take_step, &work);
	work.options = enhance_options_default();
	measure("denoise_default", &image, take_step, &work);
	measure("resize_smaller", &image, resize, smaller);
	measure("resize_larger", &image, resize, larger);
	measure("inpaint", &image, fill_in, cover);
	work.step = ENHANCE_HAIR;
	measure("hair", &image, take_step, &work);
	measure("quality", &image, judge, NULL);
	image_free(&call, &image);
	image_free(&call, &mask);
	image_free(&call, &grey);
	free(cover);
	return 0;
}
