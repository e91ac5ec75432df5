/*
 * rollback.c: the SQL function lesion_model_rollback.
 *
 * Promotions are a log, and what was active before is read off it as from a
 * stack: a promotion puts a version on top, a rollback takes the top away. So
 * a rollback of a rollback goes further back, and does not return to what was
 * just given up.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "pg/base/values/row_values.h"
#include "pg/models/active/active_version.h"
#include "pg/models/model_store.h"

PG_FUNCTION_INFO_V1(lesion_model_rollback);

/* Versions, the active one on top. */
typedef struct VersionStack
{
	int		   *numbers;
	int			count;
} VersionStack;

/* Take versions away until number is on top. Where it is not in the stack, it
 * becomes the only one. */
static void
stack_return_to(VersionStack *stack, int number)
{
	while (stack->count > 0 && stack->numbers[stack->count - 1] != number)
		stack->count--;
	if (stack->count == 0)
		stack->numbers[stack->count++] = number;
}

/* Put a version on top, unless it is there. */
static void
stack_push(VersionStack *stack, int number)
{
	if (stack->count == 0 || stack->numbers[stack->count - 1] != number)
		stack->numbers[stack->count++] = number;
}

/* What has been active and was not given up. */
static VersionStack
read_stack(const ModelStore *store, const char *model)
{
	VersionStack stack = {NULL, 0};
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(model)};

	/* The version that a bundled model begins with was never promoted. */
	store_execute(store,
				  "SELECT version, rollback FROM ("
				  "(SELECT number AS version, false AS rollback, 0::bigint AS promotion FROM @lesion_version "
				  "WHERE model = $1 AND number <= 0 ORDER BY number LIMIT 1) "
				  "UNION ALL SELECT version, reason = 'rollback', promotion FROM @lesion_promotion WHERE model = $1) p "
				  "ORDER BY promotion",
				  1, types, values, NULL, SPI_OK_SELECT);
	stack.numbers = palloc((SPI_processed + 1) * sizeof(int));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	columns = SPI_tuptable->tupdesc;
		int			number = DatumGetInt32(row_named_needed(row, columns, "version", INT4OID));

		if (DatumGetBool(row_named_needed(row, columns, "rollback", BOOLOID)))
			stack_return_to(&stack, number);
		else
			stack_push(&stack, number);
	}
	SPI_freetuptable(SPI_tuptable);
	return stack;
}

/* lesion_model_rollback(name) returns int */
Datum
lesion_model_rollback(PG_FUNCTION_ARGS)
{
	ModelStore	store = store_open(fcinfo, false);
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	VersionStack stack;
	int			number;

	store_check_rights(&store, "lesion_promotion", ACL_INSERT, "promote");
	SPI_connect();
	(void) store_need_model(&store, name);
	store_lock_promotions(&store, name);
	stack = read_stack(&store, name);
	if (stack.count == 0)
		(void) store_need_version(&store, name, NULL);	/* raises what there is to say */
	if (stack.count < 2)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no version of model \"%s\" was active before version %d", name, stack.numbers[0]),
				 errhint("Choose a version with lesion_model_promote; lesion_promotion lists what was active when.")));
	number = stack.numbers[stack.count - 2];
	store_promote(&store, name, number, "rollback");
	SPI_finish();
	PG_RETURN_INT32(number);
}
