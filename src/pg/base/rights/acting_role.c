/*
 * acting_role.c: see acting_role.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "utils/syscache.h"

#include "pg/base/rights/acting_role.h"

/* Who acted before the first trigger took its owner's rights; invalid while none has. */
static Oid	actor = InvalidOid;

Oid
function_owner(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "there is no function with OID %u", function);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
work_as_owner(FunctionCallInfo fcinfo, void (*work) (FunctionCallInfo fcinfo))
{
	Oid			owner = function_owner(fcinfo->flinfo->fn_oid);
	Oid			actor_before = actor;
	Oid			user;
	int			context;

	GetUserIdAndSecContext(&user, &context);
	PG_TRY();
	{
		if (!OidIsValid(actor))
			actor = user;
		SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE);
		work(fcinfo);
	}
	PG_FINALLY();
	{
		SetUserIdAndSecContext(user, context);
		actor = actor_before;
	}
	PG_END_TRY();
}

Oid
acting_role(void)
{
	return OidIsValid(actor) ? actor : GetUserId();
}
