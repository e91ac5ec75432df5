/*
 * query.h: a list of the PACS that has few items, by one request (QIDO-RS).
 */
#ifndef LESIONSEG_PACS_WEB_QUERY_H
#define LESIONSEG_PACS_WEB_QUERY_H

#include "pacs/web/dicom_json.h"
#include "pacs/web/http.h"

/*
 * Ask for a list of instances, or else of studies, and append
 * it to list. path as of http_get. LS_UNSUPPORTED where the PACS answers with an error;
 * not_found: the error is HTTP 404, as some say of a study or series that they do not have.
 */
Status		query_list(Http *http, const char *path, bool instances, PacsList *list, bool *not_found);

#endif
