/*
 * hair.c: find hairs.
 *
 * Hairs are thin, dark and long. Thin and dark: a closing by a square wider
 * than a hair fills hairs in, and the difference (the black top-hat) is large
 * on them, as after Lee et al., DullRazor (Computers in Biology and Medicine
 * 27(6), 1997). Long: averaged along a line, in the best of twelve directions,
 * the top-hat stays large on hairs but not on the dots and nets of a lesion;
 * and pieces above a threshold must have some length. This is done on a frame
 * of a shorter side of at most FRAME_SIDE, whatever the image's size.
 */
#include "enhance/quality/hair.h"

#include <math.h>
#include <string.h>

#include "core/checked.h"
#include "core/threads.h"
#include "enhance/kernels.h"
#include "enhance/quality/morphology.h"
#include "enhance/pixels.h"

#define FRAME_SIDE 512			/* shorter side of the frame, at most */
#define FRAME_LONGEST 4096
#define LINE_READS 16			/* cost of the line filter per pixel, in units of writing a sample */

/* Lengths in pixels of a frame with a shorter side of 256. */
#define CLOSING 3.0				/* half width of the square */
#define LINE 17.0
#define LONG 14.0				/* least extent of a piece of hair */

#define STRONG 13				/* least response of a hair */
#define WEAK 9					/* and of one that goes on from there */
#define DEPTH 10				/* least difference, in grey levels, of a hair's pixel from its surroundings */

typedef struct HairFrame
{
	const Call *call;
	Image		frame;
	int			width;			/* of the planes: the frame's with a border */
	int			height;
	int			border;			/* width of the border, which repeats the outermost pixels */
	double		unit;			/* pixels per pixel of a frame of 256 */
	uint8_t    *luma;
	uint8_t    *hat;			/* black top-hat */
	uint8_t    *response;		/* of lines */
	uint8_t    *deepest;		/* the largest top-hat around each pixel */
	uint8_t    *between;
	int32_t    *stack;			/* pixels of a piece */
	ptrdiff_t	lines[HAIR_DIRECTIONS][HAIR_SAMPLES_MAX];	/* offsets in `framed` along each direction */
	int			samples;		/* samples of a line */
	int			margin;			/* of `framed`: half a line */
	uint8_t    *framed;			/* the hat, surrounded by zeros */
} HairFrame;

/* Compute luma of rows. The border repeats the frame's edge, so that a dark
 * rim of the photograph becomes a wide area, not a thin line. */
static void
luma_rows(void *data, int worker, long begin, long end)
{
	HairFrame  *hair = data;
	const Image *frame = &hair->frame;

	(void) worker;
	for (long y = begin; y < end; y++)
	{
		long		row = y - hair->border;
		const uint8_t *pixel = image_row(frame, row < 0 ? 0 : row >= frame->height ? frame->height - 1 : row);
		uint8_t    *luma = hair->luma + (size_t) y * (size_t) hair->width;

		for (int x = 0; x < frame->width; x++, pixel += frame->channels)
			luma[hair->border + x] = (uint8_t) pixel_luma(pixel, frame->channels);
		memset(luma, luma[hair->border], (size_t) hair->border);
		memset(luma + hair->border + frame->width, luma[hair->border + frame->width - 1], (size_t) hair->border);
	}
}

/* Bytes of a row of `framed`. */
static size_t
framed_width(const HairFrame *hair)
{
	return (size_t) hair->width + 2 * (size_t) hair->margin;
}

/* The first pixel of the hat in row y of `framed`. */
static uint8_t *
framed_row(const HairFrame *hair, long y)
{
	return hair->framed + (size_t) (y + hair->margin) * framed_width(hair) + hair->margin;
}

/* The black top-hat: what the closing adds to each pixel. */
static void
hat_rows(void *data, int worker, long begin, long end)
{
	HairFrame  *hair = data;

	(void) worker;
	for (long y = begin; y < end; y++)
	{
		uint8_t    *hat = hair->hat + (size_t) y * (size_t) hair->width;
		const uint8_t *luma = hair->luma + (size_t) y * (size_t) hair->width;

#pragma omp simd
		for (int x = 0; x < hair->width; x++)
			hat[x] = (uint8_t) (hat[x] - luma[x]);
		memcpy(framed_row(hair, y), hat, (size_t) hair->width);
	}
}

/*
 * The response: the mean of the top-hat along the best direction, minus 1.5
 * times the mean over all directions. It is large on a line, small on a net.
 */
static void
line_rows(void *data, int worker, long begin, long end)
{
	HairFrame  *hair = data;

	(void) worker;
	for (long y = begin; y < end; y++)
		enhance_kernels()->hair_lines(framed_row(hair, y), hair->lines, hair->samples, hair->width,
									  hair->response + (size_t) y * (size_t) hair->width);
}

/* The offsets of the samples of lines through a pixel, one pixel apart. */
static void
draw_lines(HairFrame *hair)
{
	for (int d = 0; d < HAIR_DIRECTIONS; d++)
	{
		double		angle = d * 3.14159265358979 / HAIR_DIRECTIONS;

		for (int s = 0; s < hair->samples; s++)
		{
			int			dx = (int) floor((s - hair->margin) * cos(angle) + 0.5);
			int			dy = (int) floor((s - hair->margin) * sin(angle) + 0.5);

			hair->lines[d][s] = dy * (ptrdiff_t) framed_width(hair) + dx;
		}
	}
}

/* States of a pixel of the mask while pieces are gathered. */
#define UNSEEN 1				/* weak response and dark */
#define SEED 2					/* strong response and dark */
#define TAKEN 3

/* Collect the piece connected to a seed, and keep it if it is long enough. */
static void
collect_piece(HairFrame *hair, int32_t seed, uint8_t *mask)
{
	int			left = hair->width;
	int			right = 0;
	int			top = hair->height;
	int			bottom = 0;
	long		count = 0;
	double		span;

	hair->stack[count++] = seed;
	mask[seed] = TAKEN;
	for (long i = 0; i < count; i++)
	{
		int			x = hair->stack[i] % hair->width;
		int			y = hair->stack[i] / hair->width;

		left = x < left ? x : left;
		right = x > right ? x : right;
		top = y < top ? y : top;
		bottom = y > bottom ? y : bottom;
		for (int dy = -1; dy <= 1; dy++)
		{
			for (int dx = -1; dx <= 1; dx++)
			{
				int32_t		at = hair->stack[i] + dy * hair->width + dx;

				if (x + dx < 0 || x + dx >= hair->width || y + dy < 0 || y + dy >= hair->height)
					continue;
				if (mask[at] == UNSEEN || mask[at] == SEED)
				{
					mask[at] = TAKEN;
					hair->stack[count++] = at;
				}
			}
		}
	}
	span = hypot(right - left + 1, bottom - top + 1);
	if (span >= LONG * hair->unit)
		return;
	for (long i = 0; i < count; i++)
		mask[hair->stack[i]] = 0;
}

/* Threshold the responses and keep long pieces; mask has the planes' size, and
 * its border is empty. */
static Status
gather_all(HairFrame *hair, uint8_t *mask)
{
	size_t		count = (size_t) hair->width * (size_t) hair->height;

	memset(mask, 0, count);
	for (int y = hair->border; y < hair->height - hair->border; y++)
	{
		for (int x = hair->border; x < hair->width - hair->border; x++)
		{
			size_t		i = (size_t) y * (size_t) hair->width + (size_t) x;

			/* at half of its depth a hair's soft edge is half covered */
			bool		dark = hair->hat[i] >= DEPTH && 2 * hair->hat[i] >= hair->deepest[i];

			mask[i] = !dark || hair->response[i] < WEAK ? 0 : hair->response[i] < STRONG ? UNSEEN : SEED;
		}
	}
	for (size_t i = 0; i < count; i++)
	{
		if (i % 65536 == 0)
			TRY(call_poll(hair->call));
		if (mask[i] == SEED)
			collect_piece(hair, (int32_t) i, mask);
	}
	for (size_t i = 0; i < count; i++)
		mask[i] = mask[i] == TAKEN;
	return status_ok();
}

/* Allocate the planes of a frame. */
static Status
allocate_planes(HairFrame *hair)
{
	size_t		count = (size_t) hair->width * (size_t) hair->height;
	void	   *memory;

	TRY(call_alloc_array(hair->call, count, 4, &memory));
	hair->luma = memory;
	hair->hat = hair->luma + count;
	hair->response = hair->hat + count;
	hair->between = hair->response + count;
	hair->deepest = hair->luma;	/* no longer needed then */
	TRY(call_alloc_array(hair->call, count, sizeof(int32_t), &memory));
	hair->stack = memory;
	TRY(call_alloc_array(hair->call, framed_width(hair), (size_t) hair->height + 2 * (size_t) hair->margin, &memory));
	hair->framed = memory;
	return status_ok();
}

/* Half the width of a square, in whole pixels. */
static int
square_reach(double wanted, int least)
{
	int			reach = (int) (wanted + 0.5);

	return reach < least ? least : reach;
}

/* Set the lengths that depend on the size of hair->frame. */
static void
measure_frame(HairFrame *hair)
{
	const Image *frame = &hair->frame;
	int			half;

	hair->unit = (frame->width < frame->height ? frame->width : frame->height) / 256.0;
	half = (int) (LINE * hair->unit / 2);
	hair->margin = half < 2 ? 2 : half > (HAIR_SAMPLES_MAX - 1) / 2 ? (HAIR_SAMPLES_MAX - 1) / 2 : half;
	hair->samples = 2 * hair->margin + 1;
	hair->border = 2 * square_reach(CLOSING * hair->unit, 2);
	hair->width = frame->width + 2 * hair->border;
	hair->height = frame->height + 2 * hair->border;
	draw_lines(hair);
}

/* Find hairs in hair->frame; mask has the planes' size. */
static Status
detect_on_frame(HairFrame *hair, uint8_t *mask)
{
	const Call *call = hair->call;
	int			width = hair->width;
	int			height = hair->height;
	int			closing = square_reach(CLOSING * hair->unit, 2);
	int			around = square_reach(hair->unit, 1);
	long		block = BLOCK_SAMPLES / LINE_READS / width;

	TRY(allocate_planes(hair));
	TRY(threads_run_polled(call, height, BLOCK_SAMPLES / width, luma_rows, hair));
	TRY(morphology_dilate(call, hair->luma, width, height, closing, hair->between, hair->response));
	TRY(morphology_erode(call, hair->response, width, height, closing, hair->between, hair->hat));
	TRY(threads_run_polled(call, height, BLOCK_SAMPLES / width, hat_rows, hair));
	TRY(threads_run_polled(call, height, block, line_rows, hair));
	TRY(morphology_dilate(call, hair->hat, width, height, around, hair->between, hair->deepest));
	return gather_all(hair, mask);
}

/* Enlarge the frame's mask to the image's size, with interpolated edges;
 * removes the border of `small`. */
static Status
enlarge_mask(const Call *call, const HairFrame *hair, uint8_t *small, const Image *image, uint8_t *mask)
{
	size_t		count = (size_t) image->width * (size_t) image->height;
	Image		of_frame = {hair->frame.width, hair->frame.height, 1, small};
	Image		whole;

	for (int y = 0; y < of_frame.height; y++)
	{
		const uint8_t *row = small + (size_t) (y + hair->border) * (size_t) hair->width + hair->border;

		for (int x = 0; x < of_frame.width; x++)
			image_row(&of_frame, y)[x] = row[x] != 0 ? 255 : 0;
	}
	TRY(image_resize(call, &of_frame, image->width, image->height, &whole));
	for (size_t i = 0; i < count; i++)
		mask[i] = whole.pixels[i] > 127;
	image_free(call, &whole);
	return status_ok();
}

Status
hair_detect(const Call *call, const Image *image, uint8_t *mask)
{
	int			shorter = image->width < image->height ? image->width : image->height;
	int64_t		width = image->width;
	int64_t		height = image->height;
	HairFrame	hair = {.call = call};
	void	   *memory = NULL;
	Status		status;

	if (shorter > FRAME_SIDE)
	{
		width = (width * FRAME_SIDE + shorter / 2) / shorter;
		height = (height * FRAME_SIDE + shorter / 2) / shorter;
	}
	TRY(image_resize(call, image, (int) (width > FRAME_LONGEST ? FRAME_LONGEST : width),
					 (int) (height > FRAME_LONGEST ? FRAME_LONGEST : height), &hair.frame));
	measure_frame(&hair);
	status = call_alloc_array(call, (size_t) hair.width, (size_t) hair.height, &memory);
	if (status.code == LS_OK)
		status = detect_on_frame(&hair, memory);
	if (status.code == LS_OK)
		status = enlarge_mask(call, &hair, memory, image, mask);
	call_free(call, memory);
	call_free(call, hair.luma);
	call_free(call, hair.stack);
	call_free(call, hair.framed);
	image_free(call, &hair.frame);
	return status;
}

Status
hair_grow(const Call *call, const Image *image, uint8_t *mask)
{
	int			shorter = image->width < image->height ? image->width : image->height;
	void	   *between;
	Status		status;

	TRY(call_alloc_array(call, (size_t) image->width, (size_t) image->height, &between));
	status = morphology_dilate(call, mask, image->width, image->height, 1 + shorter / 384, between, mask);
	call_free(call, between);
	return status;
}
