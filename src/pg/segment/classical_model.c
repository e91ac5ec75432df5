/*
 * classical_model.c: see classical_model.h.
 */
#include "postgres.h"

#include "image/codec/codec.h"
#include "pg/base/error.h"
#include "pg/base/values/json_values.h"
#include "pg/models/names/classical_name.h"
#include "pg/segment/classical_model.h"

ClassicalModel *
classical_model_open(const char *name, Jsonb *options)
{
	ClassicalModel *model = palloc0(sizeof *model);
	const OptionBlock block = {&classical_option_table, &model->options};

	check_status(NULL, classical_find(name + strlen(CLASSICAL_PREFIX), &model->method));
	options_default(&classical_option_table, &model->options);
	if (options != NULL)
		json_options_apply(options, "options", &block, 1);
	model->version.model = pstrdup(name);
	model->version.split.test_fraction = SPLIT_TEST_FRACTION;
	model->version.split.validation_fraction = SPLIT_VALIDATION_FRACTION;
	return model;
}

Status
classical_model_segment(const ClassicalModel *model, const Call *call, const ByteView *bytes, Image *mask)
{
	Image		image;
	Status		status;

	TRY(image_decode(call, bytes->bytes, bytes->size, DECODE_RGB, &image));
	status = classical_segment(call, &image, model->method, &model->options, mask);
	image_free(call, &image);
	return status;
}

Jsonb *
classical_model_options(const ClassicalModel *model)
{
	JsonBuilder builder;

	json_begin(&builder);
	for (int i = 0; i < classical_option_table.count; i++)
		if (!option_is_default(&classical_option_table.rows[i], &model->options))
			json_add_option(&builder, &classical_option_table.rows[i], &model->options);
	return json_end(&builder);
}
