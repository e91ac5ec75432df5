/*
 * enhance_variants.c: images degraded and enhanced several at a time are what
 * they are one by one, whatever the number of threads; every way to fail.
 */
#include "image_fixture.h"

#include "enhance/degrade/variants.h"
#include "image/synthetic.h"

#define WAYS (1 + 2 * DEGRADE_KINDS)

static const VariantSet all_modes = {3, {ENHANCE_MODE_OFF, ENHANCE_MODE_AUTO, ENHANCE_MODE_ALWAYS}, 11};

/* A rendered lesion. */
static Image
lesion(int size)
{
	Image		image;
	Image		mask;

	assert_ok(synthetic_lesion(call_standalone(), 5, size, size, 0, &image, &mask));
	image_free(call_standalone(), &mask);
	return image;
}

/* No degradation, and all kinds at two severities. */
static void
list_ways(Degraded ways[WAYS])
{
	ways[0] = (Degraded) {0, DEGRADE_NOISE};
	for (int kind = 0; kind < DEGRADE_KINDS; kind++)
	{
		ways[1 + 2 * kind] = (Degraded) {2, (DegradeKind) kind};
		ways[2 + 2 * kind] = (Degraded) {5, (DegradeKind) kind};
	}
}

static void
test_same_as_one_by_one(void **state)
{
	Call call = *call_standalone();
	Image		source = lesion(96);
	Degraded	ways[WAYS];
	Image		images[3 * WAYS];

	(void) state;
	call.threads = 3;
	list_ways(ways);
	assert_ok(variants_make(&call, &source, &all_modes, ways, WAYS, images));
	for (int i = 0; i < WAYS; i++)
	{
		for (int m = 0; m < 3; m++)
		{
			Image		plain = make_image(96, 96, 3, source.pixels);

			if (ways[i].severity > 0)
				assert_ok(degrade_image(&call, ways[i].kind, ways[i].severity, 11, &plain));
			assert_ok(enhance_by_mode(&call, all_modes.modes[m], &plain));
			assert_same_image(&images[3 * i + m], &plain);
			image_free(&call, &plain);
			image_free(&call, &images[3 * i + m]);
		}
	}
	image_free(&call, &source);
}

/* Few large images at a time, and none beside another beyond a size. */
static void
test_at_once(void **state)
{
	Call call = *call_standalone();

	(void) state;
	assert_int_equal(variants_at_once(&call, 64, 64), 1);
	call.threads = 2;
	assert_int_equal(variants_at_once(&call, 64, 64), 8);
	assert_int_equal(variants_at_once(&call, 256, 256), 4);
	assert_int_equal(variants_at_once(&call, 384, 384), 2);
	assert_int_equal(variants_at_once(&call, 385, 384), 1);
	assert_int_equal(variants_at_once(&call, 16384, 16384), 1);
}

/* A severity that does not exist, no memory, a cancel: an error, and all
 * images can be freed. */
static void
test_failures(void **state)
{
	Image		source = lesion(48);
	Degraded	ways[] = {{1, DEGRADE_BLUR}, {6, DEGRADE_NOISE}, {2, DEGRADE_HAIR}};
	Image		images[9];
	Counts		counts;
	Call call = counting_call(&counts);
	long		allocations;
	long		polls;

	(void) state;
	call.threads = 2;
	assert_failed(variants_make(&call, &source, &all_modes, ways, 3, images), LS_INVALID_ARGUMENT, "the severity is 6");
	for (int i = 0; i < 9; i++)
		image_free(&call, &images[i]);
	assert_int_equal(counts.allocated, 0);
	allocations = counts.allocations;
	for (long fail = 1; fail <= allocations; fail++)
	{
		call = counting_call(&counts);
		call.threads = 2;
		counts.fail_at = fail;
		assert_int_equal(variants_make(&call, &source, &all_modes, ways, 3, images).code, LS_OUT_OF_MEMORY);
		for (int i = 0; i < 9; i++)
			image_free(&call, &images[i]);
		assert_int_equal(counts.allocated, 0);
	}

	/* one alone is made with the call itself, which is polled */
	call = counting_call(&counts);
	assert_ok(variants_make(&call, &source, &all_modes, ways + 2, 1, images));
	for (int i = 0; i < 3; i++)
		image_free(&call, &images[i]);
	polls = counts.polls;
	assert_true(polls > 10);
	call = counting_call(&counts);
	counts.cancel_at = polls / 2;
	assert_int_equal(variants_make(&call, &source, &all_modes, ways + 2, 1, images).code, LS_CANCELLED);
	for (int i = 0; i < 3; i++)
		image_free(&call, &images[i]);
	assert_int_equal(counts.allocated, 0);
	image_free(call_standalone(), &source);
}

/* Threads of the pool keep to the caller's limit: a moving camera needs a copy
 * of the image with margins, which is larger than any image here. */
static void
test_memory_limit(void **state)
{
	Image		source = lesion(48);
	const VariantSet plain = {1, {ENHANCE_MODE_OFF}, 11};
	const Degraded ways[] = {{5, DEGRADE_MOTION_BLUR}, {5, DEGRADE_MOTION_BLUR}};
	Image		images[2];
	Call		call = *call_standalone();

	(void) state;
	call.threads = 2;
	assert_int_equal(variants_at_once(&call, 48, 48), 8);
	for (int limited = 0; limited < 2; limited++)
	{
		Status		status;

		if (limited)
			call.host.max_memory = 48 * 48 * 3;
		status = variants_make(&call, &source, &plain, ways, 2, images);
		assert_int_equal(status.code, limited ? LS_LIMIT_EXCEEDED : LS_OK);
		for (int i = 0; i < 2; i++)
			image_free(&call, &images[i]);
	}
	image_free(call_standalone(), &source);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_one_by_one),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_memory_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
