/*
 * maskrcnn_truth.c: what the network should find: the instances of a mask, the
 * boxes that match them, and the random choice of boxes to learn from.
 */
#include "arch/maskrcnn.h"

#include <string.h>

#include "nn/loops/roi_align.h"

#define LEFT_OUT 255			/* label of lesion pixels of parts that are left out */

/* Label the component at `start` and measure it; afterwards stack[0 .. area)
 * holds its pixels. */
static int
flood_component(const uint8_t *mask, int height, int width, int start, uint8_t label, int *stack, uint8_t *labels,
				Box *box)
{
	int			area = 1;

	*box = (Box) {(float) width, (float) height, 0, 0};
	stack[0] = start;
	labels[start] = label;
	for (int next = 0; next < area; next++)
	{
		int			y = stack[next] / width;
		int			x = stack[next] % width;

		*box = (Box) {
			x < box->x1 ? (float) x : box->x1, y < box->y1 ? (float) y : box->y1,
			x + 1 > box->x2 ? (float) (x + 1) : box->x2, y + 1 > box->y2 ? (float) (y + 1) : box->y2
		};
		for (int ny = y > 0 ? y - 1 : 0; ny <= y + 1 && ny < height; ny++)
			for (int nx = x > 0 ? x - 1 : 0; nx <= x + 1 && nx < width; nx++)
			{
				int			pixel = ny * width + nx;

				if (mask[pixel] > 128 && labels[pixel] == 0)
				{
					labels[pixel] = label;
					stack[area++] = pixel;
				}
			}
	}
	return area;
}

/* The place for a new instance: a free one, or that of the smallest instance
 * if the new one is larger (the smallest is then dropped). -1 = none. */
static int
find_place(Truths *truths, int height, int width, int area)
{
	int			smallest = 0;

	if (area < LEAST_TRUTH)
		return -1;
	if (truths->count < MAX_TRUTHS)
		return truths->count++;
	for (int i = 1; i < MAX_TRUTHS; i++)
		if (truths->areas[i] < truths->areas[smallest])
			smallest = i;
	if (truths->areas[smallest] >= area)
		return -1;
	for (int pixel = 0; pixel < height * width; pixel++)
		if (truths->labels[pixel] == smallest + 1)
			truths->labels[pixel] = LEFT_OUT;
	return smallest;
}

void
truths_find(const uint8_t *mask, int height, int width, int *stack, Truths *truths)
{
	truths->count = 0;
	memset(truths->labels, 0, (size_t) height * width);
	for (int pixel = 0; pixel < height * width; pixel++)
	{
		Box			box;
		int			area;
		int			place;

		if (mask[pixel] <= 128 || truths->labels[pixel] != 0)
			continue;
		area = flood_component(mask, height, width, pixel, LEFT_OUT, stack, truths->labels, &box);
		place = find_place(truths, height, width, area);
		if (place < 0)
			continue;
		truths->boxes[place] = box;
		truths->areas[place] = area;
		for (int i = 0; i < area; i++)
			truths->labels[stack[i]] = (uint8_t) (place + 1);
	}
}

void
truth_mask(const Truths *truths, int truth, int height, int width, Box box, float *target)
{
	RoiTaps		rows[MASK_SIZE];
	RoiTaps		columns[MASK_SIZE];

	roi_taps(box.y1, box.y2, MASK_SIZE, height, 1, rows);
	roi_taps(box.x1, box.x2, MASK_SIZE, width, 1, columns);
	for (int cell = 0; cell < MASK_SIZE * MASK_SIZE; cell++)
	{
		const RoiTaps *v = &rows[cell / MASK_SIZE];
		const RoiTaps *h = &columns[cell % MASK_SIZE];

		target[cell] = 0;
		for (int a = 0; a < v->count; a++)
			for (int b = 0; b < h->count; b++)
				if (truths->labels[(size_t) v->at[a] * width + h->at[b]] == truth + 1)
					target[cell] += v->weight[a] * h->weight[b];
	}
}

/* The truth that box overlaps most (the first of equals) and by how much. */
static float
best_truth(Box box, const Truths *truths, int *best)
{
	float		largest = 0;

	*best = 0;
	for (int t = 0; t < truths->count; t++)
	{
		float		iou = box_iou(box, truths->boxes[t]);

		if (iou > largest)
		{
			largest = iou;
			*best = t;
		}
	}
	return largest;
}

void
match_boxes(int n, const Box *boxes, const Truths *truths, float positive, float negative, bool force,
			int8_t *matches)
{
	float		largest[MAX_TRUTHS] = {0};

	for (int i = 0; i < n; i++)
	{
		int			best;
		float		iou = best_truth(boxes[i], truths, &best);

		matches[i] = (int8_t) (truths->count > 0 && iou >= positive ? best :
							   iou < negative ? MATCH_NONE : MATCH_UNCLEAR);
		for (int t = 0; force && t < truths->count; t++)
		{
			iou = box_iou(boxes[i], truths->boxes[t]);
			if (iou > largest[t])
				largest[t] = iou;
		}
	}
	for (int i = 0; force && i < n; i++)
		for (int t = 0; t < truths->count && matches[i] < 0; t++)
			if (largest[t] > 0 && box_iou(boxes[i], truths->boxes[t]) == largest[t])
			{
				int			best;

				best_truth(boxes[i], truths, &best);
				matches[i] = (int8_t) best;
			}
}

/* Move `want` of n list entries, drawn at random, to the list's front. */
static void
draw_to_front(Rng *rng, int *list, int n, int want)
{
	for (int i = 0; i < want; i++)
	{
		int			j = i + (int) rng_below(rng, (uint64_t) (n - i));
		int			drawn = list[j];

		list[j] = list[i];
		list[i] = drawn;
	}
}

int
sample_boxes(Rng *rng, int n, const int8_t *matches, int most, int most_positive, int *scratch,
			 int *sampled, int *positives)
{
	int			count = 0;

	*positives = 0;
	for (int kind = 0; kind < 2; kind++)	/* matched, then unmatched */
	{
		int			room = kind == 0 ? most_positive : most - count;
		int			found = 0;

		for (int i = 0; i < n; i++)
			if (kind == 0 ? matches[i] >= 0 : matches[i] == MATCH_NONE)
				scratch[found++] = i;
		if (room > found)
			room = found;
		draw_to_front(rng, scratch, found, room);
		for (int i = 0; i < room; i++)
			sampled[count++] = scratch[i];
		if (kind == 0)
			*positives = count;
	}
	return count;
}
