/*
 * split.h: which part of a data set a row belongs to.
 *
 * A hash of the row's id decides, not its place, so a row stays where it is
 * when others come and go, and two tables that hold the same id agree.
 */
#ifndef LESIONSEG_PG_SPLIT_H
#define LESIONSEG_PG_SPLIT_H

#include <stdbool.h>
#include <stdint.h>

/* Is the row of that id in the test part? */
bool		split_is_test(const char *id, int64_t seed, double test_fraction);

/* Is that row, one of the training part, held back for validation? */
bool		split_is_validation(const char *id, int64_t seed, double validation_fraction);

/* A number in [0, 1) by which to draw a sample of rows: those with the lowest. */
double		split_rank(const char *id, int64_t seed);

/* Raise an error unless 0 <= fraction < 1; `name` is the argument's. */
void		split_check_fraction(const char *name, double fraction);

#endif
