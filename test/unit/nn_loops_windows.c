/*
 * nn_loops_windows.c: the loops that reduce over pixels or look at
 * windows of them (moments, the gradient of batch norm, max pooling), of
 * every table that this CPU can run, against scalar arithmetic in float64.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "loops_fixture.h"

/* Pixels, and the piece that a worker gets: more than the loops sum at a
 * time, and no multiple of it. */
enum
{
	PIXELS = 700,
	BEGIN = 13,
	END = 690
};

/* ---- moments ---- */

static void
check_moments(const Table *table, Rng *rng, int channels, bool with_origin, bool of_gelu)
{
	Strided		x = strided_random(rng, table->type, PIXELS, channels, 3);
	float	   *origin = random_floats(rng, channels, 0.5);
	Strided		gelu = strided_new(table->type, PIXELS, channels, 2);
	double	   *sums = malloc(3 * 2 * channels * sizeof(double));
	MomentArgs	args = {
		.x = x.data,.x_stride = x.stride,.channels = channels,.origin = with_origin ? origin : NULL,
		.sums = sums,.gelu = of_gelu ? gelu.data : NULL,.gelu_stride = gelu.stride,
	};

	double		tolerance = of_gelu && table->type == DATA_BF16 ? 1e-3 : 1e-5;

	assert_non_null(sums);
	for (int i = 0; i < 6 * channels; i++)
		sums[i] = 1000 + i;
	table->loops->moments(&args, 1, BEGIN, END);
	for (int c = 0; c < channels; c++)
	{
		double		sum = 1000 + 2 * channels + c;
		double		square = 1000 + 3 * channels + c;
		double		size = 0;

		for (long i = BEGIN; i < END; i++)
		{
			double		value = of_gelu ? gelu_reference(at(&x, i, c)) : at(&x, i, c);
			double		v = value - (with_origin ? origin[c] : 0);

			if (of_gelu)
				assert_stored(table, at(&gelu, i, c), value, 1);
			sum += v;
			square += v * v;
			size += fabs(v);
		}
		/* float32 sums of 256 terms at a time: 256 roundings at most of 2^-24. GELU in bfloat16: 0.05 %. */
		assert_true(fabs(sums[2 * channels + c] - sum) <= tolerance * size);
		assert_true(fabs(sums[3 * channels + c] - square) <= tolerance * square);
	}
	for (int i = 0; i < 2 * channels; i++)	/* other workers' */
		assert_true(sums[i] == 1000 + i && sums[4 * channels + i] == 1000 + 4 * channels + i);
	assert_untouched(table, &gelu, NULL, of_gelu ? BEGIN : 0, of_gelu ? END : 0);
	free(gelu.data);
	free(x.data);
	free(origin);
	free(sums);
}

static void
test_moments(void **state)
{
	Table		tables[MOST_TABLES];
	int			count = runnable_tables(tables);
	Rng			rng;

	(void) state;
	rng_seed(&rng, 21, 0);
	for (int t = 0; t < count; t++)
		for (int k = 0; k < CHANNEL_COUNTS; k++)
			for (int form = 0; form < 4; form++)
				check_moments(&tables[t], &rng, channel_counts[k], form & 1, form & 2);
}

/*
 * GELU of all numbers of bfloat16 up to 40, by sums of one pixel, which are not rounded to it: within 3e-7 in float32,
 * within 0.05 % in bfloat16. Infinity comes out as it is, or as nothing, and what is no number stays none.
 */
static void
check_gelu_of_all(const Table *table)
{
	enum
	{
		COUNT = 32
	};
	double		sums[2 * COUNT];
	float		zeros[COUNT] = {0};
	Strided		x = strided_new(table->type, 1, COUNT, 0);
	Strided		y = strided_new(table->type, 1, COUNT, 0);
	MomentArgs	args = {
		.x = x.data,.x_stride = COUNT,.channels = COUNT,.origin = zeros,.sums = sums,
		.gelu = y.data,.gelu_stride = COUNT,
	};

	for (uint32_t bits = 0; bits < 1 << 16; bits += COUNT)
	{
		float		values[COUNT];

		for (int c = 0; c < COUNT; c++)
		{
			uint32_t	wide = (bits + c) << 16;

			memcpy(&values[c], &wide, sizeof wide);
			set_element(&x, c, values[c]);
		}
		memset(sums, 0, sizeof sums);
		table->loops->moments(&args, 0, 0, 1);
		for (int c = 0; c < COUNT; c++)
		{
			double		expected = gelu_reference(values[c]);

			if (isnan(values[c]))
				assert_true(isnan(sums[c]));
			else if (fabs(values[c]) > 40)
				assert_true(values[c] > 0 ? sums[c] == values[c] : fabs(sums[c]) < 1e-6);
			else if (fabs(sums[c] - expected) > (table->type == DATA_BF16 ? 5e-4 * fabs(expected) + 1e-8 : 2e-6))
				fail_msg("%s: GELU of %.9g is %.9g, not %.9g", table->name, values[c], sums[c], expected);
		}
	}
	free(x.data);
	free(y.data);
}

static void
test_gelu_of_all(void **state)
{
	Table		tables[MOST_TABLES];
	int			count = runnable_tables(tables);

	(void) state;
	for (int t = 0; t < count; t++)
		check_gelu_of_all(&tables[t]);
}

/* ---- the gradient of batch norm ---- */

/* What a case of it has. */
typedef struct NormCase
{
	bool		relu;
	bool		residual;		/* y is given, dresidual wanted */
	bool		accumulate_residual;
	bool		accumulate;
	bool		in_place;		/* dx takes the place of dy */
	bool		of_gelu;		/* x is GELU(u), and dx the gradient of u */
} NormCase;

static const NormCase norm_cases[] = {
	{false, false, false, false, false, false},
	{true, false, false, false, false, false},
	{true, false, false, false, true, false},
	{true, false, false, true, false, false},
	{true, true, false, false, false, false},
	{true, true, true, false, true, false},
	{false, true, true, true, false, false},
	{false, false, false, false, true, true},
	{true, true, true, true, false, true},
};

static void
check_norm(const Table *table, Rng *rng, int channels, const NormCase *norm)
{
	Strided		x = strided_random(rng, table->type, PIXELS, channels, 0);
	Strided		y = strided_random(rng, table->type, PIXELS, channels, 2);
	Strided		u = strided_random(rng, table->type, PIXELS, channels, 4);
	Strided		dy = strided_random(rng, table->type, PIXELS, channels, norm->in_place ? 0 : 5);
	Strided		dy_before = strided_copy(&dy);
	Strided		dx = norm->in_place ? dy : strided_random(rng, table->type, PIXELS, channels, 0);
	Strided		dx_before = strided_copy(&dx);
	Strided		dresidual = strided_random(rng, table->type, PIXELS, channels, 1);
	Strided		dresidual_before = strided_copy(&dresidual);
	float	   *scale = random_floats(rng, channels, 1);
	float	   *shift = random_floats(rng, channels, 0.01);
	float	   *mean = random_floats(rng, channels, 0);
	float	   *inverse_std = random_floats(rng, channels, 3);
	float	   *slopes = random_floats(rng, 3 * channels, 0);
	double	   *sums = calloc(2 * 2 * channels, sizeof(double));
	NormGradientArgs args = {
		.x = x.data,.y = norm->residual ? y.data : NULL,.y_stride = y.stride,
		.dy = dy.data,.dy_stride = dy.stride,.dx = dx.data,.accumulate = norm->accumulate,
		.dresidual = norm->residual ? dresidual.data : NULL,.dresidual_stride = dresidual.stride,
		.accumulate_residual = norm->accumulate_residual,
		.u = norm->of_gelu ? u.data : NULL,.u_stride = u.stride,
		.channels = channels,.relu = norm->relu,.scale = scale,.shift = shift,
		.mean = mean,.inverse_std = inverse_std,.sums = sums,
		.slope_dz = slopes,.slope_x = slopes + channels,.offset = slopes + 2 * channels,
	};

	assert_non_null(sums);
	table->loops->norm_gradient_sums(&args, 1, BEGIN, END);
	table->loops->norm_gradient(&args, 1, BEGIN, END);
	for (int c = 0; c < channels; c++)
	{
		double		sum = 0;
		double		product = 0;
		double		sizes[2] = {0};

		for (long i = BEGIN; i < END; i++)
		{
			double		v = at(&x, i, c);
			double		sign = norm->residual ? at(&y, i, c) : v * scale[c] + shift[c];
			double		dz = !norm->relu || sign > 0 ? at(&dy_before, i, c) : 0;
			double		dnormed;

			sum += dz;
			product += dz * (v - mean[c]) * inverse_std[c];
			sizes[0] += fabs(dz);
			sizes[1] += fabs(dz * (v - mean[c]) * inverse_std[c]);
			dnormed = dz * slopes[c] + v * slopes[channels + c] + slopes[2 * channels + c];
			assert_stored(table, at(&dx, i, c),
						  dnormed * (norm->of_gelu ? gelu_slope_reference(at(&u, i, c)) : 1) +
						  (norm->accumulate ? at(&dx_before, i, c) : 0),
						  30 + (norm->of_gelu ? slope_size(table, dnormed) : 0));
			if (norm->residual)
				assert_stored(table, at(&dresidual, i, c), dz +
							  (norm->accumulate_residual ? at(&dresidual_before, i, c) : 0), 10);
		}
		assert_true(sums[c] == 0 && sums[channels + c] == 0);	/* worker 0's */
		assert_true(fabs(sums[2 * channels + c] - sum) <= 1e-5 * sizes[0]);
		assert_true(fabs(sums[3 * channels + c] - product) <= 1e-5 * sizes[1]);
	}
	assert_untouched(table, &dx, &dx_before, BEGIN, END);
	assert_untouched(table, &dresidual, &dresidual_before, norm->residual ? BEGIN : 0, norm->residual ? END : 0);
	if (!norm->in_place)
	{
		assert_untouched(table, &dy, &dy_before, 0, 0);
		free(dx.data);
	}
	free(x.data);
	free(y.data);
	free(u.data);
	free(dy.data);
	free(dy_before.data);
	free(dx_before.data);
	free(dresidual.data);
	free(dresidual_before.data);
	free(scale);
	free(shift);
	free(mean);
	free(inverse_std);
	free(slopes);
	free(sums);
}

static void
test_norm_gradient(void **state)
{
	Table		tables[MOST_TABLES];
	int			count = runnable_tables(tables);
	Rng			rng;

	(void) state;
	rng_seed(&rng, 22, 0);
	for (int t = 0; t < count; t++)
		for (int k = 0; k < CHANNEL_COUNTS; k++)
			for (size_t i = 0; i < sizeof norm_cases / sizeof norm_cases[0]; i++)
				check_norm(&tables[t], &rng, channel_counts[k], &norm_cases[i]);
}

/* ---- max pooling ---- */

typedef struct PoolCase
{
	int			h;
	int			w;
	int			kernel;
	int			stride;
	int			padding;
} PoolCase;

static const PoolCase pool_cases[] = {
	{6, 8, 2, 2, 0},
	{7, 5, 2, 2, 0},			/* a row and a column are left over */
	{7, 9, 3, 2, 1},
	{8, 6, 3, 2, 1},
	{5, 5, 3, 1, 1},
	{6, 7, 5, 3, 2},
	{4, 4, 4, 4, 0},
	{9, 9, 2, 3, 0},			/* gaps between windows */
	{3, 3, 2, 2, 1},
};

/* The place of the maximum in the window of output (oy, ox), the first of
 * equals. */
static int
place_of_maximum(const Strided *x, const PoolCase *pool, int image, int oy, int ox, int c, double *maximum)
{
	int			place = -1;

	for (int ky = 0; ky < pool->kernel; ky++)
		for (int kx = 0; kx < pool->kernel; kx++)
		{
			int			iy = oy * pool->stride + ky - pool->padding;
			int			ix = ox * pool->stride + kx - pool->padding;
			double		v;

			if (iy < 0 || iy >= pool->h || ix < 0 || ix >= pool->w)
				continue;
			v = at(x, ((long) image * pool->h + iy) * pool->w + ix, c);
			if (place < 0 || v > *maximum)
			{
				place = ky * pool->kernel + kx;
				*maximum = v;
			}
		}
	return place;
}

static void
check_pool(const Table *table, Rng *rng, int channels, const PoolCase *pool, bool accumulate)
{
	enum
	{
		IMAGES = 2
	};
	int			oh = (pool->h + 2 * pool->padding - pool->kernel) / pool->stride + 1;
	int			ow = (pool->w + 2 * pool->padding - pool->kernel) / pool->stride + 1;
	long		pixels = IMAGES * pool->h * pool->w;
	long		outputs = IMAGES * oh * ow;
	Strided		x = strided_random(rng, table->type, pixels, channels, 3);
	Strided		y = strided_new(table->type, outputs, channels, 2);
	Strided		dy = strided_random(rng, table->type, outputs, channels, 1);
	Strided		dx = strided_random(rng, table->type, pixels, channels, 4);
	Strided		before = strided_copy(&dx);
	double	   *expected = calloc(pixels * channels, sizeof(double));
	uint8_t    *index = malloc(outputs * channels);
	PoolArgs	args = {
		.x_shape = {IMAGES, pool->h, pool->w, channels},.y_shape = {IMAGES, oh, ow, channels},
		.kernel = pool->kernel,.stride = pool->stride,.padding = pool->padding,
		.x = x.data,.x_stride = x.stride,.y = y.data,.y_stride = y.stride,.index = index,
		.dy = dy.data,.dy_stride = dy.stride,.dx = dx.data,.dx_stride = dx.stride,
		.before = accumulate ? dx.data : NULL,.before_stride = dx.stride,
	};

	assert_true(expected != NULL && index != NULL);
	for (size_t i = 0; i < span(&x); i += 3)	/* many ties, all negative at places */
		set_element(&x, i, -1);
	for (long row = 0; row < IMAGES * oh; row++)
		table->loops->max_pool(&args, 0, row, row + 1);
	for (long row = 0; row < IMAGES * pool->h; row += 2)
		table->loops->max_pool_gradient(&args, 0, row,
										  row + 2 < IMAGES * pool->h ? row + 2 : IMAGES * pool->h);

	for (long o = 0; o < outputs; o++)
		for (int c = 0; c < channels; c++)
		{
			int			image = (int) (o / (oh * ow));
			int			oy = (int) (o / ow % oh);
			int			ox = (int) (o % ow);
			double		maximum = 0;
			int			place = place_of_maximum(&x, pool, image, oy, ox, c, &maximum);
			int			iy = oy * pool->stride + place / pool->kernel - pool->padding;
			int			ix = ox * pool->stride + place % pool->kernel - pool->padding;

			assert_true(at(&y, o, c) == maximum);
			assert_int_equal(index[o * channels + c], place);
			expected[(((long) image * pool->h + iy) * pool->w + ix) * channels + c] += at(&dy, o, c);
		}
	for (long i = 0; i < pixels; i++)
		for (int c = 0; c < channels; c++)
		{
			/* In bf16 every one of up to nine additions rounds. */
			double		sum = expected[i * channels + c] + (accumulate ? at(&before, i, c) : 0);

			assert_true(fabs(at(&dx, i, c) - sum) <= (table->type == DATA_BF16 ? 0.06 : 1e-5));
		}
	assert_untouched(table, &y, NULL, 0, outputs);
	assert_untouched(table, &dx, &before, 0, pixels);

	/* Without an index forward gives the same. */
	args.index = NULL;
	args.y = strided_new(table->type, outputs, channels, 2).data;
	table->loops->max_pool(&args, 0, 0, IMAGES * oh);
	assert_memory_equal(args.y, y.data, span(&y) * data_type_size(table->type));

	free(args.y);
	free(x.data);
	free(y.data);
	free(dy.data);
	free(dx.data);
	free(before.data);
	free(expected);
	free(index);
}

static void
test_max_pool(void **state)
{
	Table		tables[MOST_TABLES];
	int			count = runnable_tables(tables);
	Rng			rng;

	(void) state;
	rng_seed(&rng, 23, 0);
	for (int t = 0; t < count; t++)
		for (int k = 0; k < CHANNEL_COUNTS; k++)
			for (size_t i = 0; i < sizeof pool_cases / sizeof pool_cases[0]; i++)
				check_pool(&tables[t], &rng, channel_counts[k], &pool_cases[i], i % 2);
}

/* NaN wins over numbers before and after it; a window of -infinity stays one. */
static void
test_max_pool_extremes(void **state)
{
	Table		tables[MOST_TABLES];
	int			count = runnable_tables(tables);

	(void) state;
	for (int t = 0; t < count; t++)
	{
		Strided		x = strided_new(tables[t].type, 4, 2, 0);
		Strided		y = strided_new(tables[t].type, 1, 2, 0);
		PoolArgs	args = {
			.x_shape = {1, 2, 2, 2},.y_shape = {1, 1, 1, 2},.kernel = 2,.stride = 2,
			.x = x.data,.x_stride = 2,.y = y.data,.y_stride = 2,
		};

		set_element(&x, 2, NAN);
		for (int i = 0; i < 4; i++)
			set_element(&x, 2 * i + 1, -INFINITY);
		tables[t].loops->max_pool(&args, 0, 0, 1);
		assert_true(isnan(element(&y, 0)));
		assert_true(element(&y, 1) == -INFINITY);
		free(x.data);
		free(y.data);
	}
}

/* ---- bilinear resizing ---- */

/* What input position `in` contributes to output position `out` of an axis. */
static double
share(int out, int in, int size, int scale)
{
	double		centre = fmin(fmax((out + 0.5) / scale - 0.5, 0), size - 1);

	return fmax(0, 1 - fabs(centre - in));
}

/* Both directions, from the matrix that each of them multiplies with. */
static void
check_resize(const Table *table, Rng *rng, int h, int w, int scale, int channels, bool accumulate)
{
	const int	images = 2;
	int			oh = h * scale;
	int			ow = w * scale;
	Strided		x = strided_random(rng, table->type, (long) images * h * w, channels, 1);
	Strided		y = strided_new(table->type, (long) images * oh * ow, channels, 2);
	Strided		dy = strided_random(rng, table->type, (long) images * oh * ow, channels, 3);
	Strided		dx = strided_random(rng, table->type, (long) images * h * w, channels, 1);
	Strided		before = strided_copy(&dx);
	ResizeArgs	args = {
		.x_shape = {images, h, w, channels},.scale = scale,
		.x = x.data,.x_stride = x.stride,.y = y.data,.y_stride = y.stride,
		.dy = dy.data,.dy_stride = dy.stride,.dx = dx.data,.dx_stride = dx.stride,.accumulate = accumulate,
	};

	/* All rows but the first: a worker's piece. */
	table->loops->resize(&args, 0, 1, (long) images * oh);
	table->loops->resize_gradient(&args, 0, 1, (long) images * h);
	assert_untouched(table, &y, NULL, ow, y.pixels);
	assert_untouched(table, &dx, &before, w, dx.pixels);
	for (int image = 0; image < images; image++)
		for (int c = 0; c < channels; c++)
		{
			for (int o = image == 0 ? ow : 0; o < oh * ow; o++)
			{
				double		expected = 0;

				for (int i = 0; i < h * w; i++)
					expected += share(o / ow, i / w, h, scale) * share(o % ow, i % w, w, scale) *
						at(&x, (long) image * h * w + i, c);
				assert_stored(table, at(&y, (long) image * oh * ow + o, c), expected, 5);
			}
			for (int i = image == 0 ? w : 0; i < h * w; i++)
			{
				double		expected = accumulate ? at(&before, (long) image * h * w + i, c) : 0;

				for (int o = 0; o < oh * ow; o++)
					expected += share(o / ow, i / w, h, scale) * share(o % ow, i % w, w, scale) *
						at(&dy, (long) image * oh * ow + o, c);
				assert_stored(table, at(&dx, (long) image * h * w + i, c), expected, 5 * scale * scale);
			}
		}
	free(x.data);
	free(y.data);
	free(dy.data);
	free(dx.data);
	free(before.data);
}

static void
test_resize(void **state)
{
	Table		tables[MOST_TABLES];
	int			count = runnable_tables(tables);
	Rng			rng;

	(void) state;
	rng_seed(&rng, 12, 0);
	for (int t = 0; t < count; t++)
		for (int k = 0; k < CHANNEL_COUNTS; k++)
		{
			check_resize(&tables[t], &rng, 3, 5, 4, channel_counts[k], false);
			check_resize(&tables[t], &rng, 4, 2, 2, channel_counts[k], true);
			check_resize(&tables[t], &rng, 2, 1, 3, channel_counts[k], false);
			check_resize(&tables[t], &rng, 1, 3, 1, channel_counts[k], true);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moments),
		cmocka_unit_test(test_gelu_of_all),
		cmocka_unit_test(test_norm_gradient),
		cmocka_unit_test(test_max_pool),
		cmocka_unit_test(test_max_pool_extremes),
		cmocka_unit_test(test_resize),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
