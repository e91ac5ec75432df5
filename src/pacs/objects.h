/*
 * objects.h: the kinds of objects that are made of a prediction and sent.
 */
#ifndef LESIONSEG_PACS_OBJECTS_H
#define LESIONSEG_PACS_OBJECTS_H

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

#endif
