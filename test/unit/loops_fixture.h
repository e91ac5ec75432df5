/*
 * loops_fixture.h: what the tests of nn/loops/loops.h share: the tables that
 * this CPU can run, and strided arrays of either storage type that notice
 * writes beside the elements they hold.
 */
#ifndef LESIONSEG_TEST_LOOPS_FIXTURE_H
#define LESIONSEG_TEST_LOOPS_FIXTURE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/cpu.h"
#include "core/rng.h"
#include "nn/loops/loops.h"

/* What stands between the pixels of a strided array; exact in bf16. */
#define UNTOUCHED 77.0

typedef struct Table
{
	const char *name;
	const Loops *loops;
	DataType	type;
	bool		flushes;		/* rounding to bf16 takes denormals as zero */
} Table;

#define MOST_TABLES 7

/* The tables that this CPU can run; returns how many. */
static inline int
runnable_tables(Table *tables)
{
	const CpuFeatures *cpu = cpu_features();
	int			count = 0;

	tables[count++] = (Table) {"f32 baseline", &loops_f32_baseline, DATA_F32, false};
	tables[count++] = (Table) {"bf16 baseline", &loops_bf16_baseline, DATA_BF16, false};
	if (cpu->avx2)
	{
		tables[count++] = (Table) {"f32 avx2", &loops_f32_avx2, DATA_F32, false};
		tables[count++] = (Table) {"bf16 avx2", &loops_bf16_avx2, DATA_BF16, false};
	}
	if (cpu->avx512)
	{
		tables[count++] = (Table) {"f32 avx512", &loops_f32_avx512, DATA_F32, false};
		tables[count++] = (Table) {"bf16 avx512", &loops_bf16_avx512, DATA_BF16, false};
	}
	if (cpu->avx512_bf16)
		tables[count++] = (Table) {"bf16 avx512bf16", &loops_bf16_avx512bf16, DATA_BF16, true};
	return count;
}

/* (pixels, C) with `stride` elements from pixel to pixel. The allocation ends
 * with the last element, so that sanitizers see a read beyond it. */
typedef struct Strided
{
	DataType	type;
	long		pixels;
	int			channels;
	int			stride;
	void	   *data;
} Strided;

/* Elements that an array spans. */
static inline size_t
span(const Strided *a)
{
	return a->pixels == 0 ? 0 : (size_t) (a->pixels - 1) * a->stride + a->channels;
}

/* Element i of the span. */
static inline double
element(const Strided *a, size_t i)
{
	return a->type == DATA_BF16 ? bfloat16_to_float(((bfloat16 *) a->data)[i]) : ((float *) a->data)[i];
}

static inline void
set_element(const Strided *a, size_t i, double value)
{
	if (a->type == DATA_BF16)
		((bfloat16 *) a->data)[i] = bfloat16_from_float((float) value);
	else
		((float *) a->data)[i] = (float) value;
}

static inline double
at(const Strided *a, long pixel, int c)
{
	return element(a, (size_t) pixel * a->stride + c);
}

/* A new array, UNTOUCHED throughout. */
static inline Strided
strided_new(DataType type, long pixels, int channels, int extra)
{
	Strided		a = {type, pixels, channels, channels + extra, NULL};

	a.data = malloc(span(&a) * data_type_size(type));
	assert_non_null(a.data);
	for (size_t i = 0; i < span(&a); i++)
		set_element(&a, i, UNTOUCHED);
	return a;
}

/* A new array of normal deviates that bf16 holds exactly. */
static inline Strided
strided_random(Rng *rng, DataType type, long pixels, int channels, int extra)
{
	Strided		a = strided_new(type, pixels, channels, extra);

	for (long i = 0; i < pixels; i++)
		for (int c = 0; c < channels; c++)
			set_element(&a, (size_t) i * a.stride + c,
						bfloat16_to_float(bfloat16_from_float((float) rng_normal(rng))));
	return a;
}

/* A copy of the same shape. */
static inline Strided
strided_copy(const Strided *from)
{
	Strided		a = *from;

	a.data = malloc(span(from) * data_type_size(from->type));
	assert_non_null(a.data);
	memcpy(a.data, from->data, span(from) * data_type_size(from->type));
	return a;
}

/* count floats around `centre`, to be freed. */
static inline float *
random_floats(Rng *rng, long count, double centre)
{
	float	   *values = malloc(count * sizeof(float));

	assert_non_null(values);
	for (long i = 0; i < count; i++)
		values[i] = (float) (centre + rng_normal(rng));
	return values;
}

/* Fail unless value is `expected` to float32 arithmetic on terms of `size`
 * and one rounding to the storage type. */
static inline void
assert_stored(const Table *table, double value, double expected, double size)
{
	double		tolerance = 1e-6 * size;

	if (table->type == DATA_BF16)
		tolerance += fabs(expected) / 256;
	if (!(fabs(value - expected) <= tolerance))
		fail_msg("%s: %.9g instead of %.9g", table->name, value, expected);
}

/* GELU and its derivative, by the C library. */
static inline double
gelu_reference(double x)
{
	return x * 0.5 * erfc(-x / sqrt(2));
}

static inline double
gelu_slope_reference(double x)
{
	return 0.5 * erfc(-x / sqrt(2)) + x * exp(-x * x / 2) / sqrt(2 * M_PI);
}

/* What assert_stored allows for a sum with a GELU of that size, which in bfloat16 is right within 0.05 %. */
static inline double
gelu_size(const Table *table, double value)
{
	return table->type == DATA_BF16 ? 500 * fabs(value) : 0;
}

/* The same for a gradient through GELU, whose slope in bfloat16 is right within 1.3e-4. */
static inline double
slope_size(const Table *table, double gradient)
{
	return table->type == DATA_BF16 ? 130 * fabs(gradient) : 0;
}

/* Fail unless everything but pixels [begin, end) is as it was made. */
static inline void
assert_untouched(const Table *table, const Strided *a, const Strided *before, long begin, long end)
{
	for (size_t i = 0; i < span(a); i++)
	{
		long		pixel = (long) (i / a->stride);
		bool		inside = pixel >= begin && pixel < end && (int) (i % a->stride) < a->channels;

		if (!inside && element(a, i) != (before != NULL ? element(before, i) : UNTOUCHED))
			fail_msg("%s: element %zu of pixel %ld was written, beside [%ld, %ld)", table->name,
					 i % a->stride, pixel, begin, end);
	}
}

/* Channel counts around the widths of vectors. */
static const int channel_counts[] = {1, 3, 4, 7, 8, 16, 17, 33};

#define CHANNEL_COUNTS ((int) (sizeof channel_counts / sizeof channel_counts[0]))

#endif
