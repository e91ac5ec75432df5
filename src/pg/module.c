/*
 * module.c: what happens when the server loads the library.
 *
 * Nothing is started here: no thread, no allocation beyond the settings and,
 * where the library is preloaded, shared memory. A library that is wrong for
 * this process is refused before any function of it can run.
 */
#include "postgres.h"

#include <stdlib.h>

#include "fmgr.h"

#include "pg/base/compat.h"
#include "pg/base/progress_slots.h"
#include "pg/base/settings.h"

LESIONSEG_MODULE_MAGIC;

/* From OpenBLAS: how it was built to run in parallel. */
extern int	openblas_get_parallel(void);

#define OPENBLAS_PARALLEL_PTHREAD 1

void		_PG_init(void);

/*
 * How often a thread of libgomp looks for work before it sleeps. The default
 * of 300,000 looks is over 10 ms of a core: on a server with other things to do
 * each barrier then takes the core from the very thread that is waited for,
 * and a call becomes many times slower. 2,000 looks (about 0.1 ms) still
 * bridge the gaps between layers.
 */
#define SPIN_COUNT "2000"

/*
 * libgomp reads the environment when it is loaded. This module is linked
 * with "-z initfirst", so its constructor runs before that of libgomp, which is
 * loaded with it. A value that the administrator set stays.
 */
__attribute__((constructor))
static void
limit_spinning(void)
{
	setenv("GOMP_SPINCOUNT", SPIN_COUNT, 0);
}

/*
 * Refuse an OpenBLAS with threads of its own: it starts them when it is
 * loaded, with PostgreSQL's signals unblocked, so that a handler may run on
 * the wrong thread. The OpenMP and the sequential variants start none.
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
