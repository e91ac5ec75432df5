/*
 * status.h: how everything below src/pg/ reports failure.
 *
 * A function that can fail returns a Status by value: a code that src/pg/ maps
 * to a SQLSTATE, a message that states the facts ("width 60000 is above the
 * limit of 16384") and a hint that says what to do about it. There is no
 * global error state, and no longjmp.
 */
#ifndef LESIONSEG_CORE_STATUS_H
#define LESIONSEG_CORE_STATUS_H

#include <stdbool.h>

typedef enum StatusCode
{
	LS_OK = 0,
	LS_CANCELLED,			/* Call.poll asked to stop */
	LS_INVALID_ARGUMENT,	/* the caller's value is out of its range */
	LS_INVALID_IMAGE,		/* the bytes are not an image, or a broken one */
	LS_UNSUPPORTED,			/* understood, but not handled */
	LS_INVALID_WEIGHTS,		/* a weight file that cannot be used */
	LS_LIMIT_EXCEEDED,		/* above max_memory or max_pixels */
	LS_ABOVE_ALL_LIMITS,	/* an image above a limit that no setting raises */
	LS_OUT_OF_MEMORY,		/* no memory left */
	LS_HOST_ERROR,			/* a call callback failed; the call knows why */
	LS_INTERNAL				/* a library failed in an unexpected way */
} StatusCode;

typedef struct Status
{
	StatusCode	code;
	char		message[256];	/* empty when code is LS_OK */
	char		hint[512];		/* empty when there is nothing to advise */
} Status;

/* The success value. */
static inline Status
status_ok(void)
{
	Status		status;

	status.code = LS_OK;
	status.message[0] = '\0';
	status.hint[0] = '\0';
	return status;
}

/* Make a failure with a printf-formatted message and no hint. */
Status		status_error(StatusCode code, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* Return status with its hint set (printf-formatted). */
Status		status_with_hint(Status status, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* Leave the calling function with expression's Status unless it succeeded. */
#define TRY(expression) \
	do { \
		Status		try_status_ = (expression); \
		if (try_status_.code != LS_OK) \
			return try_status_; \
	} while (0)

#endif
