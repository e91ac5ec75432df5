/*
 * call.c: helpers around Call, and the call for programs that run
 * without a server.
 */
#include "core/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/checked.h"

#define HUGE_PAGE ((size_t) 2 << 20)
#define CLEARED_AT_ONCE ((size_t) 64 << 20)	/* between two polls */

static void *
standalone_alloc(void *user, size_t size)
{
	size_t		rounded;

	(void) user;
	if (!checked_add(size, 63, &rounded))
		return NULL;
	return aligned_alloc(64, rounded & ~(size_t) 63);
}

static void
standalone_free(void *user, void *memory)
{
	(void) user;
	free(memory);
}

static bool
standalone_poll(void *user)
{
	(void) user;
	return false;
}

static void
standalone_log(void *user, LogLevel level, const char *message)
{
	(void) user;
	if (level > LOG_LEVEL_DEBUG)
		fprintf(stderr, "%s: %s\n", level == LOG_LEVEL_WARNING ? "WARNING" : "NOTICE", message);
}

/* The temporary file of the standalone call; a test program has only one. */
static FILE *
standalone_spill_file(void)
{
	static FILE *file = NULL;

	if (file == NULL)
		file = tmpfile();
	return file;
}

static bool
standalone_spill_write(void *user, int64_t offset, const void *data, size_t size)
{
	FILE	   *file = standalone_spill_file();

	(void) user;
	return file != NULL && fseek(file, (long) offset, SEEK_SET) == 0 &&
		fwrite(data, 1, size, file) == size;
}

static bool
standalone_spill_read(void *user, int64_t offset, void *data, size_t size)
{
	FILE	   *file = standalone_spill_file();

	(void) user;
	return file != NULL && fseek(file, (long) offset, SEEK_SET) == 0 &&
		fread(data, 1, size, file) == size;
}

const Call *
call_standalone(void)
{
	static const Call call = {
		.alloc = standalone_alloc,
		.free = standalone_free,
		.poll = standalone_poll,
		.log = standalone_log,
		.spill_write = standalone_spill_write,
		.spill_read = standalone_spill_read,
		.user = NULL,
		.max_memory = (size_t) 4 << 30,
		.max_pixels = 100 * 1000 * 1000,
		.threads = 1,
	};

	return &call;
}

/*
 * Ask for huge pages under the whole ones of a block that is not touched yet:
 * passes over tensors of many megabytes otherwise wait for the tables of
 * 4 kB pages (reading 256 MB on one core of a virtual machine: 15 GB/s against
 * 36). Only advice; a kernel without them leaves things as they are.
 */
static void
advise_huge_pages(char *base, size_t size)
{
#ifdef MADV_HUGEPAGE
	size_t		before = -(uintptr_t) base & (HUGE_PAGE - 1);

	if (size >= before + HUGE_PAGE)
		(void) madvise(base + before, (size - before) & ~(HUGE_PAGE - 1), MADV_HUGEPAGE);
#else
	(void) base;
	(void) size;
#endif
}

Status
call_alloc(const Call *call, size_t size, void **memory)
{
	*memory = NULL;
	if (size == 0)
		return status_ok();
	if (size > call->max_memory)
		return status_with_hint(
								status_error(LS_LIMIT_EXCEEDED, "%zu bytes are needed, the limit is %zu",
											 size, call->max_memory),
								"Raise lesionseg.max_memory, or use a smaller image, batch or model.");
	*memory = call->alloc(call->user, size);
	if (*memory == NULL)
		return status_error(LS_OUT_OF_MEMORY, "could not allocate %zu bytes", size);
	advise_huge_pages(*memory, size);
	return status_ok();
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
	if (!checked_mul(count, size, &bytes))
		return status_error(LS_LIMIT_EXCEEDED, "%zu items of %zu bytes do not fit in memory",
							count, size);
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
	if (memory != NULL)
		call->free(call->user, memory);
}

Status
call_poll(const Call *call)
{
	if (call->poll != NULL && call->poll(call->user))
		return status_error(LS_CANCELLED, "cancelled");
	return status_ok();
}

void
host_log(const Call *call, LogLevel level, const char *format,...)
{
	char		message[512];
	va_list		args;

	if (call->log == NULL)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	call->log(call->user, level, message);
}
