/*
 * maskrcnn_paste.c: masks of regions back onto the image.
 */
#include "arch/maskrcnn.h"

#include <math.h>
#include <string.h>

/* Where a coordinate within the box, as a share, lies between the centres of
 * a mask's cells; the outermost half cells have the value of their centre. */
static int
mask_tap(float share, int side, float *fraction)
{
	float		at = fminf(fmaxf(share * (float) side - 0.5f, 0), (float) (side - 1));
	int			low = (int) at;

	if (low > side - 2)
		low = side - 2;
	*fraction = at - (float) low;
	return low;
}

void
network_instance_row(const NetworkInstance *instance, int width, int height, int y, float *row)
{
	float		down = ((float) y + 0.5f) / (float) height;
	float		fraction_y;
	const float *upper;
	int			first;
	int			end;

	memset(row, 0, width * sizeof(float));
	if (down < instance->y1 || down >= instance->y2)
		return;
	upper = instance->mask + (size_t) instance->side *
		mask_tap((down - instance->y1) / (instance->y2 - instance->y1), instance->side, &fraction_y);
	first = (int) fmaxf(0, ceilf(instance->x1 * (float) width - 0.5f));
	end = (int) fminf((float) width, ceilf(instance->x2 * (float) width - 0.5f));
	for (int x = first; x < end; x++)
	{
		float		across = (((float) x + 0.5f) / (float) width - instance->x1) / (instance->x2 - instance->x1);
		float		fraction_x;
		const float *corner = upper + mask_tap(across, instance->side, &fraction_x);
		float		above = corner[0] + (corner[1] - corner[0]) * fraction_x;
		float		below = corner[instance->side] +
			(corner[instance->side + 1] - corner[instance->side]) * fraction_x;

		row[x] = above + (below - above) * fraction_y;
	}
}

void
paste_map(MaskRcnn *m, int worker, int image, float *map)
{
	const NetworkInstance *instances = m->instances + (size_t) image * m->mask_rois;
	float	   *row = m->scratch[worker].row;

	memset(map, 0, (size_t) m->height * m->width * sizeof(float));
	for (int i = 0; i < m->instance_counts[image]; i++)
	{
		int			end = (int) ceilf(instances[i].y2 * (float) m->height);

		if (i > 0 && instances[i].score < m->config.score)
			break;
		for (int y = (int) (instances[i].y1 * (float) m->height); y < end && y < m->height; y++)
		{
			float	   *into = map + (size_t) y * m->width;

			network_instance_row(&instances[i], m->width, m->height, y, row);
			for (int x = 0; x < m->width; x++)
				into[x] = fmaxf(into[x], row[x]);
		}
	}
}
