/*
 * quality.c: what is measured of photographs, as they are and degraded.
 *
 *   quality [option...] image...
 *
 *   --frame WIDTHxHEIGHT   scale each image to this size first
 *   --centres FOLDER       the images are whole frames squashed to a square: give each the shape and the detail of
 *                          its centre square, a file of the same name in FOLDER; of --frame only HEIGHT counts, and
 *                          images that fit no centre are left out
 *   --tile                 do not scale to --frame, but go on with mirror images of the image
 *   --camera               then add what a camera adds: noise of up to 2 grey levels, JPEG of quality 75 to 95
 *   --severities FROM-TO   of each kind of degradation; 3-5 if not given
 *
 * Prints a line of CSV for each image as it is and for every kind and severity:
 * test/tools/quality makes of it how well the score tells them apart, and the
 * coefficients of quality_score.c.
 */
#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "enhance/degrade/degrade.h"
#include "enhance/quality/quality.h"
#include "image_files.h"

#define MATCH_SIDE 128			/* whole frame and centre are compared at this height */
#define MISMATCH 10				/* root mean square in grey levels beyond which a centre fits no frame */

/* What to make of each image before it is measured. */
typedef struct Frames
{
	int			width;			/* 0: as it is */
	int			height;
	const char *centres;
	bool		tile;
	bool		camera;
	int			from;			/* severities */
	int			to;
} Frames;

/* Replace image by result. */
static void
take_image(Image *image, Image result)
{
	image_free(call_standalone(), image);
	*image = result;
}

static Image
resized(const Image *image, int width, int height)
{
	Image		result;

	require(image_resize(call_standalone(), image, width, height, &result));
	return result;
}

/* Fill width x height with the image in the middle and its mirror images around. */
static Image
tiled(const Image *image, int width, int height)
{
	Image		result;

	require(image_create(call_standalone(), width, height, image->channels, &result));
	for (int y = 0; y < height; y++)
	{
		for (int x = 0; x < width; x++)
		{
			size_t		channels = (size_t) image->channels;
			int			from_x = (x + 16 * image->width - (width - image->width) / 2) % (2 * image->width);
			int			from_y = (y + 16 * image->height - (height - image->height) / 2) % (2 * image->height);

			from_x = from_x < image->width ? from_x : 2 * image->width - 1 - from_x;
			from_y = from_y < image->height ? from_y : 2 * image->height - 1 - from_y;
			memcpy(result.pixels + channels * ((size_t) y * (size_t) width + (size_t) x),
				   image->pixels + channels * ((size_t) from_y * (size_t) image->width + (size_t) from_x), channels);
		}
	}
	return result;
}

/* Root mean square difference of the centre to the middle of the whole frame
 * at an aspect. */
static double
centre_mismatch(const Image *whole, const Image *centre, double aspect)
{
	int			width = (int) (MATCH_SIDE / aspect + 0.5);
	Image		small = resized(whole, MATCH_SIDE, MATCH_SIDE);
	Image		middle = resized(centre, width, MATCH_SIDE);
	double		squares = 0;

	for (int y = 0; y < MATCH_SIDE; y++)
	{
		const uint8_t *row = small.pixels + 3 * (MATCH_SIDE * y + (MATCH_SIDE - width) / 2);

		for (int i = 0; i < 3 * width; i++)
			squares += (row[i] - middle.pixels[3 * width * y + i]) * (row[i] - middle.pixels[3 * width * y + i]);
	}
	image_free(call_standalone(), &small);
	image_free(call_standalone(), &middle);
	return sqrt(squares / (3 * width * MATCH_SIDE));
}

/* Lay the centre over the middle of the whole frame, both at this height and
 * at the aspect at which they agree best. False if they do not agree. */
static bool
lay_centre(Image *whole, const Image *centre, int height)
{
	static const double aspects[] = {5 / 4.0, 4 / 3.0, 3 / 2.0, 16 / 9.0};
	double		least = MISMATCH;
	double		best = 0;
	Image		square;

	for (size_t a = 0; a < sizeof aspects / sizeof aspects[0]; a++)
	{
		double		mismatch = centre_mismatch(whole, centre, aspects[a]);

		if (mismatch < least)
		{
			least = mismatch;
			best = aspects[a];
		}
	}
	if (best == 0)
		return false;
	take_image(whole, resized(whole, (int) (height * best + 0.5), height));
	square = resized(centre, height, height);
	for (int y = 0; y < height; y++)
		memcpy(whole->pixels + 3 * ((size_t) y * (size_t) whole->width + (size_t) (whole->width - height) / 2),
			   square.pixels + 3 * (size_t) y * (size_t) height, 3 * (size_t) height);
	image_free(call_standalone(), &square);
	return true;
}

/* Add a camera's noise and compress as it does. */
static void
pass_camera(Image *image, uint64_t seed)
{
	size_t		samples = (size_t) image->width * (size_t) image->height * (size_t) image->channels;
	EncodedImage encoded;
	Image		result;
	double		sigma;
	Rng			rng;

	rng_seed(&rng, seed, 0);
	sigma = (double) rng_below(&rng, 1001) / 500;
	for (size_t i = 0; i < samples; i++)
	{
		double		sum = -2;	/* the sum of four uniform numbers is near enough to normal */

		for (int k = 0; k < 4; k++)
			sum += (double) rng_below(&rng, 65536) / 65536;
		sum *= 1.732;
		image->pixels[i] = (uint8_t) fmin(255, fmax(0, floor(image->pixels[i] + sigma * sum + 0.5)));
	}
	require(jpeg_encode(call_standalone(), image, 75 + (int) rng_below(&rng, 21), &encoded));
	require(image_decode(call_standalone(), encoded.bytes, encoded.size, DECODE_RGB, &result));
	call_free(call_standalone(), encoded.bytes);
	take_image(image, result);
}

/* Make of an image what is asked for; false if it is to be left out. */
static bool
make_frame(const Frames *frames, const char *path, uint64_t seed, Image *image)
{
	if (frames->centres != NULL)
	{
		const char *name = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
		char		of_centre[4096];
		Image		centre;
		bool		fits;

		snprintf(of_centre, sizeof of_centre, "%s/%s", frames->centres, name);
		centre = read_image(of_centre);
		fits = lay_centre(image, &centre, frames->height);
		image_free(call_standalone(), &centre);
		if (!fits)
			return false;
	}
	else if (frames->width > 0)
		take_image(image, frames->tile ? tiled(image, frames->width, frames->height) :
				   resized(image, frames->width, frames->height));
	if (frames->camera)
		pass_camera(image, seed);
	return true;
}

/* Measure image, degraded unless severity is 0. */
static void
print_line(const char *path, const Image *image, int kind, int severity, int64_t seed)
{
	Image		copy;
	Quality		q;

	require(image_resize(call_standalone(), image, image->width, image->height, &copy));
	if (severity > 0)
		require(degrade_image(call_standalone(), (DegradeKind) kind, severity, seed, &copy));
	require(quality_measure(call_standalone(), &copy, &q));
	image_free(call_standalone(), &copy);
	printf("%s,%s,%d,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,"
		   "%.9g,%.9g,%.9g\n",
		   path, severity == 0 ? "clean" : degrade_name((DegradeKind) kind), severity, q.noise, q.luma_stddev,
		   q.saturation, q.contrast, q.brightness, q.slope, q.unevenness, q.colour.red, q.colour.blue,
		   q.skin_colour.red,
		   q.skin_colour.blue, q.black, q.white, q.direction, q.detail, q.hair, q.glare, q.ink, q.blocking,
		   q.resolution, q.sharpness, q.score);
}

/* Take an option and its value; the number of arguments taken, 0 if it is none. */
static int
take_option(Frames *frames, char **argv)
{
	if (strcmp(argv[0], "--tile") == 0)
		frames->tile = true;
	else if (strcmp(argv[0], "--camera") == 0)
		frames->camera = true;
	else if (argv[1] == NULL)
		return 0;
	else if (strcmp(argv[0], "--centres") == 0)
	{
		frames->centres = argv[1];
		return 2;
	}
	else if (strcmp(argv[0], "--frame") == 0)
		return sscanf(argv[1], "%dx%d", &frames->width, &frames->height) == 2 ? 2 : 0;
	else if (strcmp(argv[0], "--severities") == 0)
		return sscanf(argv[1], "%d-%d", &frames->from, &frames->to) == 2 ? 2 : 0;
	else
		return 0;
	return 1;
}

int
main(int argc, char **argv)
{
	Frames		frames = {.from = 3,.to = DEGRADE_SEVERITY_MAX};
	int			first = 1;

	for (int taken = 1; first < argc && taken > 0; first += taken)
		taken = take_option(&frames, argv + first);
	printf("path,kind,severity,noise,luma_stddev,saturation,contrast,brightness,slope,unevenness,red,blue,skin_red,"
		   "skin_blue,black,white,direction,detail,hair,glare,ink,blocking,resolution,sharpness,score\n");
	for (int i = first; i < argc; i++)
	{
		int64_t		seed = (int64_t) (i - first + 1) * 7919 + 1;
		Image		image = read_image(argv[i]);

		if (make_frame(&frames, argv[i], (uint64_t) seed, &image))
		{
			print_line(argv[i], &image, 0, 0, 0);
			for (int kind = 0; kind < DEGRADE_KINDS; kind++)
				for (int severity = frames.from; severity <= frames.to; severity++)
					print_line(argv[i], &image, kind, severity, seed);
		}
		image_free(call_standalone(), &image);
	}
	return 0;
}
