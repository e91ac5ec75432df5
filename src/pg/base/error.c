/*
 * error.c: turns a Status of the library into a PostgreSQL error.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/base/settings.h"

/* The one table from codes to SQLSTATEs. */
static const int sqlstates[] = {
	[LS_OK] = ERRCODE_SUCCESSFUL_COMPLETION,
	[LS_CANCELLED] = ERRCODE_QUERY_CANCELED,
	[LS_INVALID_ARGUMENT] = ERRCODE_INVALID_PARAMETER_VALUE,
	[LS_INVALID_IMAGE] = ERRCODE_INVALID_BINARY_REPRESENTATION,
	[LS_UNSUPPORTED] = ERRCODE_FEATURE_NOT_SUPPORTED,
	[LS_INVALID_WEIGHTS] = ERRCODE_INVALID_BINARY_REPRESENTATION,
	[LS_LIMIT_EXCEEDED] = ERRCODE_PROGRAM_LIMIT_EXCEEDED,
	[LS_ABOVE_ALL_LIMITS] = ERRCODE_PROGRAM_LIMIT_EXCEEDED,
	[LS_OUT_OF_MEMORY] = ERRCODE_OUT_OF_MEMORY,
	[LS_HOST_ERROR] = ERRCODE_SYSTEM_ERROR,
	[LS_INTERNAL] = ERRCODE_INTERNAL_ERROR,
};

/* The SQLSTATE of a code. */
int
status_sqlstate(StatusCode code)
{
	if ((unsigned) code >= lengthof(sqlstates))
		return ERRCODE_INTERNAL_ERROR;
	return sqlstates[code];
}

char *
whole_characters(const char *text)
{
	int			length = strlen(text);

	return pnstrdup(text, pg_mbcliplen(text, length, length));
}

/* A call that stopped because its time had passed was not cancelled. */
static Status
of_limit(const Call *call, Status status)
{
	if (status.code != LS_CANCELLED || call == NULL || !call_ran_out(call))
		return status;
	return status_error(LS_LIMIT_EXCEEDED, "the mask takes longer than lesionseg.remake_timeout, %d ms",
						lesionseg_remake_timeout);
}

/* Raise status; the message begins with subject unless that is NULL. */
static void
throw_status(const Call *call, const char *subject, Status status)
{
	char	   *message;

	status = of_limit(call, status);
	message = whole_characters(status.message);

	/* An error that the server raised inside a callback is raised again
	 * unchanged. */
	if (call != NULL && (status.code == LS_CANCELLED || status.code == LS_HOST_ERROR))
		call_rethrow(call);
	if (status.code == LS_CANCELLED)
		CHECK_FOR_INTERRUPTS();

	ereport(ERROR,
			(errcode(status_sqlstate(status.code)),
			 subject != NULL
			 ? errmsg_internal("%s: %s", subject, message)
			 : errmsg_internal("%s", message),
			 status.hint[0] != '\0' ? errhint("%s", whole_characters(status.hint)) : 0));
}

/* Return when status is OK, else raise it. */
void
check_status(const Call *call, Status status)
{
	if (status.code != LS_OK)
		throw_status(call, NULL, status);
}

/* Raise what no caller may keep to itself. */
Status
check_cancel(const Call *call, Status status)
{
	status = of_limit(call, status);
	if (status.code == LS_CANCELLED || status.code == LS_HOST_ERROR)
		check_status(call, status);
	return status;
}

/* Like check_status, for a status that is about one argument. */
void
check_argument(const Call *call, const char *argument, Status status)
{
	if (status.code != LS_OK)
		throw_status(call, argument, status);
}
