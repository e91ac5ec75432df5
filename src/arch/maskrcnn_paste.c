/*
 * maskrcnn_paste.c: masks of regions back onto the image.
 */
#include "arch/maskrcnn.h"

#include <math.h>
#include <string.h>

/*
 * Find the two cells of a mask between whose centres a coordinate lies (0..1
 * within the mask's area). In the outermost half cells the value of the centre
 * is used.
 */
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
	NetworkArea area = instance->mask_area;
	float		down = ((float) y + 0.5f) / (float) height;
	float		fraction_y;
	const float *upper;
	int			first;
	int			end;

	memset(row, 0, width * sizeof(float));
	if (down < area.y1 || down >= area.y2)
		return;
	upper = instance->mask + (size_t) instance->side *
		mask_tap((down - area.y1) / (area.y2 - area.y1), instance->side, &fraction_y);
	first = (int) fmaxf(0, ceilf(area.x1 * (float) width - 0.5f));
	end = (int) fminf((float) width, ceilf(area.x2 * (float) width - 0.5f));
	for (int x = first; x < end; x++)
	{
		float		across = (((float) x + 0.5f) / (float) width - area.x1) / (area.x2 - area.x1);
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
		int			end = (int) ceilf(instances[i].mask_area.y2 * (float) m->height);

		for (int y = (int) (instances[i].mask_area.y1 * (float) m->height); y < end && y < m->height; y++)
		{
			float	   *into = map + (size_t) y * m->width;

			network_instance_row(&instances[i], m->width, m->height, y, row);
			for (int x = 0; x < m->width; x++)
				into[x] = fmaxf(into[x], row[x]);
		}
	}
}
