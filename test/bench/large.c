/*
 * large.c: what a large photograph costs, beside the libraries alone.
 *
 *   large photograph
 *
 * The photograph is a JPEG or a PNG. Prints milliseconds of CPU, the best of
 * several turns on one thread: first the floor, which is libjpeg-turbo or
 * libpng reading the file into one row and zlib packing a mask, then the parts
 * of the SQL functions without the network, as they do them: row by row.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

#include "enhance/quality/quality_rows.h"
#include "image/drawing/draw_png.h"
#include "image/reduce.h"
#include "image_files.h"
#include "infer/mask.h"

#define TURNS 3
#define MAP_SIDE 256			/* of the network */
#define MASK_COMPRESSION 1

/* What the parts work on. */
typedef struct Bench
{
	const Call *call;
	File		file;
	ImageInfo	info;
	ProbabilityMap map;
	Image		mask;
} Bench;

typedef void (*Work) (Bench *bench);

static double
milliseconds_used(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return 1e3 * (double) now.tv_sec + 1e-6 * (double) now.tv_nsec;
}

/* Time a piece of work. */
static void
measure(const char *name, Bench *bench, Work work)
{
	double		best = 1e9;

	for (int turn = 0; turn < TURNS; turn++)
	{
		double		started = milliseconds_used();
		double		taken;

		work(bench);
		taken = milliseconds_used() - started;
		best = taken < best ? taken : best;
	}
	printf("%-24s %8.1f ms\n", name, best);
	fflush(stdout);
}

/* Read a JPEG, at a scale in eighths. */
static void
read_jpeg(const Bench *bench, unsigned eighths)
{
	struct jpeg_decompress_struct jpeg;
	struct jpeg_error_mgr errors;
	JSAMPROW	row;

	jpeg.err = jpeg_std_error(&errors);
	jpeg_create_decompress(&jpeg);
	jpeg_mem_src(&jpeg, bench->file.bytes, bench->file.size);
	jpeg_read_header(&jpeg, TRUE);
	jpeg.scale_num = eighths;
	jpeg.scale_denom = 8;
	jpeg_start_decompress(&jpeg);
	row = malloc((size_t) jpeg.output_width * 3);
	while (jpeg.output_scanline < jpeg.output_height)
		jpeg_read_scanlines(&jpeg, &row, 1);
	jpeg_finish_decompress(&jpeg);
	jpeg_destroy_decompress(&jpeg);
	free(row);
}

/* Hand libpng bytes of the file. */
static void
give_png(png_structp png, png_bytep out, size_t count)
{
	const uint8_t **at = png_get_io_ptr(png);

	memcpy(out, *at, count);
	*at += count;
}

static void
read_png(Bench *bench)
{
	const uint8_t *at = bench->file.bytes;
	png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop	info = png_create_info_struct(png);
	uint8_t    *row;

	png_set_read_fn(png, &at, give_png);
	png_read_info(png, info);
	row = malloc(png_get_rowbytes(png, info));
	for (int y = 0; y < bench->info.height; y++)
		png_read_row(png, row, NULL);
	png_destroy_read_struct(&png, &info, NULL);
	free(row);
}

/* Floor: decode as small as the network allows. */
static void
floor_small(Bench *bench)
{
	unsigned	eighths = 1;

	if (bench->info.format == IMAGE_FORMAT_PNG)
	{
		read_png(bench);
		return;
	}
	while (eighths < 8 && (unsigned) bench->info.height * eighths / 8 < MAP_SIDE)
		eighths *= 2;
	read_jpeg(bench, eighths);
}

/* Floor: decode at full size. */
static void
floor_full(Bench *bench)
{
	if (bench->info.format == IMAGE_FORMAT_PNG)
		read_png(bench);
	else
		read_jpeg(bench, 8);
}

/* Pack rows that were filtered. */
static void
pack(uint8_t *bytes, size_t size, int level, int strategy)
{
	static uint8_t packed[1 << 16];
	z_stream	stream = {0};

	deflateInit2(&stream, level, Z_DEFLATED, 15, 8, strategy);
	stream.next_in = bytes;
	stream.avail_in = (uInt) size;
	do
	{
		stream.next_out = packed;
		stream.avail_out = sizeof packed;
	} while (deflate(&stream, Z_FINISH) == Z_OK);
	deflateEnd(&stream);
}

/* Floor: zlib over a mask whose rows are differences to the row above. */
static void
floor_pack_mask(Bench *bench)
{
	size_t		width = (size_t) bench->mask.width;
	size_t		size = width * (size_t) bench->mask.height;
	uint8_t    *rows = malloc(size);

	memcpy(rows, bench->mask.pixels, width);
	for (size_t i = width; i < size; i++)
		rows[i] = (uint8_t) (bench->mask.pixels[i] - bench->mask.pixels[i - width]);
	pack(rows, size, MASK_COMPRESSION, Z_RLE);
	free(rows);
}

static void
reduce(Bench *bench)
{
	static const int side = MAP_SIDE;
	Image		small;

	require(image_decode_reduced(bench->call, bench->file.bytes, bench->file.size, TURN_UPRIGHT, NULL, &side, 1, NULL,
								 &small));
	image_free(bench->call, &small);
}

static const double map_weight = 1;

static MaskOptions
mask_options(const Bench *bench)
{
	return (MaskOptions) {.width = bench->info.width,.height = bench->info.height,.threshold = 0.5};
}

static void
make_mask(Bench *bench)
{
	MaskOptions options = mask_options(bench);
	EncodedImage encoded;

	require(mask_create_png(bench->call, &bench->map, &map_weight, 1, &options, &encoded));
	call_free(bench->call, encoded.bytes);
}

static Status
quality_begin(void *user, int width, int height)
{
	return quality_rows_begin(user, call_standalone(), width, height, false);
}

static Status
quality_row(void *user, const uint8_t *pixels)
{
	quality_rows_take(user, pixels);
	return status_ok();
}

static void
measure_quality(Bench *bench)
{
	QualityRows rows = {0};
	const RowSink sink = {quality_begin, quality_row, &rows};
	Quality		quality;

	require(image_decode_rows(bench->call, bench->file.bytes, bench->file.size, DECODE_RGB, TURN_UPRIGHT, 0, 0, &sink));
	require(quality_rows_measure(&rows, &quality));
	quality_rows_free(&rows);
}

static void
overlay(Bench *bench)
{
	const OverlayParts parts = {.mask = &bench->mask};
	EncodedImage encoded;
	bool		of_image;

	require(overlay_png(bench->call, bench->file.bytes, bench->file.size, &parts, &encoded, &of_image));
	call_free(bench->call, encoded.bytes);
}

static void
panel(Bench *bench)
{
	EncodedImage encoded;
	bool		of_image;

	require(panel_png(bench->call, bench->file.bytes, bench->file.size, &bench->mask, &bench->mask, &encoded,
					  &of_image));
	call_free(bench->call, encoded.bytes);
}

/* A round lesion with soft edges, as a network's map. */
static void
make_map(Bench *bench)
{
	bench->map.size = MAP_SIDE;
	bench->map.values = malloc(MAP_SIDE * MAP_SIDE * sizeof(float));
	for (int y = 0; y < MAP_SIDE; y++)
		for (int x = 0; x < MAP_SIDE; x++)
		{
			int			away = (x - MAP_SIDE / 2) * (x - MAP_SIDE / 2) + (y - MAP_SIDE / 2) * (y - MAP_SIDE / 2);

			bench->map.values[y * MAP_SIDE + x] = away > 6400 ? 0 : away < 4900 ? 1 : (float) (6400 - away) / 1500;
		}
}

int
main(int argc, char **argv)
{
	Bench		bench = {.call = call_standalone()};
	MaskOptions options;

	if (argc != 2)
	{
		fprintf(stderr, "usage: large photograph\n");
		return 1;
	}
	bench.file = read_file(argv[1]);
	require(image_info(bench.call, bench.file.bytes, bench.file.size, &bench.info));
	make_map(&bench);
	options = mask_options(&bench);
	require(mask_create(bench.call, &bench.map, &map_weight, 1, &options, &bench.mask, NULL));
	measure("floor: decode small", &bench, floor_small);
	measure("floor: pack mask", &bench, floor_pack_mask);
	measure("decode and reduce", &bench, reduce);
	measure("mask as PNG", &bench, make_mask);
	measure("floor: decode full", &bench, floor_full);
	measure("decode and quality", &bench, measure_quality);
	measure("overlay", &bench, overlay);
	measure("panel", &bench, panel);
	return 0;
}
