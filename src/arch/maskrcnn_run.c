/*
 * maskrcnn_run.c: runs Mask R-CNN's plans and the work between them, in order.
 * All memory is allocated when the runner is made. The number of regions per
 * image is fixed; regions not in use are zeros, are not read and give no
 * gradient.
 */
#include "arch/maskrcnn.h"

#include <string.h>

#include "arch/engine.h"
#include "arch/runner.h"
#include "core/checked.h"

/* Images per thread between two polls. */
#define IMAGES_PER_POLL 4

/* ---- making and freeing ---- */

/* Allocate count items of a size into *array, cleared. */
static Status
allocate_array(MaskRcnn *m, size_t count, size_t factor, size_t size, void *array)
{
	void	   *memory;
	size_t		items;

	if (!checked_mul(count, factor, &items) || items > SIZE_MAX / size)
		return status_error(LS_LIMIT_EXCEEDED, "the network's arrays do not fit in memory");
	TRY(host_alloc_array(m->host, items, size, &memory));
	memcpy(array, &memory, sizeof memory);
	m->bytes += items * size;
	return status_ok();
}

/* The larger of two. */
static size_t
max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Scratch of one thread. */
static Status
take_scratch(MaskRcnn *m, MaskRcnnScratch *scratch)
{
	size_t		rois = m->config.rois;
	size_t		anchors = m->canvas.anchor_count;
	size_t		proposals = 2 * rois + MAX_TRUTHS;
	size_t		pixels = (size_t) m->height * m->width;

	TRY(allocate_array(m, anchors, 1, sizeof(float), &scratch->scores));
	TRY(allocate_array(m, max_size(max_size(anchors, proposals), m->training ? pixels : 0), 1, sizeof(int),
					   &scratch->indices));
	TRY(allocate_array(m, max_size(anchors, proposals), 1, sizeof(int8_t), &scratch->matches));
	TRY(allocate_array(m, 8 * rois, 1, sizeof(Box), &scratch->boxes));
	TRY(allocate_array(m, 8 * rois, 1, sizeof(int), &scratch->kept));
	TRY(allocate_array(m, proposals, 1, sizeof(Box), &scratch->proposals));
	TRY(allocate_array(m, m->width, 1, sizeof(float), &scratch->row));
	for (int level = 0; level < PYRAMID_LEVELS && m->training; level++)
	{
		Tensor		x = plan_output_at(m->backbone, level);

		TRY(allocate_array(m, (size_t) x.shape.h * x.shape.w, m->config.pyramid, sizeof(float),
						   &scratch->levels[level]));
	}
	return status_ok();
}

/* Allocate everything but the plans. */
static Status
take_arrays(MaskRcnn *m)
{
	size_t		batch = m->batch;
	size_t		canvas = (size_t) m->canvas.h * m->canvas.w;
	size_t		rois = m->config.rois;
	void	   *memory;

	TRY(allocate_array(m, m->canvas.cells, 1, sizeof(int), &m->canvas.pixels));
	TRY(allocate_array(m, m->canvas.anchor_count, 1, sizeof(Box), &m->canvas.anchors));
	canvas_fill(&m->canvas, m->config.anchor);
	TRY(allocate_array(m, batch * canvas, ANCHORS_PER_CELL, sizeof(float), &m->rpn_logits));
	TRY(allocate_array(m, batch * canvas, ANCHORS_PER_CELL * 4, sizeof(float), &m->rpn_deltas));
	TRY(allocate_array(m, batch, rois, sizeof(Roi), &m->rois));
	TRY(allocate_array(m, batch, 1, sizeof(int), &m->roi_counts));
	TRY(allocate_array(m, batch, rois, sizeof(float), &m->roi_logits));
	TRY(allocate_array(m, batch, rois * 4, sizeof(float), &m->roi_deltas));
	TRY(allocate_array(m, batch, m->mask_rois, sizeof(Roi), &m->mask_regions));
	TRY(allocate_array(m, batch * m->mask_rois, MASK_SIZE * MASK_SIZE, sizeof(float), &m->masks));
	TRY(allocate_array(m, batch, m->mask_rois, sizeof(NetworkInstance), &m->instances));
	TRY(allocate_array(m, batch, 1, sizeof(int), &m->instance_counts));
	TRY(host_alloc_array(m->host, m->threads, sizeof(MaskRcnnScratch), &memory));
	m->scratch = memory;
	for (int worker = 0; worker < m->threads; worker++)
		TRY(take_scratch(m, &m->scratch[worker]));
	if (!m->training)
		return status_ok();
	TRY(allocate_array(m, batch, 1, sizeof(Truths), &m->truths));
	for (int image = 0; image < m->batch; image++)
		TRY(allocate_array(m, (size_t) m->height * m->width, 1, 1, &m->truths[image].labels));
	TRY(allocate_array(m, batch, ANCHOR_SAMPLES, sizeof(AnchorSample), &m->anchors));
	TRY(allocate_array(m, batch, 1, sizeof(int), &m->anchor_counts));
	TRY(allocate_array(m, batch, rois, sizeof(int), &m->roi_truths));
	TRY(allocate_array(m, batch, 1, sizeof(int), &m->mask_counts));
	return allocate_array(m, batch, LOSS_COUNT, sizeof(double), &m->losses);
}

/* Plan one part. */
static Status
plan_part(MaskRcnn *m, const Call *call, const PlanOptions *common, int part, int batch, int height, int width,
		  Plan **plan)
{
	PlanOptions options = *common;

	options.part = part;
	options.batch = batch;
	options.height = height;
	options.width = width;
	options.input_gradient = m->training && part > 0;
	return plan_create(m->host, call, m->network->graph, &options, plan);
}

/* Make the four plans, then allocate the rest. */
static Status
make_plans(MaskRcnn *m, const Call *call, const RunnerOptions *options)
{
	PlanOptions common = {.training = options->training};
	size_t		regions;

	if (options->batch < 1)
		return status_error(LS_INVALID_ARGUMENT, "a batch of %d images is not possible", options->batch);
	TRY(network_check_size(m->network, options->width, options->height));
	TRY(engine_resolve(&options->choice, &common));
	if (!checked_mul((size_t) m->batch, (size_t) m->config.rois, &regions) || regions > 65536)
		return status_with_hint(status_error(LS_LIMIT_EXCEEDED, "%d regions in each of %d images are too many",
											 m->config.rois, m->batch),
								"At most 65536 in a batch: lower batch_size or rois.");
	canvas_layout(m->height, m->width, &m->canvas);
	TRY(plan_part(m, call, &common, 0, m->batch, m->height, m->width, &m->backbone));
	TRY(plan_part(m, call, &common, 1, m->batch, m->canvas.h, m->canvas.w, &m->rpn));
	TRY(plan_part(m, call, &common, 2, m->batch, 1, m->config.rois, &m->box));
	TRY(plan_part(m, call, &common, 3, m->batch * m->mask_rois, MASK_ROI_SIZE, MASK_ROI_SIZE, &m->mask));
	return take_arrays(m);
}

/* Release the scratch of one thread. */
static void
free_scratch(const Host *host, MaskRcnnScratch *scratch)
{
	host_free(host, scratch->scores);
	host_free(host, scratch->indices);
	host_free(host, scratch->matches);
	host_free(host, scratch->boxes);
	host_free(host, scratch->kept);
	host_free(host, scratch->proposals);
	host_free(host, scratch->row);
	for (int level = 0; level < PYRAMID_LEVELS; level++)
		host_free(host, scratch->levels[level]);
}

static void
maskrcnn_free(void *runner)
{
	MaskRcnn   *m = runner;
	const Host *host;

	if (m == NULL)
		return;
	host = m->host;
	plan_free(m->backbone);
	plan_free(m->rpn);
	plan_free(m->box);
	plan_free(m->mask);
	host_free(host, m->canvas.pixels);
	host_free(host, m->canvas.anchors);
	for (int worker = 0; m->scratch != NULL && worker < m->threads; worker++)
		free_scratch(host, &m->scratch[worker]);
	host_free(host, m->scratch);
	host_free(host, m->rpn_logits);
	host_free(host, m->rpn_deltas);
	host_free(host, m->rois);
	host_free(host, m->roi_counts);
	host_free(host, m->roi_logits);
	host_free(host, m->roi_deltas);
	host_free(host, m->mask_regions);
	host_free(host, m->masks);
	host_free(host, m->instances);
	host_free(host, m->instance_counts);
	for (int image = 0; m->truths != NULL && image < m->batch; image++)
		host_free(host, m->truths[image].labels);
	host_free(host, m->truths);
	host_free(host, m->anchors);
	host_free(host, m->anchor_counts);
	host_free(host, m->roi_truths);
	host_free(host, m->mask_counts);
	host_free(host, m->losses);
	host_free(host, m);
}

static Status
maskrcnn_create(const Network *network, const Call *call, const RunnerOptions *options, void **runner)
{
	MaskRcnn   *m;
	void	   *memory;
	Status		status;

	TRY(host_alloc_array(network->host, 1, sizeof(MaskRcnn), &memory));
	m = memory;
	m->network = network;
	m->host = network->host;
	m->threads = call->threads;
	m->config = maskrcnn_config(&network->config);
	m->batch = options->batch;
	m->height = options->height;
	m->width = options->width;
	m->training = options->training;
	m->mask_rois = m->training ? m->config.rois / 4 : m->config.detections;
	status = make_plans(m, call, options);
	if (status.code != LS_OK)
	{
		maskrcnn_free(m);
		return status;
	}
	*runner = m;
	return status_ok();
}

/* ---- running ---- */

typedef struct ImageTask
{
	MaskRcnn   *m;
	ImageWork	work;
	int			first;
} ImageTask;

static void
run_images(void *data, int worker, long begin, long end)
{
	const ImageTask *task = data;

	for (long i = begin; i < end; i++)
		task->work(task->m, worker, task->first + (int) i);
}

Status
maskrcnn_for_images(MaskRcnn *m, const Call *call, ImageWork work)
{
	int			most = IMAGES_PER_POLL * m->threads;

	for (int first = 0; first < m->batch; first += most)
	{
		ImageTask	task = {m, work, first};

		TRY(call_poll(call));
		threads_run(m->threads, m->batch - first < most ? m->batch - first : most, run_images, &task);
	}
	return status_ok();
}

/* Read output i of a plan as floats. */
static void
read_output(const Plan *plan, int i, ThreadsTask convert, float *values)
{
	Tensor		y = plan_output_at(plan, i);
	ConvertArgs args = {.from = y.data,.to = values};

	threads_run(plan->threads, shape_pixels(y.shape) * y.shape.c, convert, &args);
}

/* Write the gradient of output i of a plan from floats. */
static void
write_gradient(const Plan *plan, int i, const float *values)
{
	Tensor		dy = plan_output_gradient_at(plan, i);
	ConvertArgs args = {.from = values,.to = dy.data};

	threads_run(plan->threads, shape_pixels(dy.shape) * dy.shape.c, plan->loops->from_float, &args);
}

static Status
maskrcnn_set_weights(void *runner, const Call *call, const float *weights)
{
	MaskRcnn   *m = runner;

	TRY(plan_set_weights(m->backbone, call, weights));
	TRY(plan_set_weights(m->rpn, call, weights));
	TRY(plan_set_weights(m->box, call, weights));
	return plan_set_weights(m->mask, call, weights);
}

/* Run the images through backbone and proposal network. */
static Status
forward_proposals(MaskRcnn *m, const Call *call, const uint8_t *rgb, float *weights)
{
	engine_write_input(m->backbone, m->network, rgb);
	TRY(plan_forward(m->backbone, call, weights));
	TRY(maskrcnn_for_images(m, call, fill_canvas));
	TRY(plan_forward(m->rpn, call, weights));
	read_output(m->rpn, 0, m->rpn->loops->to_float, m->rpn_logits);
	read_output(m->rpn, 1, m->rpn->loops->to_float, m->rpn_deltas);
	return status_ok();
}

/* Run the regions through the box head. */
static Status
forward_box(MaskRcnn *m, const Call *call, float *weights)
{
	TRY(align_regions(m, call, m->rois, m->config.rois, BOX_ROI_SIZE, m->box));
	TRY(plan_forward(m->box, call, weights));
	read_output(m->box, 0, m->box->loops->to_float, m->roi_logits);
	read_output(m->box, 1, m->box->loops->to_float, m->roi_deltas);
	return status_ok();
}

/* Run the regions with masks through the mask head. */
static Status
forward_mask(MaskRcnn *m, const Call *call, float *weights, ThreadsTask convert)
{
	TRY(align_regions(m, call, m->mask_regions, m->mask_rois, MASK_ROI_SIZE, m->mask));
	TRY(plan_forward(m->mask, call, weights));
	read_output(m->mask, 0, convert, m->masks);
	return status_ok();
}

static Status
maskrcnn_predict(void *runner, const Call *call, const uint8_t *rgb, float *probabilities)
{
	MaskRcnn   *m = runner;
	size_t		pixels = (size_t) m->height * m->width;

	TRY(forward_proposals(m, call, rgb, NULL));
	TRY(maskrcnn_for_images(m, call, propose));
	TRY(forward_box(m, call, NULL));
	TRY(maskrcnn_for_images(m, call, detect));
	TRY(forward_mask(m, call, NULL, m->mask->loops->to_probability));
	for (int image = 0; image < m->batch; image++)
	{
		TRY(call_poll(call));
		paste_map(m, 0, image, probabilities + image * pixels);
	}
	return status_ok();
}

/* Clear the losses and count the samples that they are means of. */
static void
count_samples(MaskRcnn *m)
{
	m->anchor_total = m->roi_total = m->mask_total = 0;
	memset(m->losses, 0, (size_t) m->batch * LOSS_COUNT * sizeof(double));
	for (int image = 0; image < m->batch; image++)
	{
		m->anchor_total += m->anchor_counts[image];
		m->roi_total += m->roi_counts[image];
		m->mask_total += m->mask_counts[image];
	}
}

/* Compute all losses, and the gradients of the three heads' outputs. */
static Status
take_losses(MaskRcnn *m, const Call *call, double *loss)
{
	count_samples(m);
	TRY(maskrcnn_for_images(m, call, proposal_losses));
	TRY(maskrcnn_for_images(m, call, box_losses));
	TRY(maskrcnn_for_images(m, call, mask_losses));
	write_gradient(m->rpn, 0, m->rpn_logits);
	write_gradient(m->rpn, 1, m->rpn_deltas);
	write_gradient(m->box, 0, m->roi_logits);
	write_gradient(m->box, 1, m->roi_deltas);
	write_gradient(m->mask, 0, m->masks);
	*loss = 0;
	for (int i = 0; i < m->batch * LOSS_COUNT; i++)
		*loss += m->losses[i];
	return status_ok();
}

static Status
maskrcnn_train(void *runner, const Call *call, const TrainingBatch *batch, float *weights, float *gradients,
			   double *loss)
{
	MaskRcnn   *m = runner;

	m->seed = batch->seed;
	m->truth_masks = batch->masks;
	TRY(forward_proposals(m, call, batch->rgb, weights));
	TRY(maskrcnn_for_images(m, call, draw_samples));
	TRY(forward_box(m, call, weights));
	TRY(forward_mask(m, call, weights, m->mask->loops->to_float));
	TRY(take_losses(m, call, loss));
	TRY(plan_backward(m->box, call, gradients));
	TRY(plan_backward(m->mask, call, gradients));
	TRY(plan_backward(m->rpn, call, gradients));
	TRY(maskrcnn_for_images(m, call, gather_gradients));
	return plan_backward(m->backbone, call, gradients);
}

static int
maskrcnn_instances(const void *runner, int image, const NetworkInstance **instances)
{
	const MaskRcnn *m = runner;

	*instances = m->instances + (size_t) image * m->mask_rois;
	return m->instance_counts[image];
}

static size_t
maskrcnn_memory(const void *runner)
{
	const MaskRcnn *m = runner;

	return m->bytes + plan_memory(m->backbone) + plan_memory(m->rpn) + plan_memory(m->box) + plan_memory(m->mask);
}

static Plan *
maskrcnn_plan(const void *runner)
{
	return ((const MaskRcnn *) runner)->backbone;
}

const struct RunnerKind maskrcnn_runner = {
	.create = maskrcnn_create,
	.free = maskrcnn_free,
	.set_weights = maskrcnn_set_weights,
	.predict = maskrcnn_predict,
	.train = maskrcnn_train,
	.instances = maskrcnn_instances,
	.memory = maskrcnn_memory,
	.plan = maskrcnn_plan,
};
