/*
 * sent.h: what was sent, in the database (lesion_pacs_object of tables.sql).
 *
 * table is that of predictions, as an SQL identifier: it is found once, as places_table gives it.
 */
#ifndef LESIONSEG_PACS_STORE_SENT_H
#define LESIONSEG_PACS_STORE_SENT_H

#include <stdbool.h>

#include "pacs/store/database.h"
#include "pacs/web/bytes.h"
#include "pacs/web/dicom_json.h"
#include "pacs/objects.h"
#include "pacs/settings.h"

/* A prediction whose objects are to be sent; strings are those of a result. */
typedef struct Prediction
{
	const char *image;
	const char *model;
	const char *version;
	const char *rows;			/* tells the rows that it has in the table of predictions; NULL: nobody looked */
	bool		lacks[OBJECT_KINDS];	/* not sent yet */
} Prediction;

/* What the file of an image says, to ask the PACS about it. */
typedef struct SourceImage
{
	char		instance[UID_SIZE];
	char		study[UID_SIZE];
	char		patient[PACS_TEXT_SIZE];	/* PatientID; empty: none */
} SourceImage;

/* An object that was made. */
typedef struct SentObject
{
	PGresult   *result;			/* owned; holds the file */
	const char *file;
	size_t		size;
	char		instance[UID_SIZE];
	char		series[UID_SIZE];
	char		study[UID_SIZE];
	bool		sent;			/* the PACS has it */
} SentObject;

/* List the next 1000 predictions, after the one given (NULL: the first ones), that lack an object. A report is lacking
 * only where its segmentation was sent, or is to be sent as well. */
Status		sent_list(PGconn *database, const PacsSettings *settings, const char *table, const Prediction *after,
					  PGresult **result);

/* A row of that list. */
void		sent_read_row(PGresult *result, int row, Prediction *prediction);

/* Read what the file of an image says. LS_INVALID_ARGUMENT where there is none, or its UIDs may not go into a URL. */
Status		sent_read_source(PGconn *database, const char *image, SourceImage *source);

/* Make an object and note that it is being sent, in one transaction. LS_INVALID_ARGUMENT where it cannot be made. */
Status		sent_make(PGconn *database, const char *table, const Prediction *prediction, ObjectKind kind,
					  SentObject *object);

/* Note that the object was sent. */
Status		sent_note(PGconn *database, const SentObject *object);

/* Note why there is no such object in the PACS. */
Status		sent_note_failure(PGconn *database, const Prediction *prediction, ObjectKind kind, const char *error);

/* Note of an object on its way that the PACS answered, but not that it is stored. */
Status		sent_note_unsaid(PGconn *database, const char *instance, const char *error);

/* Note that it did not arrive: failed, with the error that was noted. */
Status		sent_give_up(PGconn *database, const char *instance);

/* List the objects that are on their way since a run before: sop_instance, series, study, error and what
 * sent_read_unsure reads. */
Status		sent_list_unsure(PGconn *database, PGresult **result);

/* Of what prediction a row of that list is, and which kind. */
ObjectKind	sent_read_unsure(PGresult *result, int row, Prediction *prediction);

/* Forget an object that did not arrive, so that it will be made again. */
Status		sent_forget(PGconn *database, const char *instance);

#endif
