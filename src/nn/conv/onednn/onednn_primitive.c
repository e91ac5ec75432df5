/*
 * onednn_primitive.c: see onednn_primitive.h.
 */
#ifdef HAVE_ONEDNN

#include <string.h>

#include "nn/conv/onednn/onednn_primitive.h"
#include "nn/conv/room.h"

/* Free memory that is required before a primitive is made; its code takes far
 * less. */
#define PRIMITIVE_ROOM ((size_t) 32 * 1024 * 1024)

/*
 * Check that there is memory to make a primitive. oneDNN writes a primitive's
 * code without checking that it got memory for it: under ulimit -v the process
 * crashed.
 */
static Status
need_room(void)
{
	if (!room_for(PRIMITIVE_ROOM))
		return status_with_hint(status_error(LS_OUT_OF_MEMORY, "no memory is left to make a primitive of oneDNN"),
								"Let the process have more (ulimit -v).");
	return status_ok();
}

Status
onednn_check(dnnl_status_t status, const char *what)
{
	if (status == dnnl_success)
		return status_ok();
	if (status == dnnl_out_of_memory)
		return status_error(LS_OUT_OF_MEMORY, "oneDNN ran out of memory: could not %s", what);
	return status_error(LS_INTERNAL, "oneDNN could not %s (status %d)", what, (int) status);
}

bool
onednn_misreads_caches(const CpuFeatures *cpu)
{
	const dnnl_version_t *version = dnnl_version();

	return cpu->hides_caches && version->major == 3 && version->minor >= 2 && version->minor < 8;
}

Status
onednn_engine_create(OneDnnEngine *engine)
{
	memset(engine, 0, sizeof *engine);
	TRY(onednn_check(dnnl_engine_create(&engine->engine, dnnl_cpu, 0), "make an engine"));
	return onednn_check(dnnl_stream_create(&engine->stream, engine->engine, dnnl_stream_default_flags),
						"make a stream");
}

void
onednn_engine_destroy(OneDnnEngine *engine)
{
	if (engine->stream != NULL)
		dnnl_stream_destroy(engine->stream);
	if (engine->engine != NULL)
		dnnl_engine_destroy(engine->engine);
}

void
onednn_primitive_destroy(OneDnnPrimitive *primitive)
{
	for (int i = 0; i < primitive->argument_count; i++)
		dnnl_memory_destroy(primitive->arguments[i].memory);
	if (primitive->primitive != NULL)
		dnnl_primitive_destroy(primitive->primitive);
	if (primitive->description != NULL)
		dnnl_primitive_desc_destroy(primitive->description);
	onednn_desc_destroy(&primitive->scratch);
}

Status
onednn_attributes(const OneDnnFusion *fusion, dnnl_primitive_attr_t *attributes)
{
	dnnl_post_ops_t post_ops;
	dnnl_status_t status;

	TRY(onednn_check(dnnl_primitive_attr_create(attributes), "make attributes"));
	status = dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user);
	if (status == dnnl_success)
		status = dnnl_post_ops_create(&post_ops);
	if (status == dnnl_success)
	{
		if (fusion->relu_before)
			status = onednn_append_relu(post_ops);
		if (status == dnnl_success && fusion->sum)
			status = onednn_append_sum(post_ops);
		if (status == dnnl_success && fusion->relu)
			status = onednn_append_relu(post_ops);
		if (status == dnnl_success)
			status = dnnl_primitive_attr_set_post_ops(*attributes, post_ops);
		dnnl_post_ops_destroy(post_ops);
	}
	if (status != dnnl_success)
		dnnl_primitive_attr_destroy(*attributes);
	return onednn_check(status, "set attributes");
}

Status
onednn_primitive_make(OneDnnEngine *engine, OneDnnPrimitive *primitive)
{
	size_t		scratch;

	TRY(need_room());
	TRY(onednn_check(onednn_desc_query(&primitive->scratch, primitive->description, dnnl_query_scratchpad_md),
					 "find out its scratch"));
	scratch = dnnl_memory_desc_get_size(ONEDNN_DESC(&primitive->scratch));
	if (scratch > engine->scratch_size)
		engine->scratch_size = scratch;
	return onednn_check(dnnl_primitive_create(&primitive->primitive, primitive->description), "make a primitive");
}

Status
onednn_primitive_reorder(OneDnnEngine *engine, const OneDnnDesc *source, const OneDnnDesc *target,
						 OneDnnPrimitive *primitive)
{
	dnnl_primitive_attr_t attributes;
	Status		status;

	TRY(onednn_attributes(&(OneDnnFusion) {.relu = false}, &attributes));
	status = onednn_check(dnnl_reorder_primitive_desc_create(&primitive->description,
															 ONEDNN_DESC(source), engine->engine,
															 ONEDNN_DESC(target), engine->engine, attributes),
						  "make a reorder");
	dnnl_primitive_attr_destroy(attributes);
	TRY(status);
	return onednn_primitive_make(engine, primitive);
}

Status
onednn_add_argument(const OneDnnEngine *engine, OneDnnPrimitive *primitive, int argument, const OneDnnDesc *desc,
					void *handle)
{
	dnnl_memory_t memory;

	TRY(onednn_check(dnnl_memory_create(&memory, ONEDNN_DESC(desc), engine->engine,
										handle == NULL ? DNNL_MEMORY_NONE : handle),
					 "describe a tensor"));
	primitive->arguments[primitive->argument_count].arg = argument;
	primitive->arguments[primitive->argument_count].memory = memory;
	primitive->argument_count++;
	return status_ok();
}

Status
onednn_set_argument(const OneDnnPrimitive *primitive, int argument, const void *handle)
{
	for (int i = 0; i < primitive->argument_count; i++)
		if (primitive->arguments[i].arg == argument)
			return onednn_check(dnnl_memory_set_data_handle(primitive->arguments[i].memory, (void *) handle),
								"use a tensor");
	return status_error(LS_INTERNAL, "a primitive has no argument %d", argument);
}

Status
onednn_run(const OneDnnEngine *engine, const OneDnnPrimitive *primitive)
{
	TRY(onednn_check(dnnl_primitive_execute(primitive->primitive, engine->stream, primitive->argument_count,
											primitive->arguments),
					 "run a primitive"));
	return onednn_check(dnnl_stream_wait(engine->stream), "wait for a primitive");
}

#endif							/* HAVE_ONEDNN */
