/*
 * arguments.c: see arguments.h.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "nodes/parsenodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "pg/base/values/arguments.h"

void
argument_needed(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", name),
				 errhint("Give it a value, or leave it out where it has a default.")));
}

char *
argument_text(FunctionCallInfo fcinfo, int n, const char *name)
{
	argument_needed(fcinfo, n, name);
	return text_to_cstring(PG_GETARG_TEXT_PP(n));
}

int
argument_elements(FunctionCallInfo fcinfo, int n)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(n);

	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

void
argument_at_most(FunctionCallInfo fcinfo, int n, const char *name, int most)
{
	int			count = argument_elements(fcinfo, n);

	if (count > most)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s has %d elements, the limit is %d", name, count, most),
				 errhint("Name each once.")));
}

void
argument_sha256(const char *name, const char *text, uint8_t sha256[SHA256_BYTES])
{
	if (strlen(text) != 2 * SHA256_BYTES || strspn(text, "0123456789abcdefABCDEF") != 2 * SHA256_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is \"%s\"", name, text),
				 errhint("Give its 64 hexadecimal digits: "
						 "SELECT model, number, encode(sha256, 'hex') FROM lesion_version.")));
	(void) hex_decode(text, 2 * SHA256_BYTES, (char *) sha256);
}

char *
argument_text_or_null(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

Oid
argument_oid(FunctionCallInfo fcinfo, int n, const char *name)
{
	argument_needed(fcinfo, n, name);
	return PG_GETARG_OID(n);
}

int
argument_int(FunctionCallInfo fcinfo, int n, const char *name)
{
	argument_needed(fcinfo, n, name);
	return PG_GETARG_INT32(n);
}

double
argument_double(FunctionCallInfo fcinfo, int n, const char *name)
{
	argument_needed(fcinfo, n, name);
	return PG_GETARG_FLOAT8(n);
}

double
argument_seconds(FunctionCallInfo fcinfo, int n, const char *name)
{
	double		minutes;

	if (PG_ARGISNULL(n))
		return INFINITY;
	minutes = PG_GETARG_FLOAT8(n);
	if (!(minutes > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s %g is not above 0", name, minutes),
				 errhint("Give the minutes that the call may take, or NULL for no limit.")));
	return 60 * minutes;
}

TriggerData *
need_trigger(FunctionCallInfo fcinfo)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("%s is a trigger", get_func_name(fcinfo->flinfo->fn_oid))));
	return (TriggerData *) fcinfo->context;
}

bool
procedure_may_commit(FunctionCallInfo fcinfo)
{
	return fcinfo->context != NULL && IsA(fcinfo->context, CallContext) &&
		!castNode(CallContext, fcinfo->context)->atomic && !IsSubTransaction();
}

void
argument_check_threshold(double threshold)
{
	if (!(threshold > 0 && threshold < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold is %g, it must lie between 0 and 1", threshold),
				 errhint("A pixel is lesion where its probability is above the threshold; 0.5 is usual.")));
}
