/*
 * bootstrap_function.c: the SQL function lesion_bootstrap: how certain a mean is.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"

#include "measure/bootstrap.h"
#include "pg/base/call.h"
#include "pg/base/error.h"
#include "pg/base/values/arguments.h"
#include "pg/base/values/row_values.h"
#include "pg/evaluate/bootstrap_arguments.h"

PG_FUNCTION_INFO_V1(lesion_bootstrap);

#define MAX_DRAWS 1000000

/* Arguments of lesion_bootstrap. */
enum
{
	ARGUMENT_FIGURES, ARGUMENT_DRAWS, ARGUMENT_CONFIDENCE, ARGUMENT_SEED
};

double
argument_confidence(FunctionCallInfo fcinfo, int n)
{
	double		confidence = argument_double(fcinfo, n, "confidence");

	if (!(confidence > 0 && confidence < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("confidence is %g, it must lie between 0 and 1", confidence),
				 errhint("0.95 is usual.")));
	return confidence;
}

int
argument_draws(FunctionCallInfo fcinfo, int n)
{
	int			draws = argument_int(fcinfo, n, "draws");

	if (draws < 1 || draws > MAX_DRAWS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("draws is %d, it must be between 1 and %d", draws, MAX_DRAWS),
				 errhint("2000 is usual.")));
	return draws;
}

/* The figures of an array: finite numbers, and so is the sum of as many as there are, whichever are drawn. */
static double *
read_figures(ArrayType *array, int *count)
{
	Datum	   *values;
	bool	   *nulls;
	double	   *figures;

	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &nulls, count);
	figures = palloc((*count + 1) * sizeof(double));
	for (int i = 0; i < *count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (nulls[i] || !isfinite(DatumGetFloat8(values[i])))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("element %d of figures is not a number", i + 1),
					 errhint("Leave out what has no figure: array_agg(figure) FILTER (WHERE figure IS NOT NULL).")));
		figures[i] = DatumGetFloat8(values[i]);
		if (!isfinite(figures[i] * *count))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("element %d of figures, %g, is too large to be added up %d times", i + 1, figures[i],
							*count)));
	}
	return figures;
}

/* lesion_bootstrap(figures, draws, confidence, seed) returns (mean, low, high) */
Datum
lesion_bootstrap(PG_FUNCTION_ARGS)
{
	int			draws = argument_draws(fcinfo, ARGUMENT_DRAWS);
	double		confidence = argument_confidence(fcinfo, ARGUMENT_CONFIDENCE);
	Call	   *call = call_create(CurrentMemoryContext, 1);
	BootstrapInterval interval;
	int			count;
	double	   *figures = read_figures(PG_GETARG_ARRAYTYPE_P(ARGUMENT_FIGURES), &count);
	RowBuilder	row = row_begin_result(fcinfo);

	if (count > 0)
	{
		check_status(call, bootstrap_mean(call, figures, count, draws, confidence, PG_GETARG_INT64(ARGUMENT_SEED),
										  &interval));
		row_set(&row, "mean", FLOAT8OID, Float8GetDatum(interval.mean));
		row_set(&row, "low", FLOAT8OID, Float8GetDatum(interval.low));
		row_set(&row, "high", FLOAT8OID, Float8GetDatum(interval.high));
	}
	call_destroy(call);
	PG_RETURN_DATUM(row_datum(&row));
}
