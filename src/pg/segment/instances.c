/*
 * instances.c: lesion_instances, the lesions in an image one by one.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "image/codec/codec.h"
#include "image/reduce.h"
#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/base/settings.h"
#include "pg/models/model_store.h"
#include "pg/segment/model_cache.h"
#include "pg/segment/model_segment.h"
#include "pg/segment/segmentation.h"

PG_FUNCTION_INFO_V1(lesion_instances);

/* Refuse a model whose architecture knows no instances. */
static void
check_architecture(const ModelVersion *version)
{
	const Architecture *architecture = arch_find(version->architecture);

	if (architecture == NULL || !arch_finds_instances(architecture))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" of architecture \"%s\" finds no instances", version->model,
						version->architecture),
				 errhint("Use a model of architecture maskrcnn, or lesion_segment for one mask of all lesions.")));
}

/* The instance's mask at the size of the image. */
static Status
instance_mask(const Call *call, const NetworkInstance *instance, float threshold, int width, int height,
			  Image *mask)
{
	void	   *memory;
	float	   *row;

	TRY(image_create(call, width, height, 1, mask));
	TRY(call_alloc_array(call, width, sizeof(float), &memory));
	row = memory;
	for (int y = 0; y < height; y++)
	{
		uint8_t    *pixels = mask->pixels + (size_t) y * width;

		if (y % POLL_ROWS == 0)
			TRY(call_poll(call));
		network_instance_row(instance, width, height, y, row);
		for (int x = 0; x < width; x++)
			pixels[x] = row[x] > threshold ? 255 : 0;
	}
	call_free(call, row);
	return status_ok();
}

/* The instance's box in whole pixels, {x, y, width, height} as int[]. */
static Datum
instance_box(const NetworkInstance *instance, int width, int height)
{
	int			x = (int) floorf(instance->box.x1 * width);
	int			y = (int) floorf(instance->box.y1 * height);
	Datum		corners[] = {
		Int32GetDatum(x), Int32GetDatum(y),
		Int32GetDatum(Min((int) ceilf(instance->box.x2 * width), width) - x),
		Int32GetDatum(Min((int) ceilf(instance->box.y2 * height), height) - y)
	};

	return PointerGetDatum(construct_array(corners, 4, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

/* The image as the version's training saw its images: enhanced at network
 * size where that was its mode. */
static Status
read_image(const ModelVersion *version, const Call *call, const ByteView *bytes, Image *image)
{
	Image		decoded;
	Status		status;

	TRY(image_decode_reduced(call, bytes->bytes, bytes->size, TURN_UPRIGHT, NULL, &version->traits.image_size, 1, NULL,
							 &decoded));
	if (version->traits.enhance == ENHANCE_MODE_OFF)
	{
		*image = decoded;
		return status_ok();
	}
	status = model_enhance(version, call, &decoded, version->traits.enhance, image);
	image_free(call, &decoded);
	return status;
}

/* Find the instances and add a row for each. A photograph may have a hundred,
 * so what one took is given back before the next. All memory of core is the
 * call's, so a failure needs no tidying here. */
static Status
put_instances(const ModelStore *store, const ModelVersion *version, const Call *call, const ByteView *bytes,
			  ReturnSetInfo *result)
{
	const NetworkInstance *instances;
	ImageInfo	info;
	Image		image;
	int			count;

	TRY(image_info(call, bytes->bytes, bytes->size, &info));
	TRY(read_image(version, call, bytes, &image));
	TRY(model_cache_instances(store, version, call, &image, &instances, &count));
	image_free(call, &image);
	for (int i = 0; i < count; i++)
	{
		RowBuilder	row = row_begin_in(result);
		Image		mask;
		Datum		png;

		TRY(instance_mask(call, &instances[i], (float) version->traits.threshold, info.width, info.height, &mask));
		png = image_png(call, &mask);
		row_set(&row, "instance", INT4OID, Int32GetDatum(i + 1));
		row_set_float8(&row, "score", instances[i].score);
		row_set(&row, "box", INT4ARRAYOID, instance_box(&instances[i], info.width, info.height));
		row_set(&row, "mask", BYTEAOID, png);
		row_put(result, &row);
		pfree(DatumGetPointer(png));
		image_free(call, &mask);
	}
	return status_ok();
}

enum
{
	ARGUMENT_IMAGE, ARGUMENT_MODEL
};

/* lesion_instances(image, model) -> (instance, score, box, mask)... */
Datum
lesion_instances(PG_FUNCTION_ARGS)
{
	ModelStore	store;
	ModelVersion *version;
	ByteView	image = bytes_view(PG_GETARG_DATUM(ARGUMENT_IMAGE));
	Call	   *call;

	InitMaterializedSRF(fcinfo, 0);
	store = store_open(fcinfo, true);
	SPI_connect();
	version = store_need_version(&store, text_to_cstring(PG_GETARG_TEXT_PP(ARGUMENT_MODEL)), NULL);
	SPI_finish();
	check_architecture(version);
	call = call_create(CurrentMemoryContext, settings_threads(false));
	check_status(call, put_instances(&store, version, call, &image, (ReturnSetInfo *) fcinfo->resultinfo));
	call_destroy(call);
	bytes_release(&image);
	return (Datum) 0;
}
