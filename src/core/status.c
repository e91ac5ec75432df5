/*
 * status.c: formatting of Status values.
 */
#include "core/status.h"

#include <stdarg.h>
#include <stdio.h>

Status
status_error(StatusCode code, const char *format,...)
{
	Status		status = status_ok();
	va_list		args;

	status.code = code;
	va_start(args, format);
	vsnprintf(status.message, sizeof status.message, format, args);
	va_end(args);
	return status;
}

Status
status_with_hint(Status status, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	vsnprintf(status.hint, sizeof status.hint, format, args);
	va_end(args);
	return status;
}
