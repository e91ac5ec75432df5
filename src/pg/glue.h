/*
 * glue.h: what the files of src/pg/ share: the host that the library runs
 * on, errors, settings. src/pg/ is the only folder that includes postgres.h.
 */
#ifndef LESIONSEG_PG_GLUE_H
#define LESIONSEG_PG_GLUE_H

#include "postgres.h"

#include "fmgr.h"

#include "arch/network.h"
#include "core/host.h"
#include "core/status.h"

/* ---- settings (settings.c) ---- */

extern int	lesionseg_max_memory;	/* kB, lesionseg.max_memory, default 4 GB */
extern int	lesionseg_max_pixels;	/* lesionseg.max_pixels, default 100 million */
extern int	lesionseg_threads;		/* lesionseg.threads, 0 = automatic */
extern int	lesionseg_backend;		/* lesionseg.backend, a BackendKind */
extern int	lesionseg_precision;	/* lesionseg.precision, a Precision */
extern char *lesionseg_default_model;	/* lesionseg.default_model, 'unet' */
extern int	lesionseg_model_cache;	/* kB, lesionseg.model_cache */

/* Define the settings; called from _PG_init. */
void		settings_init(void);

/* The engine the settings ask for. */
EngineChoice settings_engine(void);

/* Threads for this call: the setting; else all cores for training and one
 * per parallel worker. */
int			settings_threads(bool training);

/* ---- host (host.c) ---- */

/*
 * A host whose allocations live in a child memory context of `parent` and go
 * with it, whose poll reads the interrupt flags, whose log is ereport, and
 * whose spill file is a PostgreSQL temporary file. threads as given.
 */
HostContext *host_create(MemoryContext parent, int threads);

/* Free everything that was allocated through host, and host itself. */
void		host_destroy(HostContext *host);

/* ---- errors (error.c) ---- */

/*
 * Return when status is OK. Otherwise: CANCELLED runs CHECK_FOR_INTERRUPTS;
 * HOST_ERROR rethrows what the callback caught; anything else is an ereport
 * with the SQLSTATE of its code. What core owned goes with the host's memory
 * context.
 */
void		check_status(const HostContext *host, Status status);

/* The SQLSTATE of a code. */
int			status_sqlstate(StatusCode code);

#endif
