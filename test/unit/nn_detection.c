/*
 * nn_detection.c: what detection is made of: boxes and their deltas, the best
 * of many scores, suppression, the terms of the losses, and RoIAlign in every
 * table of kernels.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "loops_fixture.h"
#include "nn/boxes.h"
#include "nn/detection_loss.h"

/* ---- boxes ---- */

static void
assert_box(Box box, float x1, float y1, float x2, float y2)
{
	if (box.x1 != x1 || box.y1 != y1 || box.x2 != x2 || box.y2 != y2)
		fail_msg("(%g, %g, %g, %g) instead of (%g, %g, %g, %g)", (double) box.x1, (double) box.y1,
				 (double) box.x2, (double) box.y2, (double) x1, (double) y1, (double) x2, (double) y2);
}

static void
test_overlap(void **state)
{
	Box			a = {0, 0, 4, 4};

	(void) state;
	assert_true(box_area(a) == 16);
	assert_true(box_area((Box) {4, 0, 0, 4}) == 0);
	assert_true(box_iou(a, a) == 1);
	assert_true(box_iou(a, (Box) {2, 0, 6, 4}) == 8.0f / 24);
	assert_true(box_iou(a, (Box) {1, 1, 3, 3}) == 4.0f / 16);
	assert_true(box_iou(a, (Box) {4, 0, 8, 4}) == 0);
	assert_true(box_iou((Box) {1, 1, 1, 1}, (Box) {1, 1, 1, 1}) == 0);
	assert_box(box_clip((Box) {-3, 2, 30, 9}, 20, 8), 0, 2, 20, 8);
	assert_box(box_clip((Box) {-9, -9, -3, -4}, 20, 8), 0, 0, 0, 0);
}

static void
test_deltas(void **state)
{
	Box			reference = {2, 4, 10, 20};
	Box			box = {6, 0, 22, 32};
	BoxDelta	delta = box_encode(reference, box);
	BoxDelta	none = box_encode(reference, reference);

	(void) state;
	assert_true(delta.x == 1 && delta.y == 0.25f);	/* (14 - 6) / 8, (16 - 12) / 16 */
	assert_true(delta.w == logf(2) && delta.h == logf(2));
	assert_true(none.x == 0 && none.y == 0 && none.w == 0 && none.h == 0);
	assert_box(box_decode(reference, none), 2, 4, 10, 20);
	box = box_decode(reference, delta);
	assert_float_equal(box.x1, 6, 1e-5);
	assert_float_equal(box.y1, 0, 1e-5);
	assert_float_equal(box.x2, 22, 1e-5);
	assert_float_equal(box.y2, 32, 1e-5);

	/* A wild size stays finite: 8 pixels wide become 8 * 1000 / 16. */
	box = box_decode(reference, (BoxDelta) {0, 0, 1000, 0});
	assert_float_equal(box.x2 - box.x1, 500, 0.01);
	assert_true(box.y1 == 4 && box.y2 == 20);
}

static void
test_top_scores(void **state)
{
	const float scores[] = {3, 9, NAN, 9, -1, 4, -INFINITY, 9};
	const int	sorted[] = {1, 3, 7, 5, 0, 4, 2, 6};
	float		many[1000];
	int			indices[1000];
	Rng			rng;

	(void) state;
	for (int most = 0; most <= 8; most++)
	{
		assert_int_equal(top_scores(8, scores, most, indices), most);
		for (int i = 0; i < most; i++)
			assert_int_equal(indices[i], sorted[i]);
	}
	assert_int_equal(top_scores(3, scores, 8, indices), 3);
	assert_int_equal(top_scores(0, scores, 8, indices), 0);

	/* Many, with equals among them. */
	rng_seed(&rng, 1, 0);
	for (int i = 0; i < 1000; i++)
		many[i] = (float) rng_below(&rng, 50);
	for (int most = 1; most <= 1000; most += 333)
	{
		assert_int_equal(top_scores(1000, many, most, indices), most);
		for (int i = 1; i < most; i++)
			assert_true(many[indices[i - 1]] > many[indices[i]] ||
						(many[indices[i - 1]] == many[indices[i]] && indices[i - 1] < indices[i]));
		for (int i = 0, above = 0; i < 1000; i++)
		{
			above += many[i] > many[indices[most - 1]];
			assert_true(above < most);
		}
	}
}

static void
test_nms(void **state)
{
	/* 1 overlaps 0 by 3/5; 2 overlaps 1 by 3/5 and 0 by 1/3; 4 is apart; 5 is 4 again. */
	const Box	boxes[] = {{0, 0, 4, 4}, {1, 0, 5, 4}, {2, 0, 6, 4}, {0, 0, 4, 4}, {20, 20, 24, 24}, {20, 20, 24, 24}};
	int			kept[6];

	(void) state;
	assert_int_equal(nms(6, boxes, 0.5f, 6, kept), 3);
	assert_int_equal(kept[0], 0);
	assert_int_equal(kept[1], 2);	/* 1 is gone and suppresses nothing */
	assert_int_equal(kept[2], 4);
	assert_int_equal(nms(6, boxes, 0.5f, 2, kept), 2);
	assert_int_equal(kept[1], 2);
	assert_int_equal(nms(6, boxes, 0.6f, 6, kept), 4);	/* 3/5 is not above 0.6 */
	assert_int_equal(kept[1], 1);
	assert_int_equal(nms(6, boxes, 1.0f, 6, kept), 6);
	assert_int_equal(nms(0, boxes, 0.5f, 6, kept), 0);
}

/* ---- terms of the losses ---- */

static void
test_loss_terms(void **state)
{
	float		slope;
	float		unused;

	(void) state;
	assert_float_equal(logit_loss(0, 1, &slope), logf(2), 1e-7);
	assert_float_equal(slope, -0.5, 1e-7);
	assert_true(logit_loss(200, 0, &slope) == 200 && slope == 1);
	assert_true(logit_loss(-200, 0, &slope) == 0 && slope == 0);
	assert_true(smooth_l1(2, &slope) == 2 - SMOOTH_L1_BETA / 2 && slope == 1);
	assert_true(smooth_l1(-2, &slope) == 2 - SMOOTH_L1_BETA / 2 && slope == -1);
	assert_true(smooth_l1(0, &slope) == 0 && slope == 0);

	for (float at = -3; at < 3; at += 0.37f)
	{
		const float h = 1e-2f;

		for (float target = 0; target <= 1; target += 0.25f)
		{
			logit_loss(at, target, &slope);
			assert_float_equal(slope,
							   (logit_loss(at + h, target, &unused) - logit_loss(at - h, target, &unused)) / (2 * h),
							   1e-4);
		}
		smooth_l1(at / 10, &slope);
		assert_float_equal(slope,
						   (smooth_l1(at / 10 + h / 10, &unused) - smooth_l1(at / 10 - h / 10, &unused)) / (h / 5),
						   1e-3);
	}
}

/* ---- RoIAlign ---- */

enum
{
	SIZE = 3,					/* of the grid */
	ROIS = 5
};

/* Two images, two levels of 5 x 7 at stride 4 and 3 x 4 at stride 8. */
static const RoiLevel roi_levels[] = {{.h = 5,.w = 7,.stride = 4}, {.h = 3,.w = 4,.stride = 8}};

static const Roi rois[ROIS] = {
	{{3.3f, 2.1f, 17.9f, 13.2f}, 0, 0},
	{{0, 0, 28, 20}, 1, 0},		/* all of the image: samples beyond the outermost centres */
	{{9, 9, 9, 9}, 1, -1},		/* not in use */
	{{5.7f, 1.2f, 30.4f, 22.6f}, 1, 1},
	{{12.2f, 7.4f, 13.1f, 8.9f}, 0, 1},	/* smaller than a cell */
};

/* A sample of channel c at (x, y), in cells, edges held (He et al.). */
static double
roi_sample(const RoiLevel *level, const Strided *values, int image, int c, double y, double x)
{
	double		cy = fmin(fmax(y, 0), level->h - 1);
	double		cx = fmin(fmax(x, 0), level->w - 1);
	int			y0 = (int) cy;
	int			x0 = (int) cx;
	int			y1 = y0 + 1 < level->h ? y0 + 1 : y0;
	int			x1 = x0 + 1 < level->w ? x0 + 1 : x0;
	double		fy = cy - y0;
	double		fx = cx - x0;
	long		origin = (long) image * level->h * level->w;

	return (1 - fy) * ((1 - fx) * at(values, origin + y0 * level->w + x0, c) +
					   fx * at(values, origin + y0 * level->w + x1, c)) +
		fy * ((1 - fx) * at(values, origin + y1 * level->w + x0, c) +
			  fx * at(values, origin + y1 * level->w + x1, c));
}

/* One cell of the grid: the mean of 2 x 2 samples. */
static double
roi_cell(const Roi *roi, const Strided *values, int c, int row, int column)
{
	const RoiLevel *level = &roi_levels[roi->level];
	double		sum = 0;

	for (int sample = 0; sample < 4; sample++)
	{
		double		v = (row + (sample / 2 + 0.5) / 2) / SIZE;
		double		h = (column + (sample % 2 + 0.5) / 2) / SIZE;
		double		y = roi->box.y1 + v * (roi->box.y2 - roi->box.y1);
		double		x = roi->box.x1 + h * (roi->box.x2 - roi->box.x1);

		sum += roi_sample(level, values, roi->image, c, y / level->stride - 0.5, x / level->stride - 0.5);
	}
	return sum / 4;
}

static void
check_roi_align(const Table *table, Rng *rng, int channels)
{
	RoiAlignArgs args = {.levels = {roi_levels[0], roi_levels[1]},.channels = channels,.size = SIZE,.rois = rois};
	Strided		levels[2];
	Strided		y = strided_new(table->type, ROIS * SIZE * SIZE, channels, 0);

	for (int i = 0; i < 2; i++)
	{
		levels[i] = strided_random(rng, table->type, 2 * roi_levels[i].h * roi_levels[i].w, channels, 0);
		args.levels[i].x = levels[i].data;
	}
	args.y = y.data;
	table->loops->roi_align(&args, 0, 0, ROIS - 1);
	for (int i = 0; i < ROIS; i++)
		for (int cell = 0; cell < SIZE * SIZE; cell++)
			for (int c = 0; c < channels; c++)
			{
				double		value = at(&y, i * SIZE * SIZE + cell, c);

				if (i == ROIS - 1)	/* beyond the worker's piece */
					assert_true(value == UNTOUCHED);
				else if (rois[i].level < 0)
					assert_true(value == 0);
				else
					assert_stored(table, value, roi_cell(&rois[i], &levels[rois[i].level], c, cell / SIZE, cell % SIZE),
								  10);
			}
	free(levels[0].data);
	free(levels[1].data);
	free(y.data);
}

/* The gradient of sum(y * dy) by each value of a level, by finite differences
 * of the definition, which is linear. */
static void
check_roi_align_gradient(const Table *table, Rng *rng, int channels)
{
	RoiAlignArgs args = {.levels = {roi_levels[0], roi_levels[1]},.channels = channels,.size = SIZE,.rois = rois};
	Strided		dy = strided_random(rng, table->type, ROIS * SIZE * SIZE, channels, 0);
	float	   *dx[2];

	for (int i = 0; i < 2; i++)
	{
		dx[i] = random_floats(rng, roi_levels[i].h * roi_levels[i].w * channels, 0);
		args.levels[i].dx = calloc(roi_levels[i].h * roi_levels[i].w * channels, sizeof(float));
		memcpy(args.levels[i].dx, dx[i], roi_levels[i].h * roi_levels[i].w * channels * sizeof(float));
	}
	args.dy = dy.data;
	table->loops->roi_align_gradient(&args, 0, 1, 4);	/* those of image 1 */
	for (int i = 0; i < 2; i++)
		for (int pixel = 0; pixel < roi_levels[i].h * roi_levels[i].w; pixel++)
			for (int c = 0; c < channels; c++)
			{
				Strided		one = strided_new(DATA_F32, 2 * roi_levels[i].h * roi_levels[i].w, channels, 0);
				double		expected = dx[i][pixel * channels + c];

				memset(one.data, 0, span(&one) * sizeof(float));
				set_element(&one, (size_t) (roi_levels[i].h * roi_levels[i].w + pixel) * channels + c, 1);
				for (int r = 1; r < 4; r++)
					for (int cell = 0; rois[r].level == i && cell < SIZE * SIZE; cell++)
						expected += roi_cell(&rois[r], &one, c, cell / SIZE, cell % SIZE) *
							at(&dy, r * SIZE * SIZE + cell, c);
				assert_float_equal(args.levels[i].dx[pixel * channels + c], expected, 1e-5);
				free(one.data);
			}
	for (int i = 0; i < 2; i++)
	{
		free(dx[i]);
		free(args.levels[i].dx);
	}
	free(dy.data);
}

static void
test_roi_align(void **state)
{
	Table		tables[MOST_TABLES];
	int			count = runnable_tables(tables);
	Rng			rng;

	(void) state;
	rng_seed(&rng, 2, 0);
	for (int t = 0; t < count; t++)
		for (int k = 0; k < CHANNEL_COUNTS; k++)
		{
			check_roi_align(&tables[t], &rng, channel_counts[k]);
			check_roi_align_gradient(&tables[t], &rng, channel_counts[k]);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_deltas),
		cmocka_unit_test(test_top_scores),
		cmocka_unit_test(test_nms),
		cmocka_unit_test(test_loss_terms),
		cmocka_unit_test(test_roi_align),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
