/*
 * values.h: what stands in an element, by its VR (PS3.5 section 6.2).
 *
 * Every function takes element NULL for one that is not there.
 */
#ifndef LESIONSEG_DICOM_VALUES_H
#define LESIONSEG_DICOM_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dicom/data/data_set.h"

/* Bytes of one number of a binary VR (US, FD, ...); 0 for a VR of text. */
size_t		dicom_number_size(uint16_t vr);

/* Is it a VR whose text is in SpecificCharacterSet (PN, LO, SH, ...)? */
bool		dicom_is_charset_text(uint16_t vr);

/* Is it a VR whose values a backslash divides? */
bool		dicom_is_multiple_text(uint16_t vr);

/* How many values; text is divided at backslashes. */
size_t		dicom_value_count(const DicomElement *element);

/* Value n, from 0, of text in the default repertoire (UI, CS, DA, DS, ...),
 * without the padding around it. False when it is not there, is empty,
 * does not fit or holds anything else; then out is "". */
bool		dicom_string(const DicomElement *element, size_t n, char *out, size_t size);

/* Value n as a number: of binary VRs, DS and IS. False when it is not there
 * or not a finite number. */
bool		dicom_number(const DicomSet *set, const DicomElement *element, size_t n, double *number);

/* Value n of a binary VR, which must be there; not finite where the file has
 * it so. */
double		dicom_binary_number(const DicomSet *set, const DicomElement *element, size_t n);

/* Value n as an integer that fits in an int; false when it is none. */
bool		dicom_integer(const DicomSet *set, const DicomElement *element, size_t n, int *integer);

#endif
