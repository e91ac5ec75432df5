/*
 * roi_align.c: the taps of RoIAlign; see roi_align.h.
 */
#include "nn/loops/roi_align.h"

/* Add weight at a place: to the tap there, or as a new tap. */
static void
add_tap(RoiTaps *taps, int at, float weight)
{
	for (int i = 0; i < taps->count; i++)
		if (taps->at[i] == at)
		{
			taps->weight[i] += weight;
			return;
		}
	taps->at[taps->count] = at;
	taps->weight[taps->count++] = weight;
}

void
roi_taps(float begin, float end, int size, int length, int stride, RoiTaps *taps)
{
	float		first = begin / (float) stride - 0.5f;
	float		step = (end - begin) / (float) stride / (float) size;

	for (int cell = 0; cell < size; cell++)
	{
		taps[cell].count = 0;
		for (int sample = 0; sample < 2; sample++)
		{
			float		at = first + ((float) cell + (sample == 0 ? 0.25f : 0.75f)) * step;
			int			low;
			float		share;

			if (!(at > 0))
				at = 0;
			if (at > (float) (length - 1))
				at = (float) (length - 1);
			low = (int) at;
			share = at - (float) low;
			add_tap(&taps[cell], low, (1 - share) / 2);
			if (share > 0)
				add_tap(&taps[cell], low + 1, share / 2);
		}
	}
}
