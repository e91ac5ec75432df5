/*
 * rng.h: a small seeded random generator, the same on every machine.
 *
 * xoshiro256** by Blackman and Vigna (https://prng.di.unimi.it/), its state
 * filled by splitmix64. rng_seed() takes a seed and a stream, so that every
 * (run, epoch, image) has its own generator. Results then depend neither on
 * the number of threads nor on the order of work.
 */
#ifndef LESIONSEG_CORE_RNG_H
#define LESIONSEG_CORE_RNG_H

#include <stdint.h>

typedef struct Rng
{
	uint64_t	state[4];
} Rng;

/* Start a generator; each (seed, stream) gives an independent sequence. */
void		rng_seed(Rng *rng, uint64_t seed, uint64_t stream);

/* 64 uniform random bits. */
uint64_t	rng_next(Rng *rng);

/* A uniform integer in [0, bound), without bias; bound > 0. */
uint64_t	rng_below(Rng *rng, uint64_t bound);

/* A uniform double in [0, 1). */
double		rng_uniform(Rng *rng);

/* A uniform double in [low, high). */
double		rng_range(Rng *rng, double low, double high);

/* A standard normal deviate (Marsaglia's polar method, one value a call). */
double		rng_normal(Rng *rng);

#endif
