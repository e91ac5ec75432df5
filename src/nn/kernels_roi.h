/*
 * kernels_roi.h: the part of kernels_template.h that resamples regions
 * (roi_align.h). Included by it, once per build.
 */

static void
KERNEL_NAME(roi_align) (void *data, int worker, long begin, long end)
{
	const RoiAlignArgs *args = data;
	int			size = args->size;
	int			channels = args->channels;
	size_t		count = (size_t) size * size * channels;
	RoiTaps		rows[ROI_MAX_SIZE];
	RoiTaps		columns[ROI_MAX_SIZE];

	(void) worker;
	for (long i = begin; i < end; i++)
	{
		const Roi  *roi = &args->rois[i];
		const RoiLevel *level = &args->levels[roi->level < 0 ? 0 : roi->level];
		const STORED *x = (const STORED *) level->x + (size_t) roi->image * level->h * level->w * channels;
		STORED	   *y = (STORED *) args->y + i * count;

		if (roi->level < 0)
		{
			memset(y, 0, count * sizeof(STORED));
			continue;
		}
		roi_taps(roi->box.y1, roi->box.y2, size, level->h, level->stride, rows);
		roi_taps(roi->box.x1, roi->box.x2, size, level->w, level->stride, columns);
		for (int cell = 0; cell < size * size; cell++, y += channels)
		{
			const RoiTaps *v = &rows[cell / size];
			const RoiTaps *h = &columns[cell % size];

			for (int c = 0; c < channels; c += LANES)
			{
				int			n = lanes_left(channels, c);
				Vector		sum = {0};

				for (int a = 0; a < v->count; a++)
					for (int b = 0; b < h->count; b++)
						sum += v->weight[a] * h->weight[b] *
							LOAD(x + ((size_t) v->at[a] * level->w + h->at[b]) * channels + c, n);
				STORE(y + c, n, sum);
			}
		}
	}
}

static void
KERNEL_NAME(roi_align_gradient) (void *data, int worker, long begin, long end)
{
	const RoiAlignArgs *args = data;
	int			size = args->size;
	int			channels = args->channels;
	RoiTaps		rows[ROI_MAX_SIZE];
	RoiTaps		columns[ROI_MAX_SIZE];

	(void) worker;
	for (long i = begin; i < end; i++)
	{
		const Roi  *roi = &args->rois[i];
		const RoiLevel *level = &args->levels[roi->level < 0 ? 0 : roi->level];
		const STORED *dy = (const STORED *) args->dy + i * size * size * channels;

		if (roi->level < 0)
			continue;
		roi_taps(roi->box.y1, roi->box.y2, size, level->h, level->stride, rows);
		roi_taps(roi->box.x1, roi->box.x2, size, level->w, level->stride, columns);
		for (int cell = 0; cell < size * size; cell++, dy += channels)
		{
			const RoiTaps *v = &rows[cell / size];
			const RoiTaps *h = &columns[cell % size];

			for (int c = 0; c < channels; c += LANES)
			{
				int			n = lanes_left(channels, c);
				Vector		slope = LOAD(dy + c, n);

				for (int a = 0; a < v->count; a++)
					for (int b = 0; b < h->count; b++)
					{
						float	   *dx = level->dx + ((size_t) v->at[a] * level->w + h->at[b]) * channels + c;
						Vector		sum = load_float(dx, n) + v->weight[a] * h->weight[b] * slope;

						memcpy(dx, &sum, n * sizeof(float));
					}
			}
		}
	}
}
