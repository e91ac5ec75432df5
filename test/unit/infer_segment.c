/*
 * infer_segment.c: from image bytes to a mask. The network has fresh weights:
 * what it says is of no interest here, what becomes of it is.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "infer/mask.h"
#include "infer/symmetry.h"
#include "between.h"
#include "test_call.h"
#include "learn_fixture.h"

#define SIZE 32

/* A segmenter, the call that made its network, and the call of the runs. */
typedef struct Bench
{
	TestCall	owner;
	TestCall	caller;
	Network    *network;
	EngineChoice choice;
	Segmenter  *segmenter;
} Bench;

static void
bench_init(Bench *bench)
{
	test_call_init(&bench->owner);
	test_call_init(&bench->caller);
	bench->network = fixture_unet(&bench->owner.call, 2, 2, 3);
	bench->network->traits.image_size = SIZE;
	bench->choice = (EngineChoice) {BACKEND_AUTO, PRECISION_F32};
	assert_int_equal(segmenter_create(bench->network, &bench->caller.call, &bench->choice, &bench->segmenter).code,
					 LS_OK);
}

static void
bench_end(Bench *bench)
{
	assert_int_equal(bench->caller.live, 0);
	segmenter_free(bench->segmenter);
	network_free(bench->network);
	assert_int_equal(bench->owner.live, 0);
	test_call_end(&bench->owner);
	test_call_end(&bench->caller);
}

/* A rendered lesion as PNG or JPEG, in the caller's memory. */
static EncodedImage
lesion(Bench *bench, int width, int height, bool jpeg)
{
	const Call *call = &bench->caller.call;
	EncodedImage encoded;
	Image		image;
	Image		mask;

	assert_int_equal(synthetic_lesion(call, 8, width, height, 0, &image, &mask).code, LS_OK);
	if (jpeg)
		assert_int_equal(jpeg_encode(call, &image, 90, &encoded).code, LS_OK);
	else
		assert_int_equal(png_encode(call, &image, &encoded).code, LS_OK);
	image_free(call, &image);
	image_free(call, &mask);
	return encoded;
}

/* What the network says of an image at its own size, found the long way. */
static void
expected_map(Bench *bench, EncodedImage encoded, float *map)
{
	const Call *call = &bench->caller.call;
	Predictor  *predictor;
	Image		image;
	Image		resized;

	assert_int_equal(image_decode_at_least(call, encoded.bytes, encoded.size, DECODE_RGB, TURN_UPRIGHT, SIZE, SIZE,
										   &image).code,
					 LS_OK);
	assert_int_equal(image_resize(call, &image, SIZE, SIZE, &resized).code, LS_OK);
	assert_int_equal(predictor_create(bench->network, &bench->caller.call, &bench->choice, 1, SIZE, SIZE,
									  &predictor).code, LS_OK);
	assert_int_equal(predictor_run(predictor, &bench->caller.call, resized.pixels, map).code, LS_OK);
	predictor_free(predictor);
	image_free(call, &image);
	image_free(call, &resized);
}

/* A mask with nothing done to it. */
static MaskOptions
mask_options(int width, int height, double threshold)
{
	return (MaskOptions) {.width = width, .height = height, .threshold = threshold};
}

/* From bytes to a mask, as a caller of the library puts it together. */
static Status
segment_image(Bench *bench, EncodedImage encoded, bool tta, const MaskOptions *options, Image *mask,
			  Image *probabilities, double *disagreement)
{
	const Call *call = &bench->caller.call;
	const double weight = 1;
	ProbabilityMap map;
	Image		image;
	Status		status;

	memset(mask, 0, sizeof *mask);
	if (probabilities != NULL)
		memset(probabilities, 0, sizeof *probabilities);
	TRY(image_decode_at_least(call, encoded.bytes, encoded.size, DECODE_RGB, TURN_UPRIGHT, SIZE, SIZE, &image));
	status = segmenter_run(bench->segmenter, &bench->caller.call, &image, tta, options->threshold, &map);
	image_free(call, &image);
	TRY(status);
	if (disagreement != NULL)
		*disagreement = map.disagreement;
	status = mask_create(call, &map, &weight, 1, options, mask, probabilities);
	probability_map_free(call, &map);
	return status;
}

/* Bilinear value of map at output pixel (x, y) of width x height. */
static double
map_value(const float *map, int x, int y, int width, int height)
{
	double		u = fmin(fmax((x + 0.5) * SIZE / width - 0.5, 0), SIZE - 1);
	double		v = fmin(fmax((y + 0.5) * SIZE / height - 0.5, 0), SIZE - 1);
	int			left = (int) u;
	int			top = (int) v;
	int			right = left + 1 < SIZE ? left + 1 : left;
	int			bottom = top + 1 < SIZE ? top + 1 : top;
	double		above = map[top * SIZE + left] + (u - left) * (map[top * SIZE + right] - map[top * SIZE + left]);
	double		below = map[bottom * SIZE + left] +
		(u - left) * (map[bottom * SIZE + right] - map[bottom * SIZE + left]);

	return above + (v - top) * (below - above);
}

/* Segment and compare every pixel; the threshold is in the middle of what
 * the network says, so that both sides occur. */
static void
assert_segments(Bench *bench, EncodedImage encoded, int width, int height)
{
	MaskOptions options = {.width = width,.height = height};
	float		map[SIZE * SIZE];
	double		low = 1;
	double		high = 0;
	double		threshold;
	Image		mask;
	Image		probabilities;
	int			lesion_pixels = 0;

	expected_map(bench, encoded, map);
	for (int i = 0; i < SIZE * SIZE; i++)
	{
		low = fmin(low, map[i]);
		high = fmax(high, map[i]);
	}
	threshold = (low + high) / 2;
	assert_true(high - low > 0.05);

	options.threshold = threshold;
	assert_int_equal(segment_image(bench, encoded, false, &options, &mask, &probabilities, NULL).code, LS_OK);
	assert_int_equal(mask.width, width);
	assert_int_equal(mask.height, height);
	assert_int_equal(mask.channels, 1);
	assert_int_equal(probabilities.width, width);
	assert_int_equal(probabilities.height, height);
	assert_int_equal(probabilities.channels, 1);
	for (int y = 0; y < height; y++)
	{
		for (int x = 0; x < width; x++)
		{
			double		value = map_value(map, x, y, width, height);
			int			lesion_here = mask.pixels[y * width + x];

			assert_true(lesion_here == 0 || lesion_here == 255);
			if (fabs(value - threshold) > 1e-5)
				assert_int_equal(lesion_here, value > threshold ? 255 : 0);
			assert_true(fabs(255 * value - probabilities.pixels[y * width + x]) <= 0.5 + 1e-3);
			lesion_pixels += lesion_here != 0;
		}
	}
	assert_between(lesion_pixels, 1, width * height - 1);
	image_free(&bench->caller.call, &mask);
	image_free(&bench->caller.call, &probabilities);
}

/* Own size, the size asked for, and back: PNG and JPEG. */
static void
test_sizes(void **state)
{
	Bench		bench;
	EncodedImage encoded;

	(void) state;
	bench_init(&bench);
	for (int jpeg = 0; jpeg < 2; jpeg++)
	{
		encoded = lesion(&bench, 100, 75, jpeg);
		assert_segments(&bench, encoded, 100, 75);
		assert_segments(&bench, encoded, 50, 200);
		assert_segments(&bench, encoded, 100, 75);
		call_free(&bench.caller.call, encoded.bytes);
		encoded = lesion(&bench, SIZE, SIZE, jpeg);
		assert_segments(&bench, encoded, SIZE, SIZE);
		call_free(&bench.caller.call, encoded.bytes);
		encoded = lesion(&bench, 20, 16, jpeg);
		assert_segments(&bench, encoded, 20, 16);
		call_free(&bench.caller.call, encoded.bytes);
	}
	bench_end(&bench);
}

/* What is kept belongs to the owner and stays; what a call makes is the
 * caller's. */
static void
test_memory_ownership(void **state)
{
	Bench		bench;
	EncodedImage encoded;
	Image		mask;
	MaskOptions options = mask_options(60, 40, 0.5);
	Predictor  *predictor;
	long		kept;

	(void) state;
	bench_init(&bench);
	encoded = lesion(&bench, 60, 40, false);
	assert_int_equal(segment_image(&bench, encoded, true, &options, &mask, NULL, NULL).code, LS_OK);
	image_free(&bench.caller.call, &mask);
	kept = bench.owner.live;
	for (int i = 0; i < 3; i++)
	{
		assert_int_equal(segment_image(&bench, encoded, true, &options, &mask, NULL, NULL).code,
						 LS_OK);
		assert_int_equal(bench.owner.live, kept);
		assert_int_equal(bench.caller.live, 2);
		image_free(&bench.caller.call, &mask);
	}
	assert_int_equal(predictor_create(bench.network, &bench.caller.call, &bench.choice, 1, SIZE, SIZE, &predictor).code,
					 LS_OK);
	assert_true(segmenter_memory(bench.segmenter) > predictor_memory(predictor));
	predictor_free(predictor);
	call_free(&bench.caller.call, encoded.bytes);
	bench_end(&bench);
}

/* A failing call leaves nothing behind and the segmenter as it was. */
static void
assert_fails(Bench *bench, const void *bytes, size_t size, MaskOptions options, StatusCode code)
{
	EncodedImage encoded = {(uint8_t *) bytes, size};
	long		live = bench->caller.live;
	Image		mask;
	Image		probabilities;

	assert_int_equal(segment_image(bench, encoded, false, &options, &mask, &probabilities, NULL).code, code);
	assert_null(mask.pixels);
	assert_null(probabilities.pixels);
	assert_int_equal(bench->caller.live, live);
}

static void
test_failures(void **state)
{
	Bench		bench;
	EncodedImage encoded;

	(void) state;
	bench_init(&bench);
	encoded = lesion(&bench, 60, 40, false);
	assert_fails(&bench, encoded.bytes, encoded.size, mask_options(60, 40, NAN), LS_INVALID_ARGUMENT);
	assert_fails(&bench, encoded.bytes, encoded.size, mask_options(60, 40, -0.1), LS_INVALID_ARGUMENT);
	assert_fails(&bench, encoded.bytes, encoded.size, mask_options(60, 40, 1.1), LS_INVALID_ARGUMENT);
	assert_fails(&bench, encoded.bytes, encoded.size, mask_options(10, 0, 0.5), LS_INVALID_ARGUMENT);
	assert_fails(&bench, encoded.bytes, encoded.size, mask_options(-1, 10, 0.5), LS_INVALID_ARGUMENT);
	assert_fails(&bench, encoded.bytes, encoded.size, mask_options(2000, 2000, 0.5), LS_LIMIT_EXCEEDED);
	assert_fails(&bench, encoded.bytes, encoded.size / 2, mask_options(60, 40, 0.5), LS_INVALID_IMAGE);
	assert_fails(&bench, "", 0, mask_options(60, 40, 0.5), LS_INVALID_IMAGE);
	assert_segments(&bench, encoded, 60, 40);
	call_free(&bench.caller.call, encoded.bytes);
	bench_end(&bench);
}

/* Stopped at any poll of the caller or the owner, then run again. */
/* A network whose logits are no numbers: an error, not an empty mask. */
static void
test_not_a_number(void **state)
{
	Bench		bench;
	EncodedImage encoded;
	Image		mask;
	MaskOptions options = mask_options(60, 40, 0.5);

	(void) state;
	bench_init(&bench);
	segmenter_free(bench.segmenter);
	bench.network->weights[bench.network->graph->weight_count - 1] = NAN;	/* the last layer's bias */
	assert_int_equal(segmenter_create(bench.network, &bench.caller.call, &bench.choice, &bench.segmenter).code, LS_OK);
	encoded = lesion(&bench, 60, 40, false);
	for (int tta = 0; tta < 2; tta++)
	{
		assert_int_equal(segment_image(&bench, encoded, tta, &options, &mask, NULL, NULL).code, LS_INVALID_WEIGHTS);
		assert_null(mask.pixels);
	}
	call_free(&bench.caller.call, encoded.bytes);
	bench_end(&bench);
}

static void
test_cancel(void **state)
{
	Bench		bench;
	EncodedImage encoded;
	TestCall   *test = &bench.caller;
	MaskOptions options = mask_options(300, 200, 0.5);
	Image		mask;
	long		polls;

	(void) state;
	bench_init(&bench);
	encoded = lesion(&bench, 300, 200, true);
	test->polls = 0;
	assert_int_equal(segment_image(&bench, encoded, true, &options, &mask, NULL, NULL).code, LS_OK);
	image_free(&test->call, &mask);
	polls = test->polls;
	assert_true(polls > 5);
	assert_int_equal(bench.owner.polls, 0);	/* only the call is asked */
	for (long stop = 0; stop < polls; stop++)
	{
		test->polls = 0;
		test->stop_after = stop;
		assert_int_equal(segment_image(&bench, encoded, true, &options, &mask, NULL, NULL).code, LS_CANCELLED);
		test->stop_after = -1;
		assert_int_equal(test->polls, stop + 1);
		assert_null(mask.pixels);
		assert_int_equal(test->live, 1);
	}
	assert_segments(&bench, encoded, 300, 200);
	call_free(&test->call, encoded.bytes);
	bench_end(&bench);
}

/* A network needs a size, one that fits its stride. */
static void
test_network_size(void **state)
{
	TestCall	test;
	Network    *network;
	Segmenter  *segmenter;
	EngineChoice choice = {BACKEND_AUTO, PRECISION_AUTO};
	Status		status;

	(void) state;
	test_call_init(&test);
	network = fixture_unet(&test.call, 2, 2, 3);
	status = segmenter_create(network, call_standalone(), &choice, &segmenter);
	assert_int_equal(status.code, LS_INVALID_ARGUMENT);
	assert_string_equal(status.message, "the network has not been trained");
	assert_null(segmenter);
	network->traits.image_size = 30;
	assert_int_equal(segmenter_create(network, call_standalone(), &choice, &segmenter).code, LS_INVALID_ARGUMENT);
	assert_null(segmenter);
	network->traits.image_size = SIZE;
	assert_int_equal(segmenter_create(network, call_standalone(), &choice, &segmenter).code, LS_OK);
	segmenter_free(segmenter);
	network_free(network);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* A square image in each symmetry: mask, probabilities and disagreement, at
 * the image's size, are those of the image, seen in it. */
static void
assert_equivariant(Bench *bench, int side, int mask_side)
{
	const Call *call = &bench->caller.call;
	MaskOptions options = mask_options(mask_side, mask_side, 0.5);
	EncodedImage encoded = lesion(bench, side, side, false);
	Image		image;
	Image		mask;
	Image		probabilities;
	double		disagreement;
	int			differ = 0;

	assert_int_equal(image_decode(call, encoded.bytes, encoded.size, DECODE_RGB, &image).code, LS_OK);

	/* In the middle of what the network says. */
	assert_int_equal(segment_image(bench, encoded, true, &options, &mask, &probabilities, NULL).code, LS_OK);
	options.threshold = probabilities.pixels[mask_side / 2 * mask_side + mask_side / 3] / 255.0;
	image_free(call, &mask);
	image_free(call, &probabilities);
	assert_int_equal(segment_image(bench, encoded, true, &options, &mask, &probabilities, &disagreement).code, LS_OK);
	assert_true(disagreement > 0 && disagreement < 1);

	for (int symmetry = 1; symmetry < SYMMETRIES; symmetry++)
	{
		Image		seen[5];	/* the image, its mask, its map; then what is expected of these */
		EncodedImage turned;
		double		seen_disagreement;
		size_t		pixels = (size_t) mask_side * (size_t) mask_side;

		assert_int_equal(symmetry_image(call, symmetry, &image, &seen[0]).code, LS_OK);
		assert_int_equal(png_encode(call, &seen[0], &turned).code, LS_OK);
		assert_int_equal(segment_image(bench, turned, true, &options, &seen[1], &seen[2], &seen_disagreement).code,
						 LS_OK);
		assert_int_equal(symmetry_image(call, symmetry, &mask, &seen[3]).code, LS_OK);
		assert_int_equal(symmetry_image(call, symmetry, &probabilities, &seen[4]).code, LS_OK);
		assert_memory_equal(seen[1].pixels, seen[3].pixels, pixels);
		assert_memory_equal(seen[2].pixels, seen[4].pixels, pixels);
		assert_true(seen_disagreement == disagreement);
		differ += memcmp(seen[4].pixels, probabilities.pixels, pixels) != 0;
		for (int i = 0; i < 5; i++)
			image_free(call, &seen[i]);
		call_free(call, turned.bytes);
	}
	assert_int_equal(differ, SYMMETRIES - 1);
	image_free(call, &image);
	image_free(call, &mask);
	image_free(call, &probabilities);
	call_free(call, encoded.bytes);
}

static void
test_equivariance(void **state)
{
	Bench		bench;

	(void) state;
	bench_init(&bench);
	assert_equivariant(&bench, SIZE, SIZE);
	assert_equivariant(&bench, 77, 77);
	assert_equivariant(&bench, 100, 61);
	assert_equivariant(&bench, 21, 21);
	bench_end(&bench);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_memory_ownership),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_not_a_number),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_network_size),
		cmocka_unit_test(test_equivariance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
