/*
 * measure.c: how long measures of a lesion take on 1024 x 768 pixels.
 *
 *   GOMP_SPINCOUNT=2000 measure [threads]
 *
 * Renders a lesion, stores photograph and mask as JPEG and PNG, and prints for
 * each piece of work the best and the median of several turns in milliseconds,
 * and the processor's time of a turn, over all threads. Where others use the
 * machine, the processor's time and the best turn say more than the median.
 */
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "enhance/degrade/degrade.h"
#include "enhance/enhance.h"
#include "enhance/quality/quality.h"
#include "image/mask_decode.h"
#include "image/synthetic.h"
#include "image_files.h"
#include "measure/boundary.h"
#include "measure/colour/colour_measures.h"
#include "measure/follow/change.h"
#include "measure/shape/shape_measures.h"

#define WIDTH 1024
#define HEIGHT 768
#define TURNS 31

static Call call;

/* What all work is done on: a lesion, and another photograph of it. */
typedef struct Scene
{
	Image		photograph;
	Image		mask;
	Image		later;			/* turned by 20 degrees, nearer by a tenth */
	Image		later_mask;
	Image		shifted_mask;
	EncodedImage photograph_jpeg;
	EncodedImage photograph_png;
	EncodedImage mask_png;
	Image		frame;			/* reduced and without hair, as lesion_follow does */
	Image		frame_mask;
	Image		later_frame;
	Image		later_frame_mask;
} Scene;

static double
milliseconds_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return 1e3 * (double) now.tv_sec + 1e-6 * (double) now.tv_nsec;
}

static int
compare_times(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

typedef void (*Work) (const Scene *scene);

static void
time_work(const char *name, const Scene *scene, Work work)
{
	double		times[TURNS];
	double		busy;

	work(scene);				/* threads and pages are there afterwards */
	busy = milliseconds_of(CLOCK_PROCESS_CPUTIME_ID);
	for (int turn = 0; turn < TURNS; turn++)
	{
		double		started = milliseconds_of(CLOCK_MONOTONIC);

		work(scene);
		times[turn] = milliseconds_of(CLOCK_MONOTONIC) - started;
	}
	busy = (milliseconds_of(CLOCK_PROCESS_CPUTIME_ID) - busy) / TURNS;
	qsort(times, TURNS, sizeof times[0], compare_times);
	printf("%-34s best %6.2f ms, median %6.2f ms, processor %6.2f ms\n", name, times[0], times[TURNS / 2], busy);
}

/* ---- the scene ---- */

static void
make_frame(const Image *photograph, const Image *mask, Image *frame, Image *frame_mask)
{
	const EnhanceOptions options = enhance_options_default();

	require(quality_frame(&call, photograph, frame));
	require(enhance_apply(&call, ENHANCE_HAIR, &options, frame));
	require(image_resize_nearest(&call, mask, frame->width, frame->height, frame_mask));
}

static void
make_scene(Scene *scene)
{
	const Similarity shift = {1, 0, 9, -6};
	const Similarity turn = {1.0336, 0.3762, 150, -220};	/* of the later one: 1.1 times, 20 degrees */

	require(synthetic_lesion(&call, 3, WIDTH, HEIGHT, 2, &scene->photograph, &scene->mask));
	require(change_warp(&call, &scene->mask, &shift, WIDTH, HEIGHT, &scene->shifted_mask));
	require(change_warp(&call, &scene->photograph, &turn, WIDTH, HEIGHT, &scene->later));
	require(change_warp(&call, &scene->mask, &turn, WIDTH, HEIGHT, &scene->later_mask));
	require(degrade_image(&call, DEGRADE_HAIR, 2, 5, &scene->later));
	require(jpeg_encode(&call, &scene->photograph, 90, &scene->photograph_jpeg));
	require(png_encode(&call, &scene->photograph, &scene->photograph_png));
	require(png_encode(&call, &scene->mask, &scene->mask_png));
	make_frame(&scene->photograph, &scene->mask, &scene->frame, &scene->frame_mask);
	make_frame(&scene->later, &scene->later_mask, &scene->later_frame, &scene->later_frame_mask);
}

/* ---- the work ---- */

static void
measure_shape(const Scene *scene)
{
	ShapeMeasures shape;
	Image		mask;

	require(image_resize_nearest(&call, &scene->mask, WIDTH, HEIGHT, &mask));
	require(shape_measure(&call, &mask, (PixelSpacing) {1, 1}, &shape));
	image_free(&call, &mask);
}

/* All of lesion_measure(mask, image). */
static void
measure_lesion(const Scene *scene, const EncodedImage *photograph)
{
	ShapeMeasures shape;
	ColourMeasures colours;
	Image		mask;
	Image		image;
	double		scale;
	int			side;

	require(mask_decode(&call, scene->mask_png.bytes, scene->mask_png.size, TURN_UPRIGHT, &mask, NULL));
	require(shape_measure(&call, &mask, (PixelSpacing) {1, 1}, &shape));
	side = shape.box.width > shape.box.height ? shape.box.width : shape.box.height;
	scale = side > COLOUR_SIDE ? (double) COLOUR_SIDE / side : 1;
	require(image_decode_at_least(&call, photograph->bytes, photograph->size, DECODE_RGB, TURN_UPRIGHT,
								  (int) (WIDTH * scale) + 1, (int) (HEIGHT * scale) + 1, &image));
	require(colour_measure(&call, &image, &mask, &shape, &colours));
	image_free(&call, &image);
	image_free(&call, &mask);
}

static void
measure_jpeg(const Scene *scene)
{
	measure_lesion(scene, &scene->photograph_jpeg);
}

static void
measure_png(const Scene *scene)
{
	measure_lesion(scene, &scene->photograph_png);
}

/* What libpng takes of that: the photograph's pixels, by its simplest function. */
static void
read_png_alone(const Scene *scene)
{
	static uint8_t pixels[3 * WIDTH * HEIGHT];
	png_image	image = {.version = PNG_IMAGE_VERSION};

	if (png_image_begin_read_from_memory(&image, scene->photograph_png.bytes, scene->photograph_png.size) == 0 ||
		image.format != PNG_FORMAT_RGB || png_image_finish_read(&image, NULL, pixels, 0, NULL) == 0)
	{
		fprintf(stderr, "libpng: %s\n", image.message);
		exit(1);
	}
}

static void
score_boundaries(const Scene *scene)
{
	BoundaryScore score;

	require(boundary_score(&call, &scene->shifted_mask, &scene->mask, (PixelSpacing) {1, 1}, 0, &score));
}

static void
register_frames(const Scene *scene)
{
	Registration registration;

	require(register_images(&call, &scene->frame, &scene->frame_mask, &scene->later_frame, &scene->later_frame_mask,
							&registration));
}

/* What lesion_follow does to decoded photographs. */
static void
follow_lesion(const Scene *scene)
{
	Scene		made;
	Registration registration;
	LesionChange change;

	make_frame(&scene->photograph, &scene->mask, &made.frame, &made.frame_mask);
	make_frame(&scene->later, &scene->later_mask, &made.later_frame, &made.later_frame_mask);
	require(register_images(&call, &made.frame, &made.frame_mask, &made.later_frame, &made.later_frame_mask,
							&registration));
	registration.to_after = similarity_rescale(&registration.to_after, (double) WIDTH / made.frame.width,
											   (double) WIDTH / made.later_frame.width);
	require(change_measure(&call, &scene->mask, &scene->later_mask, &registration.to_after, &change));
	image_free(&call, &made.frame);
	image_free(&call, &made.frame_mask);
	image_free(&call, &made.later_frame);
	image_free(&call, &made.later_frame_mask);
}

int
main(int argc, char **argv)
{
	Scene		scene;

	call = *call_standalone();
	call.threads = argc > 1 ? atoi(argv[1]) : 2;
	make_scene(&scene);
	time_work("shape", &scene, measure_shape);
	time_work("lesion_measure of a JPEG", &scene, measure_jpeg);
	time_work("lesion_measure of a PNG", &scene, measure_png);
	time_work("libpng alone, reading that PNG", &scene, read_png_alone);
	time_work("boundary scores", &scene, score_boundaries);
	time_work("registration of prepared images", &scene, register_frames);
	time_work("lesion_follow after decoding", &scene, follow_lesion);
	return 0;
}
