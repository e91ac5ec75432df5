/*
 * settings.h: what the command line says.
 */
#ifndef LESIONSEG_PACS_SETTINGS_H
#define LESIONSEG_PACS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"
#include "pacs/objects.h"

/* An option that may be given several times has at most so many values. */
#define PACS_LIST_MAX 16

typedef struct StringList
{
	const char *values[PACS_LIST_MAX];
	int			count;
} StringList;

typedef enum PacsCommand
{
	PACS_PULL,
	PACS_PUSH,
	PACS_RUN,
	PACS_HELP,
	PACS_VERSION
} PacsCommand;

/* All strings are the command line's own. */
typedef struct PacsSettings
{
	PacsCommand command;
	const char *url;			/* of DICOMweb, without a slash at its end */
	const char *database;		/* a connection string; NULL: what the environment says */

	/* pull */
	StringList	modalities;
	StringList	sop_classes;
	StringList	matches;		/* "Key=value" */
	bool		masks;
	bool		all;

	/* push */
	const char *predictions;
	bool		sends[OBJECT_KINDS];
	bool		retry;

	/* run */
	const char *model;			/* NULL: do not predict */
	int			every;			/* seconds */

	bool		dry_run;
	long		limit;			/* 0: none */

	/* HTTP */
	int			connections;
	long		max_size;		/* bytes of one answer */
	const char *ca_file;
	const char *certificate;
	const char *key;
	const char *netrc;			/* NULL: curl's own ~/.netrc */
	const char *bearer_file;
} PacsSettings;

/* Read the command line; LS_INVALID_ARGUMENT with a hint. The URL in argv may be written to. */
Status		settings_read(int argc, char **argv, PacsSettings *settings);

/* Print how the program is called. */
void		settings_print_help(void);

#endif
