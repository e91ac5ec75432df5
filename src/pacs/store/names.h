/*
 * names.h: the schemas of our tables and of the extension, put into statements.
 *
 * Statements name what is ours with an @ before it: @lesion_pacs_object is in the schema of our tables,
 * @lesion_dicom_info in that of the extension. The search path has pg_catalog alone (places.h): a role that may
 * create objects in another schema cannot have its own called in their place.
 */
#ifndef LESIONSEG_PACS_STORE_NAMES_H
#define LESIONSEG_PACS_STORE_NAMES_H

#include "core/status.h"
#include "pacs/web/bytes.h"

/* Take the schemas, as SQL identifiers; "" where there is none, and nothing stands before a name then. A program
 * has one connection. LS_OUT_OF_MEMORY. */
Status		names_settle(const char *extension, const char *tables);

/* Append a statement with the schemas in it, but for what stands in quotes. LS_OUT_OF_MEMORY. */
Status		names_put(const char *statement, Bytes *sql);

#endif
