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
#include "image/image.h"

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

/* What an engine comes to on this machine: "onednn" or "openblas", "f32" or
 * "bf16". */
typedef struct EngineNames
{
	const char *backend;
	const char *precision;
} EngineNames;

EngineNames settings_engine_names(const EngineChoice *choice);

/* Threads for this call: the setting; else all cores for training and one
 * per parallel worker. */
int			settings_threads(bool training);

/* Raise an error where images of a network's size are above max_pixels. */
void		settings_check_image_size(int image_size);

/* ---- host (host.c) ---- */

/*
 * A host whose allocations live in a child memory context of `parent` and go
 * with it, whose poll processes interrupts, whose log is ereport, and whose
 * spill file is a PostgreSQL temporary file that may outlive a transaction
 * (temp_tablespaces and temp_file_limit apply). threads as given.
 */
HostContext *host_create(MemoryContext parent, int threads);

/* Free everything that was allocated through host, and host itself. */
void		host_destroy(HostContext *host);

/* Raise what a callback of host (which must be from host_create) caught;
 * return if nothing. check_status does this where it belongs. */
void		host_rethrow(const HostContext *host);

/* ---- errors (error.c) ---- */

/*
 * Return when status is OK. Otherwise: CANCELLED and HOST_ERROR rethrow what
 * the callback caught; anything else is an ereport with the SQLSTATE of its
 * code. What core owned goes with the host's memory context. host is from
 * host_create, or NULL.
 */
void		check_status(const HostContext *host, Status status);

/* The same for a status about one argument: "truth: not an image". */
void		check_argument(const HostContext *host, const char *argument, Status status);

/* The SQLSTATE of a code. */
int			status_sqlstate(StatusCode code);

/* ---- bytea (bytes.c) ---- */

/* The bytes of a bytea: in place where it stands in the row as it is, else a
 * palloc'd copy (fetched from TOAST or decompressed). */
typedef struct ByteView
{
	const uint8_t *bytes;
	size_t		size;
	void	   *copy;			/* NULL when in place */
} ByteView;

/* Look at a bytea datum. The view lives as long as the datum and the current
 * memory context. */
ByteView	bytes_view(Datum datum);

/* Free the copy, if there is one. */
void		bytes_release(ByteView *view);

/* A bytea with a copy of size bytes; above 1 GB is an error. */
Datum		bytes_datum(const void *bytes, size_t size);

/* A bytea with image as PNG. */
Datum		image_png(const HostContext *host, const Image *image);

#endif
