/*
 * quality_detail.c: measures of the finest detail: noise, blocks, and the
 * distance below which the image is smooth.
 *
 * Rows of green are counted, each into the tallies of the thread that reads
 * it. Tallies are integers, so their sum does not depend on the number of
 * threads.
 */
#include <math.h>
#include <string.h>

#include "core/threads.h"
#include "enhance/quality/quality_parts.h"

#define ROUNDING (1 / 12.0)		/* variance of rounding to whole grey levels */
#define SKIPPED RESPONSES		/* the response of a pixel that does not count */
#define TABLES 4				/* tables of responses */
#define PIXELS_AT_ONCE 1024		/* whose responses are held */
#define SCALES 7				/* distances 1, 2, 4, ..., 64 */
#define DIRECTIONS 4
#define SAMPLED_ROWS 128		/* rows for second differences, spread over the image */
#define SQUARES_AT_ONCE 8192	/* 510^2 times as many fit 31 bits */
#define BLOCK_PIXELS 4000000	/* pixels between two polls */

/* The counts of one thread. */
typedef struct Tally
{
	uint32_t	responses[TABLES][RESPONSES + 1];	/* all in the first after sum_tallies() */
	uint64_t	squares[SCALES][DIRECTIONS];	/* of second differences */
	uint64_t	pairs[SCALES][DIRECTIONS];
	uint64_t	at_border;		/* absolute differences across block borders */
	uint64_t	borders;
	uint64_t	inside;			/* and within blocks */
	uint64_t	insides;
} Tally;

typedef struct Detail
{
	int			width;
	int			height;
	const Image *image;
	const uint8_t *green;		/* (height, width): the image's own where it is grey, or */
	uint8_t    *copy;			/* this */
	Tally	   *tallies;		/* one per thread */
} Detail;

/* Copy green from rows begin .. end. */
static void
take_green(void *data, int worker, long begin, long end)
{
	Detail	   *detail = data;
	size_t		first = (size_t) begin * (size_t) detail->width;
	size_t		count = (size_t) (end - begin) * (size_t) detail->width;

	(void) worker;
	for (size_t i = first; i < first + count; i++)
		detail->copy[i] = detail->image->pixels[3 * i + 1];
}

/* The absolute responses of count pixels, SKIPPED where the pixel is black or burnt out. */
static void
responses_of(const uint8_t *above, const uint8_t *row, const uint8_t *below, int count, uint16_t *out)
{
#pragma omp simd
	for (int x = 0; x < count; x++)
	{
		uint16_t	response = quality_response(above + x, row + x, below + x);

		out[x] = row[x] < 3 || row[x] > 252 ? SKIPPED : response;
	}
}

/* Count the responses of one row. Neighbours are counted in tables of their own: they are often equal, and one table
 * would wait for itself. */
static void
count_responses(const Detail *detail, int y, Tally *tally)
{
	size_t		width = (size_t) detail->width;
	const uint8_t *row = detail->green + (size_t) y * width;
	uint16_t	responses[PIXELS_AT_ONCE];

	for (int first = 1; first + 1 < detail->width; first += PIXELS_AT_ONCE)
	{
		int			count = detail->width - 1 - first < PIXELS_AT_ONCE ? detail->width - 1 - first : PIXELS_AT_ONCE;

		responses_of(row - width + first, row + first, row + width + first, count, responses);
		for (int x = 0; x < count; x++)
			tally->responses[x % TABLES][responses[x]]++;
	}
}

/* The sum of the absolute differences of two rows of bytes; count * 255 fits 31 bits. */
static uint64_t
sum_steps(const uint8_t *row, const uint8_t *other, int count)
{
	int32_t		sum = 0;

#pragma omp simd reduction(+:sum)
	for (int x = 0; x < count; x++)
		sum += row[x] < other[x] ? other[x] - row[x] : row[x] - other[x];
	return (uint64_t) sum;
}

/* Add up the steps from each pixel of a row to the next, and to the row below. */
static void
count_steps(const Detail *detail, int y, Tally *tally)
{
	const uint8_t *row = detail->green + (size_t) y * (size_t) detail->width;
	int			blocks = (detail->width - 1) / 8;
	uint64_t	at_border = 0;
	uint64_t	down = sum_steps(row, row + detail->width, detail->width);

	for (int x = 7; x < 8 * blocks; x += 8)
		at_border += sum_steps(row + x, row + x + 1, 1);
	tally->at_border += at_border;
	tally->borders += (uint64_t) blocks;
	tally->inside += sum_steps(row, row + 1, 8 * blocks) - at_border;
	tally->insides += 7 * (uint64_t) blocks;
	if (y % 8 == 7)
	{
		tally->at_border += down;
		tally->borders += (uint64_t) detail->width;
	}
	else
	{
		tally->inside += down;
		tally->insides += (uint64_t) detail->width;
	}
}

/* Noise and blocks in rows 1 + begin .. 1 + end. */
static void
count_rows(void *data, int worker, long begin, long end)
{
	Detail	   *detail = data;

	for (long y = 1 + begin; y < 1 + end; y++)
	{
		count_responses(detail, (int) y, &detail->tallies[worker]);
		count_steps(detail, (int) y, &detail->tallies[worker]);
	}
}

/* The sum of squares of a row's second differences; offset leads from the
 * middle sample to the next. */
static uint64_t
square_differences(const uint8_t *row, ptrdiff_t offset, int first, int end)
{
	uint64_t	total = 0;

	while (first < end)
	{
		int			upto = end - first > SQUARES_AT_ONCE ? first + SQUARES_AT_ONCE : end;
		int32_t		sum = 0;

#pragma omp simd reduction(+:sum)
		for (int x = first; x < upto; x++)
		{
			int16_t		second = (int16_t) (row[x + offset] - 2 * row[x] + row[x - offset]);

			sum += second * second;
		}
		total += (uint64_t) sum;
		first = upto;
	}
	return total;
}

/* Second differences of all distances and directions in sampled rows begin ..
 * end. */
static void
count_differences(void *data, int worker, long begin, long end)
{
	static const int steps[DIRECTIONS][2] = {{1, 0}, {0, 1}, {1, 1}, {1, -1}};
	Detail	   *detail = data;
	Tally	   *tally = &detail->tallies[worker];
	int			rows = detail->height < SAMPLED_ROWS ? detail->height : SAMPLED_ROWS;

	for (long r = begin; r < end; r++)
	{
		int			y = (int) ((2 * (int64_t) r + 1) * detail->height / (2 * rows));
		const uint8_t *row = detail->green + (size_t) y * (size_t) detail->width;

		for (int s = 0; s < SCALES; s++)
		{
			for (int k = 0; k < DIRECTIONS; k++)
			{
				int			dx = steps[k][0] << s;
				int			dy = steps[k][1] * (1 << s);
				int			away = dy < 0 ? -dy : dy;

				if (y - away < 0 || y + away >= detail->height || detail->width <= 2 * dx)
					continue;
				tally->squares[s][k] += square_differences(row, (ptrdiff_t) dy * detail->width + dx, dx,
														   detail->width - dx);
				tally->pairs[s][k] += (uint64_t) (detail->width - 2 * dx);
			}
		}
	}
}

/* Add the tallies of all threads to the first, and its tables of responses to its first. */
static void
sum_tallies(Tally *tallies, int threads)
{
	for (int t = 0; t < threads; t++)
		for (int k = t == 0 ? 1 : 0; k < TABLES; k++)
			for (int i = 0; i < RESPONSES; i++)
				tallies[0].responses[0][i] += tallies[t].responses[k][i];
	for (int t = 1; t < threads; t++)
	{
		for (int s = 0; s < SCALES; s++)
		{
			for (int k = 0; k < DIRECTIONS; k++)
			{
				tallies[0].squares[s][k] += tallies[t].squares[s][k];
				tallies[0].pairs[s][k] += tallies[t].pairs[s][k];
			}
		}
		tallies[0].at_border += tallies[t].at_border;
		tallies[0].borders += tallies[t].borders;
		tallies[0].inside += tallies[t].inside;
		tallies[0].insides += tallies[t].insides;
	}
}

/*
 * The noise's sigma: the median absolute response, interpolated within its
 * grey level, divided by that of normal noise of sigma 1. The latter is 0.6745
 * times the root of the sum of the operator's squares, 36.
 */
static double
noise_sigma(const Tally *tally)
{
	uint64_t	all = 0;
	uint64_t	below = 0;

	for (int i = 0; i < RESPONSES; i++)
		all += tally->responses[0][i];
	for (int i = 0; i < RESPONSES; i++)
	{
		uint64_t	here = tally->responses[0][i];

		if (2 * (below + here) >= all && here > 0)
		{
			double		within = ((double) all / 2 - (double) below) / (double) here;

			/* level 0 is half as wide as the others: -0.5 .. 0.5 without sign */
			return (i == 0 ? within / 2 : i - 0.5 + within) / (0.6745 * 6);
		}
		below += here;
	}
	return 0;
}

/*
 * The growth of second differences from scale s to the next: the exponent of
 * their mean square over distance, in the direction where it is largest.
 * Before that the share of noise, 6 sigma^2 at any distance, is subtracted, or
 * that of rounding if it is larger. -1 if there are no differences.
 */
static double
difference_growth(const Tally *tally, int s, double sigma)
{
	double		most = -1;

	for (int k = 0; k < DIRECTIONS; k++)
	{
		double		noise = 6 * fmax(sigma * sigma, ROUNDING);
		double		near;
		double		far;
		double		exponent;

		if (tally->pairs[s][k] == 0 || tally->pairs[s + 1][k] == 0)
			continue;
		near = (double) tally->squares[s][k] / (double) tally->pairs[s][k] - noise;
		far = (double) tally->squares[s + 1][k] / (double) tally->pairs[s + 1][k];
		if (far == 0)
			continue;
		far -= noise;
		if (sigma > 1 && near < noise / 10)
			exponent = 0;		/* lost in noise: counts as not smooth */
		else if (near < 0.3)
			exponent = 4;		/* no more than rounding to whole grey levels gives */
		else
			exponent = far <= near ? 0 : log2(far / near);
		if (exponent > most)
			most = exponent;
	}
	return most;
}

/*
 * The mean squares of second differences at distance 2, in doublings: the
 * least of all directions, and how much they differ along a direction and
 * across it (the horizontal and the vertical, or the diagonals if they differ
 * more). A veil takes detail everywhere, motion along its own direction. The
 * share of noise is subtracted; less than a tenth of it is not told from none.
 */
static void
measure_detail(const Tally *tally, double sigma, Quality *quality)
{
	double		noise = 6 * fmax(sigma * sigma, ROUNDING);
	double		energy[DIRECTIONS];

	quality->detail = INFINITY;
	for (int k = 0; k < DIRECTIONS; k++)
	{
		uint64_t	pairs = tally->pairs[1][k];

		energy[k] = pairs == 0 ? 0 : (double) tally->squares[1][k] / (double) pairs - noise;
		energy[k] = log2(fmax(energy[k], noise / 10));
		quality->detail = fmin(quality->detail, energy[k]);
	}
	quality->direction = fmax(fabs(energy[0] - energy[1]), fabs(energy[2] - energy[3]));
}

#define SMOOTH 2.8				/* an image counts as smooth from this exponent on */
#define SHARP 1.6				/* that of a sharp photograph */

/* The distance up to which the image is smooth, in pixels, 1 or more; infinite
 * for a constant image. */
static double
smooth_distance(const Tally *tally, double sigma)
{
	double		before = 4;
	bool		seen = false;

	for (int s = 0; s + 1 < SCALES; s++)
	{
		double		exponent = difference_growth(tally, s, sigma);

		if (exponent >= 0 && exponent <= SMOOTH)
			return s == 0 ? 1 : exp2(s - (SMOOTH - exponent) / (before - exponent));
		before = exponent < 0 ? 4 : exponent;
		seen = seen || exponent >= 0;
	}
	return seen ? exp2(SCALES - 1) : INFINITY;
}

/* The ratio of steps across block borders to steps within blocks. */
static double
blocking_of(const Tally *tally)
{
	double		within;
	double		across;

	if (tally->borders == 0 || tally->insides == 0)
		return 0;
	within = (double) tally->inside / (double) tally->insides;
	across = (double) tally->at_border / (double) tally->borders;
	return across > within ? (across - within) / (within + 0.25) : 0;
}

/* Count everything into the first tally. */
static Status
count_all(const Call *call, Detail *detail)
{
	long		block = BLOCK_PIXELS / detail->width;

	if (detail->copy != NULL)
		TRY(threads_run_polled(call, detail->height, block, take_green, detail));
	if (detail->height > 2)
		TRY(threads_run_polled(call, detail->height - 2, block, count_rows, detail));
	TRY(threads_run_polled(call, detail->height < SAMPLED_ROWS ? detail->height : SAMPLED_ROWS, block,
						   count_differences, detail));
	sum_tallies(detail->tallies, call->threads);
	return status_ok();
}

/* Count image and return the sum. */
static Status
tally_image(const Call *call, const Image *image, Tally *sum)
{
	Detail		detail = {.width = image->width, .height = image->height, .image = image, .green = image->pixels};
	void	   *memory;
	Status		status = status_ok();

	TRY(call_alloc_array(call, (size_t) call->threads, sizeof(Tally), &memory));
	detail.tallies = memory;
	if (image->channels > 1)
	{
		status = call_alloc(call, (size_t) image->width * (size_t) image->height, &memory);
		detail.copy = memory;
		detail.green = memory;
	}
	if (status.code == LS_OK)
		status = count_all(call, &detail);
	*sum = detail.tallies[0];
	call_free(call, detail.copy);
	call_free(call, detail.tallies);
	return status;
}

Status
quality_detail(const Call *call, const Image *image, const Image *frame, Quality *quality)
{
	int			shorter = image->width < image->height ? image->width : image->height;
	double		exponent;
	Tally		tally;

	TRY(tally_image(call, image, &tally));
	quality->noise = noise_sigma(&tally);
	quality->blocking = blocking_of(&tally);
	quality->resolution = fmax(1, shorter / smooth_distance(&tally, quality->noise));

	/* a frame of the image's size is the image */
	if (frame->width != image->width || frame->height != image->height)
		TRY(tally_image(call, frame, &tally));
	exponent = difference_growth(&tally, 0, noise_sigma(&tally));
	measure_detail(&tally, noise_sigma(&tally), quality);
	quality->sharpness = exponent < 0 ? 0 : fmin(1, fmax(0, (4 - exponent) / (4 - SHARP)));
	return status_ok();
}
