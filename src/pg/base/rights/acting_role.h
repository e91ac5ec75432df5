/*
 * acting_role.h: who acts where a trigger works with its owner's rights.
 *
 * A SECURITY DEFINER function does not see who called it: GetOuterUserId() is
 * the role of the session, also where the server runs somebody's code as that
 * somebody (REFRESH of a materialized view, ANALYZE of an expression index) or a
 * function of another role stands between. Such triggers are therefore SECURITY
 * INVOKER and take their owner's rights here.
 */
#ifndef LESIONSEG_PG_BASE_RIGHTS_ACTING_ROLE_H
#define LESIONSEG_PG_BASE_RIGHTS_ACTING_ROLE_H

#include "postgres.h"

#include "fmgr.h"

/* The owner of a function. */
Oid			function_owner(Oid function);

/* Do a trigger's work with the rights of the owner of its function, and give them
 * up again, also after an error. `work` may fire other triggers of this kind. */
void		work_as_owner(FunctionCallInfo fcinfo, void (*work) (FunctionCallInfo fcinfo));

/* The role whose statement the work is about: the current one where no trigger works as its owner. */
Oid			acting_role(void);

#endif
