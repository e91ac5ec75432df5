/*
 * planner.h: what the query planner is told about functions over images.
 *
 * support.c     what a call costs
 * shared_scan.c that parallel workers may share a table whose images stand in TOAST
 */
#ifndef LESIONSEG_PG_PLANNER_PLANNER_H
#define LESIONSEG_PG_PLANNER_PLANNER_H

#include "postgres.h"

/*
 * The part of a call's cost that the planner is told. From costs of 100,000 on the server compiles the query around
 * the calls, from 500,000 with all that its compiler can (jit). Here that gains nothing: at the whole cost a query took
 * 0.4 s longer from 80 photographs on, and so did each of its workers. At a tenth that is from 800 on. A call still
 * costs more than all around it, so plans are the same, but that workers pay from some five images on instead of three.
 */
#define TOLD_SHARE 0.1

/* Has a query of this process called a function with one of our support functions? */
extern bool planner_seen;

/* Is this the OID of a function with one of our support functions? */
bool		planner_supports(Oid function);

/* Let parallel workers share tables; called from _PG_init. */
void		shared_scan_init(void);

#endif
