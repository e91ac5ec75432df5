/*
 * bootstrap_arguments.h: arguments of functions that give bootstrap intervals.
 */
#ifndef LESIONSEG_PG_EVALUATE_BOOTSTRAP_ARGUMENTS_H
#define LESIONSEG_PG_EVALUATE_BOOTSTRAP_ARGUMENTS_H

#include "postgres.h"

#include "fmgr.h"

/* The argument confidence: between 0 and 1, both out. */
double		argument_confidence(FunctionCallInfo fcinfo, int n);

/* The argument draws: from 1 to a million. */
int			argument_draws(FunctionCallInfo fcinfo, int n);

#endif
