/*
 * nn_loops_stream.c: outputs so large that loops store them past the
 * caches. Each table must write the same bits as it does in small pieces,
 * which go through the caches and are tested against scalar arithmetic
 * elsewhere; and nothing beside its channels or its memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guarded.h"
#include "loops_fixture.h"

/* From this on a piece may be streamed (loops_spans.h). */
#define STREAMED_BYTES (1 << 20)
#define PIECE 500				/* pixels that are not */

/* What outputs hold before, as bytes. */
#define BEFORE 0x42

enum Operator
{
	AFFINE,
	AFFINE_RESIDUAL,
	AFFINE_GELU,
	ADD,
	COPY,
	GELU,
	MOMENTS_GELU,
	DOT_GRADIENT,
	NORM_GRADIENT,
	NORM_GRADIENT_GELU,
	OPERATORS
};

/* The inputs of one run, shared by all: dense, of the largest size. */
typedef struct Inputs
{
	void	   *a;
	void	   *b;
	float		first[128];
	float		second[128];
} Inputs;

/* Run an operator on pixels [begin, end) of a slice of y. */
static void
run_operator(const Table *table, enum Operator operator, const Inputs *in, int channels, void *y, int stride,
			 long begin, long end)
{
	const Loops *loops = table->loops;
	AffineArgs	affine = {
		.x = in->a,.x_stride = channels,.y = y,.y_stride = stride,.channels = channels,
		.scale = in->first,.shift = in->second,.relu = true,
		.residual = operator == AFFINE_RESIDUAL ? in->b : NULL,.residual_stride = channels,
		.gelu = operator == AFFINE_GELU,
	};
	AddArgs		add = {
		.a = in->a,.a_stride = channels,.b = operator == ADD ? in->b : NULL,.b_stride = channels,
		.y = y,.y_stride = stride,.channels = channels,
	};
	GeluArgs	gelu = {.x = in->a,.x_stride = channels,.y = y,.y_stride = stride,.channels = channels};
	double		sums[2 * 128] = {0};
	MomentArgs	moments = {
		.x = in->a,.x_stride = channels,.channels = channels,.sums = sums,.gelu = y,.gelu_stride = stride,
	};
	DotArgs		dot = {
		.channels = channels,.weights = in->first,.dy = in->b,.dy_stride = 1,.dx = y,.dx_stride = stride,
	};
	NormGradientArgs norm = {
		.x = in->a,.dy = in->b,.dy_stride = channels,.dx = y,.channels = channels,.relu = true,
		.scale = in->first,.shift = in->second,.slope_dz = in->second,.slope_x = in->first,.offset = in->second,
		.u = operator == NORM_GRADIENT_GELU ? in->a : NULL,.u_stride = channels,
	};

	switch (operator)
	{
		case AFFINE:
		case AFFINE_RESIDUAL:
		case AFFINE_GELU:
			loops->affine(&affine, 0, begin, end);
			break;
		case ADD:
		case COPY:
			loops->add(&add, 0, begin, end);
			break;
		case GELU:
			loops->gelu(&gelu, 0, begin, end);
			break;
		case MOMENTS_GELU:
			loops->moments(&moments, 0, begin, end);
			break;
		case DOT_GRADIENT:
			loops->dot_gradient(&dot, 0, begin, end);
			break;
		case NORM_GRADIENT:
		case NORM_GRADIENT_GELU:
			loops->norm_gradient(&norm, 0, begin, end);
			break;
		case OPERATORS:
			break;
	}
}

/* Check all operators on `channels` of a buffer that is `extra` wider; the
 * slice stands after what it is wider by, where there is room before it. */
static void
check_width(const Table *table, const Inputs *in, long pixels, int channels, int extra)
{
	int			stride = channels + extra;
	size_t		size = data_type_size(table->type);
	size_t		bytes = (size_t) pixels * stride * size;

	assert_true((size_t) (pixels - 4) * channels * size >= STREAMED_BYTES && PIECE * stride * size < STREAMED_BYTES);
	for (enum Operator operator = 0; operator < OPERATORS; operator++)
	{
		char	   *whole = guarded_alloc(bytes);
		char	   *pieces = guarded_alloc(bytes);
		size_t		offset = extra * size;

		/* Its output is dense. */
		if ((operator == NORM_GRADIENT || operator == NORM_GRADIENT_GELU) && extra > 0)
		{
			guarded_free(whole);
			guarded_free(pieces);
			continue;
		}
		assert_true(whole != NULL && pieces != NULL);
		memset(whole, BEFORE, bytes);
		memset(pieces, BEFORE, bytes);
		run_operator(table, operator, in, channels, whole + offset, stride, 3, pixels - 1);
		for (long begin = 3; begin < pixels - 1; begin += PIECE)
			run_operator(table, operator, in, channels, pieces + offset, stride, begin,
						 begin + PIECE < pixels - 1 ? begin + PIECE : pixels - 1);
		if (memcmp(whole, pieces, bytes) != 0)
			fail_msg("%s, operator %d, %d of %d channels: differs from its pieces", table->name, operator, channels,
					 stride);
		for (long i = 0; i < pixels; i++)
		{
			const char *pixel = whole + (size_t) i * stride * size;
			size_t		beside = i >= 3 && i < pixels - 1 ? offset : stride * size;

			for (size_t k = 0; k < beside; k++)
				if (pixel[k] != BEFORE)
					fail_msg("%s, operator %d, %d of %d channels: wrote beside them", table->name, operator,
							 channels, stride);
		}
		guarded_free(whole);
		guarded_free(pieces);
	}
}

static void
test_streamed_outputs(void **state)
{
	static const int widths[] = {32, 40, 64};
	static const int extras[] = {0, 32, 7};
	Table		tables[MOST_TABLES];
	int			count = runnable_tables(tables);

	(void) state;
	for (int t = 0; t < count; t++)
	{
		size_t		size = data_type_size(tables[t].type);
		size_t		values = STREAMED_BYTES / size + 100 * 64;
		Inputs		in = {.a = guarded_alloc(values * size),.b = guarded_alloc(values * size)};
		Strided		a = {tables[t].type, 1, (int) values, (int) values, in.a};
		Strided		b = a;
		Rng			rng;

		assert_true(in.a != NULL && in.b != NULL);
		b.data = in.b;
		rng_seed(&rng, 31, 0);
		for (size_t i = 0; i < values; i++)
		{
			set_element(&a, i, rng_range(&rng, -2, 2));
			set_element(&b, i, rng_range(&rng, -2, 2));
		}
		for (int c = 0; c < 128; c++)
		{
			in.first[c] = (float) rng_range(&rng, -1, 1);
			in.second[c] = (float) rng_range(&rng, -1, 1);
		}
		for (int w = 0; w < 3; w++)
			for (int e = 0; e < 3; e++)
				check_width(&tables[t], &in, (long) (STREAMED_BYTES / size / widths[w] + 77), widths[w], extras[e]);
		guarded_free(in.a);
		guarded_free(in.b);
	}
	assert_int_equal(guard_breaches, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streamed_outputs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
