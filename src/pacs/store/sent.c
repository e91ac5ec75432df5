/*
 * sent.c: what was sent, in the database.
 *
 * The objects are made by the server (lesion_dicom_seg, ...). UIDs follow from
 * image, model, version, weights and mask, so that an object that is made again is the same.
 */
#include <stdio.h>
#include <string.h>

#include "pacs/store/names.h"
#include "pacs/store/sent.h"

/* How each kind is made of an image and its prediction, p. A report is on the segmentation that the PACS has. */
static const char *const makers[OBJECT_KINDS] = {
	"@lesion_dicom_seg(p.image, p.mask, p.model, p.version)",
	"@lesion_dicom_picture(p.image, @lesion_overlay(p.image, p.mask, NULL::bytea), NULL::text, p.model, p.version)",
	"(SELECT @lesion_dicom_report(p.image, seg, p.model, p.version) "
	"FROM @lesion_dicom_seg(p.image, p.mask, p.model, p.version) AS seg, @lesion_pacs_object AS o "
	"WHERE (o.image_id, o.model, o.version, o.kind, o.state) = (p.id, p.model, p.version, 'seg', 'sent') "
	"AND o.sop_instance = (@lesion_dicom_info(seg)).sop_instance)"
};

#define VALUES 6

/* The name that rows of a table of predictions must have for their images; empty where any will do. */
static Status
find_images(const char *table, Bytes *images)
{
	bool		ours;

	TRY(names_put("@lesion_pacs_prediction", images));
	ours = strcmp(images->data, table) == 0;
	bytes_reset(images);
	return ours ? status_ok() : names_put("@lesion_pacs_instance", images);
}

/* Run a statement on a table of predictions, which is given in parts. The last of its values is found here. */
static Status
run_parts(PGconn *database, const char *table, const char *const *parts, size_t part_count, DbValue values[VALUES],
		  DbFormat format, PGresult **result)
{
	Bytes		sql = {0};
	Bytes		images = {0};
	Status		status = find_images(table, &images);
	size_t		i;

	*result = NULL;
	values[VALUES - 1] = db_text(images.size > 0 ? images.data : NULL);
	for (i = 0; i < part_count && status.code == LS_OK; i++)
		status = bytes_append(&sql, parts[i], strlen(parts[i]));
	if (status.code == LS_OK)
		status = db_run(database, sql.data, VALUES, values, format, result);
	bytes_free(&sql);
	bytes_free(&images);
	return status;
}

/*
 * The rows, p, that are of images here. In a table of predictions that is not ours, roles may have masks of their own
 * tables, too, under the id of an image here: $6 is the name of lesion_pacs_instance then, else NULL. Longer
 * names were written by hand: they take little room in a table, and much where they are read.
 */
#define OF_IMAGES_HERE "($6::text IS NULL OR p.images = $6) AND octet_length(p.id) <= 2000 " \
	"AND octet_length(p.model) <= 2000 "

/* What lists predictions that lack an object, around the table of predictions. One counts once, however many rows it
 * has. A failure is about the rows that were there when it was tried: it is tried again when others are, as after the
 * commit of one that a session wrote long before. */
static const char list_before[] =
"SELECT p.id, p.model, p.version, l.kinds, p.rows FROM (SELECT p.id, p.model, p.version, "
"sum(hash_record_extended(ROW (p.images, p.predicted_at), 0)) AS rows FROM ";
static const char list_after[] =
" AS p JOIN @lesion_pacs_instance AS i USING (id) "
"JOIN @lesion_version AS v ON (v.model, v.number) = (p.model, p.version) "
"WHERE p.mask IS NOT NULL AND " OF_IMAGES_HERE
"AND (p.id, p.model, p.version) > ($3::text, $4::text, $5::int) "
"GROUP BY p.id, p.model, p.version) AS p, "
"LATERAL (SELECT string_agg(kind, ',') AS kinds FROM unnest($1::text[]) AS kind "
"WHERE NOT EXISTS (SELECT FROM @lesion_pacs_object AS o "
"WHERE (o.image_id, o.model, o.version, o.kind) = (p.id, p.model, p.version, kind.kind) "
"AND NOT (o.state = 'failed' AND ($2::boolean OR o.tried_rows <> p.rows))) "
"AND (kind <> 'report' OR NOT EXISTS (SELECT FROM @lesion_pacs_object AS o "
"WHERE (o.image_id, o.model, o.version, o.kind) = (p.id, p.model, p.version, 'seg') "
"AND o.state <> 'sent' "
"AND NOT (o.state = 'failed' AND ($2::boolean OR o.tried_rows <> p.rows))))) AS l "
"WHERE l.kinds IS NOT NULL ORDER BY p.id, p.model, p.version LIMIT 1000";

Status
sent_list(PGconn *database, const PacsSettings *settings, const char *table, const Prediction *after,
		  PGresult **result)
{
	const char *const parts[] = {list_before, table, list_after};
	char		kinds[64] = "";
	DbValue		values[VALUES];
	int			kind;

	for (kind = 0; kind < OBJECT_KINDS; kind++)
		if (settings->sends[kind])
			snprintf(kinds + strlen(kinds), sizeof kinds - strlen(kinds), "%s%s", kinds[0] == '\0' ? "{" : ",",
					 object_names[kind]);
	strcat(kinds, "}");
	values[0] = db_text(kinds);
	values[1] = db_text(settings->retry ? "t" : "f");
	values[2] = db_text(after == NULL ? "" : after->image);
	values[3] = db_text(after == NULL ? "" : after->model);
	values[4] = db_text(after == NULL ? "0" : after->version);
	return run_parts(database, table, parts, sizeof parts / sizeof parts[0], values, DB_TEXT, result);
}

void
sent_read_row(PGresult *result, int row, Prediction *prediction)
{
	const char *kinds = PQgetvalue(result, row, 3);
	int			kind;

	prediction->image = PQgetvalue(result, row, 0);
	prediction->model = PQgetvalue(result, row, 1);
	prediction->version = PQgetvalue(result, row, 2);
	prediction->rows = PQgetvalue(result, row, 4);
	for (kind = 0; kind < OBJECT_KINDS; kind++)
		prediction->lacks[kind] = strstr(kinds, object_names[kind]) != NULL;
}

Status
sent_read_source(PGconn *database, const char *image, SourceImage *source)
{
	DbValue		value = db_text(image);
	PGresult   *result;
	bool		any;

	memset(source, 0, sizeof *source);
	TRY(db_run(database, "SELECT d.sop_instance, d.study, d.patient FROM @lesion_pacs_instance AS i, "
			   "@lesion_dicom_info(i.image) AS d WHERE i.id = $1", 1, &value, DB_TEXT, &result));
	any = PQntuples(result) > 0;
	if (any)
	{
		snprintf(source->instance, sizeof source->instance, "%s", PQgetvalue(result, 0, 0));
		snprintf(source->study, sizeof source->study, "%s", PQgetvalue(result, 0, 1));
		snprintf(source->patient, sizeof source->patient, "%s", PQgetvalue(result, 0, 2));
	}
	PQclear(result);
	if (!any)
		return status_error(LS_INVALID_ARGUMENT, "the image is gone");
	if (!is_uid(source->study))
		return status_error(LS_INVALID_ARGUMENT, "the image is of study \"%s\", which is no UID", source->study);
	if (!is_uid(source->instance))
		return status_error(LS_INVALID_ARGUMENT, "the image is instance \"%s\", which is no UID", source->instance);
	return status_ok();
}

/* Copy what stands in a result's columns 1 to 3, by db_run in binary: text is text there, too. */
static void
read_object(SentObject *object)
{
	object->file = PQgetvalue(object->result, 0, 0);
	object->size = (size_t) PQgetlength(object->result, 0, 0);
	snprintf(object->instance, sizeof object->instance, "%s", PQgetvalue(object->result, 0, 1));
	snprintf(object->series, sizeof object->series, "%s", PQgetvalue(object->result, 0, 2));
	snprintf(object->study, sizeof object->study, "%s", PQgetvalue(object->result, 0, 3));
}

/*
 * What makes an object and notes it, around the name of the table of predictions and the maker. An object says which
 * weights made it, and of which file: a model that was dropped and made again, or an image that was pulled again, has
 * others than the mask was made by. Rows of a table may name the image by several relations, and some were written by
 * hand: of those that hold, the oldest is meant of which an object can be made, so that none that comes later takes its
 * place; else the first one says what is wrong. A report is on what was sent.
 */
static const char make_candidates[] =
"WITH file AS MATERIALIZED (SELECT f.image, sha256(f.image) AS digest, d.width, d.height "
"FROM @lesion_pacs_instance AS f, @lesion_dicom_info(f.image) AS d WHERE f.id = $1), "
"candidates AS MATERIALIZED (SELECT p.mask, c.other, "
"row_number() OVER (ORDER BY c.other IS NOT NULL, p.predicted_at, p.images) AS place FROM file AS i, ";

/* Masks are looked at one after the other, until one will do. The first look is at the header: so one that takes much
 * longer than a mask of that size, as a large picture does, is not decoded. */
static const char make_file[] =
" AS p JOIN @lesion_version AS v ON (v.model, v.number) = (p.model, p.version), "
"LATERAL (SELECT CASE WHEN p.image_sha256 IS DISTINCT FROM i.digest THEN 'of another file than the image''s' "
"WHEN p.weights_sha256 IS DISTINCT FROM v.sha256 THEN 'by other weights than the version has' END AS other) AS c "
"WHERE p.id = $1 AND p.model = $2 AND p.version = $3 AND p.mask IS NOT NULL AND " OF_IMAGES_HERE "), "
"fitting AS (SELECT c.place FROM (SELECT * FROM candidates ORDER BY place OFFSET 0) AS c, file AS i "
"WHERE CASE WHEN c.other IS NOT NULL THEN false "
"WHEN (@lesion_image_work(c.mask) <= 20000 + 2::bigint * i.width * i.height) IS NOT TRUE THEN false "
"WHEN @lesion_mask_error(c.mask) IS NOT NULL THEN false "
"ELSE (SELECT (m.width, m.height) = (i.width, i.height) FROM @lesion_image_info(c.mask) AS m) END "
"ORDER BY c.place LIMIT 1), "
"chosen AS MATERIALIZED (SELECT i.image, $1 AS id, c.mask, $2 AS model, $3::int AS version, c.other "
"FROM candidates AS c, file AS i WHERE c.place = coalesce((SELECT place FROM fitting), 1)), "
"made AS MATERIALIZED (SELECT p.other, CASE WHEN p.other IS NULL THEN ";
static const char make_note[] =
" END AS file FROM chosen AS p), "
"told AS MATERIALIZED (SELECT file, other, d.* FROM made LEFT JOIN @lesion_dicom_info(file) AS d ON true), "
"noted AS (INSERT INTO @lesion_pacs_object "
"(image_id, model, version, kind, state, sop_instance, series, study, tried_rows) "
"SELECT $1, $2, $3, $4, 'sending', sop_instance, series, study, $5::numeric FROM told WHERE file IS NOT NULL "
"ON CONFLICT (image_id, model, version, kind) DO UPDATE SET state = 'sending', error = NULL, "
"tried_rows = EXCLUDED.tried_rows, "
"sop_instance = EXCLUDED.sop_instance, series = EXCLUDED.series, study = EXCLUDED.study, changed_at = now() "
"RETURNING state) "
"SELECT file, sop_instance, series, study, other, CASE WHEN EXISTS (SELECT FROM noted) THEN 'noted' END FROM told";

/* Why there is no file in the result of these. */
static Status
not_made(const PGresult *result)
{
	if (!PQgetisnull(result, 0, 4))
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "the mask was made %s", PQgetvalue(result, 0, 4)),
								"Delete its row in the table of predictions, and segment the image again.");
	return status_with_hint(status_error(LS_INVALID_ARGUMENT, "the segmentation that was sent is of another mask"),
							"Delete its row in lesion_pacs_object, and it will be sent again.");
}

Status
sent_make(PGconn *database, const char *table, const Prediction *prediction, ObjectKind kind, SentObject *object)
{
	DbValue		values[VALUES] = {
		db_text(prediction->image), db_text(prediction->model), db_text(prediction->version),
		db_text(object_names[kind]), db_text(prediction->rows)
	};
	const char *const parts[] = {make_candidates, table, make_file, makers[kind], make_note};
	Status		status;

	memset(object, 0, sizeof *object);
	status = run_parts(database, table, parts, sizeof parts / sizeof parts[0], values, DB_BINARY, &object->result);
	if (status.code != LS_OK)
		return status;
	if (PQntuples(object->result) != 1)
		return status_error(LS_INVALID_ARGUMENT, "image or prediction is gone");
	if (PQgetisnull(object->result, 0, 0))
		return not_made(object->result);
	if (PQgetisnull(object->result, 0, 5))	/* a crash would leave nobody who knows that it was sent */
		return status_error(LS_INVALID_ARGUMENT, "a trigger keeps its row from lesion_pacs_object");
	read_object(object);
	if (!is_uid(object->instance) || !is_uid(object->series) || !is_uid(object->study))	/* they go into URLs */
		return status_error(LS_INVALID_ARGUMENT, "the image is of study \"%s\", which is no UID", object->study);
	return status_ok();
}

Status
sent_note(PGconn *database, const SentObject *object)
{
	DbValue		value = db_text(object->instance);

	return db_do(database, "UPDATE @lesion_pacs_object SET state = 'sent', error = NULL, changed_at = now() "
				 "WHERE sop_instance = $1", 1, &value);
}

Status
sent_note_failure(PGconn *database, const Prediction *prediction, ObjectKind kind, const char *error)
{
	char		message[DB_MESSAGE_SIZE];
	DbValue		values[] = {
		db_text(prediction->image), db_text(prediction->model), db_text(prediction->version),
		db_text(object_names[kind]), db_message(error, message), db_text(prediction->rows)
	};

	return db_do(database, "INSERT INTO @lesion_pacs_object AS o "
				 "(image_id, model, version, kind, state, error, tried_rows) "
				 "VALUES ($1, $2, $3, $4, 'failed', $5, $6) ON CONFLICT (image_id, model, version, kind) "
				 "DO UPDATE SET state = 'failed', error = EXCLUDED.error, "
				 "tried_rows = coalesce(EXCLUDED.tried_rows, o.tried_rows), changed_at = now()", 6, values);
}

Status
sent_note_unsaid(PGconn *database, const char *instance, const char *error)
{
	DbValue		values[] = {db_text(instance), db_text(error)};

	return db_do(database, "UPDATE @lesion_pacs_object SET error = $2 WHERE sop_instance = $1 AND state = 'sending'",
				 2, values);
}

Status
sent_give_up(PGconn *database, const char *instance)
{
	DbValue		value = db_text(instance);

	return db_do(database, "UPDATE @lesion_pacs_object SET state = 'failed', changed_at = now() "
				 "WHERE sop_instance = $1 AND state = 'sending'", 1, &value);
}

Status
sent_list_unsure(PGconn *database, PGresult **result)
{
	return db_run(database, "SELECT sop_instance, series, study, error, image_id, model, version, kind "
				  "FROM @lesion_pacs_object WHERE state = 'sending' ORDER BY image_id", 0, NULL, DB_TEXT, result);
}

ObjectKind
sent_read_unsure(PGresult *result, int row, Prediction *prediction)
{
	const char *name = PQgetvalue(result, row, 7);
	ObjectKind	kind = object_kind(name, strlen(name));

	memset(prediction, 0, sizeof *prediction);
	prediction->image = PQgetvalue(result, row, 4);
	prediction->model = PQgetvalue(result, row, 5);
	prediction->version = PQgetvalue(result, row, 6);
	return kind < OBJECT_KINDS ? kind : OBJECT_KINDS - 1;	/* the table's CHECK allows no other */
}

Status
sent_forget(PGconn *database, const char *instance)
{
	DbValue		value = db_text(instance);

	return db_do(database, "DELETE FROM @lesion_pacs_object WHERE sop_instance = $1 AND state = 'sending'", 1, &value);
}
