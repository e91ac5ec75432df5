/*
 * call.c: what PostgreSQL lends to a call of the library: memory, interrupts
 * and a temporary file.
 *
 * An error must never jump out of the library. So what the server raises
 * inside a callback is caught here and kept; the callback returns failure, the
 * library returns it to its caller, and there check_status() raises the error
 * again.
 *
 * Everything lives in one memory context, the Call included. The context's
 * reset callback closes the temporary file, so nothing is left after an error.
 * The file is not tied to a transaction: a retraining that commits between
 * epochs keeps its data.
 */
#include "postgres.h"

#include "commands/tablespace.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "dicom/pixels/decode.h"
#include "pg/base/caught_error.h"
#include "pg/base/call.h"
#include "pg/base/host.h"
#include "pg/base/settings.h"

/* FileRead and FileWrite take an int. */
#define SPILL_PIECE (256 * 1024 * 1024)

typedef struct PgCall
{
	Call		call;			/* first member: our Call * points to a PgCall */
	MemoryContext context;
	File		spill;			/* 0 = not open; fd.c never hands out 0 */
	ErrorData  *error;			/* what a callback caught, NULL if nothing */
	TimestampTz stop_at;		/* of the time of its creation */
	bool		ran_out;		/* that has passed */
	MemoryContextCallback on_reset;
} PgCall;

/* When calls that are created now must be done; 0: outside of call_limited. */
static TimestampTz stop_at;

void
call_limited(void (*work) (void *argument), void *argument)
{
	const TimestampTz outer = stop_at;
	TimestampTz own = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), (int64) lesionseg_remake_timeout);

	if (lesionseg_remake_timeout > 0 && (outer == 0 || own < outer))
		stop_at = own;
	PG_TRY();
	{
		work(argument);
	}
	PG_FINALLY();
	{
		stop_at = outer;
	}
	PG_END_TRY();
}

bool
call_limit_passed(void)
{
	return stop_at != 0 && GetCurrentTimestamp() >= stop_at;
}

void
call_lift_limit(Call *call)
{
	PgCall	   *self = (PgCall *) call;

	self->stop_at = 0;
}

/* Keep the error that is being handled for check_status, unless one is kept
 * already. Call this in PG_CATCH. */
static void
keep_error(PgCall *self, MemoryContext caller)
{
	ErrorData  *error = caught_error(self->context, caller);

	if (self->error == NULL)
		self->error = error;
}

/* Allocate in the call's context. */
static void *
pg_call_alloc(void *user, size_t size)
{
	PgCall	   *self = user;

	return host_context_alloc(self->context, size);
}

/*
 * Tell whether the statement must stop. Some interrupts end it (a cancel, a
 * timeout, a shutdown, a recovery conflict, an error of a parallel worker),
 * others do not (a barrier, a request to log memory). Only the server knows
 * which, so it processes them here: the statement must stop if it raises an
 * error. While interrupts are held off it raises none.
 */
static bool
pg_call_poll(void *user)
{
	PgCall	   *self = user;

	if (self->error == NULL && INTERRUPTS_PENDING_CONDITION())
	{
		MemoryContext caller = CurrentMemoryContext;

		PG_TRY();
		{
			CHECK_FOR_INTERRUPTS();
		}
		PG_CATCH();
		{
			keep_error(self, caller);
		}
		PG_END_TRY();
	}
	if (self->error == NULL && self->stop_at != 0 && GetCurrentTimestamp() >= self->stop_at)
		self->ran_out = true;
	return self->error != NULL || self->ran_out;
}

bool
call_ran_out(const Call *call)
{
	const PgCall *self = (const PgCall *) call;

	return self->ran_out && self->error == NULL;
}

/*
 * Create a temporary file that outlives the transaction, in the next of
 * temp_tablespaces; raises. The server puts such files into the database's own
 * tablespace, because in another one they would prevent its being dropped.
 * That would fill the disk that temp_tablespaces should spare. So while our
 * file is opened, the next tablespace of the setting takes the place of the
 * database's.
 */
static File
open_spill(void)
{
	const Oid	own = MyDatabaseTableSpace;
	Oid			next;
	volatile File file = 0;

	PrepareTempTablespaces();
	next = TempTablespacesAreSet() ? GetNextTempTableSpace() : InvalidOid;
	PG_TRY();
	{
		if (OidIsValid(next))
			MyDatabaseTableSpace = next;
		file = OpenTemporaryFile(true);
	}
	PG_FINALLY();
	{
		MyDatabaseTableSpace = own;
	}
	PG_END_TRY();
	return file;
}

/* Write to the temporary file; create it at the first use; raises. */
static void
spill_write(PgCall *self, int64_t offset, const char *data, size_t size)
{
	if (self->spill == 0)
		self->spill = open_spill();
	while (size > 0)
	{
		int			piece = (int) Min(size, (size_t) SPILL_PIECE);
		int			written;

		errno = 0;
		written = FileWrite(self->spill, unconstify(char *, data), piece, offset, WAIT_EVENT_BUFFILE_WRITE);
		if (written <= 0)
		{
			if (errno == 0)
				errno = ENOSPC;
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not write to temporary file \"%s\": %m", FilePathName(self->spill))));
		}
		data += written;
		offset += written;
		size -= written;
	}
}

/* Read what was written to the temporary file; raises. */
static void
spill_read(PgCall *self, int64_t offset, char *data, size_t size)
{
	while (size > 0)
	{
		int			piece = (int) Min(size, (size_t) SPILL_PIECE);
		int			got = 0;

		if (self->spill != 0)
			got = FileRead(self->spill, data, piece, offset, WAIT_EVENT_BUFFILE_READ);
		if (got < 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read from temporary file \"%s\": %m", FilePathName(self->spill))));
		if (got == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("temporary file ends before offset %lld", (long long) offset)));
		data += got;
		offset += got;
		size -= got;
	}
}

static bool
pg_call_spill_write(void *user, int64_t offset, const void *data, size_t size)
{
	PgCall	   *self = user;
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		spill_write(self, offset, data, size);
	}
	PG_CATCH();
	{
		keep_error(self, caller);
	}
	PG_END_TRY();
	return self->error == NULL;
}

static bool
pg_call_spill_read(void *user, int64_t offset, void *data, size_t size)
{
	PgCall	   *self = user;
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		spill_read(self, offset, data, size);
	}
	PG_CATCH();
	{
		keep_error(self, caller);
	}
	PG_END_TRY();
	return self->error == NULL;
}

/* Close the temporary file; runs when the memory context goes. */
static void
close_spill(void *argument)
{
	PgCall	   *self = argument;

	if (self->spill != 0)
		FileClose(self->spill);
	self->spill = 0;
}

/* Create a call in a child context of parent. */
Call *
call_create(MemoryContext parent, int threads)
{
	MemoryContext context = AllocSetContextCreate(parent, "lesionseg", ALLOCSET_DEFAULT_SIZES);
	PgCall	   *self = MemoryContextAllocZero(context, sizeof(PgCall));

	self->call.host.alloc = pg_call_alloc;
	self->call.host.free = host_context_free;
	self->call.host.spill_write = pg_call_spill_write;
	self->call.host.spill_read = pg_call_spill_read;
	self->call.host.user = self;
	self->call.host.max_memory = (size_t) lesionseg_max_memory * 1024;
	self->call.poll = pg_call_poll;
	self->call.user = self;
	self->call.max_pixels = lesionseg_max_pixels;
	self->call.threads = threads;
	self->call.codec = &dicom_codec;
	self->context = context;
	self->stop_at = stop_at;
	self->on_reset.func = close_spill;
	self->on_reset.arg = self;
	MemoryContextRegisterResetCallback(context, &self->on_reset);
	return &self->call;
}

/* Free everything that was allocated through call, and call itself. */
void
call_destroy(Call *call)
{
	PgCall	   *self = (PgCall *) call;

	MemoryContextDelete(self->context);
}

/* Raise the error that a callback of call caught, if there is one. */
void
call_rethrow(const Call *call)
{
	const PgCall *self = (const PgCall *) call;

	if (self->error != NULL)
		ReThrowError(self->error);
}
