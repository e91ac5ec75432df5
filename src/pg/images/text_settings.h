/*
 * text_settings.h: settings under which a value has one text, whoever asks.
 *
 * Ids are keys as text, and text of a time, a float or a bytea depends on
 * settings of the session. Under these the same row has the same id, and lies
 * in the same part of the split, in every session.
 */
#ifndef LESIONSEG_PG_TEXT_SETTINGS_H
#define LESIONSEG_PG_TEXT_SETTINGS_H

#include "postgres.h"

/* Use these settings until text_settings_end() gets what is returned; an error
 * ends it too. */
int			text_settings_begin(void);

/* Go back to the session's settings. */
void		text_settings_end(int level);

#endif
