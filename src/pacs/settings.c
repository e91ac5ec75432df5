/*
 * settings.c: reads the command line by a table, which makes the help, too.
 *
 * Secrets do not stand on a command line, where every user of the machine
 * sees them: a password in a URL or a connection string is refused. No message
 * repeats what may be one: it would go on into a log.
 */
#include <errno.h>
#include <getopt.h>
#include <libpq-fe.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/settings.h"
#include "pacs/web/dicom_json.h"

const char *const object_names[OBJECT_KINDS] = {"seg", "picture", "report"};

ObjectKind
object_kind(const char *name, size_t length)
{
	int			kind = 0;

	while (kind < OBJECT_KINDS &&
		   (strlen(object_names[kind]) != length || strncmp(name, object_names[kind], length) != 0))
		kind++;
	return kind;
}

typedef enum OptionKind
{
	TAKES_NOTHING,				/* a bool */
	TAKES_TEXT,
	TAKES_LIST,					/* may be given several times */
	TAKES_NUMBER,				/* an int */
	TAKES_LONG,
	TAKES_SENDS
} OptionKind;

/* Whose option it is: a set of commands. */
typedef enum Commands
{
	FOR_PULL = 1 << PACS_PULL,
	FOR_PUSH = 1 << PACS_PUSH,
	FOR_RUN = 1 << PACS_RUN,
	FOR_ALL = FOR_PULL | FOR_PUSH | FOR_RUN
} Commands;

typedef struct OptionRow
{
	const char *name;
	Commands	commands;
	OptionKind	kind;
	size_t		offset;
	long		minimum;
	long		maximum;
	const char *value;			/* what the help calls it */
	const char *meaning;
} OptionRow;

#define AT(field) offsetof(PacsSettings, field)

static const OptionRow rows[] = {
	{"url", FOR_ALL, TAKES_TEXT, AT(url), 0, 0, "URL",
	"DICOMweb of the PACS: https://pacs.example/dicom-web (or LESIONSEG_PACS_URL)"},
	{"db", FOR_ALL, TAKES_TEXT, AT(database), 0, 0, "CONNINFO",
	"the database; else PGHOST, PGDATABASE, ... say it, as for psql"},
	{"modality", FOR_PULL | FOR_RUN, TAKES_LIST, AT(modalities), 0, 0, "NAME",
	"studies with that modality (XC and DMS); several times"},
	{"sop-class", FOR_PULL | FOR_RUN, TAKES_LIST, AT(sop_classes), 0, 0, "UID",
	"instances of that SOP class (photographs and dermoscopic photographs); several times"},
	{"match", FOR_PULL | FOR_RUN, TAKES_LIST, AT(matches), 0, 0, "KEY=VALUE",
	"studies that match, e.g. StudyDate=20260101-; several times"},
	{"masks", FOR_PULL | FOR_RUN, TAKES_NOTHING, AT(masks), 0, 0, NULL,
	"also segmentations that others drew on these images"},
	{"all", FOR_PULL | FOR_RUN, TAKES_NOTHING, AT(all), 0, 0, NULL,
	"look into every study, also where its number of instances is as before"},
	{"predictions", FOR_PUSH | FOR_RUN, TAKES_TEXT, AT(predictions), 0, 0, "TABLE",
	"where lesion_predict put masks (lesion_pacs_prediction)"},
	{"send", FOR_PUSH | FOR_RUN, TAKES_SENDS, AT(sends), 0, 0, "KINDS", "of seg,picture,report (all)"},
	{"retry", FOR_PUSH | FOR_RUN, TAKES_NOTHING, AT(retry), 0, 0, NULL,
	"once more what could not be made or was refused"},
	{"model", FOR_RUN, TAKES_TEXT, AT(model), 0, 0, "NAME",
	"call lesion_predict with that model between pull and push"},
	{"every", FOR_RUN, TAKES_NUMBER, AT(every), 1, 86400, "SECONDS", "pause between two rounds (60)"},
	{"dry-run", FOR_PULL | FOR_PUSH, TAKES_NOTHING, AT(dry_run), 0, 0, NULL,
	"say what would be pulled or sent, and change nothing"},
	{"limit", FOR_ALL, TAKES_LONG, AT(limit), 1, LONG_MAX, "N",
	"pull so many instances, push the results of so many images, and stop; failures do not count"},
	{"connections", FOR_PULL | FOR_RUN, TAKES_NUMBER, AT(connections), 1, 64, "N",
	"connections to the PACS at a time (4)"},
	{"max-size", FOR_PULL | FOR_RUN, TAKES_LONG, AT(max_size), 1, 1000, "MB", "the largest file that is taken (400)"},
	{"cacert", FOR_ALL, TAKES_TEXT, AT(ca_file), 0, 0, "FILE", "certificates that the PACS's is checked against"},
	{"cert", FOR_ALL, TAKES_TEXT, AT(certificate), 0, 0, "FILE", "client certificate"},
	{"key", FOR_ALL, TAKES_TEXT, AT(key), 0, 0, "FILE", "its key"},
	{"netrc-file", FOR_ALL, TAKES_TEXT, AT(netrc), 0, 0, "FILE", "user and password, as in ~/.netrc"},
	{"bearer-file", FOR_ALL, TAKES_TEXT, AT(bearer_file), 0, 0, "FILE", "bearer token: the file's first line"},
};

#define ROWS ((int) (sizeof rows / sizeof rows[0]))

/* By PacsCommand. */
static const char *const command_names[] = {"pull", "push", "run", "help", "version"};

#define COMMAND_NAMES ((int) (sizeof command_names / sizeof command_names[0]))

/* Write "pull and run" of a set of commands. */
static void
write_commands(Commands commands, const char *between, char *text, size_t size)
{
	int			i;

	text[0] = '\0';
	for (i = 0; i < COMMAND_NAMES; i++)
		if (commands & 1 << i)
			snprintf(text + strlen(text), size - strlen(text), "%s%s", text[0] == '\0' ? "" : between,
					 command_names[i]);
}

void
settings_print_help(void)
{
	int			i;

	puts("lesionseg-pacs brings images from a PACS into PostgreSQL, and results back, over DICOMweb.\n\n"
		 "  lesionseg-pacs pull|push|run --url URL [OPTION]...\n\n"
		 "  pull   fetch instances that the database lacks\n"
		 "  push   send results of lesion_predict that were not sent\n"
		 "  run    both, every so often, until it is told to stop\n\n"
		 "The tables are made by psql -f \"$(pg_config --sharedir)/extension/lesionseg/pacs.sql\".\n");
	for (i = 0; i < ROWS; i++)
	{
		char		head[40];
		char		commands[24];

		write_commands(rows[i].commands, ", ", commands, sizeof commands);
		snprintf(head, sizeof head, "--%s %s", rows[i].name, rows[i].value == NULL ? "" : rows[i].value);
		printf("  %-24s %s%s%s\n", head, rows[i].commands == FOR_ALL ? "" : commands,
			   rows[i].commands == FOR_ALL ? "" : ": ", rows[i].meaning);
	}
	puts("\nExit status: 0 all went well, 1 some objects could not be pulled or sent, 2 wrong options,\n"
		 "3 the PACS or the database could not be reached.");
}

static Status
read_number(const OptionRow *row, const char *text, long *number)
{
	char	   *end;

	errno = 0;
	*number = strtol(text, &end, 10);
	if (errno != 0 || *text == '\0' || *end != '\0' || *number < row->minimum || *number > row->maximum)
		return status_error(LS_INVALID_ARGUMENT, "--%s %.60s: it takes a whole number from %ld to %ld", row->name, text,
							row->minimum, row->maximum);
	return status_ok();
}

/* Read "seg,report". */
static Status
read_sends(const char *text, bool sends[OBJECT_KINDS])
{
	memset(sends, 0, sizeof (bool) * OBJECT_KINDS);
	while (*text != '\0')
	{
		size_t		length = strcspn(text, ",");
		ObjectKind	kind = object_kind(text, length);

		if (kind == OBJECT_KINDS)
			return status_error(LS_INVALID_ARGUMENT, "--send %.*s: it takes a list of seg, picture, report",
								(int) length, text);
		sends[kind] = true;
		text += length + (text[length] == ',');
	}
	return status_ok();
}

/* An option of another command would change nothing: the user expects that it does. */
static Status
check_command(const OptionRow *row, PacsCommand command)
{
	char		commands[24];

	if (row->commands & 1 << command)
		return status_ok();
	write_commands(row->commands, " and ", commands, sizeof commands);
	return status_error(LS_INVALID_ARGUMENT, "--%s is an option of %s", row->name, commands);
}

static Status
set_value(const OptionRow *row, char *text, PacsSettings *settings)
{
	void	   *place = (char *) settings + row->offset;
	StringList *list = place;
	long		number;

	switch (row->kind)
	{
		case TAKES_NOTHING:
			*(bool *) place = true;
			break;
		case TAKES_TEXT:
			*(const char **) place = text;
			break;
		case TAKES_LIST:
			if (list->count == PACS_LIST_MAX)
				return status_error(LS_INVALID_ARGUMENT, "--%s is given more than %d times", row->name,
									PACS_LIST_MAX);
			list->values[list->count++] = text;
			break;
		case TAKES_NUMBER:
			TRY(read_number(row, text, &number));
			*(int *) place = (int) number;
			break;
		case TAKES_LONG:
			TRY(read_number(row, text, &number));
			*(long *) place = number;
			break;
		case TAKES_SENDS:
			TRY(read_sends(text, place));
			break;
	}
	return status_ok();
}

/* A word for a message, up to its "=": a password may stand behind it. At most 80 characters. */
#define WORD(text) (int) (strcspn(text, "=") < 80 ? strcspn(text, "=") : 80), (text)

/* "pull", "push", "run", and the two that every program has. */
static Status
read_command(const char *text, PacsCommand *command)
{
	int			i;

	if (text != NULL && strncmp(text, "--", 2) == 0)
		text += 2;
	for (i = 0; text != NULL && i < COMMAND_NAMES; i++)
		if (strcmp(text, command_names[i]) == 0)
		{
			*command = (PacsCommand) i;
			return status_ok();
		}
	if (text == NULL)
		return status_error(LS_INVALID_ARGUMENT, "the first word must be pull, push or run");
	return status_error(LS_INVALID_ARGUMENT, "the first word must be pull, push or run, not %.*s", WORD(text));
}

/* A URL is http or https and has no user in it. A slash at its end goes. */
static Status
check_url(char *url)
{
	const char *host;
	size_t		length;

	if (url == NULL)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "--url is missing"),
								"Give the DICOMweb root of the PACS: http://localhost:8042/dicom-web for Orthanc.");
	host = strstr(url, "://");
	host = host == NULL ? url : host + 3;
	if (memchr(host, '@', strcspn(host, "/")) != NULL)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "--url has a user in it, whom others can see"),
								"Write user and password to ~/.netrc, or to a file for --netrc-file.");
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return status_error(LS_INVALID_ARGUMENT, "--url takes http://... or https://...");
	for (length = strlen(url); length > 0 && url[length - 1] == '/'; length--)
		url[length - 1] = '\0';
	return status_ok();
}

/* A connection string may say everything but a password. */
static Status
check_database(const char *conninfo)
{
	PQconninfoOption *options;
	PQconninfoOption *option;
	bool		has_password = false;

	if (conninfo == NULL)
		return status_ok();
	options = PQconninfoParse(conninfo, NULL);	/* its message would repeat a password with a blank in it */
	if (options == NULL)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "--db is no connection string"),
								"It takes \"host=db.example dbname=derma user=pacs\"; a value with a blank in it "
								"stands in single quotes.");
	for (option = options; option->keyword != NULL; option++)
		if (option->val != NULL && (strstr(option->keyword, "password") != NULL ||
									(strcmp(option->keyword, "dbname") == 0 && strstr(option->val, "://") != NULL)))
			has_password = true;
	PQconninfoFree(options);
	if (has_password)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "--db has a password in it, which others can see"),
								"Write it to ~/.pgpass, or use a certificate.");
	return status_ok();
}

static Status
check_settings(PacsSettings *settings)
{
	int			i;

	for (i = 0; i < settings->matches.count; i++)
	{
		const char *equals = strchr(settings->matches.values[i], '=');

		if (equals == NULL || equals == settings->matches.values[i])
			return status_error(LS_INVALID_ARGUMENT, "--match %.100s: it takes KEY=VALUE",
								settings->matches.values[i]);
	}
	for (i = 0; i < settings->sop_classes.count; i++)
		if (!is_uid(settings->sop_classes.values[i]))
			return status_error(LS_INVALID_ARGUMENT, "--sop-class %.70s: it takes a UID",
								settings->sop_classes.values[i]);
	if (settings->sends[OBJECT_REPORT] && !settings->sends[OBJECT_SEG])
		return status_error(LS_INVALID_ARGUMENT, "--send: a report refers to the segmentation: give seg, too");
	return check_database(settings->database);
}

static void
set_defaults(PacsSettings *settings)
{
	memset(settings, 0, sizeof *settings);
	settings->url = getenv("LESIONSEG_PACS_URL");
	settings->predictions = "lesion_pacs_prediction";
	settings->sends[OBJECT_SEG] = settings->sends[OBJECT_PICTURE] = settings->sends[OBJECT_REPORT] = true;
	settings->every = 60;
	settings->connections = 4;
	settings->max_size = 400;
}

/* What lists hold when nothing was given. */
static void
set_default_lists(PacsSettings *settings)
{
	if (settings->modalities.count == 0)
		settings->modalities = (StringList) {{"XC", "DMS"}, 2};
	if (settings->sop_classes.count == 0)	/* VL photographic, dermoscopic photography */
		settings->sop_classes = (StringList) {{"1.2.840.10008.5.1.4.1.1.77.1.4", "1.2.840.10008.5.1.4.1.1.77.1.7"}, 2};
}

Status
settings_read(int argc, char **argv, PacsSettings *settings)
{
	struct option options[ROWS + 1];
	int			i;

	set_defaults(settings);
	TRY(read_command(argc < 2 ? NULL : argv[1], &settings->command));
	if (settings->command == PACS_HELP || settings->command == PACS_VERSION)
		return status_ok();
	memset(options, 0, sizeof options);
	for (i = 0; i < ROWS; i++)
	{
		options[i].name = rows[i].name;
		options[i].has_arg = rows[i].kind == TAKES_NOTHING ? no_argument : required_argument;
		options[i].val = i + 1;
	}
	opterr = 0;
	optind = 2;
	while ((i = getopt_long(argc, argv, "", options, NULL)) != -1)
	{
		if (i == '?')
			return status_with_hint(status_error(LS_INVALID_ARGUMENT, "%.*s is no option, or its value is missing",
												 WORD(argv[optind - 1])), "lesionseg-pacs help lists them.");
		TRY(check_command(&rows[i - 1], settings->command));
		TRY(set_value(&rows[i - 1], optarg, settings));
	}
	if (optind < argc)
		return status_error(LS_INVALID_ARGUMENT, "%.*s: options begin with --", WORD(argv[optind]));
	set_default_lists(settings);
	settings->max_size <<= 20;
	TRY(check_url((char *) settings->url));
	return check_settings(settings);
}
