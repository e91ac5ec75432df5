/*
 * query.c: see query.h.
 */
#include "pacs/web/query.h"

Status
query_list(Http *http, const char *path, bool instances, PacsList *list, bool *not_found)
{
	HttpReply	reply = {0};
	Status		status = http_get(http, path, ACCEPT_JSON, &reply);

	*not_found = status.code == LS_UNSUPPORTED && reply.status == 404;
	if (status.code == LS_OK)
		status = list_append_json(list, reply.body.data, reply.body.size, instances);
	bytes_free(&reply.body);
	return status;
}
