/*
 * stop.h: SIGINT and SIGTERM end the program after what it is at.
 */
#ifndef LESIONSEG_PACS_STOP_H
#define LESIONSEG_PACS_STOP_H

#include <stdbool.h>

#include "core/status.h"

/* From now on signals are noted. */
void		stop_on_signals(void);

/* Was there one? */
bool		stop_wanted(void);

/* LS_CANCELLED if there was. */
Status		stop_check(void);

/* Sleep so many seconds, or until a signal comes. */
void		stop_sleep(int seconds);

#endif
