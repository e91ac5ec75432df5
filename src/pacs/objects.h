/*
 * objects.h: the kinds of objects that are made of a prediction and sent.
 */
#ifndef LESIONSEG_PACS_OBJECTS_H
#define LESIONSEG_PACS_OBJECTS_H

#include <stddef.h>

/* The Manufacturer of all of them. */
#define OUR_MANUFACTURER "lesionseg"

typedef enum ObjectKind
{
	OBJECT_SEG,
	OBJECT_PICTURE,
	OBJECT_REPORT,
	OBJECT_KINDS				/* how many */
} ObjectKind;

/* Their names, as in lesion_pacs_object.kind and --send. */
extern const char *const object_names[OBJECT_KINDS];

/* The kind with that name, of so many letters; OBJECT_KINDS if there is none. */
ObjectKind	object_kind(const char *name, size_t length);

#endif
