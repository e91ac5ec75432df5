/*
 * http.h: requests to the PACS, by libcurl. TLS and authentication are
 * curl's: certificates, ~/.netrc, a file with a bearer token.
 */
#ifndef LESIONSEG_PACS_WEB_HTTP_H
#define LESIONSEG_PACS_WEB_HTTP_H

#include <stdbool.h>

#include "pacs/web/bytes.h"
#include "pacs/settings.h"

/*
 * What is asked for. An answer in JSON may have 16 MB: it is parsed as a whole,
 * which takes some eight times its size, and no page that is asked for comes
 * near it. A file may have what --max-size says.
 */
#define ACCEPT_JSON "application/dicom+json"
#define ACCEPT_DICOM "multipart/related; type=\"application/dicom\"; transfer-syntax=*"
#define JSON_MAX_SIZE (16L << 20)

typedef struct Http Http;

typedef struct HttpReply
{
	long		status;			/* 200, 404, ...; 0 where no whole answer came */
	char		content_type[256];
	Bytes		body;
} HttpReply;

/* Open what all requests share. */
Status		http_open(const PacsSettings *settings, Http **http);

void		http_close(Http *http);

/*
 * GET or POST path, which is appended to the URL of the settings. LS_HOST_ERROR
 * where the PACS cannot be reached or refuses access: then no other request
 * will do better. LS_UNSUPPORTED where it answers with an error,
 * LS_LIMIT_EXCEEDED where the answer is too large, LS_CANCELLED when
 * the program is to stop. The reply is the caller's and may be used again.
 */
Status		http_get(Http *http, const char *path, const char *accept, HttpReply *reply);
Status		http_post(Http *http, const char *path, const char *content_type, const Bytes *body, HttpReply *reply);

/* Many GETs, several at a time. */
typedef struct HttpBatch
{
	const char *accept;
	void	   *state;

	/* Write the next path and what it is for; more: false where there is none now. */
	Status		(*next) (void *state, Bytes *path, size_t *item, bool *more);

	/* Take an answer, in the order in which they come; outcome as of http_get,
	 * without LS_HOST_ERROR. Another outcome than success ends the batch. */
	Status		(*done) (void *state, size_t item, const Status *outcome, const HttpReply *reply);
} HttpBatch;

/* Run a batch to its end. */
Status		http_get_batch(Http *http, const HttpBatch *batch);

#endif
