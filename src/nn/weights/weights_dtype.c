/*
 * weights_dtype.c: conversions between float32 and what weight files hold.
 *
 * This is plain scalar code: loading weights is limited by memory and happens
 * once per model, and the result must not depend on the processor.
 */
#include "nn/weights/weights_dtype.h"

#include <string.h>

#include "nn/tensor.h"

/* Read a little-endian integer of 2, 4 or 8 bytes. */
static uint16_t
get_u16(const unsigned char *bytes)
{
	return (uint16_t) (bytes[0] | bytes[1] << 8);
}

static uint32_t
get_u32(const unsigned char *bytes)
{
	return get_u16(bytes) | (uint32_t) get_u16(bytes + 2) << 16;
}

static uint64_t
get_u64(const unsigned char *bytes)
{
	return get_u32(bytes) | (uint64_t) get_u32(bytes + 4) << 32;
}

/* Write a little-endian integer of 2 or 4 bytes. */
static void
put_u16(unsigned char *bytes, uint16_t value)
{
	bytes[0] = (unsigned char) value;
	bytes[1] = (unsigned char) (value >> 8);
}

static void
put_u32(unsigned char *bytes, uint32_t value)
{
	put_u16(bytes, (uint16_t) value);
	put_u16(bytes + 2, (uint16_t) (value >> 16));
}

/* Shift right by 1 to 31 bits, rounding to nearest even. */
static uint32_t
shift_rounded(uint32_t value, int shift)
{
	uint32_t	result = value >> shift;
	uint32_t	rest = value & ((1u << shift) - 1);
	uint32_t	half = 1u << (shift - 1);

	return result + (rest > half || (rest == half && (result & 1)));
}

uint16_t
float16_from_float(float value)
{
	uint32_t	bits;
	uint32_t	sign;
	uint32_t	exponent;

	memcpy(&bits, &value, sizeof bits);
	sign = bits >> 16 & 0x8000;
	bits &= 0x7FFFFFFF;
	exponent = bits >> 23;
	if (bits > 0x7F800000)		/* NaN */
		return (uint16_t) (sign | 0x7E00);
	if (exponent >= 127 + 16)	/* 65536 and above */
		return (uint16_t) (sign | 0x7C00);
	if (exponent >= 127 - 14)	/* normal; rounding may carry up to infinity */
		return (uint16_t) (sign | shift_rounded(bits - (112u << 23), 13));
	if (exponent >= 127 - 25)	/* subnormal: multiples of 2^-24 */
		return (uint16_t) (sign | shift_rounded((bits & 0x7FFFFF) | 0x800000, (int) (126 - exponent)));
	return (uint16_t) sign;
}

float
float16_to_float(uint16_t half)
{
	uint32_t	sign = (uint32_t) (half & 0x8000) << 16;
	uint32_t	exponent = half >> 10 & 31;
	uint32_t	mantissa = half & 0x3FF;
	uint32_t	bits;
	float		value;

	if (exponent == 0)
	{
		value = (float) mantissa * 0x1p-24f;
		return sign ? -value : value;
	}
	exponent = exponent == 31 ? 255 : exponent + 112;
	bits = sign | exponent << 23 | mantissa << 13;
	memcpy(&value, &bits, sizeof value);
	return value;
}

static void
load_f64(const unsigned char *bytes, size_t count, float *values)
{
	for (size_t i = 0; i < count; i++)
	{
		uint64_t	bits = get_u64(bytes + 8 * i);
		double		value;

		memcpy(&value, &bits, sizeof value);
		values[i] = (float) value;
	}
}

static void
load_f32(const unsigned char *bytes, size_t count, float *values)
{
	for (size_t i = 0; i < count; i++)
	{
		uint32_t	bits = get_u32(bytes + 4 * i);

		memcpy(&values[i], &bits, sizeof bits);
	}
}

static void
store_f32(const float *values, size_t count, unsigned char *bytes)
{
	for (size_t i = 0; i < count; i++)
	{
		uint32_t	bits;

		memcpy(&bits, &values[i], sizeof bits);
		put_u32(bytes + 4 * i, bits);
	}
}

static void
load_f16(const unsigned char *bytes, size_t count, float *values)
{
	for (size_t i = 0; i < count; i++)
		values[i] = float16_to_float(get_u16(bytes + 2 * i));
}

static void
store_f16(const float *values, size_t count, unsigned char *bytes)
{
	for (size_t i = 0; i < count; i++)
		put_u16(bytes + 2 * i, float16_from_float(values[i]));
}

static void
load_bf16(const unsigned char *bytes, size_t count, float *values)
{
	for (size_t i = 0; i < count; i++)
		values[i] = bfloat16_to_float(get_u16(bytes + 2 * i));
}

static void
store_bf16(const float *values, size_t count, unsigned char *bytes)
{
	for (size_t i = 0; i < count; i++)
		put_u16(bytes + 2 * i, bfloat16_from_float(values[i]));
}

const WeightsDtype *
weights_dtype_find(const char *name)
{
	static const WeightsDtype dtypes[] = {
		{"F64", 8, load_f64, NULL},
		{"F32", 4, load_f32, store_f32},
		{"F16", 2, load_f16, store_f16},
		{"BF16", 2, load_bf16, store_bf16},
		{"I64", 8, NULL, NULL},
		{"I32", 4, NULL, NULL},
		{"I16", 2, NULL, NULL},
		{"I8", 1, NULL, NULL},
		{"U64", 8, NULL, NULL},
		{"U32", 4, NULL, NULL},
		{"U16", 2, NULL, NULL},
		{"U8", 1, NULL, NULL},
		{"BOOL", 1, NULL, NULL},
	};

	for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++)
		if (strcmp(dtypes[i].name, name) == 0)
			return &dtypes[i];
	return NULL;
}
