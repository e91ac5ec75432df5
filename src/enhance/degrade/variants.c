/*
 * variants.c: see variants.h.
 *
 * A thread takes the next degradation when it is done with one, because some
 * take ten times as long as others. The results are in the caller's memory;
 * working memory of a pool thread comes through call_on_thread.
 */
#include "enhance/degrade/variants.h"

#include <string.h>

#include "core/threads.h"
#include "enhance/steps/steps.h"

#define PIXELS_PER_THREAD (384 * 384)	/* take about 70 ms to degrade and to enhance in two modes */
#define AT_ONCE_PER_THREAD 4

typedef struct VariantTask
{
	const Call *call;	/* of the thread that works on it */
	const Image *source;
	const VariantSet *set;
	const Degraded *ways;
	int			count;
	int			next;			/* next way to take */
	Image	   *images;
	Status	   *statuses;		/* one per way */
} VariantTask;

int
variants_at_once(const Call *call, int width, int height)
{
	int64_t		each = PIXELS_PER_THREAD / ((int64_t) width * height);

	if (call->threads == 1 || each < 1)
		return 1;
	return call->threads * (int) (each < AT_ONCE_PER_THREAD ? each : AT_ONCE_PER_THREAD);
}

/* Make all variants of one way: degrade the first image, copy it for the other
 * modes, then enhance each. */
static Status
make_way(const VariantTask *task, int way)
{
	const VariantSet *set = task->set;
	const Degraded *degraded = &task->ways[way];
	Image	   *images = task->images + (size_t) way * (size_t) set->mode_count;
	size_t		bytes = samples_in_row(task->source) * (size_t) task->source->height;

	memcpy(images[0].pixels, task->source->pixels, bytes);
	if (degraded->severity > 0)
		TRY(degrade_image(task->call, degraded->kind, degraded->severity, set->seed, &images[0]));
	for (int m = 1; m < set->mode_count; m++)
		memcpy(images[m].pixels, images[0].pixels, bytes);
	for (int m = 0; m < set->mode_count; m++)
		TRY(enhance_by_mode(task->call, set->modes[m], &images[m]));
	return status_ok();
}

/* Take one way after another. */
static void
make_ways(void *data, int worker, long begin, long end)
{
	VariantTask *task = data;

	(void) worker;
	(void) begin;
	(void) end;
	for (;;)
	{
		int			way = __atomic_fetch_add(&task->next, 1, __ATOMIC_RELAXED);

		if (way >= task->count)
			return;
		task->statuses[way] = make_way(task, way);
	}
}

Status
variants_make(const Call *call, const Image *source, const VariantSet *set, const Degraded *ways, int count,
			  Image *images)
{
	VariantTask task = {.source = source,.set = set,.ways = ways,.count = count,.images = images};
	Call		on_thread = call_on_thread(call);
	Status		status = status_ok();
	void	   *memory;

	memset(images, 0, (size_t) count * (size_t) set->mode_count * sizeof(Image));
	for (int i = 0; i < count * set->mode_count; i++)
		TRY(image_create(call, source->width, source->height, source->channels, &images[i]));
	if (count == 1)
	{
		task.call = call;
		return make_way(&task, 0);
	}
	TRY(call_alloc_array(call, (size_t) count, sizeof(Status), &memory));
	task.statuses = memory;
	task.call = &on_thread;
	threads_run(call->threads, call->threads, make_ways, &task);
	for (int i = 0; i < count && status.code == LS_OK; i++)
		status = task.statuses[i];
	call_free(call, memory);
	return status;
}
