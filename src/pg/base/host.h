/*
 * host.h: the host that the library runs on inside the server.
 */
#ifndef LESIONSEG_PG_BASE_HOST_H
#define LESIONSEG_PG_BASE_HOST_H

#include "postgres.h"

#include "core/host.h"

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

#endif
