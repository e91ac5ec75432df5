/*
 * spacing.h: which distances pixels may have from each other.
 */
#ifndef LESIONSEG_IMAGE_SPACING_H
#define LESIONSEG_IMAGE_SPACING_H

#include "core/status.h"

/* In mm; the least is for microscopes. What lies outside is an error of units
 * or of writing, and no use for measures. */
#define SPACING_LEAST 1e-6
#define SPACING_MOST 1e4

/* The larger of the two distances may be this many times the smaller. */
#define SPACING_RATIO 1e3

/* LS_INVALID_ARGUMENT unless rows can be `down` and columns `across` apart. */
Status		spacing_check(double down, double across);

#endif
