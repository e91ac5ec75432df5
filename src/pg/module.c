/*
 * module.c: initialisation when the server loads the library.
 *
 * It starts no thread, and allocates nothing but the settings and, if the
 * library is preloaded, shared memory. A library that does not suit this process
 * is refused before any of its functions can run.
 */
#include "postgres.h"

#include <stdlib.h>

#include "fmgr.h"

#include "pg/base/compat.h"
#include "pg/base/progress_slots.h"
#include "pg/base/settings.h"

LESIONSEG_MODULE_MAGIC;

/* From OpenBLAS: the kind of parallelism that it was built with. */
extern int	openblas_get_parallel(void);

#define OPENBLAS_PARALLEL_PTHREAD 1

void		_PG_init(void);

/*
 * How often a thread of libgomp checks for work before it sleeps. The default
 * of 300,000 checks uses a core for over 10 ms. On a busy server, waiting
 * threads then take the core from the thread that they wait for, and a call
 * becomes many times slower. 2,000 checks (about 0.1 ms) are enough for the
 * gaps between layers.
 */
#define SPIN_COUNT "2000"

/*
 * libgomp reads the environment when it is loaded. This module is linked with
 * "-z initfirst", so its constructor runs before that of libgomp, which is
 * loaded with it. A value set by the administrator is kept.
 */
__attribute__((constructor))
static void
limit_spinning(void)
{
	setenv("GOMP_SPINCOUNT", SPIN_COUNT, 0);
}

/*
 * Refuse an OpenBLAS with its own threads: it starts them when it is loaded,
 * without blocking PostgreSQL's signals, so a signal handler could run on the
 * wrong thread. The OpenMP and the sequential variants start no threads.
 */
static void
check_openblas(void)
{
	if (openblas_get_parallel() == OPENBLAS_PARALLEL_PTHREAD)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("lesionseg cannot run on the pthread variant of OpenBLAS"),
				 errdetail("Its threads would receive the server's signals."),
				 errhint("Install OpenBLAS's OpenMP variant (libopenblas0-openmp on Debian) and see that "
						 "lesionseg.so finds it first.")));
}

/* Set the library up in this process. */
void
_PG_init(void)
{
	check_openblas();
	settings_init();
	progress_init();
}
