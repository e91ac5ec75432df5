/*
 * model_cache.c: see model_cache.h.
 *
 * An entry's memory is a context of its own below CacheMemoryContext. While
 * a model is being loaded that context still hangs below the caller's, so a
 * failure takes it away. Libraries below us hold memory that no context
 * knows; network_free and segmenter_free release it.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "lib/ilist.h"
#include "utils/memutils.h"

#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/base/host.h"
#include "pg/base/settings.h"
#include "pg/models/model_config.h"
#include "pg/segment/model_cache.h"

typedef struct CachedModel
{
	dlist_node	node;			/* in cache, the most recently used first */
	MemoryContext context;		/* of everything here */
	char	   *model;
	int			number;
	uint8_t		sha256[SHA256_BYTES];
	int			image_size;
	EngineChoice engine;
	int			threads;
	const Host *host;			/* of network and segmenter */
	Network    *network;
	Segmenter  *segmenter;
	size_t		bytes;
} CachedModel;

static dlist_head cache = DLIST_STATIC_INIT(cache);
static ModelCacheStats stats;

/* Is this entry what that version needs under the current settings? */
static bool
entry_fits(const CachedModel *entry, const ModelVersion *version, EngineChoice engine, int threads)
{
	return entry->number == version->number && entry->image_size == version->traits.image_size &&
		memcmp(entry->sha256, version->sha256, SHA256_BYTES) == 0 &&
		entry->engine.backend == engine.backend && entry->engine.precision == engine.precision &&
		entry->threads == threads && strcmp(entry->model, version->model) == 0;
}

/* Release what an entry holds outside its memory context. */
static void
release_model(CachedModel *entry)
{
	segmenter_free(entry->segmenter);
	network_free(entry->network);
	entry->segmenter = NULL;
	entry->network = NULL;
}

/* Take an entry out of the cache; its memory goes with the current context
 * at the latest. */
static void
detach_model(CachedModel *entry)
{
	dlist_delete(&entry->node);
	stats.entries--;
	stats.bytes -= entry->bytes;
	MemoryContextSetParent(entry->context, CurrentMemoryContext);
}

/* Drop the least recently used models until the rest fits; the first stays. */
static void
evict_models(void)
{
	while (stats.entries > 1 && stats.bytes > (size_t) lesionseg_model_cache * 1024)
	{
		CachedModel *entry = dlist_tail_element(CachedModel, node, &cache);

		detach_model(entry);
		release_model(entry);
		MemoryContextDelete(entry->context);
	}
}

/* Decode the weights and plan; on failure nothing is left outside the
 * entry's context. */
static Status
build_model(CachedModel *entry, const Call *call, const ModelVersion *version, const ByteView *weights)
{
	const Architecture *architecture = config_architecture(version->architecture);
	ArchConfig	config = config_read(architecture, version->config);
	Status		status;

	status = network_create(entry->host, architecture, &config, &entry->network);
	if (status.code == LS_OK)
		status = network_load(entry->network, call, weights->bytes, weights->size);
	if (status.code == LS_OK)
	{
		entry->network->traits.image_size = version->traits.image_size;
		status = segmenter_create(entry->network, call, &entry->engine, &entry->segmenter);
	}
	if (status.code != LS_OK)
		release_model(entry);
	return status;
}

/*
 * The bytes that an entry holds: what its parts report, or what the process
 * has taken since `before` where that is more. Only the latter sees the memory
 * of oneDNN's primitives.
 */
static size_t
entry_bytes(const CachedModel *entry, size_t before)
{
	size_t		known = segmenter_memory(entry->segmenter) + entry->network->graph->weight_count * sizeof(float);
	size_t		now = process_bytes();

	return now > before && now - before > known ? now - before : known;
}

/* Read a version's weights and make them ready. Where that takes more memory
 * than the caller may have, NULL comes back if it may, else that is an error. */
static CachedModel *
load_entry(const ModelStore *store, const ModelVersion *version, EngineChoice engine, int threads, bool may_refuse)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "lesionseg model", ALLOCSET_SMALL_SIZES);
	size_t		before = process_bytes();
	CachedModel *entry = MemoryContextAllocZero(context, sizeof *entry);
	Call	   *call = call_create(CurrentMemoryContext, threads);
	ByteView	weights;
	Status		status;

	call_lift_limit(call);		/* what raises here would end a report */
	entry->context = context;
	entry->model = MemoryContextStrdup(context, version->model);
	entry->number = version->number;
	memcpy(entry->sha256, version->sha256, SHA256_BYTES);
	entry->image_size = version->traits.image_size;
	entry->engine = engine;
	entry->threads = threads;
	entry->host = host_create(context);

	SPI_connect();
	weights = store_weights(store, version);
	status = build_model(entry, call, version, &weights);
	if (status.code == LS_LIMIT_EXCEEDED && may_refuse)
	{
		SPI_finish();
		call_destroy(call);
		MemoryContextDelete(context);
		return NULL;
	}
	if (status.code != LS_OK)
		check_argument(call, psprintf("model \"%s\", version %d", version->model, version->number), status);
	SPI_finish();
	call_destroy(call);

	entry->bytes = entry_bytes(entry, before);
	MemoryContextSetParent(context, CacheMemoryContext);
	dlist_push_head(&cache, &entry->node);
	stats.loads++;
	stats.entries++;
	stats.bytes += entry->bytes;
	evict_models();
	return entry;
}

/* The model of a version, ready; valid until the next call. NULL as above. */
static CachedModel *
find_or_load(const ModelStore *store, const ModelVersion *version, bool may_refuse)
{
	EngineChoice engine = settings_engine();
	int			threads = settings_threads(false);
	dlist_iter	iterator;

	/* Another role may have loaded it. */
	store_check_readable(store, "lesion_version", "weights", "run a model");
	dlist_foreach(iterator, &cache)
	{
		CachedModel *entry = dlist_container(CachedModel, node, iterator.cur);

		if (entry_fits(entry, version, engine, threads))
		{
			stats.hits++;
			dlist_move_head(&cache, &entry->node);
			return entry;
		}
	}
	return load_entry(store, version, engine, threads, may_refuse);
}

void
model_cache_load(const ModelStore *store, const ModelVersion *version)
{
	(void) find_or_load(store, version, false);
}

bool
model_cache_fits(const ModelStore *store, const ModelVersion *version)
{
	return find_or_load(store, version, true) != NULL;
}

/* Predict with a model. An interrupt is raised; the model stays ready. */
static Status
run_entry(CachedModel *entry, const Call *call, const Image *image, bool tta, double threshold,
		  ProbabilityMap *map)
{
	return check_cancel(call, segmenter_run(entry->segmenter, call, image, tta, threshold, map));
}

Status
model_cache_run(const ModelStore *store, const ModelVersion *version, const Call *call,
				const Image *image, bool tta, double threshold, ProbabilityMap *map)
{
	return run_entry(find_or_load(store, version, false), call, image, tta, threshold, map);
}

Status
model_cache_instances(const ModelStore *store, const ModelVersion *version, const Call *call,
					  const Image *image, const NetworkInstance **instances, int *count)
{
	CachedModel *entry = find_or_load(store, version, false);
	ProbabilityMap map;

	TRY(run_entry(entry, call, image, false, version->traits.threshold, &map));
	probability_map_free(call, &map);
	*count = segmenter_instances(entry->segmenter, instances);
	return status_ok();
}

ModelCacheStats
model_cache_stats(void)
{
	return stats;
}
