/*
 * across.c: the procedure lesion_train_across: federated averaging over
 * hospitals whose images stay where they are.
 *
 * A round sends the present weights to all hospitals, lets each train from
 * them, and makes the mean of what comes back (McMahan et al., "Communication-
 * efficient learning of deep networks from decentralized data", AISTATS 2017).
 * Each mean is scored on the validation rows of all hospitals, and the best
 * one on their test rows. Each piece is a step with an error handler of its own,
 * which ends what the hospitals are at.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "tcop/pquery.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "learn/federated/update.h"
#include "pg/across/across.h"
#include "pg/base/caught_error.h"
#include "pg/base/error.h"
#include "pg/base/query/spi_context.h"
#include "pg/base/values/arguments.h"
#include "pg/models/active/active_version.h"
#include "pg/models/work_lock.h"
#include "pg/train/train_run.h"

PG_FUNCTION_INFO_V1(lesion_train_across);

/* Arguments; from ARGUMENT_EPOCHS on they are those of lesion_train. */
enum
{
	ARGUMENT_SERVERS, ARGUMENT_IMAGES, ARGUMENT_MODEL, ARGUMENT_ROUNDS, ARGUMENT_EPOCHS,
	ARGUMENT_GROUP_COLUMN = 20, ARGUMENT_WEIGHT_COLUMN, ARGUMENT_CLIP_NORM, ARGUMENT_NOISE_MULTIPLIER
};

/* What the name of the hospitals' model ends with. */
#define LOCAL_SUFFIX "_across"

#define SERVERS_MAX 100
#define ROUNDS_MAX 10000

/* Options of each training, where the caller says nothing else: the mean needs all that was learned, and a hospital's
 * few validation rows choose no epoch. */
#define ROUND_OPTIONS "{\"schedule\": \"constant\", \"keep_last\": true}"

/* What a call is at, beside what its files share. */
typedef struct Steps
{
	Across		task;
	bool		training;		/* is a hospital at it? */
	SharedVersion mean;			/* of this round; number 0 = still to be made */
	SharedVersion best;			/* the mean with the best score so far; without its weights */
	PooledScore best_score;
} Steps;

/* ---- steps ---- */

/* Keep a snapshot for values that are read between queries; a commit removes that of the CALL. */
static void
need_snapshot(const Across *task)
{
	if (task->commits)
		EnsurePortalSnapshotExists();
}

/* The start of all: what lesion_train would start from, as a weight file. */
static void
save_start(Across *task, TrainRun *run)
{
	Network    *network = run->network;
	uint8_t		digest[SHA256_BYTES];
	void	   *bytes;
	size_t		size;

	network->traits.image_size = task->request.image_size;
	network->traits.enhance = run->plan.enhance;
	check_status(run->call, network_save(network, run->call, WEIGHTS_F32,
										 JsonbToCString(NULL, &task->config->root, 0), &bytes, &size));
	task->current.number = 0;
	task->current.size = size;
	task->current.bytes = MemoryContextAllocHuge(task->context, size);
	memcpy(task->current.bytes, bytes, size);
	sha256_digest(bytes, size, digest);
	sha256_hex(digest, task->current.sha256);
}

/* Settle what is trained as lesion_train does: here, before a hospital hears of it. */
static void
settle(Across *task)
{
	MemoryContext caller = MemoryContextSwitchTo(task->context);
	TrainRun   *run = train_run_create(task->store, &task->request);

	need_snapshot(task);
	PG_TRY();
	{
		train_run_settle(run);
		if (run->plan.fold != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("fold is an option of one table's cross-validation"),
					 errhint("Leave it out: test_fraction keeps a part of each hospital's rows for the test.")));
		MemoryContextSwitchTo(task->context);
		task->plan = run->plan;
		task->config = (Jsonb *) PG_DETOAST_DATUM_COPY(JsonbPGetDatum(run->config));
		save_start(task, run);
	}
	PG_FINALLY();
	{
		train_run_free(run);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
}

/* Settle and connect, in one step: a call that a hospital refuses leaves no new model here. */
static void
open_step(void *work)
{
	settle(work);
	hospitals_open(work);
}

/* Send the round's start, and find what is done already. */
static void
begin_round_step(void *work)
{
	Steps	   *steps = work;
	Across	   *task = &steps->task;

	need_snapshot(task);
	hospitals_send(task, &task->current);
	training_find(task);
	steps->mean = (SharedVersion) {0};
	if (mean_find(task, &steps->mean))
		training_need_runs(task);	/* they tell which hospitals have images to score on */
}

static void
wait_training_step(void *work)
{
	Steps	   *steps = work;

	steps->training = training_wait(&steps->task);
}

static void
mean_step(void *work)
{
	Steps	   *steps = work;

	need_snapshot(&steps->task);
	mean_make(&steps->task, &steps->mean);
}

/* Score the round's mean, which is the start of the next. */
static void
score_step(void *work)
{
	Steps	   *steps = work;
	Across	   *task = &steps->task;
	PooledScore score;

	hospitals_send(task, &steps->mean);
	score = scores_pooled(task, "validation");
	if (score.n == 0 || steps->best.number == 0 || score.dice > steps->best_score.dice)
	{
		steps->best_score = score;
		steps->best = steps->mean;
		steps->best.bytes = NULL;
	}
	ereport(NOTICE,
			(errmsg("round %d of %d: version %d of model \"%s\"%s", task->round, task->rounds, steps->mean.number,
					task->model, score.n == 0 ? "" :
					psprintf(", validation Dice %.4f on %lld images of %d servers", score.dice, (long long) score.n,
							 task->count))));
}

/* ---- the end ---- */

/* Score a version of the coordinator's model on the test rows of all hospitals. */
static PooledScore
test_version(Across *task, int number)
{
	SharedVersion version;

	mean_read(task, number, &version);
	hospitals_send(task, &version);
	pfree(version.bytes);
	return scores_pooled(task, "test");
}

/* Is the best mean better than the active version on the same rows? */
static bool
beats(Across *task, const ModelVersion *active, PooledScore score)
{
	PooledScore other;

	if (score.n == 0)
	{
		ereport(NOTICE,
				(errmsg("nothing is promoted: there is no test part to compare on"),
				 errhint("Promote a version with lesion_model_promote, or keep rows for testing with test_fraction.")));
		return false;
	}
	if (!DatumGetBool(DirectFunctionCall2(jsonb_eq, JsonbPGetDatum(active->config), JsonbPGetDatum(task->config))))
	{
		ereport(NOTICE,
				(errmsg("nothing is promoted: the active version %d has another config", active->number),
				 errhint("Compare the two on rows of your own, and promote with lesion_model_promote.")));
		return false;
	}
	other = test_version(task, active->number);
	ereport(NOTICE,
			(errmsg("test Dice %.4f, that of the active version %d is %.4f", score.dice, active->number, other.dice)));
	return score.dice > other.dice;
}

/* Promote the best mean if the rule says so. */
static void
finish_step(void *work)
{
	Steps	   *steps = work;
	Across	   *task = &steps->task;
	int			best = steps->best.number;
	ModelVersion *active;
	PooledScore score;
	bool		promoted = false;

	need_snapshot(task);
	active = store_find_version(&task->store, task->model, NULL);
	/* Two are compared on the same rows. */
	task->score_anew = active != NULL && active->number != best && task->request.promote != PROMOTE_NEVER &&
		task->request.promote != PROMOTE_ALWAYS;
	score = test_version(task, best);
	if (active != NULL && active->number == best)
		promoted = true;		/* by an earlier call */
	else if (task->request.promote == PROMOTE_ALWAYS)
	{
		store_promote(&task->store, task->model, best, active == NULL ? "first version" : "always");
		promoted = true;
	}
	else if (task->request.promote != PROMOTE_NEVER && (active == NULL || beats(task, active, score)))
		promoted = store_promote_over(&task->store, task->model, best, active == NULL ? "first version" : "better",
									  active != NULL ? &active->number : NULL);
	ereport(NOTICE,
			(errmsg("training across %d servers is finished: version %d of model \"%s\"%s%s", task->count, best,
					task->model, promoted ? ", promoted" : "", score.n == 0 ? "" :
					psprintf(", test Dice %.4f on %lld images", score.dice, (long long) score.n))));
}

/* ---- the call ---- */

/* A step, and what it works on. */
typedef struct Step
{
	void		(*run) (void *work);
	void	   *work;
} Step;

/* Run a step with a connection to SPI of its own: each call of SPI goes back to the context of its connection. */
static void
connected_step(void *work)
{
	const Step *step = work;

	SPI_connect();
	step->run(step->work);
	SPI_finish();
}

/* Run a step and commit it. If either fails, end what hospitals are at; the first error is told. The step's memory goes
 * with it: there may be many. */
static void
run_step(Across *task, void (*run) (void *work), void *work)
{
	Step		step = {run, work};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "lesionseg step across servers",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	ErrorData  *error = caught_in_step(connected_step, &step, task->context);
	ErrorData  *failed = NULL;

	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	if (task->commits)
		failed = caught_in_commit(task->context);
	if (error == NULL)
		error = failed;			/* as by a deferred trigger */
	if (error == NULL)
		return;
	hospitals_close(task);
	ReThrowError(error);
}

/* Train at the hospitals. Each answer is a step: a transaction that has taken one has a snapshot, and others may
 * train for hours. */
static void
train_hospitals(Steps *steps)
{
	run_step(&steps->task, training_start, &steps->task);
	do
		run_step(&steps->task, wait_training_step, steps);
	while (steps->training);
	run_step(&steps->task, training_end, &steps->task);
}

/* Train from the first round to the last. */
static void
train_across(Steps *steps)
{
	Across	   *task = &steps->task;

	run_step(task, open_step, task);
	for (task->round = 1; task->round <= task->rounds; task->round++)
	{
		run_step(task, begin_round_step, steps);
		hospitals_check_kept(task);
		if (steps->mean.number == 0)
		{
			train_hospitals(steps);
			run_step(task, mean_step, steps);
		}
		run_step(task, score_step, steps);
		hospitals_check_kept(task);
		pfree(task->current.bytes);
		task->current = steps->mean;
	}
	run_step(task, finish_step, steps);
	hospitals_close(task);
}

/* The texts of an array argument without NULLs. */
static char **
read_texts(FunctionCallInfo fcinfo, int argument, const char *name, int *count)
{
	Datum	   *elements;
	bool	   *nulls;
	char	  **texts;

	argument_needed(fcinfo, argument, name);
	argument_at_most(fcinfo, argument, name, SERVERS_MAX);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, count);
	texts = palloc((*count + 1) * sizeof(char *));
	for (int i = 0; i < *count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("element %d of %s is NULL", i + 1, name)));
		texts[i] = TextDatumGetCString(elements[i]);
	}
	return texts;
}

/* Read the hospitals. */
static void
read_hospitals(FunctionCallInfo fcinfo, Across *task)
{
	int			tables;
	char	  **servers = read_texts(fcinfo, ARGUMENT_SERVERS, "servers", &task->count);
	char	  **images = read_texts(fcinfo, ARGUMENT_IMAGES, "images", &tables);

	if (task->count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("servers is empty"),
				 errhint("Name foreign servers, as in '{north,south}'.")));
	if (tables != 1 && tables != task->count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("images has %d names for %d servers", tables, task->count),
				 errhint("Give one name for all of them, or one for each, in their order.")));
	task->hospitals = palloc0(task->count * sizeof(Hospital));
	for (int i = 0; i < task->count; i++)
	{
		task->hospitals[i].server = servers[i];
		task->hospitals[i].images = images[tables == 1 ? 0 : i];
		for (int other = 0; other < i; other++)
			if (strcmp(servers[other], servers[i]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("server \"%s\" is named twice", servers[i]),
						 errhint("Its images would count twice.")));
	}
	/* Copies: a value that stands in TOAST may go with its row when a round is committed. */
	task->servers = PointerGetDatum(PG_GETARG_ARRAYTYPE_P_COPY(ARGUMENT_SERVERS));
	task->images = PointerGetDatum(PG_GETARG_ARRAYTYPE_P_COPY(ARGUMENT_IMAGES));
}

/* Read the arguments that lesion_train has, too: at the places where it has them. */
static TrainRequest
read_request(FunctionCallInfo fcinfo)
{
	LOCAL_FCINFO(train, ARGUMENT_WEIGHT_COLUMN);
	int			count = ARGUMENT_WEIGHT_COLUMN + 1 - 2;
	TrainRequest request;
	Datum		for_rounds = DirectFunctionCall1(jsonb_in, CStringGetDatum(ROUND_OPTIONS));

	InitFunctionCallInfoData(*train, fcinfo->flinfo, count, InvalidOid, NULL, NULL);
	train->args[0] = (NullableDatum) {ObjectIdGetDatum(InvalidOid), false};
	train->args[1] = fcinfo->args[ARGUMENT_MODEL];
	for (int i = 2; i < count; i++)
		train->args[i] = fcinfo->args[i + 2];
	request = train_request_read(train, ARGUMENT_GROUP_COLUMN - 2);
	request.options = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, for_rounds,
														 JsonbPGetDatum(request.options)));
	return request;
}

/* Name the hospitals' model. A name that is too long is refused here, before anything is done there. */
static char *
name_local_model(const char *model)
{
	char	   *name = psprintf("%s" LOCAL_SUFFIX, model);

	if (pg_mbstrlen(name) > MODEL_NAME_CHARACTERS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("\"%s\" is too long a name for a model of several hospitals", model),
				 errdetail("Their own is called \"%s\", and a name has at most %d characters.", name,
						   MODEL_NAME_CHARACTERS),
				 errhint("Choose a shorter name.")));
	return name;
}

/* Read how weights are limited before they leave a hospital. It would refuse wrong limits, too, but only after its
 * training. */
static void
read_limits(FunctionCallInfo fcinfo, Across *task)
{
	task->clip_norm = PG_ARGISNULL(ARGUMENT_CLIP_NORM) ? 0 : PG_GETARG_FLOAT8(ARGUMENT_CLIP_NORM);
	task->noise_multiplier = argument_double(fcinfo, ARGUMENT_NOISE_MULTIPLIER, "noise_multiplier");
	if (!PG_ARGISNULL(ARGUMENT_CLIP_NORM))
		check_status(NULL, update_check_limits(task->clip_norm, task->noise_multiplier));
	else if (task->noise_multiplier != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("noise_multiplier needs clip_norm"),
				 errhint("Noise is as large as noise_multiplier says, times clip_norm.")));
}

/* lesion_train_across(servers, images, model, rounds, epochs, ...) */
Datum
lesion_train_across(PG_FUNCTION_ARGS)
{
	Steps	   *steps = palloc0(sizeof *steps);
	Across	   *task = &steps->task;
	WorkLock	lock;

	task->store = store_open(fcinfo, false);
	task->commits = procedure_may_commit(fcinfo);
	task->context = AllocSetContextCreate(CurrentMemoryContext, "lesionseg training across servers",
										  ALLOCSET_DEFAULT_SIZES);
	read_hospitals(fcinfo, task);
	task->request = read_request(fcinfo);
	task->model = task->request.model;
	task->local_model = name_local_model(task->model);
	task->rounds = argument_int(fcinfo, ARGUMENT_ROUNDS, "rounds");
	if (task->rounds < 1 || task->rounds > ROUNDS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rounds is %d, it must be from 1 to %d", task->rounds, ROUNDS_MAX)));
	read_limits(fcinfo, task);
	store_check_rights(&task->store, "lesion_version", ACL_INSERT, "train");
	store_check_rights(&task->store, "lesion_promotion", ACL_INSERT, "train");
	SPI_connect_ext(task->commits ? SPI_OPT_NONATOMIC : 0);
	lock = model_lock(&task->store, task->model, task->commits ? LOCK_SESSION : LOCK_TRANSACTION);
	PG_TRY();
	{
		train_across(steps);
	}
	PG_FINALLY();
	{
		work_unlock(&lock);
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_VOID();
}
