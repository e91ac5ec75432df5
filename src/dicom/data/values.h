/*
 * values.h: the value of an element, by its VR (PS3.5 section 6.2).
 *
 * Every function accepts NULL for an element that is missing.
 */
#ifndef LESIONSEG_DICOM_VALUES_H
#define LESIONSEG_DICOM_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dicom/data/data_set.h"

/* Bytes of one number of a binary VR (US, FD, ...); 0 for a VR of text. */
size_t		dicom_number_size(uint16_t vr);

/* Is text of this VR in SpecificCharacterSet (PN, LO, SH, ...)? */
bool		dicom_is_charset_text(uint16_t vr);

/* Are values of this VR divided by a backslash? */
bool		dicom_is_multiple_text(uint16_t vr);

/* The number of values; text is divided at backslashes. */
size_t		dicom_value_count(const DicomElement *element);

/*
 * Value n, from 0, of text in the default repertoire (UI, CS, DA, DS, ...),
 * without the padding around it. False if it is missing, is empty, does not
 * fit or has other characters; then out is "".
 */
bool		dicom_string(const DicomElement *element, size_t n, char *out, size_t size);

/* Value n as a number, for binary VRs, DS and IS. False if it is missing or
 * not a finite number. */
bool		dicom_number(const DicomSet *set, const DicomElement *element, size_t n, double *number);

/* Value n of a binary VR, which must exist; may be infinite or NaN, as in the
 * file. */
double		dicom_binary_number(const DicomSet *set, const DicomElement *element, size_t n);

/* Value n as an int; false if it is not an integer or does not fit. */
bool		dicom_integer(const DicomSet *set, const DicomElement *element, size_t n, int *integer);

#endif
