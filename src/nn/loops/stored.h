/*
 * stored.h: the elements of tensors as vectors of floats, for templates that
 * are compiled once per type: with STORED_BF16 1 for bfloat16 tensors, 0 for
 * float32.
 */
#ifndef LESIONSEG_NN_STORED_H
#define LESIONSEG_NN_STORED_H

#include "nn/loops/vector.h"

#if STORED_BF16
typedef uint16_t Stored;
#else
typedef float Stored;
#endif

/* Load n stored elements as floats. */
static inline Vector
load(const Stored *p, int n)
{
#if STORED_BF16
	return load_bf16(p, n);
#else
	return load_float(p, n);
#endif
}

/* Store n floats in the storage type. */
static inline void
store(Stored *p, int n, Vector v)
{
#if STORED_BF16
	store_bf16(p, n, v);
#else
	store_float(p, n, v);
#endif
}

#endif
