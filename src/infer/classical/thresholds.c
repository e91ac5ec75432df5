/*
 * thresholds.c: lesion is what is darker than a threshold: one for the whole
 * image (otsu), or one for each pixel (adaptive).
 */
#include "infer/classical/methods.h"

int
otsu_threshold(const int64_t counts[256])
{
	double		all = 0;
	double		sum = 0;
	double		below = 0;
	double		sum_below = 0;
	double		best = -1;
	int			threshold = 0;

	for (int v = 0; v < 256; v++)
	{
		all += (double) counts[v];
		sum += (double) v * (double) counts[v];
	}
	for (int v = 0; v < 255; v++)
	{
		double		above;
		double		distance;

		below += (double) counts[v];
		sum_below += (double) v * (double) counts[v];
		above = all - below;
		if (below == 0 || above == 0)
			continue;
		distance = sum_below / below - (sum - sum_below) / above;
		if (below * above * distance * distance > best)
		{
			best = below * above * distance * distance;
			threshold = v;
		}
	}
	return best < 0 ? -1 : threshold;
}

Status
classical_otsu(const Call *call, const ClassicalFrame *frame, const ClassicalOptions *options, uint8_t *lesion)
{
	int64_t		counts[256] = {0};
	int			threshold;

	(void) options;
	TRY(call_poll(call));
	for (size_t i = 0; i < frame->count; i++)
		counts[frame->values[i]] += frame->valid[i];
	threshold = otsu_threshold(counts);
	for (size_t i = 0; i < frame->count; i++)
		lesion[i] = frame->valid[i] != 0 && frame->values[i] <= threshold ? 255 : 0;
	return status_ok();
}

/* Sums over the rectangle above and to the left of each corner, (height + 1, width + 1). */
typedef struct Integral
{
	int64_t		value;
	int64_t		count;
} Integral;

static void
integrate_values(const ClassicalFrame *frame, Integral *sums)
{
	size_t		stride = (size_t) frame->width + 1;

	for (int y = 0; y < frame->height; y++)
	{
		Integral	row = {0, 0};

		for (int x = 0; x < frame->width; x++)
		{
			size_t		i = (size_t) y * (size_t) frame->width + (size_t) x;
			size_t		at = ((size_t) y + 1) * stride + (size_t) x + 1;

			row.value += frame->valid[i] != 0 ? frame->values[i] : 0;
			row.count += frame->valid[i];
			sums[at].value = sums[at - stride].value + row.value;
			sums[at].count = sums[at - stride].count + row.count;
		}
	}
}

/* The mean of what is valid within `reach` of x, y. */
static double
mean_around(const ClassicalFrame *frame, const Integral *sums, int x, int y, int reach)
{
	size_t		stride = (size_t) frame->width + 1;
	size_t		left = (size_t) (x > reach ? x - reach : 0);
	size_t		top = (size_t) (y > reach ? y - reach : 0);
	size_t		right = (size_t) (x + reach < frame->width ? x + reach + 1 : frame->width);
	size_t		bottom = (size_t) (y + reach < frame->height ? y + reach + 1 : frame->height);
	int64_t		value = sums[bottom * stride + right].value - sums[bottom * stride + left].value -
		sums[top * stride + right].value + sums[top * stride + left].value;
	int64_t		count = sums[bottom * stride + right].count - sums[bottom * stride + left].count -
		sums[top * stride + right].count + sums[top * stride + left].count;

	return count > 0 ? (double) value / (double) count : 0;
}

Status
classical_adaptive(const Call *call, const ClassicalFrame *frame, const ClassicalOptions *options, uint8_t *lesion)
{
	int			reach = (int) (options->window / 2);
	size_t		i = 0;
	void	   *sums;
	Status		status;

	TRY(call_alloc_array(call, ((size_t) frame->width + 1) * ((size_t) frame->height + 1), sizeof(Integral), &sums));
	status = call_poll(call);
	integrate_values(frame, sums);
	for (int y = 0; y < frame->height && status.code == LS_OK; y++)
		for (int x = 0; x < frame->width; x++, i++)
			lesion[i] = frame->valid[i] != 0 &&
				frame->values[i] < mean_around(frame, sums, x, y, reach) - options->offset ? 255 : 0;
	call_free(call, sums);
	return status;
}
