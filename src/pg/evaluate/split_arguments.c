/*
 * split_arguments.c: see split_arguments.h.
 */
#include "postgres.h"

#include "pg/evaluate/split_arguments.h"

void
argument_split(FunctionCallInfo fcinfo, int seed, int test_fraction, int validation_fraction, Split *split)
{
	if (!PG_ARGISNULL(seed))
		split->seed = PG_GETARG_INT64(seed);
	if (!PG_ARGISNULL(test_fraction))
	{
		split->test_fraction = PG_GETARG_FLOAT8(test_fraction);
		split->fold = 0;
	}
	if (!PG_ARGISNULL(validation_fraction))
		split->validation_fraction = PG_GETARG_FLOAT8(validation_fraction);
	split_check_fraction("test_fraction", split->test_fraction);
	split_check_fraction("validation_fraction", split->validation_fraction);
}
