/*
 * settings.h: the values of lesionseg.*, and functions of them.
 */
#ifndef LESIONSEG_PG_BASE_SETTINGS_H
#define LESIONSEG_PG_BASE_SETTINGS_H

#include "postgres.h"

#include "arch/network.h"

extern int	lesionseg_max_memory;	/* kB, lesionseg.max_memory, default 4 GB */
extern int	lesionseg_max_pixels;	/* lesionseg.max_pixels, default 100 million */
extern int	lesionseg_remake_timeout;	/* lesionseg.remake_timeout in milliseconds, 0 = none */
extern int	lesionseg_threads;		/* lesionseg.threads, 0 = automatic */
extern int	lesionseg_backend;		/* lesionseg.backend, a BackendKind */
extern int	lesionseg_precision;	/* lesionseg.precision, a Precision */
extern char *lesionseg_default_model;	/* lesionseg.default_model, 'lesion' */
extern int	lesionseg_model_cache;	/* kB, lesionseg.model_cache */
extern bool lesionseg_parallel; /* lesionseg.parallel */

/* Define the settings; called from _PG_init. */
void		settings_init(void);

/* The engine the settings ask for. */
EngineChoice settings_engine(void);

/* The names of an engine on this machine: "onednn", "builtin" or "openblas";
 * "f32" or "bf16". */
typedef struct EngineNames
{
	const char *backend;
	const char *precision;
} EngineNames;

EngineNames settings_engine_names(const EngineChoice *choice);

/* Threads for this call: the setting; else all cores, or a process's share of
 * them in a parallel query. */
int			settings_threads(bool training);

/* Are a leader and so many workers faster than one process with all its threads? */
bool		settings_parallel_pays(int workers);

/* Set a setting, of any kind that a user may set, until the level that NewGUCNestLevel() began is closed. */
void		settings_save(const char *name, const char *value);

/* The most pixels of a mask that one row of a user's table may have compared,
 * where a query compares many: anyone who may write a row decides its size. */
#define COMPARED_PIXELS (16 * 1000 * 1000)

/* What one such query compares, in the unit of lesion_image_work: 2 to 10 s. */
#define COMPARED_TOTAL ((int64) 800 * 1000 * 1000)

/* Let no image be above COMPARED_PIXELS, until settings_compared_end. */
int			settings_compared_begin(void);
void		settings_compared_end(int level);

/* Raise an error where images of a network's size are above max_pixels. */
void		settings_check_image_size(int image_size);

#endif
