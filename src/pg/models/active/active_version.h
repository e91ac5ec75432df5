/*
 * active_version.h: which version of a model is the active one, and how another becomes it.
 *
 * Promotions are a log, and the latest is what counts. Who adds one holds a lock to the end of
 * the transaction, so their order is that of their commits.
 */
#ifndef LESIONSEG_PG_MODELS_ACTIVE_ACTIVE_VERSION_H
#define LESIONSEG_PG_MODELS_ACTIVE_ACTIVE_VERSION_H

#include "postgres.h"

#include "pg/base/store.h"

/* The number of a model's active version; false when it has none. */
bool		store_find_active(const ModelStore *store, const char *model, int *number);

/*
 * Wait for others that promote versions of a model, and keep them waiting to the end of the
 * transaction. Where the transaction keeps an older snapshot, and the model's promotions are
 * other ones by now, that is an error: what is active cannot be known by it.
 */
void		store_lock_promotions(const ModelStore *store, const char *model);

/* Make a version the active one. */
void		store_promote(const ModelStore *store, const char *model, int number, const char *reason);

/*
 * The same, if `active` still is the active one (NULL: none was): what was decided by it is out
 * of date where somebody promoted another version meanwhile, and his choice stays. Then false,
 * with a warning. All that is committed counts, whatever snapshot the transaction keeps.
 */
bool		store_promote_over(const ModelStore *store, const char *model, int number, const char *reason,
							   const int *active);

#endif
