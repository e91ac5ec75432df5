/*
 * vector.h: vectors of the width of the including file's instruction set, and
 * arithmetic on them for which C has no operators.
 */
#ifndef LESIONSEG_NN_VECTOR_H
#define LESIONSEG_NN_VECTOR_H

#include <math.h>
#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif

typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef int32_t VectorInt __attribute__((vector_size(4 * LANES)));
typedef uint32_t VectorUnsigned __attribute__((vector_size(4 * LANES)));
typedef uint16_t VectorHalf __attribute__((vector_size(2 * LANES)));
typedef uint8_t VectorByte __attribute__((vector_size(LANES)));

/* Lanes in use at channel c of channels. */
static inline int
lanes_left(int channels, int c)
{
	return channels - c < LANES ? channels - c : LANES;
}

static inline Vector
splat(float value)
{
	return value - (Vector) {0};
}

/* Load n floats. With masks, if the instruction set has them, a partial vector
 * needs no copy in memory. */
static inline Vector
load_float(const float *p, int n)
{
#ifdef __AVX512F__
	if (n == LANES)
		return (Vector) _mm512_loadu_ps(p);
	return (Vector) _mm512_maskz_loadu_ps((__mmask16) ((1u << n) - 1), p);
#else
	Vector		v = {0};

	if (n == LANES)
		memcpy(&v, p, sizeof v);
	else
		memcpy(&v, p, n * sizeof(float));
	return v;
#endif
}

/* Store n floats. */
static inline void
store_float(float *p, int n, Vector v)
{
#ifdef __AVX512F__
	if (n == LANES)
		_mm512_storeu_ps(p, (__m512) v);
	else
		_mm512_mask_storeu_ps(p, (__mmask16) ((1u << n) - 1), (__m512) v);
#else
	if (n == LANES)
		memcpy(p, &v, sizeof v);
	else
		memcpy(p, &v, n * sizeof(float));
#endif
}

/* Load n bfloat16. */
static inline Vector
load_bf16(const uint16_t *p, int n)
{
#ifdef __AVX512F__
	__m256i		half = n == LANES ? _mm256_loadu_si256((const __m256i *) p) :
		_mm256_maskz_loadu_epi16((__mmask16) ((1u << n) - 1), p);

	return (Vector) _mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16);
#else
	VectorHalf	half = {0};

	if (n == LANES)
		memcpy(&half, p, sizeof half);
	else
		memcpy(&half, p, n * sizeof(uint16_t));
	return (Vector) (__builtin_convertvector(half, VectorUnsigned) << 16);
#endif
}

/* Round to nearest even. */
static inline VectorHalf
round_to_bf16(Vector v)
{
#ifdef __AVX512BF16__
	return (VectorHalf) _mm512_cvtneps_pbh((__m512) v);
#else
	VectorUnsigned bits = (VectorUnsigned) v;
	VectorUnsigned nan = (VectorUnsigned) (v != v);
	VectorUnsigned rounded = bits + 0x7FFF + ((bits >> 16) & 1);

	return __builtin_convertvector(((rounded & ~nan) | ((bits | 0x400000) & nan)) >> 16, VectorHalf);
#endif
}

/* Round to bfloat16 and store n. */
static inline void
store_bf16(uint16_t *p, int n, Vector v)
{
	VectorHalf	half = round_to_bf16(v);

#ifdef __AVX512F__
	if (n == LANES)
		_mm256_storeu_si256((__m256i *) p, (__m256i) half);
	else
		_mm256_mask_storeu_epi16(p, (__mmask16) ((1u << n) - 1), (__m256i) half);
#else
	if (n == LANES)
		memcpy(p, &half, sizeof half);
	else
		memcpy(p, &half, n * sizeof(uint16_t));
#endif
}

/* Load n bytes as integers. Written by hand, because compilers turn the
 * general form into loads of single bytes. */
static inline VectorInt
load_bytes(const uint8_t *p, int n)
{
#ifdef __AVX512F__
	return (VectorInt) _mm512_cvtepu8_epi32(n == LANES ? _mm_loadu_si128((const __m128i *) p) :
											_mm_maskz_loadu_epi8((__mmask16) ((1u << n) - 1), p));
#else
	VectorByte	bytes = {0};

	memcpy(&bytes, p, n);
#ifdef __AVX2__
	return (VectorInt) _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t) bytes));
#else
	return __builtin_convertvector(bytes, VectorInt);
#endif
#endif
}

/* Store the low bytes of n integers. */
static inline void
store_bytes(uint8_t *p, int n, VectorInt v)
{
#ifdef __AVX512F__
	if (n == LANES)
		_mm_storeu_si128((__m128i *) p, _mm512_cvtepi32_epi8((__m512i) v));
	else
		_mm512_mask_cvtepi32_storeu_epi8(p, (__mmask16) ((1u << n) - 1), (__m512i) v);
#else
	VectorByte	bytes = __builtin_convertvector(v, VectorByte);

	memcpy(p, &bytes, n);
#endif
}

/* a where mask is set, else b. */
static inline Vector
select_lanes(VectorInt mask, Vector a, Vector b)
{
	return (Vector) (((VectorInt) a & mask) | ((VectorInt) b & ~mask));
}

/* min(v, most); NaN stays NaN. */
static inline Vector
at_most(Vector v, Vector most)
{
#if defined(__AVX512F__)
	return (Vector) _mm512_min_ps((__m512) most, (__m512) v);
#elif defined(__AVX2__)
	return (Vector) _mm256_min_ps((__m256) most, (__m256) v);
#else
	return select_lanes(v > most, most, v);
#endif
}

/* max(v, least); NaN stays NaN. */
static inline Vector
at_least(Vector v, Vector least)
{
#if defined(__AVX512F__)
	return (Vector) _mm512_max_ps((__m512) least, (__m512) v);
#elif defined(__AVX2__)
	return (Vector) _mm256_max_ps((__m256) least, (__m256) v);
#else
	return select_lanes(v < least, least, v);
#endif
}

/* max(v, 0); NaN stays NaN. */
static inline Vector
positive_part(Vector v)
{
	return at_least(v, (Vector) {0});
}

/* |v| */
static inline Vector
magnitude(Vector v)
{
	return (Vector) ((VectorInt) v & 0x7fffffff);
}

/*
 * e^x to within 2 units in the last place: 2^k * e^r with |r| <= ln 2 / 2, a
 * polynomial of degree 6 for e^r (its Taylor series; the remainder is below
 * 1.2e-7 there). x is clamped to +-87, the range of float32.
 */
static inline Vector
exponential(Vector x)
{
	const Vector magic = splat(12582912.0f);	/* 1.5 * 2^23: adding it rounds to an integer */
	Vector		k;
	Vector		r;
	Vector		e;
	VectorInt	exponent;

	x = at_least(at_most(x, splat(87.0f)), splat(-87.0f));
	k = x * 1.44269504f + magic;
	exponent = ((VectorInt) k - (VectorInt) magic) << 23;
	k -= magic;
	r = x - k * 0.693359375f + k * 2.12194440e-4f;	/* ln 2 in two parts, so that the product with k is exact */
	e = splat(1.0f / 720);
	e = e * r + 1.0f / 120;
	e = e * r + 1.0f / 24;
	e = e * r + 1.0f / 6;
	e = e * r + 0.5f;
	e = e * r + 1.0f;
	e = e * r + 1.0f;
	return (Vector) ((VectorInt) e + exponent);
}

static inline Vector
square_root(Vector v)
{
	float		lanes[LANES];

	memcpy(lanes, &v, sizeof lanes);
	for (int k = 0; k < LANES; k++)
		lanes[k] = sqrtf(lanes[k]);
	memcpy(&v, lanes, sizeof lanes);
	return v;
}

/*
 * P(X <= -a) of the normal distribution for a >= 0, and e^(-a^2 / 2), the
 * former within 3e-7: e^(-a^2 / 2) times a polynomial, fitted to P(X <= -a) *
 * e^(a^2 / 2) on [0, 5] so that the largest error of the product is smallest.
 * Beyond 5 the product is below 3e-7. The polynomial is in a - 2.5, to keep
 * the terms small.
 */
static inline Vector
normal_tail(Vector a, Vector *gauss)
{
	Vector		s = at_most(a, splat(5)) - 2.5f;
	Vector		p = splat(1.2919553e-06f);

	*gauss = exponential(-0.5f * a * a);
	p = p * s + 3.02173225e-06f;
	p = p * s + 1.13610463e-06f;
	p = p * s - 3.79507728e-05f;
	p = p * s + 4.04869643e-05f;
	p = p * s - 0.000230248625f;
	p = p * s + 0.00106457667f;
	p = p * s - 0.0038257062f;
	p = p * s + 0.0136317611f;
	p = p * s - 0.0456189327f;
	p = p * s + 0.141331658f;
	return p * *gauss;
}

/*
 * The same to the digits of bfloat16: within 0.05 % on [0, 6], below 1e-9
 * beyond. 2^q(a), where q is a polynomial fitted to log2 P(X <= -a), and
 * another one, on [-0.5, 0.5], makes what the exponent leaves over.
 */
static inline Vector
short_normal_tail(Vector a)
{
	const Vector magic = splat(12582912.0f);	/* 1.5 * 2^23: adding it rounds to an integer */
	Vector		s = a - 3;
	Vector		q = splat(-0.000201684565f);
	Vector		k;
	Vector		e = splat(0.0560058523f);

	q = q * s + 0.00144233966f;
	q = q * s - 0.00737305514f;
	q = q * s - 0.671484343f;
	q = q * s - 4.73677834f;
	q = q * s - 9.5324191f;
	q = at_least(q, splat(-125));
	k = q + magic;
	q -= k - magic;
	e = e * q + 0.242639968f;
	e = e * q + 0.693105318f;
	e = e * q + 0.999924496f;
	return (Vector) ((VectorInt) e + (((VectorInt) k - (VectorInt) magic) << 23));
}

#endif
