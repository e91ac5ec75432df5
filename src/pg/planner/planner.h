/*
 * planner.h: what the query planner is told about functions over images.
 *
 * support.c     what a call costs
 * shared_scan.c that parallel workers may share a table whose images stand in TOAST
 */
#ifndef LESIONSEG_PG_PLANNER_PLANNER_H
#define LESIONSEG_PG_PLANNER_PLANNER_H

#include "postgres.h"

/* Has a query of this process called a function with one of our support functions? */
extern bool planner_seen;

/* Is this the OID of a function with one of our support functions? */
bool		planner_supports(Oid function);

/* Let parallel workers share tables; called from _PG_init. */
void		shared_scan_init(void);

#endif
