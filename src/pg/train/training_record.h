/*
 * training_record.h: writing what a training leaves behind: the rows of
 * lesion_run, lesion_epoch and lesion_checkpoint.
 *
 * Who trains has the right to write to these tables. A trigger on them sees
 * to it that only a training does.
 */
#ifndef LESIONSEG_PG_TRAINING_RECORD_H
#define LESIONSEG_PG_TRAINING_RECORD_H

#include "postgres.h"

#include "pg/models/model_store.h"

/* store_execute() of a query that writes to these tables. */
void		record_execute(const ModelStore *store, const char *query, int count, Oid *types, Datum *values,
						   const char *nulls, int expected);

#endif
