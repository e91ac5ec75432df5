/*
 * option_functions.c: the SQL function lesion_options, which lists all options
 * that keys of a jsonb argument can set.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "arch/arch.h"
#include "core/options.h"
#include "enhance/enhance.h"
#include "infer/classical/classical.h"
#include "learn/augment.h"
#include "learn/trainer.h"
#include "pg/base/values/row_values.h"
#include "pg/images/enhance_functions.h"
#include "pg/segment/model_segment.h"
#include "pg/train/train_request.h"

#define DESCRIPTION_SIZE 120

PG_FUNCTION_INFO_V1(lesion_options);

/* An option's default as JSON. */
static const char *
default_text(const Option *option)
{
	if (option->type == OPTION_BOOL)
		return option->default_value != 0 ? "true" : "false";
	if (option->type == OPTION_CHOICE)
		return psprintf("\"%s\"", option->choices[(int) option->default_value]);
	if (option_is_place(option))
		return "none";
	return psprintf("%g", option->default_value);
}

/* Add the rows of a table. */
static void
add_rows(ReturnSetInfo *set, const char *argument, const OptionTable *table)
{
	for (int i = 0; i < table->count; i++)
	{
		const Option *option = &table->rows[i];
		char		takes[DESCRIPTION_SIZE];
		RowBuilder	row = row_begin_in(set);

		option_describe(option, takes, sizeof takes);
		row_set(&row, "argument", TEXTOID, CStringGetTextDatum(argument));
		row_set(&row, "key", TEXTOID, CStringGetTextDatum(option->name));
		row_set(&row, "default_value", TEXTOID, CStringGetTextDatum(default_text(option)));
		row_set(&row, "takes", TEXTOID, CStringGetTextDatum(takes));
		row_set(&row, "meaning", TEXTOID, CStringGetTextDatum(option->meaning));
		row_put(set, &row);
	}
}

/* lesion_options() -> set of (argument, key, default_value, takes, meaning) */
Datum
lesion_options(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	int			count;
	const Architecture *const *architectures = arch_list(&count);

	InitMaterializedSRF(fcinfo, 0);
	add_rows(set, "options of lesion_segment", &segment_option_table);
	add_rows(set, "options of lesion_segment_classical", &classical_option_table);
	add_rows(set, "options of lesion_enhance", &enhance_option_table);
	add_rows(set, "options of lesion_enhance", &enhance_call_option_table);
	for (int i = 0; i < count; i++)
		add_rows(set, psprintf("config of %s", architectures[i]->name), &architectures[i]->config);
	add_rows(set, "options of lesion_train", &plan_option_table);
	add_rows(set, "options of lesion_train", &train_option_table);
	add_rows(set, "augment of lesion_train", &augment_option_table);
	return (Datum) 0;
}
