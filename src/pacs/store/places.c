/*
 * places.c: see places.h.
 *
 * Until pg_catalog alone is searched, statements give schemas with all names, and call nothing that has several
 * kinds of arguments.
 */
#include <string.h>

#include "pacs/store/database.h"
#include "pacs/store/names.h"
#include "pacs/store/places.h"

#define DEFAULT_TABLE "lesion_pacs_prediction"

/* The search path that the connection had, as SET takes it. */
static Bytes path;

static Status
search(PGconn *connection, const char *schemas)
{
	DbValue		value = db_text(schemas);

	return db_do(connection, "SELECT pg_catalog.set_config('search_path', $1, false)", 1, &value);
}

static Status
search_catalog(PGconn *connection)
{
	return search(connection, "pg_catalog, pg_temp");
}

/* The schemas of the extension and of the first of our tables on the path, $1. */
static const char places_query[] =
"SELECT coalesce((SELECT quote_ident(n.nspname) FROM pg_extension AS e "
"JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'lesionseg'), ''), "
"coalesce((SELECT quote_ident(n.nspname) FROM unnest($1::name[]) WITH ORDINALITY AS s (name, place) "
"JOIN pg_namespace AS n ON n.nspname = s.name JOIN pg_class AS c ON c.relnamespace = n.oid "
"WHERE c.relname = 'lesion_pacs_instance' ORDER BY s.place LIMIT 1), '')";

/* In a query that has pg_class and pg_namespace as c and n: do we run as a superuser, while a role that is none can put
 * another table into the place of c, as the owner of its schema can? That of pg_database_owner is the database's. */
#define SUPERUSER "(SELECT u.rolsuper FROM pg_roles AS u WHERE u.rolname = current_user)"
#define STRANGE_SCHEMA \
	SUPERUSER " AND EXISTS (SELECT FROM pg_roles AS o WHERE NOT o.rolsuper AND o.rolname <> current_user " \
	"AND o.oid = CASE n.nspowner::regrole::text WHEN 'pg_database_owner' THEN (SELECT d.datdba FROM pg_database AS d " \
	"WHERE d.datname = current_database()) ELSE n.nspowner END)"

/* One of our tables, on the path, $1, that we must not work on: why, its name and its owner. Why is 'other', where it
 * was put among them, or before them: the owner of all that are there, the role that we run as and superusers are
 * trusted. A superuser trusts superusers alone, hence 'super' and 'schema'. The owner of few is named before that of
 * many. */
static const char strange_query[] =
"SELECT t.why, t.name, r.rolname FROM (SELECT s.*, CASE WHEN r.rolsuper OR r.rolname = current_user THEN "
"CASE WHEN strange_schema THEN 'schema' END WHEN owned < found THEN 'other' WHEN " SUPERUSER " THEN 'super' END AS why "
"FROM (SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relowner, " STRANGE_SCHEMA " AS strange_schema, "
"count(*) OVER (PARTITION BY c.relowner) AS owned, count(*) OVER () AS found FROM pg_class AS c "
"JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = ANY ($1::name[]) "
"AND c.relname = ANY ('{lesion_pacs_instance,lesion_pacs_prediction,lesion_pacs_object,"
"lesion_pacs_mask,lesion_pacs_study}'::name[])) AS s JOIN pg_roles AS r ON r.oid = s.relowner) AS t "
"JOIN pg_roles AS r ON r.oid = t.relowner WHERE t.why IS NOT NULL ORDER BY t.owned, t.name LIMIT 1";

/* Why we do not work on a table: its triggers, policies and defaults would run with our rights. */
static Status
strange_table(const char *why, const char *name, const char *owner)
{
	if (strcmp(why, "schema") == 0)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT,
											 "42501: the schema of table \"%s\" belongs to a role that is no "
											 "superuser, as lesionseg-pacs is", name),
								"That role can put another table into its place: run lesionseg-pacs as a role that "
								"has the privileges of its tables and no more.");
	if (strcmp(why, "super") == 0)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT,
											 "42501: table \"%s\" belongs to role \"%s\", and lesionseg-pacs runs as a "
											 "superuser", name, owner),
								"Its triggers would run with a superuser's rights: run lesionseg-pacs as a role that "
								"has the privileges of its tables and no more.");
	return status_with_hint(status_error(LS_INVALID_ARGUMENT,
										 "42501: table \"%s\" belongs to role \"%s\", others of lesionseg-pacs to "
										 "another role", name, owner),
							"Its triggers would run with the rights of lesionseg-pacs: if you did not make it, drop it "
							"and run pacs.sql again.");
}

/* Refuse to work on a table that somebody put where ours are looked for. */
static Status
check_owners(PGconn *connection, const DbValue *schemas)
{
	PGresult   *result;
	Status		status = status_ok();

	TRY(db_run(connection, strange_query, 1, schemas, DB_TEXT, &result));
	if (PQntuples(result) > 0)
		status = strange_table(PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1), PQgetvalue(result, 0, 2));
	PQclear(result);
	return status;
}

/* The same, by the schemas on the search path as an array. */
static Status
find_by(PGconn *connection, const char *schemas)
{
	DbValue		value = db_text(schemas);
	PGresult   *result;
	Status		status;

	TRY(search_catalog(connection));
	TRY(check_owners(connection, &value));
	TRY(db_run(connection, places_query, 1, &value, DB_TEXT, &result));
	status = names_settle(PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1));
	PQclear(result);
	return status;
}

Status
places_find(PGconn *connection)
{
	PGresult   *result;
	Status		status;

	TRY(db_run(connection, "SELECT pg_catalog.current_setting('search_path'), pg_catalog.current_schemas(false)",
			   0, NULL, DB_TEXT, &result));
	bytes_reset(&path);
	status = bytes_append(&path, PQgetvalue(result, 0, 0), strlen(PQgetvalue(result, 0, 0)));
	if (status.code == LS_OK)
		status = find_by(connection, PQgetvalue(result, 0, 1));
	PQclear(result);
	return status;
}

/* A table by its OID, as text: its name, its owner, and why it is not trusted, if so. */
static Status
take_table(PGconn *connection, const char *oid, Bytes *table)
{
	Bytes		ours = {0};
	Status		status = names_put("@lesion_pacs_instance", &ours);
	DbValue		values[] = {db_text(oid), db_text(ours.data)};
	PGresult   *result = NULL;

	if (status.code == LS_OK)
		status = db_run(connection, "SELECT c.oid::regclass::text, r.rolname, CASE WHEN NOT (r.rolsuper "
						"OR r.rolname = current_user OR r.oid = (SELECT o.relowner FROM pg_class AS o "
						"WHERE o.oid = $2::regclass)) THEN 'other' WHEN " STRANGE_SCHEMA " THEN 'schema' ELSE '' END "
						"FROM pg_class AS c JOIN pg_roles AS r ON r.oid = c.relowner "
						"JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = $1::oid", 2, values,
						DB_TEXT, &result);
	bytes_free(&ours);
	if (status.code != LS_OK)
		return status;
	if (PQntuples(result) == 0)
		status = status_error(LS_INVALID_ARGUMENT, "the table of predictions is gone");
	else if (PQgetvalue(result, 0, 2)[0] != '\0')
		status = strange_table(PQgetvalue(result, 0, 2), PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1));
	else
		status = bytes_append(table, PQgetvalue(result, 0, 0), strlen(PQgetvalue(result, 0, 0)));
	PQclear(result);
	return status;
}

Status
places_table(PGconn *connection, const char *name, Bytes *table)
{
	DbValue		value = db_text(name);
	PGresult   *result;
	Status		status;

	if (strcmp(name, DEFAULT_TABLE) == 0)
		return names_put("@" DEFAULT_TABLE, table);
	TRY(search(connection, path.data));
	TRY(db_run(connection, "SELECT $1::pg_catalog.regclass::pg_catalog.oid", 1, &value, DB_TEXT, &result));
	status = search_catalog(connection);
	if (status.code == LS_OK)
		status = take_table(connection, PQgetvalue(result, 0, 0), table);
	PQclear(result);
	return status;
}
