/*
 * png_memory.h: libpng's memory, taken from a call. Private to this folder.
 */
#ifndef LESIONSEG_IMAGE_PNG_MEMORY_H
#define LESIONSEG_IMAGE_PNG_MEMORY_H

#include <png.h>

#include "core/call.h"
#include "core/status.h"

/* The source of libpng's memory, and why its last request failed. */
typedef struct PngMemory
{
	const Call *call;
	Status		status;
} PngMemory;

/* Callbacks of libpng whose memory pointer is a PngMemory. */
png_voidp	png_memory_alloc(png_structp png, png_alloc_size_t size);
void		png_memory_free(png_structp png, png_voidp block);

/* A callback that does nothing. */
void		png_ignore_warning(png_structp png, png_const_charp message);

#endif
