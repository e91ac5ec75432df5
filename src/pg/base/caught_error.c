/*
 * caught_error.c: see caught_error.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "pg/base/caught_error.h"

/*
 * Names that reports may point to while the process lives, each stored once.
 * They are constants of source files, so there are few.
 */
typedef struct LastingName
{
	struct LastingName *next;
	char		text[FLEXIBLE_ARRAY_MEMBER];
} LastingName;

static LastingName *lasting_names = NULL;

/* The error that is raised if another one could not be copied. */
static ErrorData no_memory = {
	.elevel = ERROR,
	.output_to_server = true,
	.output_to_client = true,
	.filename = __FILE__,
	.lineno = __LINE__,
	.funcname = "caught_error",
	.sqlerrcode = ERRCODE_OUT_OF_MEMORY,
	.message = "out of memory",
	.detail = "It ran out while another error was handled.",
	.message_id = "out of memory",
};

/* The same name in lasting memory; NULL for none, which a report leaves
 * out. */
static const char *
lasting_name(const char *name)
{
	LastingName *lasting;
	size_t		size;

	if (name == NULL)
		return NULL;
	for (lasting = lasting_names; lasting != NULL; lasting = lasting->next)
		if (strcmp(lasting->text, name) == 0)
			return lasting->text;
	size = strlen(name) + 1;
	lasting = MemoryContextAllocExtended(TopMemoryContext, offsetof(LastingName, text) + size, MCXT_ALLOC_NO_OOM);
	if (lasting == NULL)
		return NULL;
	memcpy(lasting->text, name, size);
	lasting->next = lasting_names;
	lasting_names = lasting;
	return lasting->text;
}

/* CopyErrorData; NULL if there is not enough memory. */
static ErrorData *
copy_error(void)
{
	ErrorData  *volatile copy = NULL;

	PG_TRY();
	{
		copy = CopyErrorData();
	}
	PG_CATCH();
	{
		copy = NULL;
	}
	PG_END_TRY();
	return copy;
}

ErrorData *
caught_error(MemoryContext context, MemoryContext caller)
{
	ErrorData  *error;

	MemoryContextSwitchTo(context);
	error = copy_error();
	if (error != NULL)
	{
		error->filename = lasting_name(error->filename);
		error->funcname = lasting_name(error->funcname);
		error->domain = lasting_name(error->domain);
		error->context_domain = lasting_name(error->context_domain);
		error->message_id = lasting_name(error->message_id);
	}
	FlushErrorState();
	MemoryContextSwitchTo(caller);
	return error != NULL ? error : &no_memory;
}

ErrorData *
caught_in_step(void (*step) (void *work), void *work, MemoryContext keep)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		step(work);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		error = caught_error(keep, context);
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

char *
error_text(const char *text)
{
	int			length = (int) strlen(text);

	if (!pg_verifymbstr(text, length, true))
		return pstrdup("a message that is not in this database's encoding");
	return pnstrdup(text, pg_mbcliplen(text, length, ERROR_TEXT_MAX));
}
