/*
 * rng.c: xoshiro256** seeded by splitmix64; see rng.h.
 */
#include "core/rng.h"

#include <math.h>

static uint64_t
splitmix64(uint64_t *state)
{
	uint64_t	z = (*state += 0x9E3779B97F4A7C15u);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

static uint64_t
rotate_left(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

void
rng_seed(Rng *rng, uint64_t seed, uint64_t stream)
{
	uint64_t	mix = stream;
	uint64_t	state = seed ^ splitmix64(&mix);

	for (int i = 0; i < 4; i++)
		rng->state[i] = splitmix64(&state);
}

uint64_t
rng_next(Rng *rng)
{
	uint64_t   *s = rng->state;
	uint64_t	result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t	t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

uint64_t
rng_below(Rng *rng, uint64_t bound)
{
	uint64_t	threshold = -bound % bound;
	uint64_t	value;

	do
		value = rng_next(rng);
	while (value < threshold);
	return value % bound;
}

double
rng_uniform(Rng *rng)
{
	return (double) (rng_next(rng) >> 11) * 0x1.0p-53;
}

double
rng_range(Rng *rng, double low, double high)
{
	return low + (high - low) * rng_uniform(rng);
}

double
rng_normal(Rng *rng)
{
	double		u;
	double		v;
	double		s;

	do
	{
		u = rng_range(rng, -1, 1);
		v = rng_range(rng, -1, 1);
		s = u * u + v * v;
	} while (s >= 1 || s == 0);
	return u * sqrt(-2 * log(s) / s);
}
