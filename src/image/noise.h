/*
 * noise.h: smooth random fields for rendered images. Arithmetic is in
 * integers, so that every machine and compiler computes the same.
 *
 * Positions are 16.16 fixed point: NOISE_UNIT is the shorter side of the
 * image, so a field looks the same at every size. Values are 12-bit
 * fractions: NOISE_ONE stands for 1.
 */
#ifndef LESIONSEG_IMAGE_NOISE_H
#define LESIONSEG_IMAGE_NOISE_H

#include <stdint.h>

#define NOISE_UNIT 65536
#define NOISE_ONE 4096

/* 32 random bits that belong to a seed and a lattice point. */
static inline uint32_t
noise_hash(uint32_t seed, int32_t x, int32_t y)
{
	uint32_t	h = seed ^ (uint32_t) x * 0x9E3779B1u ^ (uint32_t) y * 0x85EBCA77u;

	h ^= h >> 16;				/* the finalizer of MurmurHash3 */
	h *= 0x85EBCA6Bu;
	h ^= h >> 13;
	h *= 0xC2B2AE35u;
	return h ^ h >> 16;
}

/* The cubic that eases from 0 at t = 0 to NOISE_ONE at t = NOISE_ONE. */
static inline int32_t
noise_ease(int32_t t)
{
	return (int32_t) ((int64_t) t * t * (3 * NOISE_ONE - 2 * t) >> 24);
}

/* Ease value from 0 at or below low to NOISE_ONE at or above high. */
static inline int32_t
noise_step(int64_t value, int64_t low, int64_t high)
{
	if (value <= low)
		return 0;
	if (value >= high)
		return NOISE_ONE;
	return noise_ease((int32_t) ((value - low) * NOISE_ONE / (high - low)));
}

/* A field: value noise, each octave twice as fine and half as strong. */
typedef struct NoiseField
{
	uint32_t	seed;
	int			cells;			/* lattice cells per NOISE_UNIT in the first octave */
	int			octaves;
} NoiseField;

/* Compute a row of a field, about -NOISE_ONE .. NOISE_ONE: out[i] belongs to
 * position (xs[i], y), xs ascending. */
void		noise_row(const NoiseField *field, const int32_t *xs, int32_t y, int width, int32_t *out);

/* Cellular noise (Worley 1996) with one jittered point per cell: distance to
 * the nearest point and to the second nearest, NOISE_ONE being one cell. */
void		noise_cells(uint32_t seed, int cells, int32_t x, int32_t y, int32_t *nearest, int32_t *second);

#endif
