/*
 * push.c: sends what was not sent.
 *
 * Segmentation and picture of a prediction go in one STOW-RS request, the
 * report, which refers to the segmentation, in one of its own after it. Each is
 * noted as on its way before it is sent and as sent when the PACS has said so. What is
 * on its way when a run begins was left by one that was killed, or was answered
 * without being named: the PACS is asked whether it has it. Nothing is sent of an
 * image that the PACS no longer has.
 */
#define _GNU_SOURCE				/* memmem */
#include <stdio.h>
#include <string.h>

#include "pacs/log.h"
#include "pacs/web/multipart.h"
#include "pacs/web/query.h"
#include "pacs/store/sent.h"
#include "pacs/source.h"
#include "pacs/stop.h"
#include "pacs/work.h"

/* Has the PACS this instance? */
static Status
is_there(Work *work, const SentObject *object, bool *there)
{
	Bytes		path = {0};
	PacsList	list = {0};
	bool		not_found = false;
	Status		status;
	size_t		i;

	*there = false;
	status = bytes_print(&path, "/studies/%s/series/%s/instances?SOPInstanceUID=%s&includefield=00080016",
						 object->study, object->series, object->instance);
	if (status.code == LS_OK)
		status = query_list(work->http, path.data, true, &list, &not_found);
	for (i = 0; i < list.count; i++)
		if (strcmp(list.items[i].instance, object->instance) == 0)
			*there = true;
	list_free(&list);
	bytes_free(&path);
	return not_found ? status_ok() : status;
}

/*
 * Find out about an object that was left on its way. error: what was wrong with the answer to it; empty:
 * there was none. Where it was answered and is not there even now, it is not sent again: a PACS that stores it under
 * a UID of its own would get one more each time.
 */
static Status
resolve_object(Work *work, const SentObject *object, const char *error)
{
	bool		there;
	Status		status = is_there(work, object, &there);

	if (ends_run(&status))
		return status;
	if (status.code != LS_OK)	/* the next run asks again; others go on */
	{
		work->failed++;
		log_failure("not known whether sent", object->instance, &status);
		return status_ok();
	}
	if (!there && error[0] != '\0')
	{
		Status		failure = status_error(LS_UNSUPPORTED, "%.250s", error);

		work->failed++;
		log_failure("not sent", object->instance, &failure);
		return sent_give_up(work->database, object->instance);
	}
	if (!there)
		return sent_forget(work->database, object->instance);
	log_object("found", object->instance, "sent by a run before, study %s", object->study);
	return sent_note(work->database, object);
}

/* Count a failure, log it and note it, unless the next run asks again. One that cannot be noted, as where a trigger
 * refuses it, is the row's own, too: others go on. */
static Status
fail_object(Work *work, const Prediction *prediction, ObjectKind kind, const char *what, const char *name,
			const Status *failure, bool ask_again)
{
	Status		status = status_ok();

	work->failed++;
	log_failure(what, name, failure);
	if (!ask_again)
		status = sent_note_failure(work->database, prediction, kind, failure->message);
	if (status.code == LS_OK || ends_run(&status))
		return status;
	log_failure("cannot be noted", prediction->image, &status);
	return status_ok();
}

/* Give up a row that was not written by this program: what it says goes into no URL. Its instance may be NULL. */
static Status
refuse_row(Work *work, PGresult *result, int row)
{
	Status		failure = status_with_hint(status_error(LS_INVALID_ARGUMENT, "its row in lesion_pacs_object has no "
														 "valid UIDs of instance, series and study"),
											"Delete the row, and it will be sent anew.");
	Prediction	prediction;
	ObjectKind	kind = sent_read_unsure(result, row, &prediction);

	return fail_object(work, &prediction, kind, "not sent", prediction.image, &failure, false);
}

/* Find out about the object of a row of sent_list_unsure. */
static Status
resolve_row(Work *work, PGresult *result, int row)
{
	SentObject	object = {0};
	const char *instance = PQgetvalue(result, row, 0);
	const char *series = PQgetvalue(result, row, 1);
	const char *study = PQgetvalue(result, row, 2);

	if (!is_uid(instance) || !is_uid(series) || !is_uid(study))
		return refuse_row(work, result, row);
	snprintf(object.instance, sizeof object.instance, "%s", instance);
	snprintf(object.series, sizeof object.series, "%s", series);
	snprintf(object.study, sizeof object.study, "%s", study);
	return resolve_object(work, &object, PQgetvalue(result, row, 3));
}

/* Find out about all of them. */
static Status
resolve_objects(Work *work)
{
	PGresult   *result;
	Status		status;
	int			row;

	TRY(sent_list_unsure(work->database, &result));
	status = status_ok();
	for (row = 0; row < PQntuples(result) && status.code == LS_OK; row++)
		status = resolve_row(work, result, row);
	PQclear(result);
	return status;
}

/* Is an HTTP status about the PACS at this time, and not about what was sent? 0: no answer came. */
static bool
may_pass(long status)
{
	return status < 400 || status == 403 || status == 404 || status == 408 ||
		status == 425 || status == 429 || status >= 500;
}

/* Note what the PACS says of one object. */
static Status
take_answer(Work *work, const Prediction *prediction, ObjectKind kind, SentObject *object, const HttpReply *reply,
			const Status *outcome)
{
	StowState	state = STOW_UNSAID;
	int			reason = 0;
	bool		ask_again;
	Status		status;

	status = stow_read_json(reply->body.data, reply->body.size, object->instance, &state, &reason);
	if (status.code != LS_OK)
		state = STOW_UNSAID;	/* the error of a proxy, or XML: the HTTP status tells */

	/* An answer without a word of it may be a proxy's page: ask. */
	if (state == STOW_UNSAID && outcome->code == LS_OK)
	{
		bool		there;

		TRY(is_there(work, object, &there));
		if (there)
			state = STOW_STORED;
	}
	if (state == STOW_STORED || (state == STOW_REFUSED && reason == STOW_DUPLICATE))
	{
		work->done++;
		object->sent = true;
		log_object("sent", object->instance, "%s of %s by %s version %s, study %s", object_names[kind],
				   prediction->image, prediction->model, prediction->version, object->study);
		if (state == STOW_STORED && reason != 0)
			log_text("the PACS warns of %s: %s (%04XH)", object->instance, stow_reason(reason), (unsigned) reason);
		return sent_note(work->database, object);
	}
	status = *outcome;
	if (status.code == LS_OK)
	{
		status = status_error(LS_UNSUPPORTED, "the answer does not say that it is stored, and it is not there");
		if (state == STOW_UNSAID)
			TRY(sent_note_unsaid(work->database, object->instance, status.message));
	}
	if (state == STOW_REFUSED)
		status = status_error(LS_UNSUPPORTED, "the PACS refuses it: %s (%04XH)", stow_reason(reason),
							  (unsigned) reason);
	/* Where it is the PACS that is in trouble, or nobody knows, the next run asks. */
	ask_again = (state == STOW_UNSAID && may_pass(reply->status)) ||
		(state == STOW_REFUSED && reason >> 8 == STOW_OUT_OF_RESOURCES);
	return fail_object(work, prediction, kind, "not sent", object->instance, &status, ask_again);
}

/* Find a boundary that no file holds. */
static void
choose_boundary(const SentObject *objects, char boundary[MULTIPART_BOUNDARY_SIZE])
{
	unsigned	number = 0;
	bool		occurs;

	do
	{
		int			kind;

		snprintf(boundary, MULTIPART_BOUNDARY_SIZE, "lesionseg-pacs-%u", number++);
		occurs = false;
		for (kind = 0; kind < OBJECT_KINDS; kind++)
			if (objects[kind].file != NULL &&
				memmem(objects[kind].file, objects[kind].size, boundary, strlen(boundary)) != NULL)
				occurs = true;
	} while (occurs);
}

/* Write objects into the body of a request. */
static Status
write_body(const SentObject *objects, const char *boundary, Bytes *body)
{
	int			kind;

	for (kind = 0; kind < OBJECT_KINDS; kind++)
		if (objects[kind].file != NULL)
			TRY(multipart_add(body, boundary, "application/dicom", objects[kind].file, objects[kind].size));
	return multipart_close(body, boundary);
}

/* Send a body, and note what came of each object in it. */
static Status
send_body(Work *work, const Prediction *prediction, SentObject *objects, const char *type, const Bytes *body)
{
	HttpReply	reply = {0};
	Status		outcome = http_post(work->http, "/studies", type, body, &reply);
	Status		status = status_ok();
	int			kind;

	if (outcome.code == LS_HOST_ERROR || outcome.code == LS_CANCELLED)
		status = outcome;
	for (kind = 0; kind < OBJECT_KINDS && status.code == LS_OK; kind++)
		if (objects[kind].file != NULL)
			status = take_answer(work, prediction, kind, &objects[kind], &reply, &outcome);
	bytes_free(&reply.body);
	return status;
}

static Status
send_objects(Work *work, const Prediction *prediction, SentObject *objects)
{
	char		boundary[MULTIPART_BOUNDARY_SIZE];
	char		type[160];
	Bytes		body = {0};
	Status		status;

	choose_boundary(objects, boundary);
	snprintf(type, sizeof type, "multipart/related; type=\"application/dicom\"; boundary=%s", boundary);
	status = write_body(objects, boundary, &body);
	if (status.code == LS_OK)
		status = send_body(work, prediction, objects, type, &body);
	bytes_free(&body);
	return status;
}

/* Make one object; a failure is the object's own, or the server's at this time: then the next run tries again. */
static Status
make_object(Work *work, const Prediction *prediction, ObjectKind kind, SentObject *object)
{
	Status		status = sent_make(work->database, work->predictions.data, prediction, kind, object);

	if (status.code == LS_OK || ends_run(&status))
		return status;
	PQclear(object->result);
	memset(object, 0, sizeof *object);
	return fail_object(work, prediction, kind, object_names[kind], prediction->image, &status,
					   status.code == LS_LIMIT_EXCEEDED);
}

/* Make and send those kinds from first to last that a prediction lacks. */
static Status
push_kinds(Work *work, const Prediction *prediction, ObjectKind first, ObjectKind last, bool *seg_sent)
{
	SentObject	objects[OBJECT_KINDS];
	Status		status = status_ok();
	bool		any = false;
	int			kind;

	memset(objects, 0, sizeof objects);
	for (kind = first; kind <= (int) last && status.code == LS_OK; kind++)
	{
		if (prediction->lacks[kind])
			status = make_object(work, prediction, kind, &objects[kind]);
		any |= objects[kind].file != NULL;
	}
	if (status.code == LS_OK && any)
		status = send_objects(work, prediction, objects);
	*seg_sent |= objects[OBJECT_SEG].sent;
	for (kind = 0; kind < OBJECT_KINDS; kind++)
		PQclear(objects[kind].result);
	return status;
}

/* Fail all that a prediction lacks. The report waits for its segmentation. */
static Status
fail_prediction(Work *work, const Prediction *prediction, const Status *failure, bool ask_again)
{
	int			kind;

	for (kind = 0; kind < OBJECT_KINDS; kind++)
		if (prediction->lacks[kind] && (kind != OBJECT_REPORT || !prediction->lacks[OBJECT_SEG]))
			TRY(fail_object(work, prediction, kind, object_names[kind], prediction->image, failure, ask_again));
	return status_ok();
}

/* Make and send what one prediction lacks. The report waits until the PACS has the segmentation. */
static Status
send_prediction(Work *work, const Prediction *prediction)
{
	bool		seg_sent = !prediction->lacks[OBJECT_SEG];

	TRY(push_kinds(work, prediction, OBJECT_SEG, OBJECT_PICTURE, &seg_sent));
	if (seg_sent)
		TRY(push_kinds(work, prediction, OBJECT_REPORT, OBJECT_REPORT, &seg_sent));
	return status_ok();
}

/* Push one prediction, where the PACS still has its image. */
static Status
push_prediction(Work *work, const Prediction *prediction)
{
	long		done = work->done;
	bool		settled;
	Status		status = source_check(work, prediction->image, &settled);

	if (ends_run(&status))
		return status;
	if (status.code == LS_OK)
		TRY(send_prediction(work, prediction));
	else
		TRY(fail_prediction(work, prediction, &status, !settled));
	if (work->done == done)
		work->begun--;			/* --limit is about images of which something was sent */
	return status_ok();
}

/* Push a page of predictions, or say what would be sent of it. */
static Status
push_page(Work *work, PGresult *page, Prediction *last)
{
	int			row;

	for (row = 0; row < PQntuples(page); row++)
	{
		if (work->settings->limit > 0 && work->begun >= work->settings->limit)
			break;
		TRY(stop_check());
		work->begun++;
		sent_read_row(page, row, last);
		if (work->settings->dry_run)
		{
			log_text("would send %s of %s by %s version %s", PQgetvalue(page, row, 3), last->image, last->model,
					 last->version);
			work->done++;
		}
		else
			TRY(push_prediction(work, last));
	}
	return status_ok();
}

/* Push page after page. */
static Status
push_pages(Work *work)
{
	PGresult   *page = NULL;
	Prediction	last;
	Status		status;
	bool		more;

	do
	{
		PGresult   *before = page;

		status = sent_list(work->database, work->settings, work->predictions.data, before == NULL ? NULL : &last,
						   &page);
		PQclear(before);
		if (status.code == LS_OK)
			status = push_page(work, page, &last);
		more = status.code == LS_OK && PQntuples(page) > 0 &&
			(work->settings->limit == 0 || work->begun < work->settings->limit);
	} while (more);
	PQclear(page);
	return status;
}

Status
push(Work *work)
{
	if (!work->settings->dry_run)
		TRY(resolve_objects(work));
	return push_pages(work);
}
