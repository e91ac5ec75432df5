/*
 * predictions.h: tables of predictions, which users make and own.
 *
 * Such a table has the columns of the type lesion_prediction, by names and
 * types; it does not depend on the type, so it stays when the extension goes.
 * Tables OF the type, which users of 0.2 made, will do.
 */
#ifndef LESIONSEG_PG_PREDICTIONS_H
#define LESIONSEG_PG_PREDICTIONS_H

#include "postgres.h"

#include "pg/models/model_store.h"

/* Check that the relation is a table with the columns of lesion_prediction;
 * its qualified name. */
char	   *predictions_open(const ModelStore *store, Oid oid);

/* Say in a NOTICE where a table is OF lesion_prediction. */
void		predictions_warn_of_type(const ModelStore *store, Oid oid, const char *name);

/* Raise an error unless the caller may insert into the table: who may not has
 * no business with its lock. */
void		predictions_check_insert(Oid oid);

/* Run a SELECT on the table of that name under a search_path of our own; what
 * SPI_execute returned. */
int			predictions_select(const char *table, const char *query);

#endif
