/*
 * weights_dtype.h: the element types a safetensors file can hold.
 *
 * Private to the weight files. Elements are little-endian and need not be
 * aligned, so they are read byte by byte; compilers turn that into plain
 * loads.
 */
#ifndef LESIONSEG_NN_WEIGHTS_DTYPE_H
#define LESIONSEG_NN_WEIGHTS_DTYPE_H

#include <stddef.h>
#include <stdint.h>

typedef struct WeightsDtype
{
	const char *name;			/* as in the file's header */
	size_t		size;			/* bytes of one element */
	/* Convert count elements to float32; NULL for types that weights may not
	 * have. */
	void		(*load) (const unsigned char *bytes, size_t count, float *values);
	/* Convert count float32 to elements; NULL for types that are not written. */
	void		(*store) (const float *values, size_t count, unsigned char *bytes);
} WeightsDtype;

/* The type of that name, or NULL. */
const WeightsDtype *weights_dtype_find(const char *name);

/* IEEE 754 binary16. Rounds to nearest even; above 65504 it is infinite. */
uint16_t	float16_from_float(float value);
float		float16_to_float(uint16_t half);

#endif
