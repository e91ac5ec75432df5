/*
 * dicom_json.h: what a PACS answers in the DICOM JSON model (PS3.18 annex F):
 * lists of studies and instances (QIDO-RS), and what became of objects that
 * were sent (STOW-RS). The text comes from another program: what is no UID is
 * refused, because UIDs go into URLs.
 */
#ifndef LESIONSEG_PACS_WEB_DICOM_JSON_H
#define LESIONSEG_PACS_WEB_DICOM_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"
#include "core/uid.h"

/* PatientID and Manufacturer have at most 64 characters, of 4 bytes. */
#define PACS_TEXT_SIZE 257

/* What to do about a list that is too long. */
#define LIST_FEWER "Let it list fewer, by --match StudyDate=20260101- for example."

/* SOP class of segmentations. */
#define SOP_CLASS_SEG "1.2.840.10008.5.1.4.1.1.66.4"

/* What one item of a list says; of a study's, what stands for instances is empty. */
typedef struct PacsItem
{
	char		study[UID_SIZE];
	char		series[UID_SIZE];
	char		instance[UID_SIZE];
	char		sop_class[UID_SIZE];
	char		patient[PACS_TEXT_SIZE];
	char		manufacturer[PACS_TEXT_SIZE];
	char		modalities[PACS_TEXT_SIZE];	/* of a study: "XC\\SR"; empty: not said */
	long		study_instances;	/* NumberOfStudyRelatedInstances; -1: not said */
} PacsItem;

typedef struct PacsList
{
	PacsItem   *items;			/* owned */
	size_t		count;
	size_t		capacity;
	size_t		invalid;		/* items that were left out */
	Status		why;			/* what is wrong with the last of them */
} PacsList;

/*
 * Append the items of an answer to a query (a JSON array; no bytes: none). An
 * item needs a StudyInstanceUID, or, where `instances`, those of series and
 * instance and a SOPClassUID; one that lacks it is counted as invalid.
 * LS_INVALID_ARGUMENT for what is no such answer.
 */
Status		list_append_json(PacsList *list, const char *json, size_t size, bool instances);

/* Append an item. */
Status		list_append(PacsList *list, const PacsItem *item);

void		list_free(PacsList *list);

/* What became of an object that was sent. */
typedef enum StowState
{
	STOW_UNSAID,				/* the answer does not name it */
	STOW_STORED,
	STOW_REFUSED
} StowState;

/*
 * Look an instance up in the answer to a STOW-RS request. reason: the
 * FailureReason (PS3.18 table I.2-2) of what was refused, the WarningReason (table I.2-1)
 * of what was stored; 0 where none is given.
 */
Status		stow_read_json(const char *json, size_t size, const char *instance, StowState *state, int *reason);

/* FailureReason of an instance that is there already. */
#define STOW_DUPLICATE 0x0111
#define STOW_OUT_OF_RESOURCES 0xA7	/* its first byte; the second says of which kind */

/* What a FailureReason or a WarningReason means, in words. */
const char *stow_reason(int reason);

#endif
