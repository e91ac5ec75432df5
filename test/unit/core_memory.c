/*
 * core_memory.c: checked arithmetic, status texts, allocation through the
 * call and arenas: sizes, limits, alignment, messages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "between.h"
#include "core/arena.h"
#include "core/checked.h"
#include "core/call.h"
#include "core/status.h"

/* ---- checked arithmetic ---- */

static void
test_checked(void **state)
{
	const size_t half = (size_t) 1 << 63;
	size_t		result = 0;

	(void) state;
	assert_true(checked_add(2, 3, &result));
	assert_int_equal(result, 5);
	assert_true(checked_add(SIZE_MAX - 1, 1, &result));
	assert_int_equal(result, SIZE_MAX);
	assert_false(checked_add(SIZE_MAX, 1, &result));
	assert_false(checked_add(half, half, &result));

	assert_true(checked_mul(6, 7, &result));
	assert_int_equal(result, 42);
	assert_true(checked_mul(SIZE_MAX, 0, &result));
	assert_int_equal(result, 0);
	assert_true(checked_mul((size_t) 1 << 31, (size_t) 1 << 32, &result));
	assert_int_equal(result, half);
	assert_false(checked_mul((size_t) 1 << 32, (size_t) 1 << 32, &result));
	assert_false(checked_mul(half, 2, &result));
}

/* ---- status ---- */

static Status
tries(Status status, int *reached)
{
	TRY(status);
	*reached = 1;
	return status_ok();
}

static void
test_status(void **state)
{
	Status		status = status_ok();
	int			reached = 0;

	(void) state;
	assert_int_equal(status.code, LS_OK);
	assert_string_equal(status.message, "");
	assert_string_equal(status.hint, "");

	status = status_error(LS_INVALID_IMAGE, "width %d is above %s", 60000, "16384");
	assert_int_equal(status.code, LS_INVALID_IMAGE);
	assert_string_equal(status.message, "width 60000 is above 16384");
	assert_string_equal(status.hint, "");

	status = status_with_hint(status, "Use %d%%.", 50);
	assert_int_equal(status.code, LS_INVALID_IMAGE);
	assert_string_equal(status.message, "width 60000 is above 16384");
	assert_string_equal(status.hint, "Use 50%.");

	assert_int_equal(tries(status, &reached).code, LS_INVALID_IMAGE);
	assert_int_equal(reached, 0);
	assert_int_equal(tries(status_ok(), &reached).code, LS_OK);
	assert_int_equal(reached, 1);
}

/* What does not fit is cut, not written past the end. */
static void
test_status_is_cut(void **state)
{
	char		text[1000];
	Status		status;

	(void) state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	status = status_with_hint(status_error(LS_INTERNAL, "%s", text), "%s", text);
	assert_int_equal(strlen(status.message), sizeof status.message - 1);
	assert_int_equal(strlen(status.hint), sizeof status.hint - 1);
	assert_int_equal(status.code, LS_INTERNAL);
}

/* A text ends before a UTF-8 sequence that would not fit whole. */
static void
test_status_is_cut_between_characters(void **state)
{
	static const char *const characters[] = {"x", "\xC3\xA9", "\xE2\x9C\x93", "\xF0\x9F\x98\x80"};

	(void) state;
	for (size_t i = 0; i < sizeof characters / sizeof characters[0]; i++)
		for (size_t offset = 0; offset < 4; offset++)
		{
			size_t		length = strlen(characters[i]);
			char		text[4000] = "";
			char		message[sizeof ((Status *) 0)->message];
			char		hint[sizeof ((Status *) 0)->hint];
			Status		status;

			memset(text, 'a', offset);
			for (int repeat = 0; repeat < 600; repeat++)
				strcat(text, characters[i]);
			status = status_with_hint(status_error(LS_INTERNAL, "%s", text), "%s", text);
			snprintf(message, 1 + offset + (sizeof message - 1 - offset) / length * length, "%s", text);
			snprintf(hint, 1 + offset + (sizeof hint - 1 - offset) / length * length, "%s", text);
			assert_string_equal(status.message, message);
			assert_string_equal(status.hint, hint);
		}

	/* Bytes that are no UTF-8 are left alone but for what cannot be told apart. */
	assert_string_equal(status_error(LS_INTERNAL, "caf\xE9").message, "caf\xE9");
}

/* ---- call ---- */

/* A call that remembers, refuses on demand and leaves memory full of dirt. */
typedef struct Probe
{
	Call		call;
	size_t		live;
	size_t		asked;			/* bytes of the last alloc */
	bool		refuse;
	bool		stop;
} Probe;

static void *
probe_alloc(void *user, size_t size)
{
	Probe	   *probe = user;
	void	   *memory;

	probe->asked = size;
	if (probe->refuse)
		return NULL;
	memory = aligned_alloc(64, (size + 63) & ~(size_t) 63);
	assert_non_null(memory);
	memset(memory, 0xA5, size);
	probe->live++;
	return memory;
}

static void
probe_free(void *user, void *memory)
{
	((Probe *) user)->live--;
	free(memory);
}

static bool
probe_poll(void *user)
{
	return ((Probe *) user)->stop;
}

static void
probe_init(Probe *probe)
{
	memset(probe, 0, sizeof *probe);
	probe->call = (Call) {
		.host = {.alloc = probe_alloc,.free = probe_free,.user = probe,.max_memory = 1 << 20},
		.poll = probe_poll,
		.user = probe,
		.threads = 1,
	};
}

static void
test_alloc(void **state)
{
	void	   *memory = &memory;
	Status		status;
	Probe		probe;

	(void) state;
	probe_init(&probe);

	assert_int_equal(call_alloc(&probe.call, 0, &memory).code, LS_OK);
	assert_null(memory);
	assert_int_equal(probe.live, 0);

	assert_int_equal(call_alloc(&probe.call, 1 << 20, &memory).code, LS_OK);
	assert_non_null(memory);
	assert_int_equal(probe.asked, 1 << 20);
	call_free(&probe.call, memory);
	assert_int_equal(probe.live, 0);
	call_free(&probe.call, NULL);
	assert_int_equal(probe.live, 0);

	status = call_alloc(&probe.call, (1 << 20) + 1, &memory);
	assert_int_equal(status.code, LS_LIMIT_EXCEEDED);
	assert_string_equal(status.message, "1048577 bytes are needed, the limit is 1048576");
	assert_non_null(strstr(status.hint, "lesionseg.max_memory"));
	assert_null(memory);

	probe.refuse = true;
	status = call_alloc(&probe.call, 100, &memory);
	assert_int_equal(status.code, LS_OUT_OF_MEMORY);
	assert_non_null(strstr(status.message, "100 bytes"));
	assert_null(memory);
	assert_int_equal(probe.live, 0);
}

static void
test_alloc_array(void **state)
{
	void	   *memory;
	Status		status;
	Probe		probe;

	(void) state;
	probe_init(&probe);
	assert_int_equal(call_alloc_array(&probe.call, 7, 12, &memory).code, LS_OK);
	assert_int_equal(probe.asked, 84);
	for (int i = 0; i < 84; i++)
		assert_int_equal(((char *) memory)[i], 0);
	call_free(&probe.call, memory);

	assert_int_equal(call_alloc_array(&probe.call, 0, 12, &memory).code, LS_OK);
	assert_null(memory);

	/* 2^33 * 2^33 wraps to 4 in 64 bits */
	status = call_alloc_array(&probe.call, ((size_t) 1 << 33) + 1, ((size_t) 1 << 33) + 1, &memory);
	assert_int_equal(status.code, LS_LIMIT_EXCEEDED);
	assert_non_null(strstr(status.message, "8589934593 items"));
	assert_null(memory);
	assert_int_equal(call_alloc_array(&probe.call, 1025, 1024, &memory).code, LS_LIMIT_EXCEEDED);
	assert_null(memory);
	assert_int_equal(probe.live, 0);
}

static bool
count_polls(void *user)
{
	(*(int *) user)++;
	return false;
}

static bool
always_cancel(void *user)
{
	(void) user;
	return true;
}

/* Much memory is cleared in pieces with polls between them; a cancel leaves
 * nothing allocated (the leak checker of the sanitized build looks). */
static void
test_clear(void **state)
{
	Call call = *call_standalone();
	size_t		size = (size_t) 65 << 20;
	int			polls = 0;
	void	   *memory;

	(void) state;
	assert_int_equal(call_alloc_array(&call, size, 1, &memory).code, LS_OK);
	assert_int_equal(((char *) memory)[size - 1], 0);
	memset(memory, 1, size);
	assert_int_equal(call_clear(&call, memory, size).code, LS_OK);
	for (size_t i = 0; i < size; i += 4095)
		assert_int_equal(((char *) memory)[i], 0);
	call.poll = count_polls;	/* new memory takes the system up to 3 ms a megabyte */
	call.user = &polls;
	assert_int_equal(call_clear(&call, memory, size).code, LS_OK);
	assert_between(polls, 65 / 16, 65);
	call_free(&call, memory);
	assert_int_equal(call_clear(&call, NULL, 0).code, LS_OK);

	call.poll = always_cancel;
	assert_int_equal(call_alloc_array(&call, size, 1, &memory).code, LS_CANCELLED);
	assert_null(memory);
	assert_int_equal(call_alloc_array(&call, 1 << 20, 1, &memory).code, LS_OK);
	call_free(&call, memory);
}

static void
test_poll_and_log(void **state)
{
	Probe		probe;

	(void) state;
	probe_init(&probe);
	assert_int_equal(call_poll(&probe.call).code, LS_OK);
	probe.stop = true;
	assert_int_equal(call_poll(&probe.call).code, LS_CANCELLED);
	probe.call.poll = NULL;
	assert_int_equal(call_poll(&probe.call).code, LS_OK);
}

static void
test_standalone(void **state)
{
	const Call *call = call_standalone();
	char		written[1000];
	char		read[1000];
	void	   *memory;

	(void) state;
	assert_true(call->threads == 1 && call->host.max_memory > 0 && call->max_pixels > 0);
	for (size_t size = 1; size < 300; size += 37)
	{
		assert_int_equal(call_alloc(call, size, &memory).code, LS_OK);
		assert_int_equal((uintptr_t) memory % 64, 0);
		memset(memory, 1, size);
		call_free(call, memory);
	}
	assert_null(call->host.alloc(call->host.user, SIZE_MAX - 3));
	assert_int_equal(call_poll(call).code, LS_OK);

	for (size_t i = 0; i < sizeof written; i++)
		written[i] = (char) (i * 7);
	assert_true(call->host.spill_write(call->host.user, 5000, written, sizeof written));
	assert_true(call->host.spill_write(call->host.user, 0, written, 10));
	assert_true(call->host.spill_read(call->host.user, 5000, read, sizeof read));
	assert_memory_equal(written, read, sizeof read);
	assert_true(call->host.spill_read(call->host.user, 5990, read, 10));
	assert_memory_equal(written + 990, read, 10);
	assert_false(call->host.spill_read(call->host.user, 5995, read, 10));
}

/* ---- arena ---- */

static void
test_arena(void **state)
{
	static const size_t sizes[] = {1, 64, 65, 0, 127, 128, 1000};
	static const size_t expected[] = {0, 64, 128, 256, 256, 384, 512};
	size_t		offsets[7];
	Arena		arena;
	Probe		probe;

	(void) state;
	probe_init(&probe);
	arena_init(&arena, &probe.call.host);
	for (int i = 0; i < 7; i++)
	{
		assert_int_equal(arena_reserve(&arena, sizes[i], &offsets[i]).code, LS_OK);
		assert_int_equal(offsets[i], expected[i]);
	}
	assert_int_equal(arena.size, 1536);
	assert_int_equal(probe.live, 0);	/* reserving allocates nothing */

	assert_int_equal(arena_commit(&arena, &probe.call, "tests").code, LS_OK);
	assert_int_equal(probe.live, 1);
	assert_int_equal(probe.asked, 1536);
	for (int i = 0; i < 7; i++)
	{
		const char *at = arena_at(&arena, offsets[i]);

		assert_int_equal((uintptr_t) at % 64, 0);
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(at[k], 0);
	}
	arena_free(&arena);
	assert_int_equal(probe.live, 0);
	assert_int_equal(arena.size, 0);
	assert_null(arena.base);
	arena_free(&arena);

	/* An empty one is no error. */
	assert_int_equal(arena_commit(&arena, &probe.call, "nothing").code, LS_OK);
	arena_free(&arena);
	assert_int_equal(probe.live, 0);
}

static void
test_arena_limits(void **state)
{
	size_t		offset;
	Arena		arena;
	Probe		probe;
	Status		status;

	(void) state;
	probe_init(&probe);
	arena_init(&arena, &probe.call.host);
	assert_int_equal(arena_reserve(&arena, 100, &offset).code, LS_OK);
	assert_int_equal(arena_reserve(&arena, SIZE_MAX - 100, &offset).code, LS_LIMIT_EXCEEDED);
	assert_int_equal(arena_reserve(&arena, SIZE_MAX - 128, &offset).code, LS_LIMIT_EXCEEDED);
	assert_int_equal(arena.size, 128);	/* a refused piece leaves no trace */

	/* Just what is allowed, then 64 bytes more. */
	assert_int_equal(arena_reserve(&arena, (1 << 20) - 128, &offset).code, LS_OK);
	assert_int_equal(arena_commit(&arena, &probe.call, "tests").code, LS_OK);
	arena_free(&arena);
	assert_int_equal(arena_reserve(&arena, 3 << 20, &offset).code, LS_OK);
	status = arena_commit(&arena, &probe.call, "training tensors");
	assert_int_equal(status.code, LS_LIMIT_EXCEEDED);
	assert_non_null(strstr(status.message, "training tensors need "));
	assert_non_null(strstr(status.message, "the limit is 1 MB"));
	assert_non_null(strstr(status.hint, "lesionseg.max_memory"));
	assert_non_null(strstr(status.hint, "batch_size"));
	assert_int_equal(probe.live, 0);
	arena_free(&arena);

	probe.refuse = true;
	assert_int_equal(arena_reserve(&arena, 100, &offset).code, LS_OK);
	assert_int_equal(arena_commit(&arena, &probe.call, "tests").code, LS_OUT_OF_MEMORY);
	arena_free(&arena);
	assert_int_equal(probe.live, 0);
}

/* A pool thread has the caller's limits; memory is malloc's, and there is no
 * poll, which is for the main thread. */
static void
test_on_thread(void **state)
{
	void	   *memory;
	Status		status;
	Call		own;
	Probe		probe;

	(void) state;
	probe_init(&probe);
	probe.call.max_pixels = 1234;
	probe.call.threads = 4;
	probe.stop = true;
	own = call_on_thread(&probe.call);
	assert_int_equal(own.max_pixels, 1234);
	assert_int_equal(own.threads, 1);
	assert_ptr_equal(own.codec, probe.call.codec);
	assert_int_equal(call_poll(&own).code, LS_OK);

	assert_int_equal(call_alloc(&own, 1 << 20, &memory).code, LS_OK);
	assert_int_equal(probe.live, 0);
	call_free(&own, memory);
	status = call_alloc(&own, (1 << 20) + 1, &memory);
	assert_int_equal(status.code, LS_LIMIT_EXCEEDED);
	assert_string_equal(status.message, "1048577 bytes are needed, the limit is 1048576");
	assert_null(own.host.spill_write);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checked),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_status_is_cut),
		cmocka_unit_test(test_status_is_cut_between_characters),
		cmocka_unit_test(test_alloc),
		cmocka_unit_test(test_alloc_array),
		cmocka_unit_test(test_clear),
		cmocka_unit_test(test_poll_and_log),
		cmocka_unit_test(test_standalone),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_arena_limits),
		cmocka_unit_test(test_on_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
