/*
 * work.h: what pull and push work with.
 */
#ifndef LESIONSEG_PACS_WORK_H
#define LESIONSEG_PACS_WORK_H

#include "pacs/store/database.h"
#include "pacs/web/http.h"
#include "pacs/settings.h"

typedef struct Work
{
	const PacsSettings *settings;
	Http	   *http;
	PGconn	   *database;
	Bytes		predictions;	/* the table of predictions, as an SQL identifier */
	long		begun;			/* instances or images that were begun and did not fail, for --limit */
	long		done;			/* objects pulled or sent */
	long		failed;			/* objects that could not be */
} Work;

/* Is a failure about more than one object, so that others need not be tried? */
static inline bool
ends_run(const Status *status)
{
	return status->code == LS_HOST_ERROR || status->code == LS_CANCELLED || status->code == LS_OUT_OF_MEMORY;
}

/* Fetch what the database lacks. LS_HOST_ERROR where PACS or database is gone. */
Status		pull(Work *work);

/* Send what was not sent. The same errors. */
Status		push(Work *work);

#endif
