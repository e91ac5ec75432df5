/*
 * pulled.c: what was pulled, in the database.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/web/bytes.h"
#include "pacs/store/pulled.h"

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
			   "WHERE NOT EXISTS (SELECT FROM lesion_pacs_study AS s "
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
			   "WHERE NOT EXISTS (SELECT FROM lesion_pacs_instance AS i WHERE i.id = u.id) "
			   "AND NOT EXISTS (SELECT FROM lesion_pacs_mask AS m WHERE m.id = u.id) "
			   "AND NOT EXISTS (SELECT FROM lesion_pacs_object AS o WHERE o.series = u.series) ORDER BY n",
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

Status
pulled_store_image(PGconn *database, const PacsItem *item, const char *file, size_t size)
{
	DbValue		values[] = {
		db_text(item->instance), db_text(item->series), db_text(item->study),
		db_text(item->patient), db_text(item->sop_class), db_bytes(file, size)
	};

	return db_do(database, "INSERT INTO lesion_pacs_instance (id, series, study, patient, sop_class, image) "
				 "VALUES ($1, $2, $3, nullif($4::text, ''), $5, $6) ON CONFLICT (id) DO NOTHING", 6, values);
}

/* Find the image that a segmentation was drawn on; empty: none of ours. by_program: no person drew it. */
static Status
find_image(PGconn *database, const char *file, size_t size, char image[PACS_UID_SIZE], bool *by_program)
{
	DbValue		value = db_bytes(file, size);
	PGresult   *result;

	image[0] = '\0';
	*by_program = false;
	TRY(db_run(database, "WITH seg AS MATERIALIZED (SELECT lesion_dicom_tags($1::bytea) AS tags) "
			   "SELECT i.id, tags #>> '{00620002,Value,0,00620008,Value,0}' = 'AUTOMATIC' "
			   "OR tags #>> '{00080070,Value,0}' = 'lesionseg' FROM seg, lesion_pacs_instance AS i WHERE i.id IN "
			   "(SELECT r #>> '{}' FROM jsonb_path_query(tags, '$.**.\"00081155\".Value[*]') AS r) LIMIT 1",
			   1, &value, DB_TEXT, &result));
	if (PQntuples(result) > 0)
	{
		snprintf(image, PACS_UID_SIZE, "%s", PQgetvalue(result, 0, 0));
		*by_program = PQgetvalue(result, 0, 1)[0] == 't';
	}
	PQclear(result);
	return status_ok();
}

/* Store a segmentation with its mask. The image gets the mask unless it has a later one. */
static Status
store_drawing(PGconn *database, const PacsItem *item, const char *image, const char *file, size_t size)
{
	DbValue		values[] = {
		db_bytes(file, size), db_text(item->instance), db_text(image), db_text(item->series), db_text(item->study)
	};

	return db_do(database, "WITH seg AS MATERIALIZED (SELECT lesion_dicom_mask($1::bytea) AS mask, "
				 "(lesion_dicom_info($1::bytea)).acquired_at AS drawn_at), "
				 "checked AS MATERIALIZED (SELECT seg.*, lesion_mask_error(seg.mask, i.image) AS error "
				 "FROM seg, lesion_pacs_instance AS i WHERE i.id = $3), "
				 "kept AS (UPDATE lesion_pacs_instance AS i SET mask = c.mask, mask_from = $2 FROM checked AS c "
				 "WHERE i.id = $3 AND c.error IS NULL AND NOT EXISTS (SELECT FROM lesion_pacs_mask AS m "
				 "WHERE m.id = i.mask_from AND m.drawn_at > c.drawn_at)) "
				 "INSERT INTO lesion_pacs_mask (id, image_id, series, study, dicom, drawn_at, error) "
				 "SELECT $2, $3, $4, $5, $1, drawn_at, error FROM checked", 5, values);
}

/* Store a segmentation that no mask can be made of, and why. */
static Status
store_broken(PGconn *database, const PacsItem *item, const char *image, const char *file, size_t size,
			 const char *error)
{
	DbValue		values[] = {
		db_bytes(file, size), db_text(item->instance), db_text(image), db_text(item->series), db_text(item->study),
		db_text(error)
	};

	return db_do(database, "INSERT INTO lesion_pacs_mask (id, image_id, series, study, dicom, error) "
				 "VALUES ($2, nullif($3::text, ''), $4, $5, $1, $6)", 6, values);
}

Status
pulled_store_mask(PGconn *database, const PacsItem *item, const char *file, size_t size, char *told,
				  size_t told_size)
{
	char		image[PACS_UID_SIZE];
	bool		by_program;
	Status		status = find_image(database, file, size, image, &by_program);

	if (status.code == LS_OK && image[0] == '\0')
	{
		snprintf(told, told_size, "left out: it was drawn on no image that is here");
		return status_ok();
	}
	if (status.code == LS_OK && by_program)
		status = status_error(LS_INVALID_ARGUMENT, "a program made it, not a person");
	else if (status.code == LS_OK)
		status = store_drawing(database, item, image, file, size);
	if (status.code != LS_INVALID_ARGUMENT)
	{
		snprintf(told, told_size, "on %s", image);
		return status;
	}
	snprintf(told, told_size, "has no mask: %s", status.message);
	return store_broken(database, item, image, file, size, status.message);
}

Status
pulled_note_study(PGconn *database, const char *wanted, const PacsItem *study)
{
	char		instances[24];
	DbValue		values[] = {db_text(study->study), db_text(wanted), db_text(instances)};

	snprintf(instances, sizeof instances, "%ld", study->study_instances);
	return db_do(database, "INSERT INTO lesion_pacs_study (study, wanted, instances) VALUES ($1, $2, $3) "
				 "ON CONFLICT (study, wanted) DO UPDATE SET instances = EXCLUDED.instances", 3, values);
}
