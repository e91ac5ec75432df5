/*
 * boxes.c: see boxes.h.
 */
#include "nn/boxes.h"

#include <math.h>

float
box_area(Box box)
{
	float		w = box.x2 - box.x1;
	float		h = box.y2 - box.y1;

	return w > 0 && h > 0 ? w * h : 0;
}

float
box_iou(Box a, Box b)
{
	Box			both = {fmaxf(a.x1, b.x1), fmaxf(a.y1, b.y1), fminf(a.x2, b.x2), fminf(a.y2, b.y2)};
	float		shared = box_area(both);
	float		either = box_area(a) + box_area(b) - shared;

	return either > 0 ? shared / either : 0;
}

Box
box_clip(Box box, int width, int height)
{
	Box			clipped = {
		fminf(fmaxf(box.x1, 0), (float) width), fminf(fmaxf(box.y1, 0), (float) height),
		fminf(fmaxf(box.x2, 0), (float) width), fminf(fmaxf(box.y2, 0), (float) height)
	};

	return clipped;
}

BoxDelta
box_encode(Box reference, Box box)
{
	float		w = reference.x2 - reference.x1;
	float		h = reference.y2 - reference.y1;
	BoxDelta	delta = {
		((box.x1 + box.x2) - (reference.x1 + reference.x2)) / (2 * w),
		((box.y1 + box.y2) - (reference.y1 + reference.y2)) / (2 * h),
		logf((box.x2 - box.x1) / w),
		logf((box.y2 - box.y1) / h)
	};

	return delta;
}

Box
box_decode(Box reference, BoxDelta delta)
{
	float		w = reference.x2 - reference.x1;
	float		h = reference.y2 - reference.y1;
	float		x = (reference.x1 + reference.x2) / 2 + delta.x * w;
	float		y = (reference.y1 + reference.y2) / 2 + delta.y * h;
	float		half_w = expf(fminf(delta.w, BOX_LARGEST_DELTA)) * w / 2;
	float		half_h = expf(fminf(delta.h, BOX_LARGEST_DELTA)) * h / 2;
	Box			box = {x - half_w, y - half_h, x + half_w, y + half_h};

	return box;
}

/* Does index a come after index b in the order? */
static bool
comes_after(const float *scores, int a, int b)
{
	float		x = isnan(scores[a]) ? -INFINITY : scores[a];
	float		y = isnan(scores[b]) ? -INFINITY : scores[b];

	return x < y || (x == y && a > b);
}

/* Sift down the entry at the top of a heap that has the last in order on
 * top. */
static void
sift_down(const float *scores, int *heap, int count)
{
	int			at = 0;

	for (;;)
	{
		int			child = 2 * at + 1;
		int			moved = heap[at];

		if (child >= count)
			return;
		if (child + 1 < count && comes_after(scores, heap[child + 1], heap[child]))
			child++;
		if (!comes_after(scores, heap[child], moved))
			return;
		heap[at] = heap[child];
		heap[child] = moved;
		at = child;
	}
}

int
top_scores(int n, const float *scores, int most, int *indices)
{
	int			count = 0;

	if (most < 1)
		return 0;

	/* Keep a heap of the best so far, with the worst of them on top. */
	for (int i = 0; i < n; i++)
	{
		if (count < most)
		{
			int			at = count++;

			indices[at] = i;
			while (at > 0 && comes_after(scores, indices[at], indices[(at - 1) / 2]))
			{
				indices[at] = indices[(at - 1) / 2];
				at = (at - 1) / 2;
				indices[at] = i;
			}
		}
		else if (comes_after(scores, indices[0], i))
		{
			indices[0] = i;
			sift_down(scores, indices, count);
		}
	}

	/* Move the worst from the top to the end, again and again. */
	for (int left = count - 1; left > 0; left--)
	{
		int			worst = indices[0];

		indices[0] = indices[left];
		indices[left] = worst;
		sift_down(scores, indices, left);
	}
	return count;
}

int
nms(int n, const Box *boxes, float overlap, int most, int *kept)
{
	int			count = 0;

	for (int i = 0; i < n && count < most; i++)
	{
		bool		suppressed = false;

		for (int k = 0; k < count && !suppressed; k++)
			suppressed = box_iou(boxes[i], boxes[kept[k]]) > overlap;
		if (!suppressed)
			kept[count++] = i;
	}
	return count;
}
