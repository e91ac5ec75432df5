/*
 * text_settings.h: settings under which a row is the same in every session.
 *
 * Ids are keys as text, and the text of a time, a float or a bytea depends on
 * the session's settings. Under these settings the same row has the same id,
 * and is in the same part of the split, in every session. And a function that
 * a view calls may name a table without its schema: a temporary one of that
 * name does not stand in for it.
 */
#ifndef LESIONSEG_PG_IMAGES_TEXT_SETTINGS_H
#define LESIONSEG_PG_IMAGES_TEXT_SETTINGS_H

#include "postgres.h"

/* Use these settings until text_settings_end() is called with the result; an
 * error ends them, too. */
int			text_settings_begin(void);

/* Go back to the session's settings. */
void		text_settings_end(int level);

#endif
