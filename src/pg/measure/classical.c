/*
 * classical.c: the SQL function lesion_segment_classical.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "infer/classical/classical.h"
#include "pg/base/call.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "pg/base/values/bytes.h"
#include "pg/base/values/json_values.h"
#include "pg/images/image_arguments.h"

PG_FUNCTION_INFO_V1(lesion_segment_classical);

enum
{
	ARGUMENT_IMAGE, ARGUMENT_METHOD, ARGUMENT_OPTIONS
};

/* lesion_segment_classical(image, method, options) -> mask as PNG */
Datum
lesion_segment_classical(PG_FUNCTION_ARGS)
{
	ClassicalOptions options;
	const OptionBlock block = {&classical_option_table, &options};
	ClassicalMethod method;
	Call	   *call;
	Image		image;
	Image		mask;
	Datum		result;

	options_default(&classical_option_table, &options);
	check_status(NULL, classical_find(text_to_cstring(PG_GETARG_TEXT_PP(ARGUMENT_METHOD)), &method));
	json_options_apply(PG_GETARG_JSONB_P(ARGUMENT_OPTIONS), "options", &block, 1);
	call = call_create(CurrentMemoryContext, settings_threads(false));
	argument_image(call, fcinfo, ARGUMENT_IMAGE, "image", &image);
	check_status(call, classical_segment(call, &image, method, &options, &mask));
	result = image_png(call, &mask);
	call_destroy(call);
	PG_RETURN_DATUM(result);
}
