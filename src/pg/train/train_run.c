/*
 * train_run.c: see train_run.h.
 */
#include "postgres.h"

#include <malloc.h>
#include <math.h>

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "pg/base/values/bytes.h"
#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/base/settings.h"
#include "pg/segment/promotion.h"
#include "pg/segment/segment_progress.h"
#include "pg/models/dump_size.h"
#include "pg/models/model_config.h"
#include "pg/train/run_log.h"
#include "pg/train/train_images.h"
#include "pg/train/train_progress.h"
#include "pg/train/train_run.h"
#include "pg/train/train_split.h"

TrainRun *
train_run_create(ModelStore store, const TrainRequest *request)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "lesionseg training run",
												  ALLOCSET_DEFAULT_SIZES);
	TrainRun   *run = MemoryContextAllocZero(context, sizeof *run);

	run->context = context;
	run->store = store;
	run->request = *request;
	run->max_seconds = INFINITY;
	INSTR_TIME_SET_CURRENT(run->started);
	return run;
}

/* Release what only training needs. */
static void
release_training(TrainRun *run)
{
	trainer_free(run->trainer);
	run->trainer = NULL;
	dataset_free(run->training);
	run->training = NULL;
	dataset_free(run->validation);
	run->validation = NULL;
	network_free(run->network);
	run->network = NULL;
	if (run->call != NULL)
		call_destroy(run->call);
	run->call = NULL;
	if (run->training_call != NULL)
		call_destroy(run->training_call);
	run->training_call = NULL;
	if (run->validation_call != NULL)
		call_destroy(run->validation_call);
	run->validation_call = NULL;
}

void
train_run_free(TrainRun *run)
{
	train_progress_end();
	release_training(run);
	work_unlock(&run->run_lock);
	work_unlock(&run->model_lock);
	MemoryContextDelete(run->context);

	/* Give the memory of training back to the system: the allocator would keep
	 * it as long as the process lives. */
	malloc_trim(0);
}

void
train_run_check_rights(const ModelStore *store)
{
	static const char *const tables[] = {"lesion_version", "lesion_promotion", "lesion_epoch", "lesion_evaluation",
	"lesion_image_score"};

	for (size_t i = 0; i < lengthof(tables); i++)
		store_check_rights(store, tables[i], ACL_INSERT, "train");
	store_check_rights(store, "lesion_run", ACL_INSERT | ACL_UPDATE, "train");
	store_check_readable(store, "lesion_version", "weights", "train and score");
}

void
train_run_check_checkpoints(const ModelStore *store)
{
	store_check_rights(store, "lesion_checkpoint", ACL_SELECT | ACL_INSERT | ACL_UPDATE | ACL_DELETE,
					   "train with checkpoints");
}

/* ---- the model ---- */

/* The config of a new model if none is given: that of the model to start from,
 * or none. */
static Jsonb *
base_config(const TrainRun *run)
{
	if (run->init != NULL && strcmp(run->init->architecture, run->architecture->name) == 0)
		return run->init->config;
	return run->request.config;
}

/* The model's row; it is made if it does not exist and the architecture is
 * known. */
static Model *
find_or_create_model(TrainRun *run)
{
	const TrainRequest *request = &run->request;
	Model	   *model = store_find_model(&run->store, request->model);
	const char *architecture = request->architecture;
	ArchConfig	config;

	if (model != NULL)
		return model;
	if (architecture == NULL && arch_find(request->model) != NULL)
		architecture = request->model;
	if (architecture == NULL && run->init != NULL)
		architecture = run->init->architecture;
	if (architecture == NULL)
		return store_need_model(&run->store, request->model);

	run->architecture = config_architecture(architecture);
	config = config_read(run->architecture, base_config(run));
	config_apply(run->architecture, request->config, &config);
	store_check_rights(&run->store, "lesion_model", ACL_INSERT, "make a model");
	store_create_model(&run->store, request->model, architecture, config_jsonb(run->architecture, &config));
	return store_need_model(&run->store, request->model);
}

/*
 * The config to train with. A model keeps the config it was made with. A model
 * that is named after its architecture may get a new config with each version;
 * the default is that of its active version.
 */
static ArchConfig
choose_config(TrainRun *run, const Model *model)
{
	ArchConfig	own = config_read(run->architecture, model->config);
	ArchConfig	asked = own;
	ModelVersion *active;

	config_apply(run->architecture, run->request.config, &asked);
	if (!model->bundled)
	{
		if (!config_equal(run->architecture, &own, &asked))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("model \"%s\" has another config", model->name),
					 errdetail("It was made with %s.", JsonbToCString(NULL, &model->config->root, 0)),
					 errhint("Leave config out, or train a model of another name with it.")));
		return own;
	}
	active = run->init != NULL ? run->init : store_find_version(&run->store, model->name, NULL);
	if (JB_ROOT_COUNT(run->request.config) == 0 && active != NULL &&
		strcmp(active->architecture, run->architecture->name) == 0)
		return config_read(run->architecture, active->config);
	return asked;
}

/* Load the weights of the model to start from, or make random ones. */
static void
set_initial_weights(TrainRun *run)
{
	ByteView	weights;
	Status		status;

	if (run->init == NULL)
	{
		check_status(run->call, network_initialise(run->network, run->call, run->plan.train.seed));
		return;
	}
	weights = store_weights(&run->store, run->init);
	status = network_load_initial(run->network, run->call, weights.bytes, weights.size);
	bytes_release(&weights);
	check_argument(run->call, psprintf("init, version %d of model \"%s\"", run->init->number, run->init->model),
				   status);
}

/* What a weight file may have beside its weights. */
#define FILE_HEADER (128 * 1024)

/* Refuse what could not be dumped before it is trained; what it was trained on takes room, too, where that is known. */
static void
check_size(const TrainRun *run)
{
	NewVersion	content = {
		.config = run->config,
		.weights_size = run->network->graph->weight_count * sizeof(float) + FILE_HEADER,
		.split = run->split,
	};

	if (run->trained_on.count > 0)
		content.image_digests = image_digests_datum(&run->trained_on);
	store_check_size(&content);
}

void
train_run_settle(TrainRun *run)
{
	const TrainRequest *request = &run->request;
	MemoryContext caller = MemoryContextSwitchTo(run->context);
	Model	   *model;
	ArchConfig	config;

	run->call = call_create(run->context, settings_threads(true));
	if (request->init != NULL)
		run->init = store_need_version(&run->store, request->init, NULL);
	model = find_or_create_model(run);
	if (request->architecture != NULL && strcmp(request->architecture, model->architecture) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" is of architecture \"%s\", not \"%s\"", model->name, model->architecture,
						request->architecture),
				 errhint("Leave architecture out, or choose another name for a new model.")));
	run->architecture = config_architecture(model->architecture);
	run->plan = train_request_plan(request, run->architecture);
	if (run->init != NULL)
	{
		(void) config_architecture(run->init->architecture);
		run->plan.init_version = run->init->number;
		sha256_hex(run->init->sha256, run->plan.init_sha256);
	}
	config = choose_config(run, model);
	run->config = config_jsonb(run->architecture, &config);
	check_status(run->call, network_create(&run->call->host, run->architecture, &config, &run->network));
	check_size(run);
	check_status(run->call, network_check_size(run->network, request->image_size, request->image_size));
	if (run->plan.freeze_encoder)
		network_freeze_encoder(run->network);
	set_initial_weights(run);
	MemoryContextSwitchTo(caller);
}

/* ---- the beginning ---- */

void
train_run_open(TrainRun *run, LockSpan span)
{
	const TrainRequest *request = &run->request;
	MemoryContext caller = MemoryContextSwitchTo(run->context);

	train_run_check_rights(&run->store);
	run->span = span;
	run->model_lock = model_lock(&run->store, request->model, span);
	train_run_settle(run);
	train_split_open(run);
	train_progress_begin(request->model, request->epochs);
	MemoryContextSwitchTo(caller);
}

void
train_run_show(TrainRun *run, int64 number)
{
	work_unlock(&run->run_lock);
	run->run_lock = run_lock(&run->store, number, run->span);
	train_progress_run(number);
}

void
train_run_register(TrainRun *run)
{
	MemoryContext caller = MemoryContextSwitchTo(run->context);

	run_log_begin(run);
	train_run_show(run, run->run);
	MemoryContextSwitchTo(caller);
}

/*
 * Publish a batch, and return whether there is time for the next; called by
 * the trainer. The first epoch always runs to its end, because without it
 * there is no version.
 */
static bool
go_on_after_batch(void *data, int epoch, int batch, int batches, double images_per_second, double loss)
{
	TrainRun   *run = data;

	train_progress_batch(epoch, batch, batches, images_per_second, loss);
	run->out_of_time = run->epochs_done > 0 && batch < batches && train_run_elapsed(run) >= run->max_seconds;
	return !run->out_of_time;
}

void
train_run_read(TrainRun *run)
{
	MemoryContext caller = MemoryContextSwitchTo(run->context);

	train_images_read(run);
	check_size(run);
	run->plan.train.image_weights = run->image_weights;
	run->plan.train.progress = go_on_after_batch;
	run->plan.train.progress_data = run;
	check_status(run->call, trainer_create(run->network, run->call, run->training, run->validation, &run->plan.train,
										   &run->trainer));
	MemoryContextSwitchTo(caller);
}

/* ---- epochs ---- */

bool
train_run_done(const TrainRun *run)
{
	return trainer_done(run->trainer);
}

/* Tell the user about an epoch. */
static void
announce_epoch(const EpochReport *report)
{
	char	   *validation = isnan(report->val_dice) ? "" :
		psprintf(", validation loss %.4f, validation Dice %.4f", report->val_loss, report->val_dice);

	ereport(NOTICE,
			(errmsg("epoch %d of %d: training loss %.4f%s, %.1f images/s, %s left", report->epoch, report->epochs,
					report->train_loss, validation, report->images_per_second,
					duration_text(report->seconds_left))));
}

bool
train_run_epoch(TrainRun *run)
{
	EpochReport report;
	Status		status;

	train_progress_epochs_done(run->epochs_done, run->best.epoch > 0 ? run->best.val_dice : NAN);
	status = trainer_run_epoch(run->trainer, run->call, &report);
	if (run->out_of_time)
		return false;
	check_status(run->call, status);
	if (report.best)
		run->best = report;
	run->epochs_done = report.epoch;
	run->epoch_seconds = report.seconds;
	run->training_seconds += 1 / report.images_per_second;
	run->images_per_second = run->epochs_done / run->training_seconds;
	run_log_epoch(run, &report);
	announce_epoch(&report);
	return true;
}

double
train_run_elapsed(const TrainRun *run)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, run->started);
	return INSTR_TIME_GET_DOUBLE(now);
}

/* ---- the end ---- */

/* Store the best weights as a version. */
static void
store_version(TrainRun *run)
{
	NewVersion	content = {
		.config = run->config,
		.split = run->split,
		.image_digests = image_digests_datum(&run->trained_on),
		.images_unknown = run->images_unknown,
		.run = run->run,
	};
	Traits	   *traits = &run->network->traits;
	void	   *bytes;
	int			epoch;
	double		val_dice;

	trainer_take_best(run->trainer, &epoch, &val_dice);
	check_status(run->call, trainer_fit(run->trainer, run->call, run->plan.threshold, traits));
	traits->enhance = run->plan.enhance;
	content.traits = *traits;
	snprintf(run->network->split, sizeof run->network->split, "%s", split_to_json(&run->split));
	check_status(run->call, network_save(run->network, run->call, WEIGHTS_F32,
										 JsonbToCString(NULL, &run->config->root, 0),
										 &bytes, &content.weights_size));
	content.weights = bytes;
	run->version = store_add_version(&run->store, run->request.model, &content);
}

void
train_run_finish(TrainRun *run)
{
	MemoryContext caller = MemoryContextSwitchTo(run->context);
	ModelVersion *active = store_find_version(&run->store, run->request.model, NULL);
	TestPart	part = {&run->store, run->source, run->split, run->plan.turn, true};
	Evaluation	evaluation = {0};

	train_progress_phase(PROGRESS_SCORING, 0);
	store_version(run);
	release_training(run);
	if (run->counts.test > 0)
		evaluation = test_part_score(&part, run->version);
	run->score = evaluation.score;
	run->promoted = promote_by_rule(&part, run->request.promote, run->version, &evaluation, active);

	run->seconds = run->earlier_seconds + train_run_elapsed(run);
	run_log_finish(run);
	MemoryContextSwitchTo(caller);
}
