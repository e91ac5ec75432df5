/*
 * pulled.h: what was pulled, in the database (tables.sql).
 */
#ifndef LESIONSEG_PACS_STORE_PULLED_H
#define LESIONSEG_PACS_STORE_PULLED_H

#include "pacs/store/database.h"
#include "pacs/web/dicom_json.h"

/* Leave in list those studies that were not gone through with this `wanted`
 * at their present number of instances. */
Status		pulled_keep_new_studies(PGconn *database, const char *wanted, PacsList *list);

/* Leave in list those instances that are not there, and are not of series of ours. */
Status		pulled_keep_lacking(PGconn *database, PacsList *list);

/* Store an image. */
Status		pulled_store_image(PGconn *database, const PacsItem *item, const char *file, size_t size);

/* What became of a file that the PACS gave. */
typedef enum PulledOutcome
{
	PULLED_STORED,
	PULLED_LEFT_OUT,			/* not what is looked for */
	PULLED_BROKEN				/* no mask can be made of it; its row says why */
} PulledOutcome;

/* Did lesionseg make this file? Of what is no DICOM file it did not. LS_INVALID_ARGUMENT where it is neither ours nor
 * the instance that was asked for. */
Status		pulled_look_into(PGconn *database, const PacsItem *item, const char *file, size_t size, bool *ours);

/* Store a segmentation and, where it is a person's drawing on an image that is there, its
 * mask with the image. told: what became of it, for the log. */
#define PULLED_TOLD_SIZE 320
Status		pulled_store_mask(PGconn *database, const PacsItem *item, const char *file, size_t size,
							  PulledOutcome *outcome, char told[PULLED_TOLD_SIZE]);

/* Note that a study was gone through. */
Status		pulled_note_study(PGconn *database, const char *wanted, const PacsItem *study);

#endif
