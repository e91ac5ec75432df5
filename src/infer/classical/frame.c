/*
 * frame.c: an image made ready for the classical methods.
 */
#include <math.h>
#include <string.h>

#include "enhance/enhance.h"
#include "infer/classical/methods.h"

#define RIM 0.35				/* share of the median of green; darker areas that touch a corner are the rim */

/* Half of a Gaussian kernel, the middle first, and its reach. */
typedef struct Kernel
{
	float		weights[64];
	int			reach;
} Kernel;

static Kernel
gaussian_kernel(double sigma)
{
	Kernel		kernel = {.reach = (int) ceil(3 * sigma)};
	double		sum = 0;

	for (int i = 0; i <= kernel.reach; i++)
		sum += (i == 0 ? 1 : 2) * exp(-i * i / (2 * sigma * sigma));
	for (int i = 0; i <= kernel.reach; i++)
		kernel.weights[i] = (float) (exp(-i * i / (2 * sigma * sigma)) / sum);
	return kernel;
}

static int
clamp_index(int i, int count)
{
	return i < 0 ? 0 : i >= count ? count - 1 : i;
}

/* Smooth along x into out (width, 3). */
static void
smooth_row(const Image *image, const Kernel *kernel, int y, float *out)
{
	const uint8_t *row = image->pixels + 3 * (size_t) y * (size_t) image->width;

	for (int x = 0; x < image->width; x++)
		for (int c = 0; c < 3; c++)
		{
			float		sum = kernel->weights[0] * row[3 * x + c];

			for (int i = 1; i <= kernel->reach; i++)
				sum += kernel->weights[i] * (float) (row[3 * clamp_index(x - i, image->width) + c] +
													 row[3 * clamp_index(x + i, image->width) + c]);
			out[3 * x + c] = sum;
		}
}

/* Smooth an RGB image; edges are extended. */
static Status
smooth_image(const Call *call, Image *image, double sigma)
{
	size_t		samples = 3 * (size_t) image->width;
	Kernel		kernel = gaussian_kernel(sigma);
	float	   *rows;
	void	   *memory;
	Status		status = status_ok();

	TRY(call_alloc_array(call, samples * (size_t) image->height, sizeof(float), &memory));
	rows = memory;
	for (int y = 0; y < image->height && status.code == LS_OK; y++)
	{
		if (y % POLL_ROWS == 0)
			status = call_poll(call);
		smooth_row(image, &kernel, y, rows + (size_t) y * samples);
	}
	for (int y = 0; y < image->height && status.code == LS_OK; y++)
	{
		uint8_t    *out = image->pixels + (size_t) y * samples;

		if (y % POLL_ROWS == 0)
			status = call_poll(call);
		for (size_t s = 0; s < samples; s++)
		{
			float		sum = kernel.weights[0] * rows[(size_t) y * samples + s];

			for (int i = 1; i <= kernel.reach; i++)
				sum += kernel.weights[i] * (rows[(size_t) clamp_index(y - i, image->height) * samples + s] +
											rows[(size_t) clamp_index(y + i, image->height) * samples + s]);
			out[s] = (uint8_t) lrintf(sum);
		}
	}
	call_free(call, memory);
	return status;
}

/* The median of a channel of an RGB image. */
static int
channel_median(const Image *image, int channel)
{
	size_t		count = (size_t) image->width * (size_t) image->height;
	size_t		counts[256] = {0};
	size_t		below = 0;
	int			value = 0;

	for (size_t i = 0; i < count; i++)
		counts[image->pixels[3 * i + (size_t) channel]]++;
	while (2 * (below + counts[value]) < count)
		below += counts[value++];
	return value;
}

/* Clear `valid` in the dark areas that touch a corner. */
static Status
leave_out_rim(const Call *call, const Image *image, ClassicalFrame *frame)
{
	const int	corners[4][2] = {
		{0, 0}, {image->width - 1, 0}, {0, image->height - 1}, {image->width - 1, image->height - 1}
	};
	int			dark = (int) (RIM * channel_median(image, 1));
	int32_t    *stack;
	size_t		depth = 0;
	size_t		steps = 0;
	void	   *memory;

	memset(frame->valid, 1, frame->count);
	TRY(call_alloc_array(call, frame->count + 4, sizeof(int32_t), &memory));
	stack = memory;
	for (int i = 0; i < 4; i++)
		stack[depth++] = corners[i][1] * image->width + corners[i][0];
	while (depth > 0)
	{
		int32_t		at = stack[--depth];
		int			x = at % image->width;
		int			y = at / image->width;

		/* a corner may be on the stack twice; other pixels are cleared when
		 * they are pushed */
		if (image->pixels[3 * (size_t) at + 1] > dark)
			continue;
		frame->valid[at] = 0;
		for (int side = 0; side < 4; side++)
		{
			int			nx = x + (side == 0) - (side == 1);
			int			ny = y + (side == 2) - (side == 3);
			size_t		next = (size_t) ny * (size_t) image->width + (size_t) nx;

			if (nx < 0 || ny < 0 || nx >= image->width || ny >= image->height || frame->valid[next] == 0 ||
				image->pixels[3 * next + 1] > dark)
				continue;
			frame->valid[next] = 0;
			stack[depth++] = (int32_t) next;
		}
		if (++steps % 65536 == 0)
		{
			Status		status = call_poll(call);

			if (status.code != LS_OK)
			{
				call_free(call, memory);
				return status;
			}
		}
	}
	call_free(call, memory);
	return status_ok();
}

/* Fill in the planes. */
static Status
fill_planes(const Call *call, const Image *image, const ClassicalOptions *options, ClassicalFrame *frame)
{
	static const int channels[] = {[CHANNEL_BLUE] = 2, [CHANNEL_GREEN] = 1, [CHANNEL_RED] = 0};
	CielabTable table;
	void	   *memory;

	frame->width = image->width;
	frame->height = image->height;
	frame->count = (size_t) image->width * (size_t) image->height;
	TRY(call_alloc_array(call, frame->count, sizeof(Cielab), &memory));
	frame->colours = memory;
	TRY(call_alloc(call, frame->count, &memory));
	frame->values = memory;
	TRY(call_alloc(call, frame->count, &memory));
	frame->valid = memory;
	cielab_table_init(&table);
	for (size_t i = 0; i < frame->count; i++)
	{
		const uint8_t *pixel = image->pixels + 3 * i;

		if (i % 65536 == 0)
			TRY(call_poll(call));
		frame->colours[i] = cielab_of(&table, pixel);
		frame->values[i] = options->channel == CHANNEL_LIGHTNESS ?
			(uint8_t) lrintf(fminf(fmaxf(2.55f * frame->colours[i].l, 0), 255)) : pixel[channels[options->channel]];
	}
	return leave_out_rim(call, image, frame);
}

Status
classical_frame_make(const Call *call, const Image *image, const ClassicalOptions *options, ClassicalFrame *frame)
{
	const EnhanceOptions enhance = enhance_options_default();
	Image		small;
	Status		status;

	memset(frame, 0, sizeof *frame);
	TRY(quality_frame(call, image, &small));
	status = status_ok();
	if (options->hair)
		status = enhance_apply(call, ENHANCE_HAIR, &enhance, &small);
	if (status.code == LS_OK && options->blur > 0)
		status = smooth_image(call, &small, options->blur);
	if (status.code == LS_OK)
		status = fill_planes(call, &small, options, frame);
	image_free(call, &small);
	return status;
}

void
classical_frame_free(const Call *call, ClassicalFrame *frame)
{
	call_free(call, frame->values);
	call_free(call, frame->colours);
	call_free(call, frame->valid);
	memset(frame, 0, sizeof *frame);
}
