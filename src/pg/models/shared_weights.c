/*
 * shared_weights.c: SQL functions on weight files that hospitals exchange while
 * they train one network together: their mean, and what stays at a hospital.
 */
#include "postgres.h"

#include "fmgr.h"

#include "learn/federated/own_norms.h"
#include "learn/federated/shared_weights.h"
#include "learn/federated/update.h"
#include "learn/federated/weights_mean.h"
#include "pg/base/call.h"
#include "pg/base/error.h"
#include "pg/base/host.h"
#include "pg/base/values/bytes.h"

PG_FUNCTION_INFO_V1(lesion_weights_mean_add);
PG_FUNCTION_INFO_V1(lesion_weights_mean_final);
PG_FUNCTION_INFO_V1(lesion_weights_keep_norms);
PG_FUNCTION_INFO_V1(lesion_weights_clip);
PG_FUNCTION_INFO_V1(lesion_weights_distance);

/* ---- the mean ---- */

/* The aggregate's state: internal, in the aggregate's memory. */
typedef struct MeanState
{
	const Host *host;
	WeightsMean *mean;			/* NULL: no row had weights yet */
	int64		rows;			/* so far, those without weights included */
} MeanState;

/* The memory of the aggregate that the function is called by; another call is
 * an error. */
static MemoryContext
aggregate_memory(FunctionCallInfo fcinfo)
{
	MemoryContext memory;

	if (!AggCheckCallContext(fcinfo, &memory))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a part of an aggregate was called by itself"),
				 errhint("Call the aggregate lesion_weights_mean.")));
	return memory;
}

enum
{
	ADD_STATE, ADD_WEIGHTS, ADD_N
};

/* lesion_weights_mean_add(state, weights, n) -> state */
Datum
lesion_weights_mean_add(PG_FUNCTION_ARGS)
{
	MemoryContext memory = aggregate_memory(fcinfo);
	MeanState  *state = PG_ARGISNULL(ADD_STATE) ? NULL : (MeanState *) PG_GETARG_POINTER(ADD_STATE);
	ByteView	file;
	char	   *subject;
	Call	   *call;

	if (state == NULL)
	{
		state = MemoryContextAllocZero(memory, sizeof(MeanState));
		state->host = host_create(memory);
	}
	state->rows++;
	if (PG_ARGISNULL(ADD_WEIGHTS))
		PG_RETURN_POINTER(state);
	if (PG_ARGISNULL(ADD_N))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("n of row " INT64_FORMAT " is NULL", state->rows),
				 errhint("n says how much a file counts: the number of images it was trained on. A row whose weights "
						 "are NULL is left out.")));
	call = call_create(CurrentMemoryContext, 1);
	if (state->mean == NULL)
		check_status(call, weights_mean_create(state->host, &state->mean));
	file = bytes_view(PG_GETARG_DATUM(ADD_WEIGHTS));
	subject = psprintf("weights of row " INT64_FORMAT, state->rows);
	check_argument(call, subject, weights_mean_add(state->mean, call, file.bytes, file.size, PG_GETARG_FLOAT8(ADD_N)));
	pfree(subject);
	bytes_release(&file);
	call_destroy(call);
	PG_RETURN_POINTER(state);
}

/* lesion_weights_mean_final(state) -> a weight file; NULL of no files */
Datum
lesion_weights_mean_final(PG_FUNCTION_ARGS)
{
	const MeanState *state = PG_ARGISNULL(0) ? NULL : (const MeanState *) PG_GETARG_POINTER(0);
	Call	   *call;
	Datum		result;
	void	   *bytes;
	size_t		size;

	(void) aggregate_memory(fcinfo);
	if (state == NULL || state->mean == NULL)
		PG_RETURN_NULL();
	if (weights_mean_splits_differ(state->mean))
		ereport(NOTICE,
				(errmsg("the files say different things about how training split its images, and their mean nothing"),
				 errhint("Evaluate it with the id_column or group_column, seed and fractions of each training.")));
	call = call_create(CurrentMemoryContext, 1);
	check_status(call, weights_mean_write(state->mean, call, &bytes, &size));
	result = bytes_datum(bytes, size);
	call_destroy(call);
	PG_RETURN_DATUM(result);
}

/* ---- two files of one network ---- */

/* Read the file in argument `n`, which must be of the first one's network unless
 * that is NULL. */
static SharedWeights
read_argument(FunctionCallInfo fcinfo, int n, const char *name, const Call *call, const SharedWeights *first)
{
	ByteView	file = bytes_view(PG_GETARG_DATUM(n));
	SharedWeights weights;

	check_argument(call, name, first == NULL ?
				   shared_weights_open(&call->host, call, file.bytes, file.size, &weights) :
				   shared_weights_open_like(first, &call->host, call, file.bytes, file.size, &weights));
	bytes_release(&file);
	return weights;
}

/* A file as the function's result; ends the call. */
static Datum
result_file(const SharedWeights *weights, Call *call)
{
	Datum		result;
	void	   *bytes;
	size_t		size;

	check_status(call, shared_weights_write(weights, call, &bytes, &size));
	result = bytes_datum(bytes, size);
	call_destroy(call);
	return result;
}

enum
{
	KEEP_WEIGHTS, KEEP_OWN, KEEP_SCALES
};

/* lesion_weights_keep_norms(weights, own, scales) -> a weight file */
Datum
lesion_weights_keep_norms(PG_FUNCTION_ARGS)
{
	Call	   *call = call_create(CurrentMemoryContext, 1);
	SharedWeights weights = read_argument(fcinfo, KEEP_WEIGHTS, "weights", call, NULL);
	SharedWeights own = read_argument(fcinfo, KEEP_OWN, "own", call, &weights);

	own_norms_copy(own.network, weights.network, PG_GETARG_BOOL(KEEP_SCALES));
	PG_RETURN_DATUM(result_file(&weights, call));
}

enum
{
	UPDATE_WEIGHTS, UPDATE_START, UPDATE_CLIP_NORM, UPDATE_NOISE_MULTIPLIER
};

/* lesion_weights_clip(weights, start, clip_norm, noise_multiplier) -> a weight file */
Datum
lesion_weights_clip(PG_FUNCTION_ARGS)
{
	Call	   *call = call_create(CurrentMemoryContext, 1);
	SharedWeights start = read_argument(fcinfo, UPDATE_START, "start", call, NULL);
	SharedWeights weights = read_argument(fcinfo, UPDATE_WEIGHTS, "weights", call, &start);

	check_status(call, update_clip(call, start.network, weights.network, PG_GETARG_FLOAT8(UPDATE_CLIP_NORM),
								   PG_GETARG_FLOAT8(UPDATE_NOISE_MULTIPLIER), pg_strong_random));
	PG_RETURN_DATUM(result_file(&weights, call));
}

/* lesion_weights_distance(weights, start) -> float8 */
Datum
lesion_weights_distance(PG_FUNCTION_ARGS)
{
	Call	   *call = call_create(CurrentMemoryContext, 1);
	SharedWeights start = read_argument(fcinfo, UPDATE_START, "start", call, NULL);
	SharedWeights weights = read_argument(fcinfo, UPDATE_WEIGHTS, "weights", call, &start);
	double		norm;

	check_status(call, update_norm(call, start.network, weights.network, &norm));
	call_destroy(call);
	PG_RETURN_FLOAT8(norm);
}
