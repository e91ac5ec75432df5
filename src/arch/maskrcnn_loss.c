/*
 * maskrcnn_loss.c: the five losses of Mask R-CNN and their gradients.
 *
 *   objectness  binary cross-entropy of the drawn anchors
 *   anchor box  smooth L1 of the deltas of those that stand for a truth
 *   class       binary cross-entropy of the drawn regions
 *   box         smooth L1 of the deltas of those that stand for a truth
 *   mask        binary cross-entropy of their masks, cell by cell
 *
 * The first two are divided by the number of drawn anchors of the batch, the
 * next two by that of drawn regions, the last by that of cells; their sum is
 * what training minimises. Each image writes its share to m->losses; they are
 * added up in order.
 */
#include "arch/maskrcnn.h"

#include <math.h>
#include <string.h>

#include "nn/detection_loss.h"

static const float region_weights[4] = {10, 10, 5, 5};

BoxDelta
region_encode(Box reference, Box box)
{
	BoxDelta	delta = box_encode(reference, box);

	return (BoxDelta) {
		delta.x * region_weights[0], delta.y * region_weights[1],
		delta.w * region_weights[2], delta.h * region_weights[3]
	};
}

Box
region_decode(Box reference, const float *delta)
{
	return box_decode(reference, (BoxDelta) {
					  delta[0] / region_weights[0], delta[1] / region_weights[1],
					  delta[2] / region_weights[2], delta[3] / region_weights[3]
					  });
}

/* Smooth L1 of four deltas; they are replaced by gradients / total. */
static double
delta_loss(float *deltas, BoxDelta target, double total)
{
	const float targets[4] = {target.x, target.y, target.w, target.h};
	double		loss = 0;

	for (int k = 0; k < 4; k++)
	{
		float		slope;

		loss += smooth_l1(deltas[k] - targets[k], &slope);
		deltas[k] = (float) (slope / total);
	}
	return loss / total;
}

/* Binary cross-entropy of a logit, which is replaced by its gradient / total. */
static double
class_loss(float *logit, bool positive, double total)
{
	float		slope;
	double		loss = logit_loss(*logit, positive ? 1 : 0, &slope);

	*logit = (float) (slope / total);
	return loss / total;
}

void
proposal_losses(MaskRcnn *m, int worker, int image)
{
	const Canvas *canvas = &m->canvas;
	size_t		count = (size_t) canvas->h * canvas->w * ANCHORS_PER_CELL;
	float	   *logits = m->rpn_logits + image * count;
	float	   *deltas = m->rpn_deltas + image * count * 4;
	double	   *losses = m->losses + (size_t) image * LOSS_COUNT;
	float		slopes[ANCHOR_SAMPLES][5];

	(void) worker;
	for (int i = 0; i < m->anchor_counts[image]; i++)
	{
		AnchorSample sample = m->anchors[(size_t) image * ANCHOR_SAMPLES + i];
		size_t		at = (size_t) canvas->pixels[sample.anchor / ANCHORS_PER_CELL] * ANCHORS_PER_CELL +
			sample.anchor % ANCHORS_PER_CELL;

		memset(slopes[i], 0, sizeof slopes[i]);
		slopes[i][0] = logits[at];
		losses[LOSS_OBJECTNESS] += class_loss(&slopes[i][0], sample.truth >= 0, m->anchor_total);
		if (sample.truth < 0)
			continue;
		memcpy(&slopes[i][1], deltas + 4 * at, 4 * sizeof(float));
		losses[LOSS_ANCHOR] += delta_loss(&slopes[i][1], box_encode(canvas->anchors[sample.anchor],
																   m->truths[image].boxes[sample.truth]),
										  m->anchor_total);
	}

	/* From here on the arrays hold gradients: 0 for all that was not drawn. */
	memset(logits, 0, count * sizeof(float));
	memset(deltas, 0, count * 4 * sizeof(float));
	for (int i = 0; i < m->anchor_counts[image]; i++)
	{
		int			anchor = m->anchors[(size_t) image * ANCHOR_SAMPLES + i].anchor;
		size_t		at = (size_t) canvas->pixels[anchor / ANCHORS_PER_CELL] * ANCHORS_PER_CELL +
			anchor % ANCHORS_PER_CELL;

		logits[at] = slopes[i][0];
		memcpy(deltas + 4 * at, &slopes[i][1], 4 * sizeof(float));
	}
}

void
box_losses(MaskRcnn *m, int worker, int image)
{
	double	   *losses = m->losses + (size_t) image * LOSS_COUNT;
	size_t		origin = (size_t) image * m->config.rois;

	(void) worker;
	for (int k = 0; k < m->config.rois; k++)
	{
		size_t		i = origin + k;
		bool		used = k < m->roi_counts[image];
		int			truth = used ? m->roi_truths[i] : MATCH_NONE;

		if (used)
			losses[LOSS_CLASS] += class_loss(&m->roi_logits[i], truth >= 0, m->roi_total);
		else
			m->roi_logits[i] = 0;
		if (truth >= 0)
			losses[LOSS_BOX] += delta_loss(m->roi_deltas + 4 * i,
										   region_encode(m->rois[i].box, m->truths[image].boxes[truth]),
										   m->roi_total);
		else
			memset(m->roi_deltas + 4 * i, 0, 4 * sizeof(float));
	}
}

void
mask_losses(MaskRcnn *m, int worker, int image)
{
	double	   *losses = m->losses + (size_t) image * LOSS_COUNT;
	double		total = m->mask_total * MASK_SIZE * MASK_SIZE;
	float		target[MASK_SIZE * MASK_SIZE];

	(void) worker;
	for (int k = 0; k < m->mask_rois; k++)
	{
		size_t		i = (size_t) image * m->mask_rois + k;
		float	   *logits = m->masks + i * MASK_SIZE * MASK_SIZE;

		if (k >= m->mask_counts[image])
		{
			memset(logits, 0, sizeof target);
			continue;
		}
		/* The regions with masks come first. */
		truth_mask(&m->truths[image], m->roi_truths[(size_t) image * m->config.rois + k], m->height, m->width,
				   m->mask_regions[i].box, target);
		for (int cell = 0; cell < MASK_SIZE * MASK_SIZE; cell++)
		{
			float		slope;

			losses[LOSS_MASK] += logit_loss(logits[cell], target[cell], &slope) / total;
			logits[cell] = (float) (slope / total);
		}
	}
}
