/*
 * cross_validate.c: the procedure lesion_cross_validate: networks of which each
 * has one fold of the rows for its test part, so that each row is scored by a
 * network that has not seen it.
 *
 * The rows of lesion_fold say what is to be trained: a network for each fold
 * of each setting, under a name of its own. They are written first, and
 * committed. Then each network is trained by lesion_retrain, which goes on with
 * a run that was stopped. So whatever ends a call, the next one with the same
 * arguments finds the plan, and does what is left of it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

#include "infer/calibration.h"
#include "pg/base/error.h"
#include "pg/base/query/spi_context.h"
#include "pg/base/values/arguments.h"
#include "pg/base/values/row_values.h"
#include "pg/images/images_source.h"
#include "pg/images/known_relation.h"
#include "pg/models/active/active_version.h"
#include "pg/models/ensemble_version.h"
#include "pg/models/model_config.h"
#include "pg/models/work_lock.h"
#include "pg/train/folds.h"
#include "pg/train/train_run.h"

PG_FUNCTION_INFO_V1(lesion_cross_validate);

/* The most settings. The models of all their folds are made in one transaction, and each takes a lock. */
#define SETTINGS_MAX 100

/* The most characters of all arguments: each row of the plan has them. */
#define ARGUMENTS_MAX 16384

/* ---- the plan ---- */

/* Collect the arguments. */
static void
build_arguments(CrossValidation *task)
{
	Jsonb	   *arguments;
	size_t		length;

	folds_execute(task,
				  "SELECT jsonb_build_object('images', $1::text, 'architecture', $2, 'folds', $3, 'epochs', $5, "
				  "'image_column', $6, 'mask_column', $7, 'id_column', $8, 'group_column', $9, 'learning_rates', $10, "
				  "'image_sizes', $11, 'configs', $12, 'batch_size', $13, 'seed', $14, 'split_seed', $15, "
				  "'augment', $16, 'options', $17, 'weight_column', $18) AS arguments", SPI_OK_SELECT);
	arguments = DatumGetJsonbPCopy(first_row_needed("arguments", JSONBOID));
	length = strlen(JsonbToCString(NULL, &arguments->root, VARSIZE(arguments)));
	if (length > ARGUMENTS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the arguments of a cross-validation have %zu characters, the limit is %d", length,
						ARGUMENTS_MAX),
				 errhint("Name fewer learning_rates, image_sizes and configs.")));
	task->values[VALUE_ARGUMENTS] = JsonbPGetDatum(arguments);
	task->nulls[VALUE_ARGUMENTS] = ' ';
}

/* Is there a plan for the model already? One with other arguments is an error. */
static bool
has_plan(const CrossValidation *task)
{
	bool		isnull;
	bool		same;

	folds_execute(task, "SELECT bool_and(arguments = $19) AS same FROM @lesion_fold WHERE model = $4",
				  SPI_OK_SELECT);
	same = DatumGetBool(first_row_value("same", BOOLOID, &isnull));
	if (!isnull && !same)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("a cross-validation \"%s\" was begun with other arguments", task->model),
				 errhint("Call it with the same ones to go on, or give this one another name with model => '...'. "
						 "To end the other, drop its models with lesion_model_drop, the ensemble first.")));
	return !isnull;
}

/* Check that each network can see images of a size. What is no array of configs is refused where models are made. */
static void
check_size(const CrossValidation *task, const Architecture *architecture, int size)
{
	JsonbContainer *configs = &DatumGetJsonbP(task->values[ARGUMENT_CONFIGS])->root;

	for (uint32 i = 0; JsonContainerIsArray(configs) && i < JsonContainerSize(configs); i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(configs, i);
		ArchConfig	config;

		if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
			continue;
		config = config_read(architecture, JsonbValueToJsonb(value));
		check_status(NULL, network_config_check_size(architecture, &config, size, size));
	}
}

/* Check learning rates and sizes, with what all settings have in common, as each training does. */
static void
check_settings(const CrossValidation *task)
{
	const Architecture *architecture = config_architecture(TextDatumGetCString(task->values[ARGUMENT_ARCHITECTURE]));
	TrainRequest request = folds_request(task);
	Datum	   *rates;
	Datum	   *sizes;
	bool	   *no_rate;
	bool	   *no_size;
	int			rate_count;
	int			size_count;

	deconstruct_array(DatumGetArrayTypeP(task->values[ARGUMENT_LEARNING_RATES]), FLOAT8OID, sizeof(float8),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &rates, &no_rate, &rate_count);
	deconstruct_array(DatumGetArrayTypeP(task->values[ARGUMENT_IMAGE_SIZES]), INT4OID, sizeof(int32), true,
					  TYPALIGN_INT, &sizes, &no_size, &size_count);
	for (int s = 0; s < size_count; s++)
	{
		if (no_size[s])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("element %d of image_sizes is NULL", s + 1)));
		request.image_size = DatumGetInt32(sizes[s]);
		for (int r = 0; r < rate_count; r++)
		{
			request.has_learning_rate = !no_rate[r];
			request.learning_rate = no_rate[r] ? 0 : DatumGetFloat8(rates[r]);
			(void) train_request_plan(&request, architecture);
		}
		check_size(task, architecture, request.image_size);
	}
}

/* Begin: make the ensemble's model. What is wrong with an argument is found
 * now, and no plan is left. */
static void
begin_plan(const CrossValidation *task)
{
	check_settings(task);
	(void) folds_images(task);
	store_create_model(&task->store, task->model, ENSEMBLE_ARCHITECTURE,
					   DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))));
}

/* Write the plan, and make the models. In one that was begun, folds whose model
 * was dropped since are planned anew. */
static void
make_plan(const CrossValidation *task, bool begun)
{
	if (!begun)
		begin_plan(task);
	folds_execute(task,
				  "INSERT INTO @lesion_fold (model, setting, fold, folds, fold_model, learning_rate, image_size, "
				  "config, arguments) "
				  "SELECT $4, s.setting, f.fold, $3, pg_catalog.concat_ws('_', $4, s.setting, f.fold), s.rate, s.size, "
				  "s.config, $19 "
				  "FROM (SELECT pg_catalog.row_number() OVER (ORDER BY l.n, i.n, c.n) AS setting, l.rate, i.size, "
				  "c.config "
				  "FROM pg_catalog.unnest($10) WITH ORDINALITY AS l (rate, n), "
				  "pg_catalog.unnest($11) WITH ORDINALITY AS i (size, n), "
				  "pg_catalog.jsonb_array_elements($12) WITH ORDINALITY AS c (config, n)) AS s, "
				  "pg_catalog.generate_series(1, $3) AS f (fold) ON CONFLICT DO NOTHING",
				  SPI_OK_INSERT);
	folds_execute(task,
				  psprintf("SELECT @lesion_model_create(f.fold_model, $2, f.config) FROM @lesion_fold f "
						  "WHERE f.model = $4 %s ORDER BY f.setting, f.fold", begun ?
						  "AND NOT EXISTS (SELECT FROM @lesion_model m WHERE m.name = f.fold_model)" : ""),
				  SPI_OK_SELECT);
}

/* End a piece of the work. */
static void
end_piece(const CrossValidation *task)
{
	if (task->commits)
		spi_commit();
}

/* ---- folds ---- */

/*
 * Train the next network of the plan; false if all are trained. One fold of
 * each setting comes before the next fold, so that settings can be compared
 * early.
 */
static bool
train_next(const CrossValidation *task)
{
	static const struct
	{
		const char *column;
		Oid			type;
	}			more[] = {			/* $20, $21, ... */
		{"fold_model", TEXTOID}, {"learning_rate", FLOAT8OID}, {"image_size", INT4OID}, {"test_fraction", FLOAT8OID},
		{"options", JSONBOID}
	};
	Oid			types[VALUE_COUNT + lengthof(more)];
	Datum		values[lengthof(types)];
	char		nulls[lengthof(types)];

	memcpy(types, folds_types, sizeof folds_types);
	memcpy(values, task->values, sizeof task->values);
	memcpy(nulls, task->nulls, VALUE_COUNT);
	folds_execute(task,
				  "SELECT " FOLD_COLUMNS ", format('setting %s, fold %s of %s: model \"%s\"', f.setting, "
				  "f.fold, f.folds, f.fold_model) AS notice "
				  "FROM @lesion_fold f WHERE f.model = $4 AND f.run IS NULL ORDER BY f.fold, f.setting LIMIT 1",
				  SPI_OK_SELECT);
	if (SPI_processed == 0)
		return false;
	for (int i = 0; i < (int) lengthof(more); i++)
	{
		bool		isnull;

		types[VALUE_COUNT + i] = more[i].type;
		values[VALUE_COUNT + i] = first_row_value(more[i].column, more[i].type, &isnull);
		nulls[VALUE_COUNT + i] = isnull ? 'n' : ' ';
	}
	ereport(NOTICE,
			(errmsg("%s", TextDatumGetCString(first_row_needed("notice", TEXTOID)))));
	if (spi_call_as("training a fold",
					psprintf("CALL %slesion_retrain($1, $20, $5, image_column => $6, mask_column => $7, "
							 "id_column => $8, image_size => $22, batch_size => $13, learning_rate => $21, "
							 "test_fraction => $23, seed => $14, augment => $16, promote => 'always'::pg_catalog.text, "
							 "split_seed => $15, options => $24, group_column => $9, weight_column => $18)",
							 store_prefix(&task->store)),
					lengthof(types), types, values, nulls) != SPI_OK_UTILITY)
		elog(ERROR, "CALL lesion_retrain did not call it");
	return true;
}

/* ---- the ensemble ---- */

/* Are the versions of the folds' runs the active ones? Those are what
 * lesion_ensemble_fit weighs. Whoever may promote may change that, at any time. */
static bool
are_active(const CrossValidation *task, const EnsembleContent *content)
{
	for (int i = 0; i < content->count; i++)
	{
		const ModelVersion *active = store_need_version(&task->store, content->names[i], NULL);

		if (active->number == content->members[i]->number)
			continue;
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("the folds have equal weights in the ensemble: version %d of model \"%s\" is active, the "
						"cross-validation trained version %d", active->number, content->names[i],
						content->members[i]->number),
				 errhint("To find better weights, make that the active one with lesion_model_promote, and call "
						 "lesion_ensemble_fit.")));
		return false;
	}
	return true;
}

/* Make the first version of the ensemble: the best setting's folds with equal
 * weights. True if better ones can be found: there are validation rows, and
 * the folds' versions are active. */
static bool
make_ensemble(const CrossValidation *task)
{
	EnsembleContent content = {.fitted = {.threshold = 0.5,.temperature = CALIBRATION_TEMPERATURE,
	.review_below = CALIBRATION_REVIEW_BELOW}};
	int			versions[ENSEMBLE_MAX_MEMBERS];
	ModelVersion *version;
	bool		validated;

	folds_execute(task,
				  "SELECT f.fold_model, r.version, r.validation_images > 0 AS validated FROM @lesion_fold f "
				  "JOIN @lesion_cross_validations c USING (model, setting) JOIN @lesion_run r USING (run) "
				  "WHERE f.model = $4 AND c.best ORDER BY f.fold", SPI_OK_SELECT);
	if (SPI_processed == 0 || SPI_processed > ENSEMBLE_MAX_MEMBERS)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no fold of cross-validation \"%s\" has test rows", task->model),
				 errhint("Take fewer folds, or a group_column with more groups.")));
	content.count = (int) SPI_processed;
	for (int i = 0; i < content.count; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	columns = SPI_tuptable->tupdesc;

		content.names[i] = TextDatumGetCString(row_named_needed(row, columns, "fold_model", TEXTOID));
		versions[i] = DatumGetInt32(row_named_needed(row, columns, "version", INT4OID));
		content.weights[i] = 1.0 / content.count;
	}
	validated = DatumGetBool(first_row_needed("validated", BOOLOID));
	ensemble_find_members(&task->store, &content, versions);
	version = ensemble_add_version(&task->store, task->model, &content);
	store_promote(&task->store, task->model, version->number, "first version");
	if (!validated)
		ereport(NOTICE,
				(errmsg("there are no validation rows: the folds have equal weights in the ensemble"),
				 errhint("Add rows, or raise validation_fraction in options.")));
	return are_active(task, &content) && validated;
}

/* Find weights, threshold and calibration on the validation rows: no fold was trained on them. */
static void
fit_ensemble(const CrossValidation *task)
{
	Oid			types[VALUE_COUNT];
	Datum		values[VALUE_COUNT];
	char	   *query = psprintf("SELECT FROM %slesion_ensemble_fit($4, $1, image_column => $6, mask_column => $7, "
								 "id_column => $8, group_column => $9, seed => $14)", store_prefix(&task->store));

	memcpy(types, folds_types, sizeof types);
	memcpy(values, task->values, sizeof values);
	if (spi_execute_as("fitting the ensemble", query, VALUE_COUNT, types, values, task->nulls, false, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "lesion_ensemble_fit gave no row");
}

/* Make the ensemble and report the results. */
static void
finish_cross_validation(const CrossValidation *task)
{
	if (make_ensemble(task))
		fit_ensemble(task);
	folds_execute(task,
				  "SELECT format('cross-validation \"%s\" is finished: setting %s is the best, "
				  "out-of-fold Dice %s, from %s to %s', model, setting, "
				  "round(dice::numeric, 4), round(dice_low::numeric, 4), round(dice_high::numeric, 4)) AS notice "
				  "FROM @lesion_cross_validations WHERE model = $4 AND best", SPI_OK_SELECT);
	ereport(NOTICE,
			(errmsg("%s", TextDatumGetCString(first_row_needed("notice", TEXTOID)))));
}

/* Say that nothing is left to do, and whose work it was: behind a view or policies each role may see other rows. */
static void
tell_finished(const CrossValidation *task)
{
	folds_execute(task,
				  "SELECT string_agg(DISTINCT quote_ident(r.started_by), ', ') AS roles FROM @lesion_fold f "
				  "JOIN @lesion_run r USING (run) WHERE f.model = $4", SPI_OK_SELECT);
	ereport(NOTICE,
			(errmsg("cross-validation \"%s\" is finished already", task->model),
			 errdetail("Its networks were trained by %s.", TextDatumGetCString(first_row_needed("roles", TEXTOID))),
			 errhint("See the views lesion_cross_validations and lesion_folds.")));
}

/* ---- the call ---- */

/* Do the rest of the plan. */
static void
cross_validate(CrossValidation *task)
{
	bool		begun;

	build_arguments(task);
	begun = has_plan(task);
	if (begun && store_find_version(&task->store, task->model, NULL) != NULL)
	{
		tell_finished(task);
		return;
	}
	make_plan(task, begun);
	do
	{
		fold_runs_note(task);
		end_piece(task);
	} while (train_next(task));
	finish_cross_validation(task);
}

/* Arguments that must not be NULL, beside those that are read first. */
static const struct
{
	int			argument;
	const char *name;
}			needed[] = {
	{ARGUMENT_IMAGES, "images"}, {ARGUMENT_EPOCHS, "epochs"}, {ARGUMENT_IMAGE_COLUMN, "image_column"},
	{ARGUMENT_MASK_COLUMN, "mask_column"}, {ARGUMENT_LEARNING_RATES, "learning_rates"},
	{ARGUMENT_IMAGE_SIZES, "image_sizes"}, {ARGUMENT_CONFIGS, "configs"}, {ARGUMENT_BATCH_SIZE, "batch_size"},
	{ARGUMENT_SEED, "seed"}, {ARGUMENT_SPLIT_SEED, "split_seed"}, {ARGUMENT_AUGMENT, "augment"},
	{ARGUMENT_OPTIONS, "options"}
};

/* Refuse no settings, and more than anybody trains: each is several trainings, and a
 * row of lesion_fold for each fold. */
static void
check_count(FunctionCallInfo fcinfo)
{
	double		settings = (double) argument_elements(fcinfo, ARGUMENT_LEARNING_RATES) *
		argument_elements(fcinfo, ARGUMENT_IMAGE_SIZES) * JB_ROOT_COUNT(PG_GETARG_JSONB_P(ARGUMENT_CONFIGS));

	if (settings == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("learning_rates, image_sizes and configs leave nothing to train"),
				 errhint("Each needs a value: '{NULL}' is the architecture's own learning rate, '[{}]' its own "
						 "config.")));
	if (settings > SETTINGS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("learning_rates, image_sizes and configs make %.0f settings, the limit is %d", settings,
						SETTINGS_MAX),
				 errhint("Each is trained once for each fold: name those that you would wait for.")));
}

/* A plan outlives its session. */
static void
check_lasting(const CrossValidation *task)
{
	Oid			images = DatumGetObjectId(task->values[ARGUMENT_IMAGES]);

	if (relation_has_temporary(images))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is temporary or has a temporary part", get_rel_name(images)),
				 errdetail("A cross-validation that was stopped would go on with other images of that name."),
				 errhint("Copy its rows to a table that stays.")));
}

/* Read the arguments. */
static CrossValidation
read_arguments(FunctionCallInfo fcinfo)
{
	CrossValidation task = {.store = store_open(fcinfo, false),.commits = procedure_may_commit(fcinfo)};
	int			folds = argument_int(fcinfo, ARGUMENT_FOLDS, "folds");
	char	   *architecture = argument_text(fcinfo, ARGUMENT_ARCHITECTURE, "architecture");

	for (size_t i = 0; i < lengthof(needed); i++)
		argument_needed(fcinfo, needed[i].argument, needed[i].name);
	if (folds < 2 || folds > ENSEMBLE_MAX_MEMBERS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("folds is %d, it must be from 2 to %d", folds, ENSEMBLE_MAX_MEMBERS),
				 errhint("5 keeps every fifth row away from each network.")));
	for (int i = 0; i < ARGUMENT_COUNT; i++)
	{
		task.values[i] = fcinfo->args[i].value;
		task.nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
		/* A value that stands in TOAST may go with its row when the first fold is committed. */
		if (!PG_ARGISNULL(i) && get_typlen(folds_types[i]) == -1)
			task.values[i] = PointerGetDatum(PG_DETOAST_DATUM_COPY(task.values[i]));
	}
	check_count(fcinfo);
	check_lasting(&task);
	task.model = argument_text_or_null(fcinfo, ARGUMENT_MODEL);
	if (task.model == NULL)
		task.model = psprintf("%s_folds", architecture);
	task.values[ARGUMENT_MODEL] = CStringGetTextDatum(task.model);
	task.nulls[ARGUMENT_MODEL] = ' ';
	task.nulls[VALUE_ARGUMENTS] = 'n';
	return task;
}

/* lesion_cross_validate(images, architecture, folds, model, epochs, ...) */
Datum
lesion_cross_validate(PG_FUNCTION_ARGS)
{
	CrossValidation task = read_arguments(fcinfo);
	WorkLock	lock;

	store_check_rights(&task.store, "lesion_fold", ACL_INSERT | ACL_UPDATE, "cross-validate");
	store_check_rights(&task.store, "lesion_model", ACL_INSERT, "cross-validate");
	train_run_check_rights(&task.store);	/* those of each fold's training, before the plan is committed */
	train_run_check_checkpoints(&task.store);
	SPI_connect_ext(task.commits ? SPI_OPT_NONATOMIC : 0);
	lock = model_lock(&task.store, task.model, task.commits ? LOCK_SESSION : LOCK_TRANSACTION);
	PG_TRY();
	{
		cross_validate(&task);
	}
	PG_FINALLY();
	{
		work_unlock(&lock);
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_VOID();
}
