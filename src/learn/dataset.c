/*
 * dataset.c: records of size * size * 4 bytes, RGB then mask.
 *
 * The first records are in memory, in chunks of a few megabytes, so that
 * growing copies nothing. The rest are in the host's temporary file, one after
 * another. A record's place follows from its index.
 */
#include "learn/dataset.h"

#include <string.h>

#include "core/checked.h"
#include "image/codec/codec.h"
#include "image/image.h"
#include "image/mask_decode.h"

#define CHUNK_BYTES ((size_t) 8 << 20)

struct Dataset
{
	const Host *host;
	int			size;			/* pixels */
	EnhanceMode enhance;		/* of what is added */
	ImageTurn	turn;			/* how to turn images before they are added */
	size_t		mask_bytes;		/* size * size */
	size_t		record_bytes;	/* 4 * mask_bytes */
	size_t		memory_records; /* how many of the first records stand in memory */
	size_t		chunk_records;	/* records in a chunk; the last chunk may have fewer */
	uint8_t   **chunks;
	size_t		chunk_count;
	size_t		chunk_room;		/* length of the array */
	size_t		count;
};

Status
dataset_create(const Host *host, int size, size_t max_memory, Dataset **dataset)
{
	size_t		mask_bytes;
	size_t		record_bytes;
	void	   *memory;

	*dataset = NULL;
	if (size < 1)
		return status_error(LS_INVALID_ARGUMENT, "image size %d is below 1", size);
	if (!checked_mul(size, size, &mask_bytes) || !checked_mul(mask_bytes, 4, &record_bytes))
		return status_error(LS_LIMIT_EXCEEDED, "image size %d does not fit in memory", size);

	TRY(host_alloc_array(host, 1, sizeof(Dataset), &memory));
	*dataset = memory;
	(*dataset)->host = host;
	(*dataset)->size = size;
	(*dataset)->mask_bytes = mask_bytes;
	(*dataset)->record_bytes = record_bytes;
	(*dataset)->memory_records = max_memory / record_bytes;
	(*dataset)->chunk_records = record_bytes < CHUNK_BYTES ? CHUNK_BYTES / record_bytes : 1;
	return status_ok();
}

void
dataset_free(Dataset *dataset)
{
	if (dataset == NULL)
		return;
	for (size_t i = 0; i < dataset->chunk_count; i++)
		host_free(dataset->host, dataset->chunks[i]);
	host_free(dataset->host, dataset->chunks);
	host_free(dataset->host, dataset);
}

/* Append one chunk for the records that follow. */
static Status
add_chunk(Dataset *dataset)
{
	size_t		records = dataset->memory_records - dataset->count;
	void	   *memory;

	if (dataset->chunk_count == dataset->chunk_room)
	{
		size_t		room = dataset->chunk_room == 0 ? 16 : 2 * dataset->chunk_room;

		TRY(host_alloc_array(dataset->host, room, sizeof(uint8_t *), &memory));
		if (dataset->chunk_count > 0)
			memcpy(memory, dataset->chunks, dataset->chunk_count * sizeof(uint8_t *));
		host_free(dataset->host, dataset->chunks);
		dataset->chunks = memory;
		dataset->chunk_room = room;
	}
	if (records > dataset->chunk_records)
		records = dataset->chunk_records;
	TRY(host_alloc(dataset->host, records * dataset->record_bytes, &memory));
	dataset->chunks[dataset->chunk_count++] = memory;
	return status_ok();
}

/* The address of a record that stands in memory. */
static uint8_t *
record_address(const Dataset *dataset, size_t index)
{
	return dataset->chunks[index / dataset->chunk_records] +
		index % dataset->chunk_records * dataset->record_bytes;
}

/* The place of a record in the temporary file. */
static int64_t
spill_offset(const Dataset *dataset, size_t index)
{
	return (int64_t) ((index - dataset->memory_records) * dataset->record_bytes);
}

/* Append rgb (size, size, 3) and mask (size, size). */
static Status
store_record(Dataset *dataset, const uint8_t *rgb, const uint8_t *mask)
{
	const Host *host = dataset->host;
	size_t		rgb_bytes = 3 * dataset->mask_bytes;

	if (dataset->count < dataset->memory_records)
	{
		uint8_t    *record;

		if (dataset->count == dataset->chunk_count * dataset->chunk_records)
			TRY(add_chunk(dataset));
		record = record_address(dataset, dataset->count);
		memcpy(record, rgb, rgb_bytes);
		memcpy(record + rgb_bytes, mask, dataset->mask_bytes);
	}
	else
	{
		int64_t		offset = spill_offset(dataset, dataset->count);

		if (host->spill_write == NULL)
			return status_with_hint(
									status_error(LS_LIMIT_EXCEEDED,
												 "%zu images of %d x %d pixels fill the memory for training images",
												 dataset->count, dataset->size, dataset->size),
									"Raise lesionseg.max_memory or use a smaller image size.");
		if (!host->spill_write(host->user, offset, rgb, rgb_bytes) ||
			!host->spill_write(host->user, offset + (int64_t) rgb_bytes, mask, dataset->mask_bytes))
			return status_error(LS_HOST_ERROR, "could not write a training image to the temporary file");
	}
	dataset->count++;
	return status_ok();
}

/* Replace *image by its resized copy; it stays as it was on failure. */
static Status
resize_in_place(const Call *call, int size, Image *image)
{
	Image		resized;

	if (image->width == size && image->height == size)
		return status_ok();
	TRY(image_resize(call, image, size, size, &resized));
	image_free(call, image);
	*image = resized;
	return status_ok();
}

/* Decode image and mask at training size. The caller frees both, also on
 * failure. */
static Status
decode_pair(const Dataset *dataset, const Call *call, const void *image_bytes, size_t image_size,
			const void *mask_bytes, size_t mask_size, Image *image, Image *mask, MaskKind *kind)
{
	int			size = dataset->size;
	ImageInfo	image_header;
	ImageInfo	mask_header;

	TRY(pair_fault("image", image_info(call, image_bytes, image_size, &image_header)));
	TRY(pair_fault("mask", image_info(call, mask_bytes, mask_size, &mask_header)));
	image_info_turn(&mask_header, dataset->turn);
	TRY(mask_check_shape(&image_header, dataset->turn, mask_header.width, mask_header.height));
	TRY(pair_fault("image", image_check_size(call, image_header.width, image_header.height)));

	TRY(pair_fault("image", image_decode_at_least(call, image_bytes, image_size, DECODE_RGB, dataset->turn, size, size,
												  image)));
	TRY(resize_in_place(call, size, image));
	TRY(enhance_by_mode(call, dataset->enhance, image));
	TRY(call_poll(call));
	TRY(pair_fault("mask", mask_decode(call, mask_bytes, mask_size, dataset->turn, mask, kind)));
	TRY(resize_in_place(call, size, mask));
	for (size_t i = 0; i < dataset->mask_bytes; i++)
		mask->pixels[i] = mask->pixels[i] > 127 ? 255 : 0;
	return status_ok();
}

Status
dataset_add(Dataset *dataset, const Call *call, const void *image_bytes, size_t image_size,
			const void *mask_bytes, size_t mask_size, MaskFacts *facts)
{
	Image		image = {0};
	Image		mask = {0};
	MaskKind	kind;
	Status		status;

	TRY(call_poll(call));
	status = decode_pair(dataset, call, image_bytes, image_size, mask_bytes, mask_size, &image, &mask, &kind);
	if (status.code == LS_OK)
		status = store_record(dataset, image.pixels, mask.pixels);
	if (status.code == LS_OK && facts != NULL)
		mask_facts_add(facts, &mask, kind);
	image_free(call, &image);
	image_free(call, &mask);
	return status;
}

void
dataset_enhance(Dataset *dataset, EnhanceMode mode)
{
	dataset->enhance = mode;
}

void
dataset_turn(Dataset *dataset, ImageTurn turn)
{
	dataset->turn = turn;
}

long
dataset_count(const Dataset *dataset)
{
	return (long) dataset->count;
}

Status
dataset_read(const Dataset *dataset, long index, uint8_t *rgb, uint8_t *mask)
{
	const Host *host = dataset->host;
	size_t		rgb_bytes = 3 * dataset->mask_bytes;

	if (index < 0 || (size_t) index >= dataset->count)
		return status_error(LS_INVALID_ARGUMENT, "image %ld of a data set of %zu", index, dataset->count);
	if ((size_t) index < dataset->memory_records)
	{
		const uint8_t *record = record_address(dataset, index);

		memcpy(rgb, record, rgb_bytes);
		memcpy(mask, record + rgb_bytes, dataset->mask_bytes);
	}
	else
	{
		int64_t		offset = spill_offset(dataset, index);

		if (!host->spill_read(host->user, offset, rgb, rgb_bytes) ||
			!host->spill_read(host->user, offset + (int64_t) rgb_bytes, mask, dataset->mask_bytes))
			return status_error(LS_HOST_ERROR, "could not read a training image from the temporary file");
	}
	return status_ok();
}

int
dataset_size(const Dataset *dataset)
{
	return dataset->size;
}
