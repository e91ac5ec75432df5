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

#include "nn/conv/backend.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"
#include "pg/base/progress_slots.h"
#include "pg/base/settings.h"
#include "pg/planner/planner.h"

LESIONSEG_MODULE_MAGIC;

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

/* Set the library up in this process. */
void
_PG_init(void)
{
	check_status(NULL, backend_check_openblas());
	settings_init();
	progress_init();
	shared_scan_init();
}
