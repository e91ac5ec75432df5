/*
 * standalone.c: the host and the call of programs that run without a server.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/call.h"
#include "core/checked.h"

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

#define STANDALONE_HOST \
	{ \
		.alloc = standalone_alloc, \
		.free = standalone_free, \
		.spill_write = standalone_spill_write, \
		.spill_read = standalone_spill_read, \
		.max_memory = (size_t) 4 << 30, \
	}

const Host *
host_standalone(void)
{
	static const Host host = STANDALONE_HOST;

	return &host;
}

const Call *
call_standalone(void)
{
	static const Call call = {
		.host = STANDALONE_HOST,
		.max_pixels = 100 * 1000 * 1000,
		.threads = 1,
	};

	return &call;
}
