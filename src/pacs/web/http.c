/*
 * http.c: one request, and many at a time, by libcurl.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/web/dicom_json.h"
#include "pacs/web/http.h"
#include "pacs/stop.h"

/* An answer slower than so many bytes a second for so long is none: one of 16 MB could else take months. */
#define LOW_SPEED 1000L
#define LOW_SPEED_SECONDS 120L

/* One request under way. */
typedef struct Transfer
{
	CURL	   *easy;
	HttpReply  *reply;
	bool		json;			/* JSON is asked for */
	long		max_size;
	bool		too_large;
	struct curl_slist *headers;
	HttpReply	own_reply;		/* of a batch */
	Bytes		path;
	size_t		item;
	bool		busy;
	char		error[CURL_ERROR_SIZE];
} Transfer;

struct Http
{
	const PacsSettings *settings;
	char		bearer[8192];	/* empty: none */
	CURLM	   *multi;
	Transfer   *transfers;		/* settings->connections of them; the first serves single requests too */
};

static size_t
take_body(char *data, size_t one, size_t count, void *user)
{
	Transfer   *transfer = user;

	(void) one;
	if (transfer->reply->body.size + count > (size_t) transfer->max_size)
	{
		transfer->too_large = true;
		return 0;
	}
	return bytes_append(&transfer->reply->body, data, count).code == LS_OK ? count : 0;
}

/* Called about once a second, too: a nonzero answer ends the transfer. */
static int
check_stop(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void) user, (void) a, (void) b, (void) c, (void) d;
	return stop_wanted();
}

/* What is the same for every request. */
static void
set_options(const Http *http, Transfer *transfer)
{
	const PacsSettings *settings = http->settings;
	CURL	   *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "lesionseg-pacs/" LESIONSEG_VERSION);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 10L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, LOW_SPEED_SECONDS);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, check_stop);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_OPTIONAL);
	if (settings->netrc != NULL)
		curl_easy_setopt(easy, CURLOPT_NETRC_FILE, settings->netrc);
	if (settings->ca_file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, settings->ca_file);
	if (settings->certificate != NULL)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, settings->certificate);
	if (settings->key != NULL)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, settings->key);
	if (http->bearer[0] != '\0')
	{
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long) CURLAUTH_BEARER);
		curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, http->bearer);
	}
}

/* Read the token: the file's first line. */
static Status
read_bearer(const char *name, char *bearer, size_t size)
{
	FILE	   *file = fopen(name, "r");
	bool		read;

	if (file == NULL)
		return status_error(LS_INVALID_ARGUMENT, "the file %.150s with the bearer token cannot be read", name);
	read = fgets(bearer, (int) size, file) != NULL;
	fclose(file);
	bearer[read ? strcspn(bearer, "\r\n") : 0] = '\0';
	if (bearer[0] == '\0')
		return status_error(LS_INVALID_ARGUMENT, "the first line of %.150s is empty, not a bearer token", name);
	return status_ok();
}

Status
http_open(const PacsSettings *settings, Http **result)
{
	Http	   *http = calloc(1, sizeof *http);
	int			i;

	*result = http;
	if (http == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		return status_error(LS_OUT_OF_MEMORY, "libcurl cannot be started");
	http->settings = settings;
	http->multi = curl_multi_init();
	http->transfers = calloc((size_t) settings->connections, sizeof *http->transfers);
	if (http->multi == NULL || http->transfers == NULL)
		return status_error(LS_OUT_OF_MEMORY, "out of memory for %d connections", settings->connections);
	if (settings->bearer_file != NULL)
		TRY(read_bearer(settings->bearer_file, http->bearer, sizeof http->bearer));
	for (i = 0; i < settings->connections; i++)
	{
		Transfer   *transfer = &http->transfers[i];

		transfer->easy = curl_easy_init();
		if (transfer->easy == NULL)
			return status_error(LS_OUT_OF_MEMORY, "out of memory for %d connections", settings->connections);
		set_options(http, transfer);
	}
	return status_ok();
}

void
http_close(Http *http)
{
	int			i;

	if (http == NULL)
		return;
	for (i = 0; http->transfers != NULL && i < http->settings->connections; i++)
	{
		Transfer   *transfer = &http->transfers[i];

		if (transfer->busy)
			curl_multi_remove_handle(http->multi, transfer->easy);
		curl_easy_cleanup(transfer->easy);
		curl_slist_free_all(transfer->headers);
		bytes_free(&transfer->own_reply.body);
		bytes_free(&transfer->path);
	}
	free(http->transfers);
	curl_multi_cleanup(http->multi);
	curl_global_cleanup();
	free(http);
}

/* Prepare a request; a POST where there is a content type. */
static Status
begin_transfer(const Http *http, Transfer *transfer, HttpReply *reply, const char *path, const char *accept,
			   const char *content_type)
{
	Bytes		text = {0};
	Status		status;

	transfer->reply = reply;
	transfer->json = strcmp(accept, ACCEPT_JSON) == 0;
	transfer->max_size = transfer->json ? JSON_MAX_SIZE : http->settings->max_size;
	transfer->too_large = false;
	transfer->error[0] = '\0';
	bytes_reset(&reply->body);
	reply->status = 0;
	reply->content_type[0] = '\0';
	status = bytes_print(&text, "Accept: %s", accept);
	curl_slist_free_all(transfer->headers);
	transfer->headers = status.code == LS_OK ? curl_slist_append(NULL, text.data) : NULL;
	bytes_reset(&text);
	if (transfer->headers != NULL && content_type != NULL)
	{
		status = bytes_print(&text, "Content-Type: %s", content_type);
		if (status.code == LS_OK)
			curl_slist_append(transfer->headers, text.data);
		curl_slist_append(transfer->headers, "Expect:");	/* some servers never say 100 Continue */
	}
	bytes_reset(&text);
	status = bytes_append(&text, http->settings->url, strlen(http->settings->url));
	if (status.code == LS_OK)
		status = bytes_append(&text, path, strlen(path));
	if (status.code == LS_OK && transfer->headers == NULL)
		status = status_error(LS_OUT_OF_MEMORY, "out of memory for a request");
	if (status.code == LS_OK)
	{
		curl_easy_setopt(transfer->easy, CURLOPT_URL, text.data);
		curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
	}
	bytes_free(&text);
	return status;
}

/* Write a reply's body in one line, at most size - 1 bytes: for messages. */
static void
write_excerpt(const HttpReply *reply, char *text, size_t size)
{
	size_t		length = 0;
	size_t		i;

	for (i = 0; i < reply->body.size && length + 1 < size; i++)
	{
		unsigned char byte = (unsigned char) reply->body.data[i];
		bool		blank = byte <= ' ' || byte == 0x7F;

		if (blank && (length == 0 || text[length - 1] == ' '))
			continue;
		text[length++] = blank ? ' ' : (char) byte;
	}
	text[length] = '\0';
}

/* What an HTTP status means to us. */
static Status
judge_status(const HttpReply *reply)
{
	char		excerpt[120];

	if (reply->status >= 200 && reply->status < 300)
		return status_ok();
	write_excerpt(reply, excerpt, sizeof excerpt);
	/* 403 may be about one object. */
	if (reply->status == 401 || reply->status == 403 || reply->status == 407)
		return status_with_hint(status_error(reply->status == 403 ? LS_UNSUPPORTED : LS_HOST_ERROR,
											 "the PACS refuses access: HTTP %ld %s", reply->status, excerpt),
								"Write user and password to ~/.netrc, or use --netrc-file, --bearer-file or --cert.");
	return status_error(LS_UNSUPPORTED, "the PACS answers HTTP %ld: %s", reply->status, excerpt);
}

/* What came of a transfer. */
static Status
judge_transfer(Transfer *transfer, CURLcode code)
{
	const char *said = transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code);
	char	   *type = NULL;

	if (code == CURLE_OK)
	{
		curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &transfer->reply->status);
		curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_TYPE, &type);
		snprintf(transfer->reply->content_type, sizeof transfer->reply->content_type, "%s", type == NULL ? "" : type);
		return judge_status(transfer->reply);
	}
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return stop_check();
	if (transfer->too_large)
		return status_with_hint(status_error(LS_LIMIT_EXCEEDED, "the answer is larger than %ld MB",
											 transfer->max_size >> 20),
								"%s", transfer->json ? LIST_FEWER : "--max-size takes more.");
	/* A connection that broke may work again; the others will not. */
	return status_error(code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING ||
						code == CURLE_PARTIAL_FILE || code == CURLE_OPERATION_TIMEDOUT ? LS_UNSUPPORTED : LS_HOST_ERROR,
						"no answer from the PACS: %.200s", said);
}

Status
http_get(Http *http, const char *path, const char *accept, HttpReply *reply)
{
	Transfer   *transfer = &http->transfers[0];

	TRY(begin_transfer(http, transfer, reply, path, accept, NULL));
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPGET, 1L);
	return judge_transfer(transfer, curl_easy_perform(transfer->easy));
}

Status
http_post(Http *http, const char *path, const char *content_type, const Bytes *body, HttpReply *reply)
{
	Transfer   *transfer = &http->transfers[0];

	TRY(begin_transfer(http, transfer, reply, path, ACCEPT_JSON, content_type));
	curl_easy_setopt(transfer->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, body->data);
	curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) body->size);
	return judge_transfer(transfer, curl_easy_perform(transfer->easy));
}

/* Put transfers that are free to work, while there is any. */
static Status
fill_transfers(Http *http, const HttpBatch *batch, int *running)
{
	int			i;

	for (i = 0; i < http->settings->connections; i++)
	{
		Transfer   *transfer = &http->transfers[i];
		bool		more;

		if (transfer->busy)
			continue;
		bytes_reset(&transfer->path);
		TRY(batch->next(batch->state, &transfer->path, &transfer->item, &more));
		if (!more)
			break;
		TRY(begin_transfer(http, transfer, &transfer->own_reply, transfer->path.data, batch->accept, NULL));
		curl_easy_setopt(transfer->easy, CURLOPT_HTTPGET, 1L);
		curl_multi_add_handle(http->multi, transfer->easy);
		transfer->busy = true;
		++*running;
	}
	return status_ok();
}

/* Hand on the answers that are complete. */
static Status
collect_answers(Http *http, const HttpBatch *batch, int *running)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL)
	{
		Transfer   *transfer;
		CURLcode	code = message->data.result;
		Status		outcome;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &transfer);
		outcome = judge_transfer(transfer, code);
		curl_multi_remove_handle(http->multi, transfer->easy);
		transfer->busy = false;
		--*running;
		if (outcome.code == LS_HOST_ERROR || outcome.code == LS_CANCELLED)
			return outcome;
		TRY(batch->done(batch->state, transfer->item, &outcome, transfer->reply));
		bytes_reset(&transfer->own_reply.body);
	}
	return status_ok();
}

static Status
run_batch(Http *http, const HttpBatch *batch)
{
	int			running = 0;

	for (;;)
	{
		int			active;
		int			before;

		TRY(stop_check());
		TRY(fill_transfers(http, batch, &running));
		if (running == 0)
			return status_ok();
		if (curl_multi_perform(http->multi, &active) != CURLM_OK)
			return status_error(LS_INTERNAL, "libcurl failed");
		before = running;
		TRY(collect_answers(http, batch, &running));

		/* Only where nothing is complete: with nothing under way a poll lasts its whole second. */
		if (running == before && curl_multi_poll(http->multi, NULL, 0, 1000, NULL) != CURLM_OK)
			return status_error(LS_INTERNAL, "libcurl failed");
	}
}

Status
http_get_batch(Http *http, const HttpBatch *batch)
{
	Status		status = run_batch(http, batch);
	int			i;

	for (i = 0; i < http->settings->connections; i++)
	{
		Transfer   *transfer = &http->transfers[i];

		if (transfer->busy)
			curl_multi_remove_handle(http->multi, transfer->easy);
		transfer->busy = false;
	}
	return status;
}
