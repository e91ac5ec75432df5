/*
 * uid.h: unique identifiers, as DICOM writes them (PS3.5, section 9).
 */
#ifndef LESIONSEG_CORE_UID_H
#define LESIONSEG_CORE_UID_H

#include <stdbool.h>

#define UID_SIZE 65				/* with the zero at its end */

/*
 * Is it a UID: numbers with dots between them, 1 to 64 characters? A number may
 * begin with 0, which PS3.5 forbids and some devices write.
 */
bool		is_uid(const char *text);

#endif
