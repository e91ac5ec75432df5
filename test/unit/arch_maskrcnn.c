/*
 * arch_maskrcnn.c: what stands between Mask R-CNN's plans, piece by piece:
 * the canvas, instances of a mask, matching, the draw, losses against finite
 * differences, pasting; and that threads change nothing. (arch_replay.c has
 * the whole, beside PyTorch.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "arch/maskrcnn.h"
#include "arch/runner.h"
#include "arch_config.h"
#include "between.h"
#include "plan_fixture.h"

enum
{
	BATCH = 3,
	HEIGHT = 64,
	WIDTH = 96
};

/* ---- the canvas ---- */

static void
test_canvas(void **state)
{
	Canvas		canvas;
	int			pixels[128];
	Box			anchors[128 * ANCHORS_PER_CELL];

	(void) state;
	canvas_layout(HEIGHT, WIDTH, &canvas);
	assert_int_equal(canvas.h, 8 + 1 + 4);
	assert_int_equal(canvas.w, 12);
	assert_int_equal(canvas.cells, 8 * 12 + 4 * 6 + 2 * 3);
	assert_int_equal(canvas.places[2].top, 9);
	assert_int_equal(canvas.places[2].left, 7);
	canvas.pixels = pixels;
	canvas.anchors = anchors;
	canvas_fill(&canvas, 4);
	assert_int_equal(pixels[0], 0);
	assert_int_equal(pixels[8 * 12], 9 * 12);
	assert_int_equal(pixels[8 * 12 + 4 * 6], 9 * 12 + 7);
	assert_int_equal(pixels[canvas.cells - 1], 10 * 12 + 9);

	/* The second cell of the finest level: centre (12, 4), a square of 32; the larger of 32 sqrt 2. */
	assert_float_equal(anchors[ANCHORS_PER_CELL + 1].x1, 12 - 16, 1e-4);
	assert_float_equal(anchors[ANCHORS_PER_CELL + 1].y2, 4 + 16, 1e-4);
	assert_float_equal(box_area(anchors[ANCHORS_PER_CELL + 3]), 2 * 32 * 32, 0.1);
	assert_float_equal(box_area(anchors[0]), 32 * 32, 0.1);	/* half as high as wide */
	assert_float_equal(anchors[0].x2 - anchors[0].x1, 2 * (anchors[0].y2 - anchors[0].y1), 1e-4);

	/* The smallest size there is. */
	canvas_layout(32, 32, &canvas);
	assert_int_equal(canvas.h, 4 + 1 + 2);
	assert_int_equal(canvas.w, 4);
	assert_int_equal(canvas.cells, 16 + 4 + 1);
}

/* ---- truths ---- */

/* A mask drawn with characters. */
static void
draw_mask(const char *const *rows, int height, int width, uint8_t *mask)
{
	for (int i = 0; i < height * width; i++)
		mask[i] = rows[i / width][i % width] == '#' ? 255 : rows[i / width][i % width] == '+' ? 128 : 0;
}

static void
assert_truth(const Truths *truths, int i, int area, float x1, float y1, float x2, float y2)
{
	assert_int_equal(truths->areas[i], area);
	assert_true(truths->boxes[i].x1 == x1 && truths->boxes[i].y1 == y1 && truths->boxes[i].x2 == x2 &&
				truths->boxes[i].y2 == y2);
}

static void
test_truths(void **state)
{
	static const char *const rows[] = {
		"#####.....######",
		"#####.....######",
		"#####.+...######",
		"#####.....######",
		".....#..........",		/* touches at a corner */
		"##........######",		/* too few on the left */
		"##........######",
		"##.......#######",
	};
	uint8_t		mask[8 * 16];
	uint8_t		labels[8 * 16];
	int			stack[8 * 16];
	Truths		truths = {.labels = labels};
	float		target[MASK_SIZE * MASK_SIZE];

	(void) state;
	draw_mask(rows, 8, 16, mask);
	truths_find(mask, 8, 16, stack, &truths);
	assert_int_equal(truths.count, 3);
	assert_truth(&truths, 0, 21, 0, 0, 6, 5);
	assert_truth(&truths, 1, 24, 10, 0, 16, 4);
	assert_truth(&truths, 2, 19, 9, 5, 16, 8);
	assert_int_equal(labels[4 * 16 + 5], 1);
	assert_int_equal(labels[5 * 16 + 15], 3);

	/* Within an instance its mask is 1, and nothing of the others shows. */
	truth_mask(&truths, 1, 8, 16, (Box) {11, 0, 16, 3}, target);
	for (int i = 0; i < MASK_SIZE * MASK_SIZE; i++)
		assert_float_equal(target[i], 1, 1e-6);
	truth_mask(&truths, 1, 8, 16, (Box) {0, 5, 8, 8}, target);
	for (int i = 0; i < MASK_SIZE * MASK_SIZE; i++)
		assert_true(target[i] == 0);
	truth_mask(&truths, 1, 8, 16, (Box) {2, 0, 16, 4}, target);	/* its left edge is at 8 of 14 */
	assert_true(target[0] == 0 && target[MASK_SIZE / 2 * MASK_SIZE + MASK_SIZE - 1] > 0.999f);
	assert_float_equal(target[15] + target[16], 1, 1e-5);	/* edge at cell 16: symmetric about it */

	memset(mask, 0, sizeof mask);
	truths_find(mask, 8, 16, stack, &truths);
	assert_int_equal(truths.count, 0);
}

/* Of more components than there is room for, the largest stay. */
static void
test_many_truths(void **state)
{
	enum
	{
		SIDE = 20 * 8
	};
	static uint8_t mask[SIDE * SIDE];
	static uint8_t labels[SIDE * SIDE];
	static int	stack[SIDE * SIDE];
	Truths		truths = {.labels = labels};
	int			smallest = SIDE * SIDE;
	long		labelled = 0;

	(void) state;
	for (int i = 0; i < 20; i++)	/* areas 16 .. 35, in an order of their own */
		for (int k = 0; k < 16 + i * 7 % 20; k++)
			mask[(8 * i + k / 6) * SIDE + k % 6] = 255;
	truths_find(mask, SIDE, SIDE, stack, &truths);
	assert_int_equal(truths.count, MAX_TRUTHS);
	for (int i = 0; i < MAX_TRUTHS; i++)
	{
		if (truths.areas[i] < smallest)
			smallest = truths.areas[i];
		for (int pixel = 0; pixel < SIDE * SIDE; pixel++)
			labelled += labels[pixel] == i + 1;
		labelled -= truths.areas[i];
	}
	assert_int_equal(smallest, 20);	/* 16 to 19 had to go */
	assert_int_equal(labelled, 0);
}

static void
test_matches(void **state)
{
	Truths		truths = {.count = 2,.boxes = {{0, 0, 10, 10}, {20, 0, 40, 10}}};
	const Box	boxes[] = {
		{0, 0, 10, 10},			/* the first itself */
		{5, 0, 15, 10},			/* a third of it: unclear */
		{50, 50, 60, 60},		/* nothing */
		{20, 0, 33, 10},		/* 0.65 of the second: nobody has more */
		{27, 0, 40, 10},		/* as much */
		{8, 0, 18, 10},			/* 1/9 */
	};
	const int8_t plain[] = {0, MATCH_UNCLEAR, MATCH_NONE, MATCH_UNCLEAR, MATCH_UNCLEAR, MATCH_NONE};
	const int8_t forced[] = {0, MATCH_UNCLEAR, MATCH_NONE, 1, 1, MATCH_NONE};
	int8_t		matches[6];

	(void) state;
	match_boxes(6, boxes, &truths, 0.7f, 0.3f, false, matches);
	assert_memory_equal(matches, plain, sizeof plain);
	match_boxes(6, boxes, &truths, 0.7f, 0.3f, true, matches);
	assert_memory_equal(matches, forced, sizeof forced);
	truths.count = 0;
	match_boxes(6, boxes, &truths, 0.7f, 0.3f, true, matches);
	for (int i = 0; i < 6; i++)
		assert_int_equal(matches[i], MATCH_NONE);
}

static void
test_draw(void **state)
{
	enum
	{
		COUNT = 50
	};
	int8_t		matches[COUNT];
	int			scratch[COUNT];
	int			sampled[COUNT];
	int			again[COUNT];
	int			drawn[COUNT] = {0};
	int			positives;
	Rng			rng;

	(void) state;
	for (int i = 0; i < COUNT; i++)
		matches[i] = (int8_t) (i % 5 == 0 ? i % 3 : i % 5 == 1 ? MATCH_UNCLEAR : MATCH_NONE);	/* 10, 10, 30 */
	for (int round = 0; round < 400; round++)
	{
		rng_seed(&rng, 5, (uint64_t) round);
		assert_int_equal(sample_boxes(&rng, COUNT, matches, 16, 4, scratch, sampled, &positives), 16);
		assert_int_equal(positives, 4);
		for (int i = 0; i < 16; i++)
		{
			assert_true(i < 4 ? matches[sampled[i]] >= 0 : matches[sampled[i]] == MATCH_NONE);
			for (int k = 0; k < i; k++)
				assert_int_not_equal(sampled[i], sampled[k]);
			drawn[sampled[i]]++;
		}
	}
	for (int i = 0; i < COUNT; i++)	/* each of a kind as often: 160 within five deviations of 10 */
		assert_true(matches[i] == MATCH_UNCLEAR ? drawn[i] == 0 : abs(drawn[i] - 160) < 50);
	rng_seed(&rng, 5, 399);
	sample_boxes(&rng, COUNT, matches, 16, 4, scratch, again, &positives);
	assert_memory_equal(sampled, again, 16 * sizeof(int));

	/* What is missing of one kind is not made up beyond its own. */
	rng_seed(&rng, 5, 0);
	assert_int_equal(sample_boxes(&rng, COUNT, matches, 50, 20, scratch, sampled, &positives), 40);
	assert_int_equal(positives, 10);
	assert_int_equal(sample_boxes(&rng, 0, matches, 50, 20, scratch, sampled, &positives), 0);
}

/* ---- a runner with made-up outputs ---- */

typedef struct Fixture
{
	Call call;
	Network    *network;
	MaskRcnn   *m;
	uint8_t		masks[BATCH * HEIGHT * WIDTH];
} Fixture;

/* count normal deviates. */
static void
fill(float *values, size_t count, double deviation, uint64_t stream)
{
	Rng			rng;

	rng_seed(&rng, 9, stream);
	for (size_t i = 0; i < count; i++)
		values[i] = (float) (deviation * rng_normal(&rng));
}

static size_t
canvas_values(const MaskRcnn *m)
{
	return (size_t) m->batch * m->canvas.h * m->canvas.w * ANCHORS_PER_CELL;
}

static size_t
region_values(const MaskRcnn *m)
{
	return (size_t) m->batch * m->config.rois;
}

static size_t
mask_values(const MaskRcnn *m)
{
	return (size_t) m->batch * m->mask_rois * MASK_SIZE * MASK_SIZE;
}

/* A training runner whose outputs are random and whose samples are drawn: one
 * image with two lesions, one with one, one with none. */
static void
fixture_create(Fixture *f, int threads)
{
	const Architecture *architecture = arch_find("maskrcnn");
	RunnerOptions options = {{BACKEND_OPENBLAS, PRECISION_F32}, BATCH, HEIGHT, WIDTH, true};
	ArchConfig	config;
	void	   *runner;
	static const struct
	{
		const char *key;
		double		value;
	}			values[] = {{"base", 4}, {"pyramid", 4}, {"anchor", 3}, {"rois", 12}, {"box_units", 4},
							{"mask_depth", 1}};

	f->call = *call_standalone();
	f->call.threads = threads;
	arch_config_default(architecture, &config);
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		assert_ok(set_config(architecture, &config, values[i].key, values[i].value));
	assert_ok(network_create(&f->call.host, architecture, &config, &f->network));
	assert_ok(maskrcnn_runner.create(f->network, &f->call, &options, &runner));
	f->m = runner;

	for (int i = 0; i < BATCH * HEIGHT * WIDTH; i++)
	{
		int			image = i / (HEIGHT * WIDTH);
		int			y = i / WIDTH % HEIGHT;
		int			x = i % WIDTH;
		bool		left = (x - 30) * (x - 30) + (y - 31) * (y - 31) < 300;
		bool		right = x > 60 && x < 85 && y > 12 && y < 40;

		f->masks[i] = (image < 2 && left) || (image == 1 && right) ? 255 : 0;
	}
	f->m->seed = 77;
	f->m->truth_masks = f->masks;
	fill(f->m->rpn_logits, canvas_values(f->m), 1, 0);
	fill(f->m->rpn_deltas, 4 * canvas_values(f->m), 0.2, 1);
	assert_ok(maskrcnn_for_images(f->m, &f->call, draw_samples));
	f->m->anchor_total = f->m->roi_total = f->m->mask_total = 0;
	for (int image = 0; image < BATCH; image++)
	{
		f->m->anchor_total += f->m->anchor_counts[image];
		f->m->roi_total += f->m->roi_counts[image];
		f->m->mask_total += f->m->mask_counts[image];
	}
}

static void
fixture_free(Fixture *f)
{
	maskrcnn_runner.free(f->m);
	network_free(f->network);
}

static void
test_samples(void **state)
{
	Fixture		f;

	(void) state;
	fixture_create(&f, 1);
	assert_int_equal(f.m->truths[0].count, 1);
	assert_int_equal(f.m->truths[1].count, 2);
	assert_int_equal(f.m->truths[2].count, 0);
	for (int image = 0; image < BATCH; image++)
	{
		const Roi  *rois = f.m->rois + image * 12;

		assert_int_equal(f.m->anchor_counts[image], ANCHOR_SAMPLES);
		assert_true(f.m->roi_counts[image] >= f.m->mask_counts[image]);
		/* a truth is a region too */
		assert_true(image == 2 ? f.m->mask_counts[image] == 0 : f.m->mask_counts[image] >= 1);
		for (int i = 0; i < 12; i++)
		{
			int			truth = f.m->roi_truths[image * 12 + i];

			assert_int_equal(rois[i].image, image);
			assert_true((rois[i].level >= 0) == (i < f.m->roi_counts[image]));
			if (i >= f.m->roi_counts[image])
				continue;
			assert_true((truth >= 0) == (i < f.m->mask_counts[image]));
			if (truth >= 0)
				assert_true(box_iou(rois[i].box, f.m->truths[image].boxes[truth]) >= 0.5f);
			assert_true(rois[i].box.x1 >= 0 && rois[i].box.y1 >= 0 && rois[i].box.x2 <= WIDTH &&
						rois[i].box.y2 <= HEIGHT);
		}
		for (int i = 0; i < f.m->mask_rois; i++)	/* larger than the region, as far as the image goes */
		{
			const Roi  *larger = &f.m->mask_regions[image * f.m->mask_rois + i];

			assert_true((larger->level >= 0) == (i < f.m->mask_counts[image]));
			if (larger->level >= 0)
				assert_true(larger->box.x1 <= rois[i].box.x1 && larger->box.y2 >= rois[i].box.y2 &&
							larger->box.x1 >= 0 && larger->box.x2 <= WIDTH);
		}
	}
	fixture_free(&f);
}

/* One of the three groups of losses: what it reads and replaces by gradients. */
typedef struct LossGroup
{
	ImageWork	work;
	float	   *values[2];
	size_t		counts[2];
	MaskRcnnLoss first;
	MaskRcnnLoss last;
} LossGroup;

/* The sum of the group's losses at the values it holds now. */
static double
group_loss(Fixture *f, const LossGroup *group)
{
	double		sum = 0;

	memset(f->m->losses, 0, BATCH * LOSS_COUNT * sizeof(double));
	assert_ok(maskrcnn_for_images(f->m, &f->call, group->work));
	for (int image = 0; image < BATCH; image++)
		for (int loss = group->first; loss <= (int) group->last; loss++)
			sum += f->m->losses[image * LOSS_COUNT + loss];
	return sum;
}

/* Set the group's arrays to base, value i of array k moved by step. */
static void
set_values(const LossGroup *group, float *const *base, int k, size_t i, float step)
{
	for (int a = 0; a < 2; a++)
		memcpy(group->values[a], base[a], group->counts[a] * sizeof(float));
	group->values[k][i] += step;
}

static void
check_group(Fixture *f, const LossGroup *group)
{
	const float step = 1.0f / 256;
	float	   *base[2];
	float	   *gradients[2];
	long		nonzero = 0;

	for (int a = 0; a < 2; a++)
	{
		base[a] = malloc(group->counts[a] * sizeof(float) + 1);
		gradients[a] = malloc(group->counts[a] * sizeof(float) + 1);
		fill(base[a], group->counts[a], 0.7, 20 + a);
		for (size_t i = 0; i < group->counts[a]; i++)	/* steps are then exact */
			base[a][i] = roundf(base[a][i] * 1024) / 1024;
	}
	set_values(group, base, 0, 0, 0);
	assert_true(group_loss(f, group) > 0);
	for (int a = 0; a < 2; a++)
		memcpy(gradients[a], group->values[a], group->counts[a] * sizeof(float));
	for (int a = 0; a < 2; a++)
		for (size_t i = 0; i < group->counts[a]; i += gradients[a][i] != 0 ? 7 : 61)
		{
			double		above;

			set_values(group, base, a, i, step);
			above = group_loss(f, group);
			set_values(group, base, a, i, -step);
			above = (above - group_loss(f, group)) / (2 * (double) step);
			nonzero += above != 0;
			if (fabs(above - gradients[a][i]) > 2e-5)
				fail_msg("array %d, value %zu: %g instead of %g", a, i, (double) gradients[a][i], above);
		}
	assert_true(nonzero > 3);
	for (int a = 0; a < 2; a++)
	{
		free(base[a]);
		free(gradients[a]);
	}
}

static void
test_loss_gradients(void **state)
{
	Fixture		f;

	(void) state;
	fixture_create(&f, 1);
	check_group(&f, &(LossGroup) {proposal_losses, {f.m->rpn_logits, f.m->rpn_deltas},
		{canvas_values(f.m), 4 * canvas_values(f.m)}, LOSS_OBJECTNESS, LOSS_ANCHOR});
	check_group(&f, &(LossGroup) {box_losses, {f.m->roi_logits, f.m->roi_deltas},
		{region_values(f.m), 4 * region_values(f.m)}, LOSS_CLASS, LOSS_BOX});
	check_group(&f, &(LossGroup) {mask_losses, {f.m->masks, f.m->masks}, {mask_values(f.m), 0}, LOSS_MASK, LOSS_MASK});
	fixture_free(&f);
}

/* What stands between the plans is the same, bit for bit, for any number of
 * threads. */
static void
test_threads(void **state)
{
	Fixture		one;

	(void) state;
	fixture_create(&one, 1);
	for (int threads = 2; threads <= 5; threads++)
	{
		Fixture		more;
		MaskRcnn   *both[2] = {one.m, NULL};

		fixture_create(&more, threads);
		both[1] = more.m;
		assert_memory_equal(one.m->anchors, more.m->anchors, BATCH * ANCHOR_SAMPLES * sizeof(AnchorSample));
		assert_memory_equal(one.m->rois, more.m->rois, region_values(one.m) * sizeof(Roi));
		assert_memory_equal(one.m->mask_regions, more.m->mask_regions, BATCH * one.m->mask_rois * sizeof(Roi));
		for (int k = 0; k < 2; k++)
		{
			MaskRcnn   *m = both[k];
			Tensor		dx[3] = {plan_input_gradient(m->rpn), plan_input_gradient(m->box),
								 plan_input_gradient(m->mask)};

			for (int i = 0; i < 3; i++)
				fill(dx[i].data, shape_pixels(dx[i].shape) * dx[i].shape.c, 1, 30 + i);
			assert_ok(maskrcnn_for_images(m, k == 0 ? &one.call : &more.call, gather_gradients));
		}
		for (int level = 0; level < PYRAMID_LEVELS; level++)
		{
			Tensor		a = plan_output_gradient_at(one.m->backbone, level);
			Tensor		b = plan_output_gradient_at(more.m->backbone, level);

			assert_memory_equal(a.data, b.data, shape_pixels(a.shape) * a.shape.c * sizeof(float));
		}
		fixture_free(&more);
	}
	fixture_free(&one);
}

/* ---- pasting ---- */

static void
test_paste(void **state)
{
	const float mask[] = {0, 1, 0.5f, 0.25f};
	NetworkInstance instance = {.mask_area = {0.25f, 0, 0.75f, 0.5f},.side = 2,.mask = mask};
	/* 8 pixels for 2 cells: pixel centres at -1/4, 0 (held), ... of the way from the first cell's centre. */
	const float first[] = {0, 0, 0, 0.25f, 0.75f, 1, 0, 0};
	float		row[8];

	(void) state;
	network_instance_row(&instance, 8, 8, 0, row);
	for (int x = 0; x < 8; x++)
		assert_float_equal(row[x], first[x], 1e-6);
	network_instance_row(&instance, 8, 8, 3, row);
	assert_float_equal(row[2], 0.5, 1e-6);
	assert_float_equal(row[5], 0.25, 1e-6);
	assert_true(row[1] == 0 && row[6] == 0);
	network_instance_row(&instance, 8, 8, 4, row);
	for (int x = 0; x < 8; x++)
		assert_true(row[x] == 0);
}

/* ---- configs at the ends of their ranges ---- */

static void
test_extremes(void **state)
{
	const Architecture *architecture = arch_find("maskrcnn");
	static uint8_t rgb[32 * 32 * 3];
	static uint8_t masks[32 * 32];
	static float p[32 * 32];

	(void) state;
	if (getenv("LESIONSEG_TEST_QUICK") != NULL)
		skip();
	for (int i = 0; i < 32 * 32; i++)
		masks[i] = i / 32 > 4 && i % 32 > 10 && i % 32 < 25 ? 255 : 0;
	for (int k = 0; k < 2 * architecture->config.count; k++)
	{
		static const double small[] = {4, 4, 2, 4, 4, 0, 1, 0.5};
		const Option *key = &architecture->config.rows[k / 2];
		const EngineChoice choice = {BACKEND_AUTO, PRECISION_AUTO};
		const StepOptions options = {.learning_rate = 1e-4,.gradient_clip = 1};
		CountingCall counting;
		ArchConfig	config;
		Network    *network;
		Learner    *learner;
		Predictor  *predictor;
		StepResult	result;
		const NetworkInstance *instances;

		counting_call(&counting, 2);
		memcpy(config.values, small, sizeof small);
		assert_ok(set_config(architecture, &config, key->name, k % 2 == 0 ? key->minimum : key->maximum));
		assert_ok(network_create(&counting.call.host, architecture, &config, &network));
		assert_ok(network_initialise(network, call_standalone(), 1));
		assert_ok(learner_create(network, &counting.call, &choice, 1, 32, 32, &learner));
		assert_ok(learner_step(learner, &counting.call, rgb, masks, &options, &result));
		assert_true(isfinite(result.loss) && result.loss > 0);
		learner_free(learner);
		assert_ok(predictor_create(network, &counting.call, &choice, 1, 32, 32, &predictor));
		assert_ok(predictor_run(predictor, &counting.call, rgb, p));
		for (int i = 0; i < 32 * 32; i++)
			assert_true(p[i] >= 0 && p[i] <= 1);
		assert_between(predictor_instances(predictor, 0, &instances), 0, 100);
		predictor_free(predictor);
		network_free(network);
		assert_int_equal(counting.live, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canvas),
		cmocka_unit_test(test_truths),
		cmocka_unit_test(test_many_truths),
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_draw),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_loss_gradients),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_paste),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
