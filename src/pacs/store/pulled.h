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

/* Store a segmentation and, where it is a person's drawing on an image that is there, its
 * mask with the image. told: what became of it. */
Status		pulled_store_mask(PGconn *database, const PacsItem *item, const char *file, size_t size, char *told,
							  size_t told_size);

/* Note that a study was gone through. */
Status		pulled_note_study(PGconn *database, const char *wanted, const PacsItem *study);

#endif
