/*
 * loops_roi.h: the part of loops_template.h that resamples regions
 * (roi_align.h).
 */

/* Resample regions [begin, end) to their cells or, backward, add the cells'
 * gradients to the features. */
static inline __attribute__((always_inline)) void
roi_cells(const RoiAlignArgs *args, bool gradient, long begin, long end)
{
	int			size = args->size;
	int			channels = args->channels;
	size_t		count = (size_t) size * size * channels;
	RoiTaps		rows[ROI_MAX_SIZE];
	RoiTaps		columns[ROI_MAX_SIZE];

	for (long i = begin; i < end; i++)
	{
		const Roi  *roi = &args->rois[i];
		const RoiLevel *level = &args->levels[roi->level < 0 ? 0 : roi->level];
		const Stored *x = gradient ? NULL :
			(const Stored *) level->x + (size_t) roi->image * level->h * level->w * channels;
		const Stored *dy = gradient ? (const Stored *) args->dy + i * count : NULL;
		Stored	   *y = gradient ? NULL : (Stored *) args->y + i * count;

		if (roi->level < 0)
		{
			if (!gradient)
				memset(y, 0, count * sizeof(Stored));
			continue;
		}
		roi_taps(roi->box.y1, roi->box.y2, size, level->h, level->stride, rows);
		roi_taps(roi->box.x1, roi->box.x2, size, level->w, level->stride, columns);
		for (size_t cell = 0; cell < (size_t) size * size; cell++)
		{
			const RoiTaps *v = &rows[cell / size];
			const RoiTaps *h = &columns[cell % size];

			for (int c = 0; c < channels; c += LANES)
			{
				int			n = lanes_left(channels, c);
				Vector		sum = {0};
				Vector		slope = {0};

				if (gradient)
					slope = load(dy + cell * channels + c, n);
				for (int a = 0; a < v->count; a++)
					for (int b = 0; b < h->count; b++)
					{
						size_t		at = ((size_t) v->at[a] * level->w + h->at[b]) * channels + c;

						if (gradient)
						{
							Vector		dx = load_float(level->dx + at, n) + v->weight[a] * h->weight[b] * slope;

							memcpy(level->dx + at, &dx, n * sizeof(float));
						}
						else
							sum += v->weight[a] * h->weight[b] * load(x + at, n);
					}
				if (!gradient)
					store(y + cell * channels + c, n, sum);
			}
		}
	}
}

static void
roi_align(void *data, int worker, long begin, long end)
{
	(void) worker;
	roi_cells(data, false, begin, end);
}

static void
roi_align_gradient(void *data, int worker, long begin, long end)
{
	(void) worker;
	roi_cells(data, true, begin, end);
}
