/*
 * log.h: what the program says: one line for each object, or on a terminal
 * one line that counts; errors to stderr. What is given may hold anything: control characters in it are
 * written as question marks.
 */
#ifndef LESIONSEG_PACS_LOG_H
#define LESIONSEG_PACS_LOG_H

#include "core/status.h"

/* One object was pulled, sent, ... */
void		log_object(const char *what, const char *uid, const char *format,...)
			__attribute__((format(printf, 3, 4)));

/* Something that is no object: a summary, a pause. */
void		log_text(const char *format,...)
			__attribute__((format(printf, 1, 2)));

/* An object that could not be pulled or sent. */
void		log_failure(const char *what, const char *uid, const Status *status);

/* What ended a command. */
void		log_error(const Status *status);

#endif
