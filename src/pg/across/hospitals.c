/*
 * hospitals.c: sessions with all hospitals, their answers, and the versions sent to them.
 *
 * Queries are made of quoted literals, since dblink has no parameters. Their
 * operators are qualified, since the search_path there is the hospital's own,
 * and their arguments have the types of ours: a function of the same name with
 * nearer types would be called in place of it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/base64.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "arch/network.h"
#include "pg/across/across.h"
#include "pg/base/caught_error.h"
#include "pg/base/host.h"
#include "pg/base/settings.h"
#include "pg/base/values/row_values.h"

/* ---- begin and end ---- */

/*
 * Set up the session: messages below errors stay there, since they may quote
 * keys of images, and a statement ends soon after the coordinator has gone.
 */
static void
settle_session(Hospital *hospital)
{
	(void) link_query(&hospital->link,
					  "SELECT pg_catalog.set_config('client_min_messages', 'error', false), CASE "
					  "WHEN pg_catalog.strpos(pg_catalog.version(), 'linux') OPERATOR(pg_catalog.>) 0 "
					  "THEN pg_catalog.set_config('client_connection_check_interval', '1s', false) END",
					  "messages pg_catalog.text, check_interval pg_catalog.text");
	SPI_freetuptable(SPI_tuptable);
}

/* Find lesionseg and the table of images. */
static void
find_lesionseg(const Across *task, Hospital *hospital)
{
	char	   *query = psprintf("SELECT pg_catalog.format('%%I.', n.nspname), e.extversion, t.name "
								 "FROM pg_catalog.pg_extension AS e "
								 "JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace "
								 "LEFT JOIN (SELECT pg_catalog.format('%%I.%%I', s.nspname, c.relname) AS name "
								 "FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS s "
								 "ON s.oid OPERATOR(pg_catalog.=) c.relnamespace "
								 "WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(%s)::pg_catalog.oid) AS t "
								 "ON true WHERE e.extname OPERATOR(pg_catalog.=) 'lesionseg'",
								 quote_literal_cstr(hospital->images));
	bool		isnull;
	char	   *version;
	Datum		table;

	if (link_query(&hospital->link, query,
				   "prefix pg_catalog.text, version pg_catalog.text, name pg_catalog.text") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("server \"%s\": lesionseg is not in that database", hospital->server),
				 errhint("CREATE EXTENSION lesionseg there, or name another dbname in the server's options.")));
	version = TextDatumGetCString(link_needed(&hospital->link, "version", TEXTOID));
	if (strcmp(version, LESIONSEG_VERSION) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("server \"%s\" has lesionseg %.*s, this one has %s", hospital->server,
						pg_mbcliplen(version, strlen(version), 40), version, LESIONSEG_VERSION),
				 errhint("Install the same release on all servers, and run ALTER EXTENSION lesionseg UPDATE.")));
	table = first_row_value("name", TEXTOID, &isnull);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("server \"%s\": table %s does not exist", hospital->server, hospital->images),
				 errhint("images has one name for all servers, or one for each, in their order; a schema may stand "
						 "before the name.")));
	hospital->table = MemoryContextStrdup(task->context, TextDatumGetCString(table));
	hospital->prefix = MemoryContextStrdup(task->context,
										   TextDatumGetCString(link_needed(&hospital->link, "prefix", TEXTOID)));
	SPI_freetuptable(SPI_tuptable);
}

void
hospitals_open(Across *task)
{
	Dblink		dblink = link_find_dblink();

	for (int i = 0; i < task->count; i++)
	{
		Hospital   *hospital = &task->hospitals[i];

		link_open(&hospital->link, task->context, dblink, hospital->server, i + 1);
		settle_session(hospital);
		find_lesionseg(task, hospital);
	}
	task->connected_bytes = process_bytes();
}

void
hospitals_check_kept(Across *task)
{
	if (process_bytes() <= task->connected_bytes + (size_t) lesionseg_max_memory * 1024)
		return;
	hospitals_close(task);
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("what servers sent beside their answers takes more than lesionseg.max_memory"),
			 errdetail("Notifications and reported parameters stay in memory until the connection ends."),
			 errhint("Call again to go on without the server that sends them.")));
}

void
hospitals_close(Across *task)
{
	for (int i = 0; i < task->count; i++)
		link_close(&task->hospitals[i].link);
}

/* ---- answers ---- */

/* An answer to be taken. */
typedef struct Answer
{
	TakeAnswer	take;
	Hospital   *hospital;
} Answer;

static void
take_step(void *work)
{
	const Answer *answer = work;

	answer->take(answer->hospital);
}

/* Is a hospital at work? */
static bool
is_anyone_busy(const Across *task)
{
	for (int i = 0; i < task->count; i++)
		if (task->hospitals[i].link.busy)
			return true;
	return false;
}

/* Take an answer. The error that it is instead, or NULL. A cancel of this call ends it at once; one at the hospital is
 * an error as others. */
static ErrorData *
take_answer(const Across *task, Answer *answer)
{
	ErrorData  *error = caught_in_step(take_step, answer, task->context);

	if (error == NULL)
		return NULL;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED && !link_was_told(error))
		ReThrowError(error);
	answer->hospital->link.busy = false;
	if (is_anyone_busy(task))
		ereport(WARNING,
				(errmsg("%s", error->message),
				 errdetail("The other servers finish what they are at.")));
	return error;
}

/* Take what answers have come; false where none has. */
static bool
take_answers(Across *task, TakeAnswer take)
{
	bool		taken = false;

	for (int i = 0; i < task->count; i++)
	{
		Answer		answer = {.take = take,.hospital = &task->hospitals[i]};
		ErrorData  *error;

		if (!answer.hospital->link.busy || link_is_waiting(&answer.hospital->link))
			continue;
		taken = true;
		error = take_answer(task, &answer);
		if (task->failure == NULL)
			task->failure = error;
	}
	return taken;
}

bool
hospitals_take_some(Across *task, TakeAnswer take)
{
	int			pause = 0;

	while (is_anyone_busy(task) && !take_answers(task, take))
		link_pause(&pause);
	return is_anyone_busy(task);
}

void
hospitals_raise(const Across *task)
{
	if (task->failure != NULL)
		ReThrowError(task->failure);
}

/* ---- versions ---- */

/*
 * Find a version by its digest; false if it is not there. Only one that this
 * role imported counts: threshold, size and whatever else decides its masks are
 * the row's, and that of another role, or a calibrated one, may say anything.
 */
static bool
find_version(const Across *task, Hospital *hospital, const SharedVersion *version, bool *active)
{
	char	   *model = quote_literal_cstr(task->local_model);
	char	   *query = psprintf("SELECT v.number, v.number OPERATOR(pg_catalog.=) m.version "
								 "FROM %slesion_version AS v "
								 "JOIN %slesion_models AS m ON m.model OPERATOR(pg_catalog.=) v.model "
								 "WHERE v.model OPERATOR(pg_catalog.=) %s "
								 "AND v.sha256 OPERATOR(pg_catalog.=) pg_catalog.decode('%s', 'hex') "
								 "AND v.created_by OPERATOR(pg_catalog.=) current_user::pg_catalog.text "
								 "AND v.run IS NULL AND v.metadata OPERATOR(pg_catalog.=) '{}'::pg_catalog.jsonb "
								 "ORDER BY 2 DESC NULLS LAST, 1 LIMIT 1",
								 hospital->prefix, hospital->prefix, model, version->sha256);
	bool		found = link_query(&hospital->link, query, "number int, active boolean") > 0;

	if (found)
	{
		bool		isnull;
		Datum		value = first_row_value("active", BOOLOID, &isnull);

		hospital->start = DatumGetInt32(link_needed(&hospital->link, "number", INT4OID));
		*active = !isnull && DatumGetBool(value);
	}
	SPI_freetuptable(SPI_tuptable);
	return found;
}

/*
 * What is sent at once: it fits the empty buffer of a socket, and each piece is answered before the next. libpq
 * would wait, uninterrupted, until a server that stops reading has taken the whole of a longer query.
 */
#define PIECE_BYTES 24000

/* Run a statement there that gives no row of its own. */
static void
command(Hospital *hospital, const char *statement)
{
	(void) link_query(&hospital->link, statement, "status pg_catalog.text");
	SPI_freetuptable(SPI_tuptable);
}

/* Send the weights piece by piece, into a temporary table there. */
static void
send_pieces(Hospital *hospital, const SharedVersion *version)
{
	char	   *text = palloc(pg_b64_enc_len(PIECE_BYTES) + 1);
	int			place = 0;

	for (size_t sent = 0; sent < version->size; sent += PIECE_BYTES)
	{
		const void *piece = (const char *) version->bytes + sent;
		int			length = pg_b64_encode(piece, (int) Min(version->size - sent, PIECE_BYTES), text,
										   pg_b64_enc_len(PIECE_BYTES));
		char	   *statement;

		text[length] = '\0';
		statement = psprintf("INSERT INTO pg_temp.lesion_sent VALUES (%d, pg_catalog.decode('%s', 'base64'))", place++,
							 text);
		command(hospital, statement);
		pfree(statement);
	}
	pfree(text);
}

/* Import a version there. */
static void
send_version(const Across *task, Hospital *hospital, const SharedVersion *version)
{
	command(hospital, "BEGIN");
	command(hospital, "CREATE TEMPORARY TABLE lesion_sent (place int, piece bytea) ON COMMIT DROP");
	send_pieces(hospital, version);
	(void) link_query(&hospital->link,
					  psprintf("SELECT %slesion_model_import(%s, (SELECT pg_catalog.string_agg(piece, "
							   "''::pg_catalog.bytea ORDER BY place) FROM pg_temp.lesion_sent), weights_sha256 => %s)",
							   hospital->prefix, link_text(task->local_model), link_text(version->sha256)),
					  "number int");
	SPI_freetuptable(SPI_tuptable);
	command(hospital, "COMMIT");
}

/* Make a version active there; it is sent if it is not there. */
static void
settle_version(const Across *task, Hospital *hospital, const SharedVersion *version)
{
	bool		active;

	if (!find_version(task, hospital, version, &active))
	{
		send_version(task, hospital, version);
		if (!find_version(task, hospital, version, &active))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("server \"%s\" has not kept the weights that were sent", hospital->server),
					 errdetail("No version of model \"%s\" there has the SHA-256 %s.", task->local_model,
							   version->sha256),
					 errhint("Does somebody else drop that model there? Call again.")));
	}
	if (!active)
	{
		(void) link_query(&hospital->link,
						  psprintf("SELECT %slesion_model_promote(%s, %d)", hospital->prefix,
								   link_text(task->local_model), hospital->start), "nothing pg_catalog.text");
		SPI_freetuptable(SPI_tuptable);
	}
}

void
hospitals_send(Across *task, const SharedVersion *version)
{
	for (int i = 0; i < task->count; i++)
		settle_version(task, &task->hospitals[i], version);
}
