/*
 * main.c: lesionseg-pacs: the commands, and the service that runs them every
 * so often.
 */
#include <stdio.h>
#include <string.h>

#include "pacs/log.h"
#include "pacs/stop.h"
#include "pacs/store/lock.h"
#include "pacs/store/names.h"
#include "pacs/store/places.h"
#include "pacs/work.h"

/* Exit status. */
typedef enum Outcome
{
	ALL_WELL = 0,
	SOME_FAILED = 1,
	WRONG_OPTIONS = 2,
	UNREACHABLE = 3
} Outcome;

/* Pull or push, and say how much it was. */
static Status
run_command(Work *work, PacsCommand command)
{
	const char *did = command == PACS_PULL ? "pulled" : "sent";
	Status		status;

	work->begun = work->done = work->failed = 0;
	status = command == PACS_PULL ? pull(work) : push(work);
	if (work->done > 0 || work->failed > 0 || work->settings->command != PACS_RUN)
		log_text("%s%s %ld, failed %ld", work->settings->dry_run ? "would have " : "", did, work->done, work->failed);
	return status;
}

/* Segment what was pulled. What keeps that from being done, as images above a limit, keeps no mask that is there from
 * being sent: it is logged and counted. */
static Status
predict_pulled(Work *work, long *failed)
{
	Bytes		images = {0};
	Status		status = names_put("@lesion_pacs_instance", &images);
	DbValue		values[] = {db_text(work->settings->model), db_text(work->predictions.data), db_text(images.data)};

	if (status.code == LS_OK)
		status = db_do(work->database, "CALL @lesion_predict($3::regclass, $1::text, $2::regclass, "
					   "id_column => 'id'::text)", 3, values);
	bytes_free(&images);
	if (status.code == LS_OK || ends_run(&status))
		return status;
	log_error(&status);
	(*failed)++;
	return status_ok();
}

/* Connect and do what the command says, once. The token of a file is read anew. */
static Status
do_once(Work *work, long *failed)
{
	const PacsSettings *settings = work->settings;
	Status		status = http_open(settings, &work->http);

	*failed = 0;
	if (status.code == LS_OK)
		status = db_open(settings->database, &work->database);
	if (status.code == LS_OK)
		status = places_find(work->database);
	if (status.code == LS_OK)
		status = lock_wait(work->database);
	if (status.code == LS_OK && settings->command != PACS_PUSH)
	{
		status = run_command(work, PACS_PULL);
		*failed += work->failed;
	}
	if (status.code == LS_OK && settings->command != PACS_PULL)
		status = places_table(work->database, settings->predictions, &work->predictions);
	if (status.code == LS_OK && settings->model != NULL)
		status = predict_pulled(work, failed);
	if (status.code == LS_OK && settings->command != PACS_PULL)
	{
		status = run_command(work, PACS_PUSH);
		*failed += work->failed;
	}
	bytes_free(&work->predictions);
	PQfinish(work->database);
	work->database = NULL;
	http_close(work->http);
	work->http = NULL;
	return status;
}

/* The service: what goes wrong is logged, and the next round tries again. */
static Status
do_forever(Work *work)
{
	for (;;)
	{
		long		failed;
		Status		status = do_once(work, &failed);

		if (stop_wanted())
			return status_ok();
		if (status.code != LS_OK)
			log_error(&status);
		stop_sleep(work->settings->every);
	}
}

static Outcome
run_settings(const PacsSettings *settings)
{
	Work		work = {.settings = settings};
	long		failed = 0;
	Status		status = settings->command == PACS_RUN ? do_forever(&work) : do_once(&work, &failed);

	if (status.code != LS_OK)
	{
		log_error(&status);
		return status.code == LS_HOST_ERROR ? UNREACHABLE : SOME_FAILED;
	}
	return failed > 0 ? SOME_FAILED : ALL_WELL;
}

int
main(int argc, char **argv)
{
	PacsSettings settings;
	Status		status = settings_read(argc, argv, &settings);

	if (status.code != LS_OK)
	{
		log_error(&status);
		return WRONG_OPTIONS;
	}
	if (settings.command == PACS_HELP)
		settings_print_help();
	if (settings.command == PACS_VERSION)
		puts("lesionseg-pacs " LESIONSEG_VERSION);
	if (settings.command == PACS_HELP || settings.command == PACS_VERSION)
		return ALL_WELL;
	stop_on_signals();
	return run_settings(&settings);
}
