/*
 * settings.c: the settings named lesionseg.*.
 *
 * Any user may change them, as work_mem: they limit what one operation may use
 * and choose how it computes, but give access to nothing.
 */
#include "postgres.h"

#include <limits.h>

#include "access/xact.h"
#include "optimizer/cost.h"
#include "utils/guc.h"

#include "core/threads.h"
#include "nn/conv/backend.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"

/* More threads than cores make nothing faster, and each takes one of the
 * server's tasks. This few are always allowed. */
#define MOST_THREADS_ANYWHERE 4

/* The largest max_pixels: the samples of one row, RGB and some more at its
 * ends, are counted with int. */
#define MOST_PIXELS (700 * 1000 * 1000)

int			lesionseg_max_memory = 4 * 1024 * 1024;
int			lesionseg_max_pixels = 100 * 1000 * 1000;
int			lesionseg_remake_timeout = 30 * 1000;
int			lesionseg_threads = 0;
int			lesionseg_backend = BACKEND_AUTO;
int			lesionseg_precision = PRECISION_AUTO;
char	   *lesionseg_default_model = NULL;
int			lesionseg_model_cache = 512 * 1024;
bool		lesionseg_parallel = true;

static const struct config_enum_entry backend_options[] = {
	{"auto", BACKEND_AUTO, false},
	{"onednn", BACKEND_ONEDNN, false},
	{"builtin", BACKEND_BUILTIN, false},
	{"openblas", BACKEND_OPENBLAS, false},
	{NULL, 0, false}
};

static const struct config_enum_entry precision_options[] = {
	{"auto", PRECISION_AUTO, false},
	{"f32", PRECISION_F32, false},
	{"bf16", PRECISION_BF16, false},
	{NULL, 0, false}
};

/* Define the settings; called from _PG_init. */
void
settings_init(void)
{
	DefineCustomIntVariable("lesionseg.max_memory",
							"Sets the largest block of working memory that an operation of lesionseg may take.",
							"What needs more is refused before it starts; a training set that needs more is "
							"kept in a temporary file.",
							&lesionseg_max_memory,
							4 * 1024 * 1024, 16 * 1024, INT_MAX,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);

	DefineCustomIntVariable("lesionseg.max_pixels",
							"Sets the largest image that is decoded, in pixels (width times height).",
							"The header is checked before any pixel is decoded.",
							&lesionseg_max_pixels,
							100 * 1000 * 1000, 1, MOST_PIXELS,
							PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("lesionseg.remake_timeout",
							"Sets how long one mask may take whose model a row names, in lesion_reproduce and in the "
							"pictures of lesion_report, and looking for its image; 0 means without end.",
							NULL,
							&lesionseg_remake_timeout,
							30 * 1000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);

	DefineCustomIntVariable("lesionseg.threads",
							"Sets the threads one call may use; 0 means all cores, which the processes of a parallel "
							"query share.",
							NULL,
							&lesionseg_threads,
							0, 0, 1024,
							PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomEnumVariable("lesionseg.backend",
							 "Chooses what computes convolutions.",
							 "auto takes onednn where it was built in, else builtin; openblas is a reference.",
							 &lesionseg_backend,
							 BACKEND_AUTO, backend_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomEnumVariable("lesionseg.precision",
							 "Chooses the number format networks are computed in.",
							 "auto takes bf16 where the processor computes in it, else f32.",
							 &lesionseg_precision,
							 PRECISION_AUTO, precision_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomStringVariable("lesionseg.default_model",
							   "Names the model that is used where a call names none.",
							   NULL,
							   &lesionseg_default_model,
							   "lesion",
							   PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("lesionseg.model_cache",
							"Sets the memory in which a process keeps models that are ready to run.",
							"The model in use is always kept.",
							&lesionseg_model_cache,
							512 * 1024, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);

	DefineCustomBoolVariable("lesionseg.parallel",
							 "Lets the planner use parallel workers for tables whose images stand in TOAST.",
							 "Only queries that call functions of lesionseg over such images are concerned.",
							 &lesionseg_parallel,
							 true,
							 PGC_USERSET, GUC_EXPLAIN, NULL, NULL, NULL);

	MarkGUCPrefixReserved("lesionseg");
}

/* The engine the settings ask for. */
EngineChoice
settings_engine(void)
{
	EngineChoice choice;

	choice.backend = (BackendKind) lesionseg_backend;
	choice.precision = (Precision) lesionseg_precision;
	return choice;
}

/* The backend and the precision of an engine on this machine. */
EngineNames
settings_engine_names(const EngineChoice *choice)
{
	const Backend *backend;
	DataType	type;
	EngineNames names;

	check_status(NULL, backend_find(choice->backend, &backend));
	check_status(NULL, backend_data_type(backend, choice->precision, &type));
	names.backend = backend->name;
	names.precision = type == DATA_BF16 ? "bf16" : "f32";
	return names;
}

/* Threads of a call while so many processes compute at once. */
static int
threads_beside(int processes)
{
	if (lesionseg_threads > 0)
		return Min(lesionseg_threads, Max(threads_available(), MOST_THREADS_ANYWHERE));
	return Max(1, threads_available() / processes);
}

/* The processes of a parallel query: the leader computes, too. How many workers it got, a process is not told. */
static int
most_processes(void)
{
	return max_parallel_workers_per_gather + 1;
}

/* Threads for this call. Training never runs in a parallel query. */
int
settings_threads(bool training)
{
	static bool warned = false;
	int			wanted = threads_beside(!training && IsInParallelMode() ? most_processes() : 1);
	int			threads = threads_startable(wanted);

	if (threads < wanted && !warned)
	{
		warned = true;
		ereport(WARNING,
				(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				 errmsg("%d of %d threads can be started", threads, wanted),
				 errhint("The server is short of memory, or its user or service of tasks (ulimit -u, TasksMax). With a "
						 "lower lesionseg.threads, calls ask for fewer.")));
	}
	return threads;
}

/* Threads do not divide a call without loss, so processes are ahead of them unless they leave most cores idle. */
bool
settings_parallel_pays(int workers)
{
	return 2 * (workers + 1) * threads_beside(most_processes()) > threads_beside(1);
}

void
settings_save(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

int
settings_compared_begin(void)
{
	int			level = NewGUCNestLevel();

	settings_save("lesionseg.max_pixels", psprintf("%d", Min(lesionseg_max_pixels, COMPARED_PIXELS)));
	return level;
}

void
settings_compared_end(int level)
{
	AtEOXact_GUC(true, level);
}

/* Raise an error if images at the network's size would be above
 * lesionseg.max_pixels: then every image would fail. */
void
settings_check_image_size(int image_size)
{
	int64		pixels = (int64) image_size * image_size;

	if (pixels > lesionseg_max_pixels)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("an image_size of %d has %lld pixels, above the limit of %d", image_size, (long long) pixels,
						lesionseg_max_pixels),
				 errhint("Use a smaller image_size, or raise lesionseg.max_pixels.")));
}
