/*
 * call.c: see call.h.
 */
#include "core/call.h"

#include <string.h>

#define CLEARED_AT_ONCE ((size_t) 8 << 20)	/* between two polls */

Call
call_on_thread(const Call *call)
{
	Call		own = {
		.host = *host_standalone(),
		.max_pixels = call->max_pixels,
		.codec = call->codec,
		.threads = 1,
	};

	own.host.max_memory = call->host.max_memory;
	own.host.spill_write = NULL;
	own.host.spill_read = NULL;
	return own;
}

Status
call_alloc(const Call *call, size_t size, void **memory)
{
	return host_alloc(&call->host, size, memory);
}

Status
call_clear(const Call *call, void *memory, size_t size)
{
	char	   *bytes = memory;

	while (size > CLEARED_AT_ONCE)
	{
		memset(bytes, 0, CLEARED_AT_ONCE);
		TRY(call_poll(call));
		bytes += CLEARED_AT_ONCE;
		size -= CLEARED_AT_ONCE;
	}
	if (size > 0)
		memset(bytes, 0, size);
	return status_ok();
}

Status
call_alloc_array(const Call *call, size_t count, size_t size, void **memory)
{
	Status		status;
	size_t		bytes;

	*memory = NULL;
	TRY(array_bytes(count, size, &bytes));
	TRY(call_alloc(call, bytes, memory));
	if (bytes == 0)
		return status_ok();
	status = call_clear(call, *memory, bytes);
	if (status.code != LS_OK)
	{
		call_free(call, *memory);
		*memory = NULL;
	}
	return status;
}

void
call_free(const Call *call, void *memory)
{
	host_free(&call->host, memory);
}

Status
call_poll(const Call *call)
{
	if (call->poll != NULL && call->poll(call->user))
		return status_error(LS_CANCELLED, "cancelled");
	return status_ok();
}
