/*
 * value_tables.c: see value_tables.h.
 */
#include "enhance/steps/value_tables.h"

#include <math.h>

#include "core/threads.h"
#include "enhance/steps/steps.h"

typedef struct TablesTask
{
	Image	   *image;
	uint8_t		(*tables)[256];
} TablesTask;

static void
replace_rows(void *data, int worker, long begin, long end)
{
	TablesTask *task = data;
	size_t		count = (size_t) (end - begin) * samples_in_row(task->image);
	uint8_t    *samples = image_row(task->image, begin);

	(void) worker;
	if (task->image->channels == 1)
	{
		for (size_t i = 0; i < count; i++)
			samples[i] = task->tables[0][samples[i]];
		return;
	}
	for (size_t i = 0; i < count; i += 3)
	{
		samples[i] = task->tables[0][samples[i]];
		samples[i + 1] = task->tables[1][samples[i + 1]];
		samples[i + 2] = task->tables[2][samples[i + 2]];
	}
}

Status
value_tables_apply(const Call *call, uint8_t tables[3][256], Image *image)
{
	TablesTask	task = {image, tables};

	return threads_run_polled(call, image->height, rows_between_polls(image), replace_rows, &task);
}

void
value_tables_gains(const double gains[3], uint8_t tables[3][256])
{
	for (int c = 0; c < 3; c++)
		for (int v = 0; v < 256; v++)
			tables[c][v] = to_byte((int) floor(v * gains[c] + 0.5));
}
