/*
 * maskrcnn_heads.c: the work between the plans: levels onto the canvas,
 * anchors to proposals, proposals to regions, regions to instances, and the
 * gradients back.
 *
 * Work is divided by image, and each image has its own random generator, so
 * that results do not depend on the number of threads.
 */
#include "arch/maskrcnn.h"

#include <math.h>
#include <string.h>

#define PROPOSALS_BEFORE 8		/* best anchors per region, from which suppression chooses */
#define PROPOSALS_DRAWN 2		/* per region: proposals that training draws from */
#define PROPOSAL_OVERLAP 0.7f	/* largest IoU of two proposals */
#define INSTANCE_OVERLAP 0.5f	/* largest IoU of two instances */
#define ANCHOR_POSITIVE 0.7f	/* least IoU of an anchor with its truth */
#define ANCHOR_NEGATIVE 0.3f	/* below this IoU it is background */
#define REGION_POSITIVE 0.5f	/* least IoU of a region with its truth */
#define LEAST_SIDE 1.0f			/* pixels of a proposal */
#define CANONICAL_SIDE 224.0f	/* a region of this size is read from stride 16 */

/* A mask's region is larger than the box by this share of the side, on each
 * side: a box that is a little too small then does not cut the lesion. */
#define MASK_MARGIN 0.1f

/* Bytes of one pixel of the pyramid's levels. */
static size_t
pixel_bytes(const MaskRcnn *m)
{
	return m->config.pyramid * data_type_size(m->backbone->options.type);
}

void
fill_canvas(MaskRcnn *m, int worker, int image)
{
	const Canvas *canvas = &m->canvas;
	size_t		pixel = pixel_bytes(m);
	size_t		bytes = (size_t) canvas->h * canvas->w * pixel;
	char	   *to = (char *) plan_input(m->rpn).data + image * bytes;

	(void) worker;
	memset(to, 0, bytes);
	for (int i = 0; i < RPN_LEVELS; i++)
	{
		const CanvasPlace *place = &canvas->places[i];
		const char *from = (const char *) plan_output_at(m->backbone, place->level).data +
			(size_t) image * place->h * place->w * pixel;

		for (int y = 0; y < place->h; y++)
			memcpy(to + ((size_t) (place->top + y) * canvas->w + place->left) * pixel,
				   from + (size_t) y * place->w * pixel, place->w * pixel);
	}
}

/* The image's best proposals, at most `most`, into proposals. */
static int
find_proposals(MaskRcnn *m, MaskRcnnScratch *scratch, int image, int most, Box *proposals)
{
	const Canvas *canvas = &m->canvas;
	size_t		origin = (size_t) image * canvas->h * canvas->w;
	const float *logits = m->rpn_logits + origin * ANCHORS_PER_CELL;
	const float *deltas = m->rpn_deltas + origin * ANCHORS_PER_CELL * 4;
	int			found;
	int			boxes = 0;

	for (int i = 0; i < canvas->anchor_count; i++)
		scratch->scores[i] = logits[(size_t) canvas->pixels[i / ANCHORS_PER_CELL] * ANCHORS_PER_CELL +
									i % ANCHORS_PER_CELL];
	found = top_scores(canvas->anchor_count, scratch->scores, PROPOSALS_BEFORE * m->config.rois, scratch->indices);
	for (int k = 0; k < found; k++)
	{
		int			i = scratch->indices[k];
		const float *d = deltas + ((size_t) canvas->pixels[i / ANCHORS_PER_CELL] * ANCHORS_PER_CELL +
								   i % ANCHORS_PER_CELL) * 4;
		Box			box = box_decode(canvas->anchors[i], (BoxDelta) {d[0], d[1], d[2], d[3]});

		box = box_clip(box, m->width, m->height);
		if (box.x2 - box.x1 >= LEAST_SIDE && box.y2 - box.y1 >= LEAST_SIDE)
			scratch->boxes[boxes++] = box;
	}
	found = nms(boxes, scratch->boxes, PROPOSAL_OVERLAP, most, scratch->kept);
	for (int k = 0; k < found; k++)
		proposals[k] = scratch->boxes[scratch->kept[k]];
	return found;
}

/* The level from which a box is read: a larger box has a coarser level (Lin et
 * al., arXiv:1612.03144, equation 1). */
static int
region_level(Box box)
{
	float		level = floorf(2 + log2f(sqrtf(box_area(box)) / CANONICAL_SIDE) + 1e-6f);

	return level < 0 || isnan(level) ? 0 : level > PYRAMID_LEVELS - 1 ? PYRAMID_LEVELS - 1 : (int) level;
}

/* Make box a region of image. */
static Roi
make_region(int image, Box box)
{
	return (Roi) {box, image, region_level(box)};
}

/* The region for the mask of a box. */
static Roi
mask_region(const MaskRcnn *m, int image, Box box)
{
	float		w = (box.x2 - box.x1) * MASK_MARGIN;
	float		h = (box.y2 - box.y1) * MASK_MARGIN;

	return make_region(image, box_clip((Box) {box.x1 - w, box.y1 - h, box.x2 + w, box.y2 + h}, m->width, m->height));
}

/* Express a box in shares of the image's size. */
static NetworkArea
image_area(const MaskRcnn *m, Box box)
{
	return (NetworkArea) {
		box.x1 / (float) m->width, box.y1 / (float) m->height, box.x2 / (float) m->width, box.y2 / (float) m->height
	};
}

/* Mark regions [used, count) as not in use. */
static void
clear_regions(Roi *rois, int image, int used, int count)
{
	for (int i = used; i < count; i++)
		rois[i] = (Roi) {{0, 0, 0, 0}, image, -1};
}

void
propose(MaskRcnn *m, int worker, int image)
{
	MaskRcnnScratch *scratch = &m->scratch[worker];
	Roi		   *rois = m->rois + (size_t) image * m->config.rois;
	int			count = find_proposals(m, scratch, image, m->config.rois, scratch->proposals);

	for (int i = 0; i < count; i++)
		rois[i] = make_region(image, scratch->proposals[i]);
	clear_regions(rois, image, count, m->config.rois);
	m->roi_counts[image] = count;
}

/* Draw the anchors to learn from. */
static void
draw_anchors(MaskRcnn *m, MaskRcnnScratch *scratch, Rng *rng, int image)
{
	const Canvas *canvas = &m->canvas;
	AnchorSample *samples = m->anchors + (size_t) image * ANCHOR_SAMPLES;
	int			drawn[ANCHOR_SAMPLES];
	int			positives;
	int			count;

	match_boxes(canvas->anchor_count, canvas->anchors, &m->truths[image], ANCHOR_POSITIVE, ANCHOR_NEGATIVE, true,
				scratch->matches);
	count = sample_boxes(rng, canvas->anchor_count, scratch->matches, ANCHOR_SAMPLES, ANCHOR_SAMPLES / 2,
						 scratch->indices, drawn, &positives);
	for (int i = 0; i < count; i++)
		samples[i] = (AnchorSample) {drawn[i], scratch->matches[drawn[i]]};
	m->anchor_counts[image] = count;
}

/* Draw the regions to learn from, out of the best proposals and the truths
 * themselves. */
static void
draw_regions(MaskRcnn *m, MaskRcnnScratch *scratch, Rng *rng, int image)
{
	const Truths *truths = &m->truths[image];
	int			most = m->config.rois;
	Roi		   *rois = m->rois + (size_t) image * most;
	Roi		   *mask_regions = m->mask_regions + (size_t) image * m->mask_rois;
	int		   *matched = m->roi_truths + (size_t) image * most;
	int			count = find_proposals(m, scratch, image, PROPOSALS_DRAWN * most, scratch->proposals);
	int			positives;

	for (int t = 0; t < truths->count; t++)
		scratch->proposals[count++] = truths->boxes[t];
	match_boxes(count, scratch->proposals, truths, REGION_POSITIVE, REGION_POSITIVE, false, scratch->matches);
	count = sample_boxes(rng, count, scratch->matches, most, m->mask_rois, scratch->indices, scratch->kept, &positives);
	for (int i = 0; i < count; i++)
	{
		rois[i] = make_region(image, scratch->proposals[scratch->kept[i]]);
		matched[i] = scratch->matches[scratch->kept[i]];
		if (i < positives)
			mask_regions[i] = mask_region(m, image, rois[i].box);
	}
	clear_regions(rois, image, count, most);
	clear_regions(mask_regions, image, positives, m->mask_rois);
	m->roi_counts[image] = count;
	m->mask_counts[image] = positives;
}

void
draw_samples(MaskRcnn *m, int worker, int image)
{
	MaskRcnnScratch *scratch = &m->scratch[worker];
	size_t		pixels = (size_t) m->height * m->width;
	Rng			rng;

	rng_seed(&rng, m->seed, (uint64_t) image);
	truths_find(m->truth_masks + image * pixels, m->height, m->width, scratch->indices, &m->truths[image]);
	draw_anchors(m, scratch, &rng, image);
	draw_regions(m, scratch, &rng, image);
}

/* The arguments of RoIAlign for an image's pyramid. */
static RoiAlignArgs
align_args(const MaskRcnn *m, const Roi *rois, int size)
{
	RoiAlignArgs args = {.channels = m->config.pyramid,.size = size,.rois = rois};

	for (int level = 0; level < PYRAMID_LEVELS; level++)
	{
		Tensor		x = plan_output_at(m->backbone, level);

		args.levels[level] = (RoiLevel) {
			.h = x.shape.h,.w = x.shape.w,.stride = FIRST_STRIDE << level,.x = x.data
		};
	}
	return args;
}

Status
align_regions(MaskRcnn *m, const Call *call, const Roi *rois, int per_image, int size, Plan *head)
{
	RoiAlignArgs args = align_args(m, rois, size);

	args.y = plan_input(head).data;
	TRY(call_poll(call));
	threads_run(m->threads, (long) m->batch * per_image, m->backbone->loops->roi_align, &args);
	return call_poll(call);
}

void
detect(MaskRcnn *m, int worker, int image)
{
	MaskRcnnScratch *scratch = &m->scratch[worker];
	size_t		origin = (size_t) image * m->config.rois;
	Roi		   *regions = m->mask_regions + (size_t) image * m->mask_rois;
	NetworkInstance *instances = m->instances + (size_t) image * m->mask_rois;
	int			count = top_scores(m->roi_counts[image], m->roi_logits + origin, m->config.rois, scratch->indices);

	for (int k = 0; k < count; k++)
	{
		size_t		i = origin + scratch->indices[k];

		scratch->boxes[k] = box_clip(region_decode(m->rois[i].box, m->roi_deltas + 4 * i), m->width, m->height);
	}
	count = nms(count, scratch->boxes, INSTANCE_OVERLAP, m->mask_rois, scratch->kept);
	m->instance_counts[image] = 0;
	for (int k = 0; k < count; k++)
	{
		Box			box = scratch->boxes[scratch->kept[k]];
		float		logit = m->roi_logits[origin + scratch->indices[scratch->kept[k]]];
		float		score = 1 / (1 + expf(-logit));
		int			n = m->instance_counts[image];

		if (n > 0 && score < m->config.score)
			break;
		if (box.x2 - box.x1 < LEAST_SIDE || box.y2 - box.y1 < LEAST_SIDE)
			continue;
		regions[n] = mask_region(m, image, box);
		instances[n] = (NetworkInstance) {
			.score = score,
			.box = image_area(m, box),
			.mask_area = image_area(m, regions[n].box),
			.side = MASK_SIZE,
			.mask = m->masks + ((size_t) image * m->mask_rois + n) * MASK_SIZE * MASK_SIZE,
		};
		m->instance_counts[image]++;
	}
	clear_regions(regions, image, m->instance_counts[image], m->mask_rois);
}

/* Add a level's gradient on the canvas to that in the pyramid. */
static void
add_canvas_gradient(MaskRcnn *m, int worker, int image, const CanvasPlace *place)
{
	const Canvas *canvas = &m->canvas;
	size_t		pixel = pixel_bytes(m);
	int			channels = m->config.pyramid;
	const char *from = plan_input_gradient(m->rpn).data;
	char	   *to = plan_output_gradient_at(m->backbone, place->level).data;

	from += ((size_t) image * canvas->h * canvas->w + (size_t) place->top * canvas->w + place->left) * pixel;
	to += (size_t) image * place->h * place->w * pixel;
	for (int y = 0; y < place->h; y++)
	{
		char	   *row = to + (size_t) y * place->w * pixel;
		AddArgs		args = {
			.a = row,.a_stride = channels,
			.b = from + (size_t) y * canvas->w * pixel,.b_stride = channels,
			.y = row,.y_stride = channels,
			.channels = channels,
		};

		m->backbone->loops->add(&args, worker, 0, place->w);
	}
}

/* Add the gradients of the image's regions to the levels in args. */
static void
add_region_gradients(MaskRcnn *m, int worker, int image, RoiAlignArgs *args, const Roi *rois, int per_image,
					 int size, const Plan *head)
{
	args->rois = rois;
	args->size = size;
	args->dy = plan_input_gradient(head).data;
	m->backbone->loops->roi_align_gradient(args, worker, (long) image * per_image, (long) (image + 1) * per_image);
}

void
gather_gradients(MaskRcnn *m, int worker, int image)
{
	RoiAlignArgs args = align_args(m, NULL, 0);
	size_t		elements[PYRAMID_LEVELS];

	for (int level = 0; level < PYRAMID_LEVELS; level++)
	{
		args.levels[level].dx = m->scratch[worker].levels[level];
		elements[level] = (size_t) args.levels[level].h * args.levels[level].w * m->config.pyramid;
		memset(args.levels[level].dx, 0, elements[level] * sizeof(float));
	}
	add_region_gradients(m, worker, image, &args, m->rois, m->config.rois, BOX_ROI_SIZE, m->box);
	add_region_gradients(m, worker, image, &args, m->mask_regions, m->mask_rois, MASK_ROI_SIZE, m->mask);
	for (int level = 0; level < PYRAMID_LEVELS; level++)
	{
		Tensor		gradient = plan_output_gradient_at(m->backbone, level);
		ConvertArgs convert = {
			.from = args.levels[level].dx,
			.to = (char *) gradient.data + image * elements[level] * data_type_size(gradient.type),
		};

		m->backbone->loops->from_float(&convert, worker, 0, (long) elements[level]);
	}
	for (int i = 0; i < RPN_LEVELS; i++)
		add_canvas_gradient(m, worker, image, &m->canvas.places[i]);
}
