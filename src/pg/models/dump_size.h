/*
 * dump_size.h: what a version takes in a dump.
 *
 * pg_dump writes a row as one text, in which a byte is two digits. One that it
 * cannot write keeps it from dumping anything.
 */
#ifndef LESIONSEG_PG_MODELS_DUMP_SIZE_H
#define LESIONSEG_PG_MODELS_DUMP_SIZE_H

#include "pg/models/model_store.h"

/* Can a row be written as text that has so many bytes in a bytea, and nothing else without a limit? Logical replication
 * needs that, too. */
bool		store_can_write(size_t size);

/* Raise an error if a version is too large to be dumped, by all of it that is set and has no limit of its own. */
void		store_check_size(const NewVersion *content);

#endif
