/*
 * segment_options.c: see segment_options.h.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "pg/base/error.h"
#include "pg/base/values/json_values.h"
#include "pg/segment/looks/segment_options.h"

static const Option option_rows[] = {
	{"refine", OPTION_BOOL, offsetof(SegmentOptions, refine), 0, 1, 0,
		"look a second time: at the lesion with a margin, at the image's own resolution, where that is at most two "
		"fifths of the image; what both looks say is merged",
		NULL},
	{"box", OPTION_BOX, offsetof(SegmentOptions, box), 0, 0, 0,
		"a box that a person drew around the lesion, in the mask's orientation: the lesion is looked for in it alone, "
		"at the image's own resolution, and is 65 to 80 % of it",
		NULL},
	{"inside", OPTION_POINTS, offsetof(SegmentOptions, inside), 0, 0, 0,
		"points that a person set on the lesion, in the mask's orientation: only the connected parts that they are in "
		"are lesion; one that is in none adds what is around it and as likely",
		NULL},
	{"outside", OPTION_POINTS, offsetof(SegmentOptions, outside), 0, 0, 0,
		"points that a person set beside the lesion: the parts that they are in are none; a part that has a point "
		"inside too is cut between them",
		NULL},
	{"largest_component", OPTION_BOOL, offsetof(SegmentOptions, largest_component), 0, 1, 0,
		"keep the largest connected component of the mask; pixels that touch at a corner are connected", NULL},
	{"fill_holes", OPTION_BOOL, offsetof(SegmentOptions, fill_holes), 0, 1, 0,
	 "make lesion of what the lesion encloses",
		NULL},
	{"orientation", OPTION_CHOICE, offsetof(SegmentOptions, turn), 0, 0, TURN_UPRIGHT,
		"which way up images are read: as their EXIF orientation says, or as they are stored; "
		"masks are the same way up",
		image_turn_names},
};

const OptionTable segment_option_table = OPTION_TABLE(option_rows);

void
segment_options_apply(Jsonb *json, SegmentOptions *options)
{
	const OptionBlock block = {&segment_option_table, options};

	json_options_apply(json, "options", &block, 1);
}

void
segment_options_enhance(const char *mode, const ModelVersion *version, SegmentOptions *options)
{
	options->enhance = version->traits.enhance;
	if (mode != NULL)
		check_status(NULL, enhance_mode_find(mode, &options->enhance));
	options->as_trained = mode == NULL || (version->member_count == 0 && options->enhance == version->traits.enhance);
}

void
argument_enhance(FunctionCallInfo fcinfo, int n, const ModelVersion *version, SegmentOptions *options)
{
	segment_options_enhance(PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n)), version, options);
}

Jsonb *
segment_options_jsonb(const SegmentOptions *options)
{
	JsonBuilder builder;

	json_begin(&builder);
	if (options->tta)
		json_add_boolean(&builder, "tta", true);
	if (options->enhance != ENHANCE_MODE_OFF || !options->as_trained)
		json_add_string(&builder, "enhance", enhance_mode_name(options->enhance));
	for (int i = 0; i < segment_option_table.count; i++)
		if (!option_is_default(&option_rows[i], options))
			json_add_option(&builder, &option_rows[i], options);
	return json_end(&builder);
}
