/*
 * cielab.h: a colour space in which distances are about as large as people see
 * them.
 *
 * sRGB (IEC 61966-2-1) to CIELAB (CIE 15, 1976) under D65, 2 degrees: L from 0
 * (black) to 100 (white), a from green to red, b from blue to yellow. The
 * distance of two colours is Euclidean (Delta E 1976).
 */
#ifndef LESIONSEG_IMAGE_CIELAB_H
#define LESIONSEG_IMAGE_CIELAB_H

#include <stdint.h>

typedef struct Cielab
{
	float		l;
	float		a;
	float		b;
} Cielab;

/* The light, 0..1, of each value of an sRGB sample. */
typedef struct CielabTable
{
	float		linear[256];
} CielabTable;

void		cielab_table_init(CielabTable *table);

/* The colour of an sRGB pixel. */
Cielab		cielab_of(const CielabTable *table, const uint8_t *rgb);

/* Delta E of two colours. */
float		cielab_distance(Cielab a, Cielab b);

#endif
