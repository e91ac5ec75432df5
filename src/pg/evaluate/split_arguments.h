/*
 * split_arguments.h: arguments of functions that take another split than the version's own.
 */
#ifndef LESIONSEG_PG_EVALUATE_SPLIT_ARGUMENTS_H
#define LESIONSEG_PG_EVALUATE_SPLIT_ARGUMENTS_H

#include "postgres.h"

#include "fmgr.h"

#include "pg/base/split.h"

/*
 * Change the split by the arguments split_seed, test_fraction and
 * validation_fraction, of these numbers, where they are not NULL, and check its
 * fractions. Who names a test part of his own means no fold.
 */
void		argument_split(FunctionCallInfo fcinfo, int seed, int test_fraction, int validation_fraction, Split *split);

#endif
