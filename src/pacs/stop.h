/*
 * stop.h: SIGINT and SIGTERM end the program after what it is at, in STOP_SECONDS at
 * most: a kill at any moment loses nothing, so what waits for something that does
 * not come is left.
 */
#ifndef LESIONSEG_PACS_STOP_H
#define LESIONSEG_PACS_STOP_H

#include <stdbool.h>

#include "core/status.h"

#define STOP_SECONDS 10

/* From now on signals are noted. */
void		stop_on_signals(void);

/* Was there one? */
bool		stop_wanted(void);

/* LS_CANCELLED if there was. */
Status		stop_check(void);

/* Sleep so many seconds, or until a signal comes. */
void		stop_sleep(int seconds);

#endif
