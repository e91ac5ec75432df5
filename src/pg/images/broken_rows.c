/*
 * broken_rows.c: see images_source.h: is a row's image or mask broken, and how
 * many are.
 */
#include "postgres.h"

#include "image/codec/codec.h"
#include "image/mask_decode.h"
#include "pg/base/error.h"
#include "pg/images/images_source.h"

/* pair_fault, but a limit of the caller stays one: images that it leaves out are counted. */
static Status
half_fault(const char *half, Status status)
{
	Status		fault = pair_fault(half, status);

	if (status.code == LS_LIMIT_EXCEEDED)
		fault.code = status.code;
	return fault;
}

/* The same as images_decode_mask; kind may be NULL. */
static Status
decode_mask(const Call *call, const ImageRow *row, ImageTurn turn, Image *truth, MaskKind *kind)
{
	ImageInfo	info;
	Status		status;

	TRY(half_fault("image", image_info(call, row->image.bytes, row->image.size, &info)));
	TRY(half_fault("image", image_check_size(call, info.width, info.height)));
	TRY(half_fault("mask", mask_decode(call, row->mask.bytes, row->mask.size, turn, truth, kind)));
	status = mask_check_shape(&info, turn, truth->width, truth->height);
	if (status.code != LS_OK)
		image_free(call, truth);
	return status;
}

Status
images_decode_mask(const Call *call, const ImageRow *row, ImageTurn turn, Image *truth)
{
	return decode_mask(call, row, turn, truth, NULL);
}

Status
images_check(const Call *call, const ImageRow *row, ImageTurn turn, MaskFacts *facts)
{
	Image		truth;
	Image		image;
	MaskKind	kind;
	Status		status;

	TRY(decode_mask(call, row, turn, &truth, &kind));
	status = pair_fault("image", image_decode_at_least(call, row->image.bytes, row->image.size, DECODE_RGB, turn, 1, 1,
													   &image));
	if (status.code == LS_OK)
	{
		mask_facts_add(facts, &truth, kind);
		image_free(call, &image);
	}
	image_free(call, &truth);
	return status;
}

/* Raise an error when more than a tenth of `rows` rows were broken, with what
 * was wrong with the last of them where that is known. */
static void
check_share(const BrokenRows *broken, int64 rows, const char *id, const Status *last)
{
	if (broken->broken * 10 > rows)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("more than a tenth of the %lld images of %s are broken (%lld so far)",
						(long long) rows, broken->source->name, (long long) broken->broken),
				 last != NULL ? errdetail("The last of them is row \"%s\": %s. %s", id, last->message, last->hint) : 0,
				 errhint("See that the image and mask columns are the right ones, and leave broken rows out "
						 "with a view.")));
}

void
broken_check(const BrokenRows *broken, int64 rows)
{
	check_share(broken, rows, NULL, NULL);
}

bool
broken_is_rows_fault(Status status)
{
	return status.code == LS_INVALID_IMAGE || status.code == LS_UNSUPPORTED || status.code == LS_ABOVE_ALL_LIMITS;
}

bool
broken_or_too_large(Status status)
{
	return broken_is_rows_fault(status) || status.code == LS_LIMIT_EXCEEDED;
}

bool
broken_row(BrokenRows *rows, const Call *call, const char *id, Status status)
{
	if (status.code == LS_OK)
		return false;
	if (!broken_or_too_large(status))
		check_argument(call, psprintf("row \"%s\" of %s", id, rows->source->name), status);

	rows->broken++;
	ereport(WARNING,
			(errcode(status_sqlstate(status.code)),
			 errmsg("skipped row \"%s\" of %s: %s", id, rows->source->name, status.message),
			 status.hint[0] != '\0' ? errhint("%s", status.hint) : 0));
	check_share(rows, rows->usable, id, &status);
	return true;
}
