/*
 * nn_loops.c: the element-wise loops of every table that this CPU can
 * run, against scalar arithmetic in float64.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "loops_fixture.h"

/* Pixels of most tests, and the piece of them that a worker gets. */
enum
{
	PIXELS = 41,
	BEGIN = 5,
	END = 38
};

/* A test of one table. */
typedef void (*TableTest) (const Table *table, Rng *rng);

/* Run test on all tables, each with the same random numbers. */
static void
each_table(TableTest test)
{
	Table		tables[MOST_TABLES];
	int			count = runnable_tables(tables);

	for (int i = 0; i < count; i++)
	{
		Rng			rng;

		rng_seed(&rng, 11, 0);
		test(&tables[i], &rng);
	}
}

/* ---- bfloat16 itself ---- */

static float
float_of(uint32_t bits)
{
	float		value;

	memcpy(&value, &bits, sizeof value);
	return value;
}

static void
test_bfloat16(void **state)
{
	(void) state;

	/* Each of its values survives, and so does a NaN as a NaN. */
	for (uint32_t half = 0; half < 65536; half++)
	{
		float		value = bfloat16_to_float((bfloat16) half);

		if (isnan(value))
			assert_true(isnan(bfloat16_to_float(bfloat16_from_float(value))));
		else
			assert_int_equal(bfloat16_from_float(value), half);
	}

	/* Just below, at and just above the middle of two neighbours. */
	for (uint32_t half = 0; half < 0x7F80; half++)
	{
		uint32_t	middle = half << 16 | 0x8000;
		uint32_t	even = half + (half & 1);

		assert_int_equal(bfloat16_from_float(float_of(middle - 1)), half);
		assert_int_equal(bfloat16_from_float(float_of(middle)), even);
		assert_int_equal(bfloat16_from_float(float_of(middle + 1)), half + 1);
		assert_int_equal(bfloat16_from_float(float_of(middle | 0x80000000u)), even | 0x8000);
	}
	assert_int_equal(bfloat16_from_float(1.00390625f), 0x3F80); /* 1 + 2^-8: down to even */
	assert_int_equal(bfloat16_from_float(1.01171875f), 0x3F82); /* 1 + 3 * 2^-8: up to even */
	assert_int_equal(bfloat16_from_float(float_of(0x7F7FFFFF)), 0x7F80);	/* FLT_MAX: infinity */
	assert_int_equal(bfloat16_from_float(-INFINITY), 0xFF80);
	assert_true(isnan(bfloat16_to_float(bfloat16_from_float(float_of(0x7F800001)))));
	assert_true(isnan(bfloat16_to_float(bfloat16_from_float(float_of(0xFFFFFFFF)))));
}

/* ---- conversions ---- */

static void
check_conversions(const Table *table, Rng *rng)
{
	static const uint32_t special[] = {
		0, 0x80000000u, 0x3F808000, 0x3F818000, 0x3F807FFF, 0x3F808001, 0x7F7FFFFF, 0xFF7FFFFF,
		0x7F800000, 0xFF800000u, 0x7FC00000, 0xFFC00000u, 0x7F800001, 0x7FFFFFFF, 0xFFFFFFFFu,
		0x00800000, 0x007FFFFF, 0x00000001, 0x00018000,
	};
	const int	specials = sizeof special / sizeof special[0];
	const long	count = 2000;
	float	   *from = malloc(count * sizeof(float));
	float	   *back = malloc(count * sizeof(float));
	Strided		stored = strided_new(table->type, count, 1, 0);
	ConvertArgs args = {.from = from,.to = stored.data};

	assert_true(from != NULL && back != NULL);
	for (long i = 0; i < count; i++)
		from[i] = float_of(i < specials ? special[i] : (uint32_t) rng_next(rng));
	for (long i = 0; i < count; i += 37)
		table->loops->from_float(&args, 0, i, i + 37 < count ? i + 37 : count);
	args = (ConvertArgs) {.from = stored.data,.to = back};
	for (long i = 0; i < count; i += 91)
		table->loops->to_float(&args, 0, i, i + 91 < count ? i + 91 : count);

	for (long i = 0; i < count; i++)
	{
		float		expected = table->type == DATA_BF16 ?
			bfloat16_to_float(bfloat16_from_float(from[i])) : from[i];

		if (table->flushes && fabsf(from[i]) < float_of(0x00800000))
			expected = copysignf(0, from[i]);
		if (isnan(expected))
			assert_true(isnan(back[i]));
		else if (memcmp(&back[i], &expected, sizeof expected) != 0)
			fail_msg("%s: %a becomes %a instead of %a", table->name, (double) from[i],
					 (double) back[i], (double) expected);
	}
	free(from);
	free(back);
	free(stored.data);
}

static void
test_conversions(void **state)
{
	(void) state;
	each_table(check_conversions);
}

static void
check_probability(const Table *table, Rng *rng)
{
	const long	count = 1003;
	Strided		logits = strided_new(table->type, count, 1, 0);
	float	   *p = malloc(count * sizeof(float));
	ConvertArgs args = {.from = logits.data,.to = p};

	(void) rng;
	assert_non_null(p);
	for (long i = 0; i < count; i++)
		set_element(&logits, i, (i - 500) * 0.17);
	set_element(&logits, 1000, INFINITY);
	set_element(&logits, 1001, -INFINITY);
	set_element(&logits, 1002, NAN);
	table->loops->to_probability(&args, 0, 0, 500);
	table->loops->to_probability(&args, 0, 500, count);
	for (long i = 0; i < 1000; i++)
	{
		double		expected = 1 / (1 + exp(-element(&logits, i)));

		if (!(fabs(p[i] - expected) <= 1e-6 * expected))
			fail_msg("%s: %.9g for logit %g instead of %.9g", table->name, (double) p[i],
					 element(&logits, i), expected);
		assert_true(p[i] >= 0 && p[i] <= 1);
	}
	assert_true(p[500] == 0.5f && p[1000] == 1 && p[1001] >= 0 && p[1001] < 1e-37f && isnan(p[1002]));
	free(p);
	free(logits.data);
}

static void
test_probability(void **state)
{
	(void) state;
	each_table(check_probability);
}

static void
check_input(const Table *table, Rng *rng)
{
	Strided		y = strided_new(table->type, 100, 3, 0);
	uint8_t	   *rgb = malloc(300);
	InputArgs	args = {.rgb = rgb,.y = y.data,.scale = {0.01f, 0.02f, -0.03f},.shift = {-1, 0.5f, 2}};
	static const long pieces[][2] = {{3, 4}, {4, 20}, {20, 21}, {22, 70}, {70, 100}};

	assert_non_null(rgb);
	for (int i = 0; i < 300; i++)
		rgb[i] = (uint8_t) rng_next(rng);
	rgb[9] = 0;
	rgb[10] = 255;
	for (int k = 0; k < 5; k++)
		table->loops->input(&args, 0, pieces[k][0], pieces[k][1]);
	for (long i = 0; i < 100; i++)
		for (int c = 0; c < 3; c++)
			if (i < 3 || i == 21)
				assert_true(at(&y, i, c) == UNTOUCHED);
			else
				assert_stored(table, at(&y, i, c),
							  rgb[3 * i + c] * (double) args.scale[c] + args.shift[c], 8);
	free(rgb);
	free(y.data);
}

static void
test_input(void **state)
{
	(void) state;
	each_table(check_input);
}

/* ---- arithmetic on pixels ---- */

/* One case of affine: which operands it has, in place or not. */
static void
check_affine_case(const Table *table, Rng *rng, int channels, int operands)
{
	bool		in_place = operands & 16;
	Strided		x = strided_random(rng, table->type, PIXELS, channels, 5);
	Strided		before = strided_copy(&x);
	Strided		y = in_place ? x : strided_new(table->type, PIXELS, channels, 2);
	Strided		residual = strided_random(rng, table->type, PIXELS, channels, 3);
	float	   *scale = random_floats(rng, channels, 1);
	float	   *shift = random_floats(rng, channels, 0);
	AffineArgs	args = {
		.x = x.data,.x_stride = x.stride,.y = y.data,.y_stride = y.stride,
		.channels = channels,.scale = operands & 1 ? scale : NULL,.shift = operands & 2 ? shift : NULL,
		.residual = operands & 4 ? residual.data : NULL,.residual_stride = residual.stride,
		.gelu = operands & 32,.relu = operands & 8,
	};

	table->loops->affine(&args, 0, BEGIN, END);
	for (long i = BEGIN; i < END; i++)
		for (int c = 0; c < channels; c++)
		{
			double		v = at(&before, i, c);
			double		size = 10;

			v = args.gelu ? gelu_reference(v) : v;
			v *= args.scale != NULL ? scale[c] : 1;
			size += args.gelu ? gelu_size(table, v) : 0;
			v += args.shift != NULL ? shift[c] : 0;
			v += args.residual != NULL ? at(&residual, i, c) : 0;
			assert_stored(table, at(&y, i, c), args.relu && v < 0 ? 0 : v, size);
		}
	assert_untouched(table, &y, in_place ? &before : NULL, BEGIN, END);
	assert_untouched(table, &x, &before, in_place ? BEGIN : 0, in_place ? END : 0);
	free(x.data);
	if (!in_place)
		free(y.data);
	free(before.data);
	free(residual.data);
	free(scale);
	free(shift);
}

static void
check_affine(const Table *table, Rng *rng)
{
	for (int k = 0; k < CHANNEL_COUNTS; k++)
		for (int operands = 0; operands < 64; operands++)
			check_affine_case(table, rng, channel_counts[k], operands);
}

static void
test_affine(void **state)
{
	(void) state;
	each_table(check_affine);
}

/* A network that has run into NaN must not come out of a ReLU as zeros. */
static void
check_relu_keeps_nan(const Table *table, Rng *rng)
{
	Strided		x = strided_random(rng, table->type, 1, 19, 0);
	AffineArgs	args = {
		.x = x.data,.x_stride = 19,.y = x.data,.y_stride = 19,.channels = 19,.relu = true,
	};

	set_element(&x, 4, NAN);
	set_element(&x, 17, NAN);
	set_element(&x, 18, -INFINITY);
	table->loops->affine(&args, 0, 0, 1);
	for (int c = 0; c < 19; c++)
		assert_true(c == 4 || c == 17 ? isnan(element(&x, c)) : element(&x, c) >= 0);
	assert_true(element(&x, 18) == 0);
	free(x.data);
}

static void
test_relu_keeps_nan(void **state)
{
	(void) state;
	each_table(check_relu_keeps_nan);
}

static void
check_add(const Table *table, Rng *rng)
{
	for (int k = 0; k < CHANNEL_COUNTS; k++)
		for (int form = 0; form < 3; form++)	/* a + b, a alone, into b */
		{
			int			channels = channel_counts[k];
			Strided		a = strided_random(rng, table->type, PIXELS, channels, 1);
			Strided		b = strided_random(rng, table->type, PIXELS, channels, 4);
			Strided		before = strided_copy(&b);
			Strided		y = form == 2 ? b : strided_new(table->type, PIXELS, channels, 7);
			AddArgs		args = {
				.a = a.data,.a_stride = a.stride,.b = form == 1 ? NULL : b.data,.b_stride = b.stride,
				.y = y.data,.y_stride = y.stride,.channels = channels,
			};

			table->loops->add(&args, 0, BEGIN, END);
			for (long i = BEGIN; i < END; i++)
				for (int c = 0; c < channels; c++)
					assert_stored(table, at(&y, i, c),
								  at(&a, i, c) + (form == 1 ? 0 : at(&before, i, c)), 5);
			assert_untouched(table, &y, form == 2 ? &before : NULL, BEGIN, END);
			free(a.data);
			free(b.data);
			free(before.data);
			if (form != 2)
				free(y.data);
		}
}

static void
test_add(void **state)
{
	(void) state;
	each_table(check_add);
}

static void
check_relu_gradient(const Table *table, Rng *rng)
{
	for (int k = 0; k < CHANNEL_COUNTS; k++)
		for (int accumulate = 0; accumulate < 2; accumulate++)
		{
			int			channels = channel_counts[k];
			Strided		y = strided_random(rng, table->type, PIXELS, channels, 1);
			Strided		dy = strided_random(rng, table->type, PIXELS, channels, 2);
			Strided		dx = strided_random(rng, table->type, PIXELS, channels, 3);
			Strided		before = strided_copy(&dx);
			ReluGradientArgs args = {
				.y = y.data,.y_stride = y.stride,.dy = dy.data,.dy_stride = dy.stride,
				.dx = dx.data,.dx_stride = dx.stride,.channels = channels,.accumulate = accumulate,
			};

			set_element(&y, (size_t) BEGIN * y.stride, 0);	/* the gradient at zero is zero */
			table->loops->relu_gradient(&args, 0, BEGIN, END);
			for (long i = BEGIN; i < END; i++)
				for (int c = 0; c < channels; c++)
					assert_stored(table, at(&dx, i, c), (at(&y, i, c) > 0 ? at(&dy, i, c) : 0) +
								  (accumulate ? at(&before, i, c) : 0), 5);
			assert_untouched(table, &dx, &before, BEGIN, END);
			free(y.data);
			free(dy.data);
			free(dx.data);
			free(before.data);
		}
}

static void
test_relu_gradient(void **state)
{
	(void) state;
	each_table(check_relu_gradient);
}

/* GELU and its derivative, from the C library's erfc. */
static void
check_gelu(const Table *table, Rng *rng)
{
	for (int k = 0; k < CHANNEL_COUNTS; k++)
		for (int accumulate = 0; accumulate < 2; accumulate++)
		{
			int			channels = channel_counts[k];
			Strided		x = strided_random(rng, table->type, PIXELS, channels, 1);
			Strided		y = strided_new(table->type, PIXELS, channels, 3);
			Strided		dy = strided_random(rng, table->type, PIXELS, channels, 2);
			Strided		dx = strided_random(rng, table->type, PIXELS, channels, 3);
			Strided		before = strided_copy(&dx);
			GeluArgs	args = {
				.x = x.data,.x_stride = x.stride,.y = y.data,.y_stride = y.stride,
				.dy = dy.data,.dy_stride = dy.stride,.dx = dx.data,.dx_stride = dx.stride,
				.channels = channels,.accumulate = accumulate,
			};

			/* Zero, and from where nothing is left to where all is. */
			set_element(&x, (size_t) BEGIN * x.stride, 0);
			for (long i = BEGIN + 1; i < END; i++)
				set_element(&x, (size_t) i * x.stride, 0.75 * (double) (i - (BEGIN + END) / 2));
			table->loops->gelu(&args, 0, BEGIN, END);
			table->loops->gelu_gradient(&args, 0, BEGIN, END);
			for (long i = BEGIN; i < END; i++)
				for (int c = 0; c < channels; c++)
				{
					double		v = at(&x, i, c);
					double		d = at(&dy, i, c);

					assert_stored(table, at(&y, i, c), gelu_reference(v), 1);
					assert_stored(table, at(&dx, i, c), d * gelu_slope_reference(v) +
								  (accumulate ? at(&before, i, c) : 0), 5 + slope_size(table, d));
				}
			assert_untouched(table, &y, NULL, BEGIN, END);
			assert_untouched(table, &dx, &before, BEGIN, END);
			free(x.data);
			free(y.data);
			free(dy.data);
			free(dx.data);
			free(before.data);
		}
}

static void
test_gelu(void **state)
{
	(void) state;
	each_table(check_gelu);
}

/* ---- the optimiser's ---- */

static void
check_adam(const Table *table, Rng *rng)
{
	const long	count = 67;
	float	   *w = random_floats(rng, count, 0);
	float	   *g = random_floats(rng, count, 0);
	float	   *m = random_floats(rng, count, 0);
	float	   *v = random_floats(rng, count, 0);
	AdamArgs	args = {
		.weights = w,.gradients = g,.first = m,.second = v,.gradient_scale = 0.5f,.beta1 = 0.9f,
		.beta2 = 0.999f,.step_size = 0.02f,.inverse_root = 3,.epsilon = 1e-3f,.keep = 0.99f,
	};

	for (long i = 0; i < count; i++)
		v[i] = fabsf(v[i]);
	v[10] = g[10] = m[10] = 0;
	for (int piece = 0; piece < 2; piece++)
	{
		long		begin = piece == 0 ? 2 : 30;
		long		end = piece == 0 ? 30 : count;
		float		w0[67];
		float		m0[67];
		float		v0[67];

		memcpy(w0, w, sizeof w0);
		memcpy(m0, m, sizeof m0);
		memcpy(v0, v, sizeof v0);
		table->loops->adam(&args, 0, begin, end);
		for (long i = 0; i < count; i++)
		{
			double		gradient = 0.5 * g[i];
			double		first = 0.9 * m0[i] + 0.1 * gradient;
			double		second = 0.999 * v0[i] + 0.001 * gradient * gradient;
			double		expected = 0.99 * w0[i] - 0.02 * first / (sqrt(second) * 3 + 1e-3);

			if (i < begin || i >= end)
			{
				assert_true(w[i] == w0[i] && m[i] == m0[i] && v[i] == v0[i]);
				continue;
			}
			assert_true(fabs(m[i] - first) <= 1e-6);
			assert_true(fabs(v[i] - second) <= 1e-6);
			assert_true(fabs(w[i] - expected) <= 2e-6);
		}
	}
	free(w);
	free(g);
	free(m);
	free(v);
}

static void
test_adam(void **state)
{
	(void) state;
	each_table(check_adam);
}

static void
check_squares(const Table *table, Rng *rng)
{
	static const long pieces[][2] = {{0, 0}, {0, 1}, {3, 20}, {5, 261}, {0, 1003}};
	float	   *values = random_floats(rng, 1003, 1);

	for (int k = 0; k < 5; k++)
	{
		double		sums[3] = {1, 2, 3};
		double		expected = 2;
		SquareArgs	args = {.values = values,.sums = sums};

		for (long i = pieces[k][0]; i < pieces[k][1]; i++)
			expected += (double) values[i] * values[i];
		table->loops->squares(&args, 1, pieces[k][0], pieces[k][1]);
		assert_true(fabs(sums[1] - expected) <= 1e-6 * expected);
		assert_true(sums[0] == 1 && sums[2] == 3);
	}
	free(values);
}

static void
test_squares(void **state)
{
	(void) state;
	each_table(check_squares);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bfloat16),
		cmocka_unit_test(test_conversions),
		cmocka_unit_test(test_probability),
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_affine),
		cmocka_unit_test(test_relu_keeps_nan),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_relu_gradient),
		cmocka_unit_test(test_gelu),
		cmocka_unit_test(test_adam),
		cmocka_unit_test(test_squares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
