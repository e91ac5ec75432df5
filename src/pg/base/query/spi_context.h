/*
 * spi_context.h: queries whose errors do not quote them, and commits that keep the role.
 *
 * The server adds the text of a failed query to an error's CONTEXT. Our
 * queries are long, and do not tell users what was being done.
 */
#ifndef LESIONSEG_PG_BASE_QUERY_SPI_CONTEXT_H
#define LESIONSEG_PG_BASE_QUERY_SPI_CONTEXT_H

#include "postgres.h"

#include "executor/spi.h"

/*
 * SPI_execute_with_args. An error's context says `doing`, as in "looking for
 * images of public.archive", instead of the query. Lines that triggers and
 * other functions add to the context are kept.
 */
int			spi_execute_as(const char *doing, const char *query, int count, Oid *types, Datum *values,
						   const char *nulls, bool read_only, long limit);

/* The same of a CALL: the procedure may commit where the caller of SPI_connect_ext may. */
int			spi_call_as(const char *doing, const char *query, int count, const Oid *types, const Datum *values,
						const char *nulls);

/* The same of SPI_execute_plan, not read only, for a plan of the query. */
int			spi_execute_plan_as(const char *doing, SPIPlanPtr plan, const char *query, const Datum *values,
								const char *nulls);

/* The present name of a schema that exists, quoted, and a dot: what stands before a name of it in a query. */
char	   *schema_prefix(Oid schema);

/*
 * SPI_commit(), and an error where the role is another one then. SET LOCAL ROLE ends with the
 * transaction: a caller who gave up rights by it would have them again, and the code of views
 * and triggers that comes next would run with them. Always call this, not SPI_commit().
 */
void		spi_commit(void);

/*
 * spi_commit(). Returns the error that it raised, as a deferred trigger can, copied into `keep` as by
 * caught_error(), or NULL; a new transaction has begun in either case. Where it failed, all locks of the
 * session are gone, but for advisory ones.
 */
ErrorData  *caught_in_commit(MemoryContext keep);

#endif
