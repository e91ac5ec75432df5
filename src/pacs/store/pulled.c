/*
 * pulled.c: what was pulled, in the database.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/web/bytes.h"
#include "pacs/store/pulled.h"
#include "pacs/objects.h"

/* Append a column of a list as an array's text; UIDs need no quotes. */
static Status
append_array(Bytes *text, const PacsList *list, size_t offset)
{
	size_t		i;

	bytes_reset(text);
	TRY(bytes_append(text, "{", 1));
	for (i = 0; i < list->count; i++)
		TRY(bytes_print(text, "%s%s", i == 0 ? "" : ",", (const char *) &list->items[i] + offset));
	return bytes_append(text, "}", 1);
}

/* Leave in list the items whose numbers (from 1, ascending) stand in column 0 of a result. */
static void
keep_numbered(PacsList *list, PGresult *result)
{
	int			row;

	for (row = 0; row < PQntuples(result); row++)
		list->items[row] = list->items[atol(PQgetvalue(result, row, 0)) - 1];
	list->count = (size_t) PQntuples(result);
	PQclear(result);
}

static Status
keep_new_studies(PGconn *database, const char *wanted, PacsList *list, Bytes *uids, Bytes *counts)
{
	PGresult   *result;
	DbValue		values[3];
	size_t		i;

	TRY(append_array(uids, list, offsetof(PacsItem, study)));
	TRY(bytes_append(counts, "{", 1));
	for (i = 0; i < list->count; i++)
		TRY(bytes_print(counts, "%s%ld", i == 0 ? "" : ",", list->items[i].study_instances));
	TRY(bytes_append(counts, "}", 1));
	values[0] = db_text(uids->data);
	values[1] = db_text(counts->data);
	values[2] = db_text(wanted);
	TRY(db_run(database, "SELECT n FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS u (study, instances, n) "
			   "WHERE NOT EXISTS (SELECT FROM @lesion_pacs_study AS s "
			   "WHERE s.study = u.study AND s.wanted = $3::text AND s.instances = u.instances) ORDER BY n",
			   3, values, DB_TEXT, &result));
	keep_numbered(list, result);
	return status_ok();
}

Status
pulled_keep_new_studies(PGconn *database, const char *wanted, PacsList *list)
{
	Bytes		uids = {0};
	Bytes		counts = {0};
	Status		status = keep_new_studies(database, wanted, list, &uids, &counts);

	bytes_free(&uids);
	bytes_free(&counts);
	return status;
}

static Status
keep_lacking(PGconn *database, PacsList *list, Bytes *instances, Bytes *series)
{
	PGresult   *result;
	DbValue		values[2];

	TRY(append_array(instances, list, offsetof(PacsItem, instance)));
	TRY(append_array(series, list, offsetof(PacsItem, series)));
	values[0] = db_text(instances->data);
	values[1] = db_text(series->data);
	TRY(db_run(database, "SELECT n FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS u (id, series, n) "
			   "WHERE NOT EXISTS (SELECT FROM @lesion_pacs_instance AS i WHERE i.id = u.id) "
			   "AND NOT EXISTS (SELECT FROM @lesion_pacs_mask AS m WHERE m.id = u.id) "
			   "AND NOT EXISTS (SELECT FROM @lesion_pacs_object AS o WHERE o.series = u.series) ORDER BY n",
			   2, values, DB_TEXT, &result));
	keep_numbered(list, result);
	return status_ok();
}

Status
pulled_keep_lacking(PGconn *database, PacsList *list)
{
	Bytes		instances = {0};
	Bytes		series = {0};
	Status		status = keep_lacking(database, list, &instances, &series);

	bytes_free(&instances);
	bytes_free(&series);
	return status;
}

/* The PACS gave a file that was not asked for: it is not stored. */
static Status
another_file(void)
{
	return status_error(LS_INVALID_ARGUMENT, "the PACS answered with the file of another instance or study");
}

/* When a segmentation was drawn that came at a time. A time that no clock on earth shows yet counts as that time: one
 * dated in the year 9999 would be the last for ever. One without a time is older than all that have one. */
#define WHEN_DRAWN(drawn, came) \
	"CASE WHEN " drawn " > " came " AT TIME ZONE 'UTC' + interval '14 hours' THEN " came " AT TIME ZONE 'UTC' " \
	"ELSE coalesce(" drawn ", '-infinity') END"

Status
pulled_store_image(PGconn *database, const PacsItem *item, const char *file, size_t size)
{
	DbValue		values[] = {
		db_text(item->instance), db_text(item->series), db_text(item->study),
		db_text(item->patient), db_text(item->sop_class), db_bytes(file, size)
	};

	PGresult   *result;
	bool		same;

	TRY(db_run(database, "WITH file AS MATERIALIZED (SELECT (i).sop_instance, (i).study "
			   "FROM @lesion_dicom_info($6::bytea) AS i), "
			   /* what was drawn on it before its row was deleted */
			   "drawn AS MATERIALIZED (SELECT m.id, @lesion_dicom_mask(m.dicom, 1) AS mask "
			   "FROM (SELECT m.id, m.dicom FROM @lesion_pacs_mask AS m WHERE m.image_id = $1 AND m.study = $3 "
			   "AND m.error IS NULL ORDER BY " WHEN_DRAWN("m.drawn_at", "m.pulled_at") " DESC LIMIT 1) AS m), "
			   "fitting AS MATERIALIZED (SELECT * FROM drawn WHERE @lesion_mask_error(mask, $6::bytea) IS NULL), "
			   "kept AS (INSERT INTO @lesion_pacs_instance "
			   "(id, series, study, patient, sop_class, image, mask, mask_from) "
			   "SELECT $1, $2, $3, nullif($4::text, ''), $5, $6, d.mask, d.id "
			   "FROM file LEFT JOIN fitting AS d ON true WHERE sop_instance = $1 AND study = $3 "
			   "ON CONFLICT (id) DO NOTHING) "
			   "SELECT sop_instance = $1 AND study = $3 FROM file", 6, values, DB_TEXT, &result));
	same = PQntuples(result) == 1 && PQgetvalue(result, 0, 0)[0] == 't';
	PQclear(result);
	return same ? status_ok() : another_file();
}

/*
 * Find the image that segment 1 of a segmentation was drawn on; empty: none of
 * ours. It is named by the segment's frames, else by what all frames share, else
 * by the list of references; of the study that the segmentation is in. Where
 * several are named nobody knows which one is meant: LS_INVALID_ARGUMENT.
 * by_program: no person drew it.
 */
static Status
find_image(PGconn *database, const PacsItem *item, const char *file, size_t size, char image[UID_SIZE],
		   bool *by_program)
{
	DbValue		values[] = {db_bytes(file, size), db_text(item->study)};
	PGresult   *result;
	bool		several = false;

	image[0] = '\0';
	*by_program = false;
	TRY(db_run(database, "WITH seg AS MATERIALIZED (SELECT @lesion_dicom_tags($1::bytea) AS tags), "
			   "frames AS (SELECT f FROM seg, jsonb_path_query(tags, '$.\"52009230\".Value[*]') AS f WHERE "
			   "jsonb_path_exists(f, '$.\"0062000A\".Value[*].\"0062000B\".Value[*] ? (@ == 1)')), "
			   "named AS (SELECT 1 AS place, r #>> '{}' AS id FROM frames, "
			   "jsonb_path_query(f, '$.**.\"00081155\".Value[*]') AS r "
			   "UNION SELECT 2, r #>> '{}' FROM seg, "
			   "jsonb_path_query(tags, '$.\"52009229\".**.\"00081155\".Value[*]') AS r "
			   "UNION SELECT 3, r #>> '{}' FROM seg, "
			   "jsonb_path_query(tags, '$.\"00081115\".**.\"00081155\".Value[*]') AS r), "
			   "drawn AS (SELECT id, count(*) OVER () AS images FROM named "
			   "WHERE place = (SELECT min(place) FROM named)) "
			   "SELECT i.id, jsonb_path_exists(tags, '$.\"00620002\".Value[*] ? (@.\"00620004\".Value[0] == 1 "
			   "&& @.\"00620008\".Value[0] == \"AUTOMATIC\")'), d.images > 1 "
			   "FROM seg, drawn AS d JOIN @lesion_pacs_instance AS i ON i.id = d.id AND i.study = $2 LIMIT 1",
			   2, values, DB_TEXT, &result));
	if (PQntuples(result) > 0)
	{
		snprintf(image, UID_SIZE, "%s", PQgetvalue(result, 0, 0));
		*by_program = PQgetvalue(result, 0, 1)[0] == 't';
		several = PQgetvalue(result, 0, 2)[0] == 't';
	}
	PQclear(result);
	if (!several)
		return status_ok();
	image[0] = '\0';
	return status_error(LS_INVALID_ARGUMENT, "it names several images and does not say which one it is drawn on");
}

/* Store a segmentation with its mask. The image gets the mask unless it has a later one; taken: it does.
 * LS_INVALID_ARGUMENT where the mask is stored and is none for this image. */
static Status
store_drawing(PGconn *database, const PacsItem *item, const char *image, const char *file, size_t size, bool *taken)
{
	DbValue		values[] = {
		db_bytes(file, size), db_text(item->instance), db_text(image), db_text(item->series), db_text(item->study)
	};
	PGresult   *result;
	Status		status = status_ok();

	TRY(db_run(database, "WITH seg AS MATERIALIZED (SELECT @lesion_dicom_mask($1::bytea, 1) AS mask, "
			   "(@lesion_dicom_info($1::bytea)).acquired_at AS drawn_at), "
			   "checked AS MATERIALIZED (SELECT seg.*, @lesion_mask_error(seg.mask, i.image) AS error "
			   "FROM seg, @lesion_pacs_instance AS i WHERE i.id = $3), "
			   "kept AS (UPDATE @lesion_pacs_instance AS i SET mask = c.mask, mask_from = $2 FROM checked AS c "
			   "WHERE i.id = $3 AND c.error IS NULL AND NOT EXISTS (SELECT FROM @lesion_pacs_mask AS m "
			   "WHERE m.id = i.mask_from AND " WHEN_DRAWN("m.drawn_at", "m.pulled_at") " > "
			   WHEN_DRAWN("c.drawn_at", "now()") ") RETURNING i.id), "
			   "noted AS (INSERT INTO @lesion_pacs_mask (id, image_id, series, study, dicom, drawn_at, error) "
			   "SELECT $2, $3, $4, $5, $1, drawn_at, error FROM checked ON CONFLICT (id) DO NOTHING) "
			   "SELECT error, EXISTS (SELECT FROM kept) FROM checked", 5, values, DB_TEXT, &result));
	*taken = PQntuples(result) == 0 || PQgetvalue(result, 0, 1)[0] == 't';
	if (PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
		status = status_error(LS_INVALID_ARGUMENT, "%.220s", PQgetvalue(result, 0, 0));
	PQclear(result);
	return status;
}

/* Store a segmentation that no mask can be made of, and why, unless it is there. */
static Status
store_maskless(PGconn *database, const PacsItem *item, const char *image, const char *file, size_t size,
			   const char *error)
{
	char		message[DB_MESSAGE_SIZE];
	DbValue		values[] = {
		db_bytes(file, size), db_text(item->instance), db_text(image), db_text(item->series), db_text(item->study),
		db_message(error, message)
	};

	return db_do(database, "INSERT INTO @lesion_pacs_mask (id, image_id, series, study, dicom, error) "
				 "VALUES ($2, nullif($3::text, ''), $4, $5, $1, $6) ON CONFLICT (id) DO NOTHING", 6, values);
}

Status
pulled_store_mask(PGconn *database, const PacsItem *item, const char *file, size_t size, PulledOutcome *outcome,
				  char told[PULLED_TOLD_SIZE])
{
	char		image[UID_SIZE];
	bool		by_program;
	bool		taken = true;
	Status		status = find_image(database, item, file, size, image, &by_program);

	if (status.code == LS_OK && image[0] == '\0')
	{
		*outcome = PULLED_LEFT_OUT;
		snprintf(told, PULLED_TOLD_SIZE, "left out: it was drawn on no image that is here");
		return status_ok();
	}
	*outcome = PULLED_STORED;
	if (status.code == LS_OK && !by_program)
		status = store_drawing(database, item, image, file, size, &taken);
	else if (status.code == LS_OK)
	{
		*outcome = PULLED_LEFT_OUT;
		status = status_error(LS_INVALID_ARGUMENT, "a program made it, not a person");
	}
	if (status.code != LS_INVALID_ARGUMENT)
	{
		snprintf(told, PULLED_TOLD_SIZE, "on %s%s", image, taken ? "" : ", which keeps one that was drawn later");
		return status;
	}
	if (*outcome == PULLED_STORED)
		*outcome = PULLED_BROKEN;
	snprintf(told, PULLED_TOLD_SIZE, "has no mask: %s", status.message);
	return store_maskless(database, item, image, file, size, status.message);
}

Status
pulled_look_into(PGconn *database, const PacsItem *item, const char *file, size_t size, bool *ours)
{
	DbValue		values[] = {db_text(item->instance), db_text(item->study), db_bytes(file, size)};
	PGresult   *result;
	bool		asked;
	Status		status;

	*ours = false;
	status = db_run(database, "SELECT manufacturer = '" OUR_MANUFACTURER "', sop_instance = $1 AND study = $2 "
					"FROM @lesion_dicom_info($3::bytea)", 3, values, DB_TEXT, &result);
	if (status.code != LS_OK)
		return status.code == LS_INVALID_ARGUMENT ? status_ok() : status;
	*ours = PQgetvalue(result, 0, 0)[0] == 't';
	asked = PQgetvalue(result, 0, 1)[0] == 't';
	PQclear(result);
	return *ours || asked ? status_ok() : another_file();
}

Status
pulled_note_study(PGconn *database, const char *wanted, const PacsItem *study)
{
	char		instances[24];
	DbValue		values[] = {db_text(study->study), db_text(wanted), db_text(instances)};

	snprintf(instances, sizeof instances, "%ld", study->study_instances);
	return db_do(database, "INSERT INTO @lesion_pacs_study (study, wanted, instances) VALUES ($1, $2, $3) "
				 "ON CONFLICT (study, wanted) DO UPDATE SET instances = EXCLUDED.instances", 3, values);
}
