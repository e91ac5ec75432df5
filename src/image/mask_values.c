/*
 * mask_values.c: see mask_values.h. The shares below were set on photographs
 * and masks of the ISIC archive and HAM10000. Of 12,798 photographs 2 are
 * accepted as masks. None of their masks is refused, and none of 300 masks
 * that were blurred, coloured, reduced to 0..100 or 0/1, or saved as JPEG of
 * quality 30 to 95.
 */
#include "image/mask_values.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "image/codec/formats.h"

#define WHITE_FROM 129			/* lesion from here on in a mask of the whole range (the ISIC challenge's scorer) */
#define VOID_LABEL 255			/* of label images: pixels that nobody is scored on */
#define LABEL_MAX 20			/* small numbers up to this are labels, not grey */
#define PHOTOGRAPH_VALUES 16	/* an image of no more values is no photograph */

Status
mask_unclear(const char *format,...)
{
	char		message[200];
	va_list		args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	return status_with_hint(status_error(LS_INVALID_IMAGE, "%s", message),
							"Store a mask that is 255 where there is lesion and 0 elsewhere.");
}

/* Count a row run by run: masks have long runs, and raising the same counter
 * at every pixel is slow, since each addition waits for the last. */
static void
count_row(const uint8_t *row, int width, MaskValues *values)
{
	int			start = 0;

	for (int x = 1; x <= width; x++)
	{
		if (x < width && row[x] == row[start])
			continue;
		values->of[row[start]] += x - start;
		values->equal += x - start - 1;
		start = x;
	}
}

Status
mask_values_count(const Call *call, const Image *mask, MaskValues *values)
{
	memset(values, 0, sizeof *values);
	for (int y = 0; y < mask->height; y++)
	{
		const uint8_t *row = mask->pixels + (size_t) y * (size_t) mask->width;

		if (y % POLL_ROWS == 0)
			TRY(call_poll(call));
		count_row(row, mask->width, values);
	}
	values->pixels = (int64_t) mask->width * mask->height;
	values->pairs = values->pixels - mask->height;
	values->least = 255;
	for (int v = 255; v >= 0; v--)
	{
		if (values->of[v] == 0)
			continue;
		values->distinct++;
		values->least = v;
		if (v > 0)
			values->faintest = v;
		if (v > values->highest)
			values->highest = v;
	}
	return status_ok();
}

/* Count the pixels of values from .. to. */
static int64_t
count_between(const MaskValues *values, int from, int to)
{
	int64_t		count = 0;

	for (int v = from; v <= to; v++)
		count += values->of[v];
	return count;
}

Status
mask_values_refuse_photograph(const MaskValues *values)
{
	int			range = values->highest < WHITE_FROM ? values->highest : 255;
	int64_t		extreme = count_between(values, 0, range / 8) + count_between(values, range - range / 8, 255);
	bool		flat = values->equal * 10 >= values->pairs * 7;

	if (values->distinct <= PHOTOGRAPH_VALUES || extreme * 10 >= values->pixels * 9 ||
		(extreme * 2 >= values->pixels && flat))
		return status_ok();
	return mask_unclear("%d grey levels and hardly a flat area: a photograph, not a mask", values->distinct);
}

bool
mask_values_black_and_white(const MaskValues *values)
{
	int64_t		white = count_between(values, 224, 255);

	return white > 0 && white * 4 >= count_between(values, 8, 255) * 3;
}

/* Refuse several small whole numbers: they are labels of different things. */
static Status
refuse_labels(const MaskValues *values)
{
	char		list[64] = "";
	size_t		used = 0;
	int			listed = 0;

	for (int v = 0; v < 256 && listed < 8; v++)
		if (values->of[v] > 0)
		{
			used += (size_t) snprintf(list + used, sizeof list - used, "%s%d", listed == 0 ? "" : ", ", v);
			listed++;
		}
	return mask_unclear("a mask of the labels %s%s: which of them are lesion?", list,
						values->distinct > listed ? ", ..." : "");
}

/*
 * Look for labels among values that go up to 255: small numbers beside 255,
 * and nothing in between. If 0, 1 and 255 are the only values, 255 is the
 * border that label images leave out of scores, unless 1 is so rare that it
 * must be an error.
 */
static Status
find_void_border(const MaskValues *values, LesionRange *lesion, MaskKind *kind)
{
	int64_t		white = values->of[VOID_LABEL];
	int64_t		labelled = count_between(values, 1, LABEL_MAX);

	if (values->highest != VOID_LABEL || labelled + white + values->of[0] != values->pixels || labelled * 20 < white)
		return status_ok();
	if (values->of[1] != labelled || labelled <= white)
		return refuse_labels(values);
	*lesion = (LesionRange) {1, 1};
	*kind = MASK_BORDERED;
	return status_ok();
}

/* Find the lesion among values up to 128: all from half of the level that most
 * non-black pixels have. */
static Status
find_faint_level(const MaskValues *values, bool lossy, LesionRange *lesion, MaskKind *kind)
{
	int			level = (values->highest + 1) / 2;
	int64_t		near;
	int64_t		above;

	if (!lossy && values->highest <= LABEL_MAX)
		return refuse_labels(values);
	for (int v = level; v <= values->highest; v++)
		if (values->of[v] > values->of[level])
			level = v;
	near = count_between(values, 3 * level / 4 + 1, (5 * level - 1) / 4);
	above = count_between(values, level / 4 + 1, 255);
	if (near * 5 >= above * 3 && values->least <= level / 4)
	{
		*lesion = (LesionRange) {level / 2 + 1, 255};
		if (*kind == MASK_PLAIN)
			*kind = MASK_FAINT;
		return status_ok();
	}
	if (values->highest != 100)
		return mask_unclear("a mask of %d values up to %d, half of white: is its white lesion, or is there none?",
							values->distinct, values->highest);
	*lesion = (LesionRange) {51, 255};
	if (*kind == MASK_PLAIN)
		*kind = MASK_PERCENT;
	return status_ok();
}

Status
mask_values_lesion(const MaskValues *values, bool lossy, LesionRange *lesion, MaskKind *kind)
{
	*lesion = (LesionRange) {1, 255};
	if (values->highest == 0)
		return status_ok();
	if (values->least == values->highest && values->highest < WHITE_FROM)
		return mask_unclear("every pixel of the mask is %d: is all of it lesion, or nothing?", values->highest);
	if (values->faintest == values->highest)
		return status_ok();
	if (values->least >= WHITE_FROM && values->highest - values->least > 32)
		return mask_unclear("the mask has values from %d to %d: nothing in it is dark", values->least, values->highest);
	if (values->highest < WHITE_FROM)
		return find_faint_level(values, lossy, lesion, kind);
	*lesion = (LesionRange) {WHITE_FROM, 255};
	if (*kind != MASK_PLAIN)
		return status_ok();
	*kind = MASK_SOFT;
	return lossy ? status_ok() : find_void_border(values, lesion, kind);
}
