/*
 * data_set.h: a DICOM file (PS3.10) as a table of its elements.
 *
 * dicom_read (read.h) walks the whole file once and checks every length, so
 * later look-ups need no checks. Elements are in the order of the file: a
 * sequence is followed by its items, an item by its elements; `next` steps
 * over them. Values are not copied: the caller's bytes must outlive the data
 * set.
 */
#ifndef LESIONSEG_DICOM_DATA_SET_H
#define LESIONSEG_DICOM_DATA_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "core/uid.h"
#include "dicom/data/syntax.h"
#include "dicom/data/tags.h"

/* Sequences in sequences go at most this deep. */
#define DICOM_DEPTH_MAX 16

typedef struct DicomElement
{
	uint32_t	tag;
	uint16_t	vr;
	uint16_t	depth;			/* 0 at the top; items 1, their elements 2, ... */
	const uint8_t *value;
	size_t		length;			/* bytes of the value; for sequences and items, of all that is inside */
	size_t		next;			/* index of the element that follows after this one and all inside */
} DicomElement;

typedef struct DicomSet
{
	const Call *call;
	const DicomSyntax *syntax;
	DicomElement *elements;		/* owned */
	size_t		count;
	size_t		capacity;
	bool		at_pixels;		/* of DICOM_HEADER: the pixel data was reached, nothing of the header is missing */
	uint8_t    *inflated;		/* owned; the expanded data set of a deflated file */
} DicomSet;

/* Free what dicom_read made. */
void		dicom_free(DicomSet *set);

/* The element with that tag inside an item; within NULL = at the top level.
 * NULL if there is none. */
const DicomElement *dicom_find(const DicomSet *set, const DicomElement *within, uint32_t tag);

/* Item n, from 0, of a sequence or of encapsulated pixel data; NULL after the
 * last one, or if sequence is NULL. */
const DicomElement *dicom_item(const DicomSet *set, const DicomElement *sequence, size_t n);

/* Item 0 of the sequence with that tag inside an item; NULL if there is
 * none. */
const DicomElement *dicom_find_item(const DicomSet *set, const DicomElement *within, uint32_t tag);

/* The first element inside a sequence or an item, and the next one after an
 * element; NULL after the last. `within` NULL = at the top level. */
const DicomElement *dicom_first(const DicomSet *set, const DicomElement *within);
const DicomElement *dicom_after(const DicomSet *set, const DicomElement *within, const DicomElement *element);

/* Are samples and numbers big endian? (Those of the file's header never are.) */
bool		dicom_is_big_endian(const DicomSet *set, const DicomElement *element);

#endif
