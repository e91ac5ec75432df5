/*
 * predictions.h: tables of lesion_prediction, which users make and own.
 */
#ifndef LESIONSEG_PG_PREDICTIONS_H
#define LESIONSEG_PG_PREDICTIONS_H

#include "postgres.h"

#include "pg/models/model_store.h"

/* Check that the table is one of lesion_prediction; its qualified name. */
char	   *predictions_open(const ModelStore *store, Oid oid);

/* Run a SELECT on the table of that name under a search_path of our own; what
 * SPI_execute returned. */
int			predictions_select(const char *table, const char *query);

#endif
