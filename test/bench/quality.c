/*
 * quality.c: what is measured of photographs, as they are and degraded.
 *
 *   quality image...
 *
 * Prints a line of CSV for each image as it is and for every kind of
 * degradation at severities 3 to 5: test/tools/quality makes of it how well
 * the score tells them apart, and the coefficients of quality_score.c.
 */
#include <stdio.h>
#include <string.h>

#include "enhance/degrade/degrade.h"
#include "enhance/quality/quality.h"
#include "image_files.h"

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
	printf("%s,%s,%d,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g\n", path,
		   severity == 0 ? "clean" : degrade_name((DegradeKind) kind), severity, q.noise, q.luma_stddev, q.saturation,
		   q.contrast, q.brightness, q.slope, q.unevenness, q.colour_cast, q.hair, q.glare, q.ink, q.blocking,
		   q.resolution, q.sharpness, q.score);
}

int
main(int argc, char **argv)
{
	printf("path,kind,severity,noise,luma_stddev,saturation,contrast,brightness,slope,unevenness,cast,"
		   "hair,glare,ink,blocking,resolution,sharpness,score\n");
	for (int i = 1; i < argc; i++)
	{
		Image		image = read_image(argv[i]);

		print_line(argv[i], &image, 0, 0, 0);
		for (int kind = 0; kind < DEGRADE_KINDS; kind++)
			for (int severity = 3; severity <= DEGRADE_SEVERITY_MAX; severity++)
				print_line(argv[i], &image, kind, severity, (int64_t) i * 7919 + 1);
		image_free(call_standalone(), &image);
	}
	return 0;
}
