/*
 * dictionary.h: the VR of each element of the standard (PS3.6), for files
 * that do not write it down.
 */
#ifndef LESIONSEG_DICOM_DICTIONARY_H
#define LESIONSEG_DICOM_DICTIONARY_H

#include <stdbool.h>
#include <stdint.h>

/* The VR of a tag. signed_pixels chooses between US and SS where the standard
 * allows both. UN for an unknown tag. */
uint16_t	dicom_dictionary_vr(uint32_t tag, bool signed_pixels);

#endif
