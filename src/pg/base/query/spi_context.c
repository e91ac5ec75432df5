/*
 * spi_context.c: see spi_context.h.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

#include "pg/base/caught_error.h"
#include "pg/base/query/spi_context.h"

/* Replace the line of an error's context that quotes a query by `doing`. The
 * words around the quote depend on the server's language. */
static void
shorten(ErrorData *error, const char *doing, const char *query)
{
	char	   *quote = error->context != NULL ? strstr(error->context, query) : NULL;
	char	   *begin = quote;

	if (quote == NULL)
		return;
	while (begin > error->context && begin[-1] != '\n')
		begin--;
	quote += strlen(query);
	error->context = psprintf("%.*s%s%s", (int) (begin - error->context), error->context, doing,
							  quote + strcspn(quote, "\n"));
}

/* Raise the error that is being handled again, with `doing` for the query in its context; call in PG_CATCH. */
static void
rethrow_as(const char *doing, const char *query, MemoryContext caller)
{
	ErrorData  *error = caught_error(caller, caller);

	shorten(error, doing, query);
	ReThrowError(error);
}

int
spi_execute_as(const char *doing, const char *query, int count, Oid *types, Datum *values, const char *nulls,
			   bool read_only, long limit)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile int result = 0;

	PG_TRY();
	{
		result = SPI_execute_with_args(query, count, types, values, nulls, read_only, limit);
	}
	PG_CATCH();
	{
		rethrow_as(doing, query, caller);
	}
	PG_END_TRY();
	return result;
}

int
spi_call_as(const char *doing, const char *query, int count, const Oid *types, const Datum *values, const char *nulls)
{
	MemoryContext caller = CurrentMemoryContext;
	SPIExecuteOptions options = {.params = makeParamList(count),.allow_nonatomic = true};
	volatile int result = 0;

	for (int i = 0; i < count; i++)
	{
		options.params->params[i].value = values[i];
		options.params->params[i].isnull = nulls[i] == 'n';
		options.params->params[i].pflags = PARAM_FLAG_CONST;
		options.params->params[i].ptype = types[i];
	}
	PG_TRY();
	{
		result = SPI_execute_extended(query, &options);
	}
	PG_CATCH();
	{
		rethrow_as(doing, query, caller);
	}
	PG_END_TRY();
	return result;
}

int
spi_execute_plan_as(const char *doing, SPIPlanPtr plan, const char *query, const Datum *values, const char *nulls)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile int result = 0;

	PG_TRY();
	{
		result = SPI_execute_plan(plan, unconstify(Datum *, values), nulls, false, 0);
	}
	PG_CATCH();
	{
		rethrow_as(doing, query, caller);
	}
	PG_END_TRY();
	return result;
}

char *
schema_prefix(Oid schema)
{
	char	   *name;

	/* This transaction may have read the name before another one changed it. */
	AcceptInvalidationMessages();
	name = get_namespace_name(schema);
	if (name == NULL)
		elog(ERROR, "schema %u is gone", schema);
	return psprintf("%s.", quote_identifier(name));
}

void
spi_commit(void)
{
	Oid			role = GetUserId();

	SPI_commit();
	if (GetUserId() != role)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the role is no longer what it was when the call began"),
				 errdetail("SET LOCAL ROLE ends with the first transaction that the call commits. What it has "
						   "committed stays."),
				 errhint("SET ROLE before the call, without LOCAL.")));
}

ErrorData *
caught_in_commit(MemoryContext keep)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		spi_commit();
	}
	PG_CATCH();
	{
		error = caught_error(keep, context);
	}
	PG_END_TRY();
	return error;
}
