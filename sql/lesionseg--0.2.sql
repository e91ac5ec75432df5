-- lesionseg 0.2: segment, train and score skin-lesion images inside the database.
--
-- Sections: Settings, Images, Enhancement, Scores, Models. C functions take everything
-- they need as arguments; SQL bodies name their objects through @extschema@,
-- so no search_path can change what they mean.

\echo Use "CREATE EXTENSION lesionseg" to load this file. \quit

-- ==== Settings ====
--
-- lesionseg.max_memory, .max_pixels, .threads, .backend, .precision,
-- .default_model and .model_cache are defined by the library when it is
-- loaded, at the first call of one of its functions in a session.

-- ==== Images ====
--
-- Costs are in units of cpu_operator_cost (about 25 ns): reading a header is
-- cheap, decoding an image is some ten thousand operators' worth, and the
-- planner should know that a parallel plan pays.

CREATE FUNCTION lesion_image_info(image bytea,
	OUT format text, OUT width int, OUT height int, OUT channels int, OUT bits int)
AS 'MODULE_PATHNAME', 'lesion_image_info'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;

COMMENT ON FUNCTION lesion_image_info(bytea) IS
'what an image''s header says: format (png, jpeg or bmp), width and height in pixels as shown, stored channels and bits per channel';

CREATE FUNCTION lesion_synthetic(seed bigint, width int DEFAULT 256, height int DEFAULT 256, severity int DEFAULT 0,
	OUT image bytea, OUT mask bytea)
AS 'MODULE_PATHNAME', 'lesion_synthetic'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 500000;

COMMENT ON FUNCTION lesion_synthetic(bigint, int, int, int) IS
'a rendered dermoscopic lesion and its exact mask, both PNG; severity 0 to 5 adds noise, blur, uneven light and hairs';

CREATE FUNCTION lesion_overlay(image bytea, mask bytea, truth bytea DEFAULT NULL)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_overlay'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 200000;

COMMENT ON FUNCTION lesion_overlay(bytea, bytea, bytea) IS
'the image as PNG with the outline of the mask, and of the truth where one is given, drawn on it';

CREATE FUNCTION lesion_panel(image bytea, truth bytea, predicted bytea)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_panel'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200000;

COMMENT ON FUNCTION lesion_panel(bytea, bytea, bytea) IS
'image, true mask and predicted mask side by side, as PNG';

-- ==== Enhancement ====

CREATE FUNCTION lesion_degrade(image bytea, kind text, severity int, seed bigint DEFAULT 0)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_degrade'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 300000;

COMMENT ON FUNCTION lesion_degrade(bytea, text, int, bigint) IS
'the image made worse in one way, in its own format: kind from lesion_degradations(), severity 1 (slight) to 5 (severe)';

CREATE FUNCTION lesion_degradations(OUT kind text, OUT description text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_degradations'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 13;

COMMENT ON FUNCTION lesion_degradations() IS
'the ways in which lesion_degrade makes an image worse';

CREATE FUNCTION lesion_quality(image bytea,
	OUT sharpness float8, OUT noise float8, OUT contrast float8, OUT brightness float8, OUT unevenness float8,
	OUT colour_cast float8, OUT hair float8, OUT resolution float8, OUT glare float8, OUT ink float8,
	OUT blocking float8, OUT score float8, OUT issues text[])
AS 'MODULE_PATHNAME', 'lesion_quality'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 300000;

COMMENT ON FUNCTION lesion_quality(bytea) IS
'how good a photograph is: measures of detail, noise, light, colour and what lies on the skin, a score from 0 (bad) to 1 (good) and what is wrong with it in words';

CREATE FUNCTION lesion_enhance(image bytea, steps text[] DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_enhance'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 600000;

COMMENT ON FUNCTION lesion_enhance(bytea, text[], jsonb) IS
'the image made better by the given steps, in their order, or by those its quality asks for; in its own format';

CREATE FUNCTION lesion_enhance_plan(image bytea, OUT step text, OUT reason text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_enhance_plan'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 400000 ROWS 2;

COMMENT ON FUNCTION lesion_enhance_plan(bytea) IS
'the steps that lesion_enhance would take by itself, in their order, and why; no row for a good image';

-- ==== Scores ====

CREATE FUNCTION lesion_dice(predicted bytea, truth bytea)
RETURNS float8
AS 'MODULE_PATHNAME', 'lesion_dice'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION lesion_dice(bytea, bytea) IS
'Dice coefficient of one predicted mask, 2TP / (2TP + FP + FN), 0 to 1; 1 where both masks are empty';

CREATE FUNCTION lesion_f1(predicted bytea, truth bytea)
RETURNS float8
AS 'MODULE_PATHNAME', 'lesion_dice'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION lesion_f1(bytea, bytea) IS
'F1 score of one predicted mask, the same figure as lesion_dice';

CREATE FUNCTION lesion_jaccard(predicted bytea, truth bytea)
RETURNS float8
AS 'MODULE_PATHNAME', 'lesion_jaccard'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION lesion_jaccard(bytea, bytea) IS
'Jaccard index of one predicted mask, TP / (TP + FP + FN), 0 to 1; 1 where both masks are empty';

CREATE FUNCTION lesion_iou(predicted bytea, truth bytea)
RETURNS float8
AS 'MODULE_PATHNAME', 'lesion_jaccard'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION lesion_iou(bytea, bytea) IS
'intersection over union of one predicted mask, the same figure as lesion_jaccard';

CREATE FUNCTION lesion_metrics(predicted bytea, truth bytea,
	OUT dice float8, OUT iou float8, OUT jaccard float8, OUT f1 float8, OUT threshold_jaccard float8,
	OUT sensitivity float8, OUT specificity float8, OUT "precision" float8, OUT accuracy float8,
	OUT true_positive bigint, OUT false_positive bigint, OUT false_negative bigint, OUT true_negative bigint)
AS 'MODULE_PATHNAME', 'lesion_metrics'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION lesion_metrics(bytea, bytea) IS
'every score of one predicted mask and the pixel counts behind them';

CREATE TYPE lesion_score_result AS (
	n bigint,
	dice float8,
	iou float8,
	jaccard float8,
	f1 float8,
	threshold_jaccard float8,
	sensitivity float8,
	specificity float8,
	precision float8,
	accuracy float8,
	true_positive bigint,
	false_positive bigint,
	false_negative bigint,
	true_negative bigint,
	skipped bigint
);

COMMENT ON TYPE lesion_score_result IS 'the scores of a data set';
COMMENT ON COLUMN lesion_score_result.n IS 'images scored';
COMMENT ON COLUMN lesion_score_result.dice IS 'mean of the images'' Dice';
COMMENT ON COLUMN lesion_score_result.iou IS 'TP / (TP + FP + FN) over all pixels of all images';
COMMENT ON COLUMN lesion_score_result.jaccard IS 'mean of the images'' Jaccard';
COMMENT ON COLUMN lesion_score_result.f1 IS '2TP / (2TP + FP + FN) over all pixels of all images';
COMMENT ON COLUMN lesion_score_result.threshold_jaccard IS
'mean of the images'' Jaccard, values below 0.65 counted as 0';
COMMENT ON COLUMN lesion_score_result.sensitivity IS 'mean of the images'' TP / (TP + FN)';
COMMENT ON COLUMN lesion_score_result.specificity IS 'mean of the images'' TN / (TN + FP)';
COMMENT ON COLUMN lesion_score_result.precision IS 'mean of the images'' TP / (TP + FP)';
COMMENT ON COLUMN lesion_score_result.accuracy IS 'mean of the images'' (TP + TN) / all pixels';
COMMENT ON COLUMN lesion_score_result.true_positive IS 'pixels of all images: lesion in both masks';
COMMENT ON COLUMN lesion_score_result.false_positive IS 'pixels of all images: lesion in the predicted mask alone';
COMMENT ON COLUMN lesion_score_result.false_negative IS 'pixels of all images: lesion in the true mask alone';
COMMENT ON COLUMN lesion_score_result.true_negative IS 'pixels of all images: lesion in neither mask';
COMMENT ON COLUMN lesion_score_result.skipped IS 'rows left out because one of the masks is NULL';

-- The state is an array, not internal: it can be sent to parallel workers,
-- through partition-wise plans and between servers as it is.

CREATE FUNCTION lesion_score_add(state bigint[], predicted bytea, truth bytea)
RETURNS bigint[]
AS 'MODULE_PATHNAME', 'lesion_score_add'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 20000;

COMMENT ON FUNCTION lesion_score_add(bigint[], bytea, bytea) IS
'transition function of lesion_score: the state with one image added';

CREATE FUNCTION lesion_score_combine(state bigint[], other bigint[])
RETURNS bigint[]
AS 'MODULE_PATHNAME', 'lesion_score_combine'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION lesion_score_combine(bigint[], bigint[]) IS
'combine function of lesion_score: the images of both states';

CREATE FUNCTION lesion_score_final(state bigint[])
RETURNS lesion_score_result
AS 'MODULE_PATHNAME', 'lesion_score_final'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION lesion_score_final(bigint[]) IS
'final function of lesion_score: the figures of a state';

CREATE AGGREGATE lesion_score(predicted bytea, truth bytea) (
	SFUNC = lesion_score_add,
	STYPE = bigint[],
	SSPACE = 184,
	COMBINEFUNC = lesion_score_combine,
	FINALFUNC = lesion_score_final,
	INITCOND = '{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}',
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE lesion_score(bytea, bytea) IS
'scores of a data set: means over images, and iou and f1 pooled over all pixels; rows with a NULL mask are skipped and counted';

-- ==== Models ====
--
-- A model is a name; its versions hold weights and never change; the latest
-- promotion of a model says which version is active. Rows that came with the
-- extension stay out of dumps (CREATE EXTENSION makes them again), so models
-- are keyed by name, and versions that came with the extension are numbered
-- 0 and below: nothing in a dump can collide with them.
--
-- All functions run with the rights of their caller. Anyone may read these
-- tables, and so segment; who may train, evaluate, promote or drop is said
-- by plain GRANTs on them (docs/sql-reference.md, "Privileges").

CREATE TABLE lesion_model (
	name text PRIMARY KEY
		CHECK (char_length(name) BETWEEN 1 AND 63),
	architecture text NOT NULL,
	config jsonb NOT NULL DEFAULT '{}'
		CHECK (jsonb_typeof(config) = 'object'),
	bundled boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT now(),
	created_by text NOT NULL DEFAULT current_user,
	CHECK (NOT bundled OR name = architecture),
	CHECK (bundled OR name NOT IN ('unet', 'linknet', 'convmixer', 'maskrcnn', 'ensemble'))
);

COMMENT ON TABLE lesion_model IS 'models: a name, an architecture and how it is configured';
COMMENT ON COLUMN lesion_model.config IS 'width and depth of the network; a key that is absent has its default';
COMMENT ON COLUMN lesion_model.bundled IS 'named after its architecture and made by CREATE EXTENSION; such a model takes a new config with each version';

CREATE TABLE lesion_run (
	run bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	model text NOT NULL REFERENCES lesion_model ON DELETE CASCADE,
	version int,
	state text NOT NULL
		CHECK (state IN ('running', 'finished', 'cancelled', 'failed', 'lost')),
	error text,
	sqlstate text,
	stopped_by text CHECK (stopped_by IN ('patience', 'max_minutes')),
	images text NOT NULL,
	epochs int NOT NULL CHECK (epochs >= 1),
	seed bigint NOT NULL,
	options jsonb NOT NULL,
	training_images int CHECK (training_images >= 0),
	validation_images int CHECK (validation_images >= 0),
	test_images int CHECK (test_images >= 0),
	skipped int CHECK (skipped >= 0),
	broken int CHECK (broken >= 0),
	data_sha256 bytea,
	best_epoch int,
	seconds float8,
	images_per_second float8,
	pid int,
	resumed int NOT NULL DEFAULT 0,
	started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	finished_at timestamptz,
	started_by text NOT NULL DEFAULT current_user,
	CHECK ((state = 'finished') = (version IS NOT NULL)),
	CHECK ((state = 'running') = (finished_at IS NULL))
);

CREATE INDEX ON lesion_run (model);

COMMENT ON TABLE lesion_run IS 'training runs; see the view lesion_runs for their true state';
COMMENT ON COLUMN lesion_run.state IS 'as last written: ''running'' may mean lost, which lesion_runs tells apart';
COMMENT ON COLUMN lesion_run.error IS 'what ended a run that was cancelled or failed, sqlstate likewise';
COMMENT ON COLUMN lesion_run.stopped_by IS 'the argument of lesion_retrain that ended it before its last epoch';
COMMENT ON COLUMN lesion_run.version IS 'the version the run made';
COMMENT ON COLUMN lesion_run.images IS 'the table the images came from';
COMMENT ON COLUMN lesion_run.options IS 'everything the run was asked for';
COMMENT ON COLUMN lesion_run.test_images IS 'images of the test part, which training never looks at';
COMMENT ON COLUMN lesion_run.skipped IS 'rows left out because id, image or mask is NULL';
COMMENT ON COLUMN lesion_run.broken IS 'rows left out because image or mask cannot be used';
COMMENT ON COLUMN lesion_run.data_sha256 IS 'digest of all that training and validation saw: ids, images and masks';
COMMENT ON COLUMN lesion_run.images_per_second IS 'training alone, mean over epochs';
COMMENT ON COLUMN lesion_run.pid IS 'server process of the run';
COMMENT ON COLUMN lesion_run.resumed IS 'times it went on after it was stopped';

CREATE TABLE lesion_version (
	model text NOT NULL REFERENCES lesion_model ON DELETE CASCADE,
	number int NOT NULL,
	config jsonb NOT NULL,
	weights bytea NOT NULL,
	sha256 bytea NOT NULL CHECK (sha256 = pg_catalog.sha256(weights)),
	image_size int NOT NULL CHECK (image_size > 0),
	threshold float8 NOT NULL DEFAULT 0.5 CHECK (threshold > 0::float8 AND threshold < 1::float8),
	split_seed bigint NOT NULL DEFAULT 0,
	test_fraction float8 NOT NULL DEFAULT 0.2 CHECK (test_fraction >= 0::float8 AND test_fraction < 1::float8),
	run bigint REFERENCES lesion_run,
	metadata jsonb NOT NULL DEFAULT '{}'
		CHECK (jsonb_typeof(metadata) = 'object'),
	extension_version text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	created_by text NOT NULL DEFAULT current_user,
	temperature float8 NOT NULL DEFAULT 1 CHECK (temperature > 0::float8 AND temperature < 'infinity'),
	review_below float8 NOT NULL DEFAULT 0.85 CHECK (review_below >= 0::float8 AND review_below <= 1::float8),
	enhance text NOT NULL DEFAULT 'off' CHECK (enhance IN ('off', 'auto', 'always')),
	PRIMARY KEY (model, number)
);

-- Weights do not compress; EXTERNAL saves the attempt at every reading.
ALTER TABLE lesion_version ALTER COLUMN weights SET STORAGE EXTERNAL;

CREATE INDEX ON lesion_version (run);

COMMENT ON TABLE lesion_version IS 'versions of models; a row is never changed';
COMMENT ON COLUMN lesion_version.number IS 'from 1 on; 0 and below came with the extension';
COMMENT ON COLUMN lesion_version.config IS 'the network''s config, every key present';
COMMENT ON COLUMN lesion_version.weights IS 'a safetensors file';
COMMENT ON COLUMN lesion_version.image_size IS 'pixels, width and height of the images the network sees';
COMMENT ON COLUMN lesion_version.threshold IS 'a pixel is lesion where its probability is above';
COMMENT ON COLUMN lesion_version.split_seed IS 'seed of the lesion_split that kept its test part away from training';
COMMENT ON COLUMN lesion_version.test_fraction IS 'test fraction of that lesion_split';
COMMENT ON COLUMN lesion_version.temperature IS 'logits are divided by it to get calibrated probabilities; 1 where it is not known';
COMMENT ON COLUMN lesion_version.review_below IS 'a mask needs review where its predicted Dice is below';
COMMENT ON COLUMN lesion_version.enhance IS 'how training enhanced its images, and segmentation does unless it is told otherwise: off, auto or always';
COMMENT ON COLUMN lesion_version.run IS 'the run that made it; NULL when it was imported';

CREATE FUNCTION lesion_version_immutable()
RETURNS trigger
AS 'MODULE_PATHNAME', 'lesion_version_immutable'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_version_immutable() IS 'refuses to change a version';

CREATE TRIGGER lesion_version_immutable BEFORE UPDATE ON lesion_version
FOR EACH ROW EXECUTE FUNCTION lesion_version_immutable();

CREATE TABLE lesion_promotion (
	promotion bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	model text NOT NULL,
	version int NOT NULL,
	reason text NOT NULL,
	promoted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	promoted_by text NOT NULL DEFAULT current_user,
	FOREIGN KEY (model, version) REFERENCES lesion_version ON DELETE CASCADE
);

CREATE INDEX ON lesion_promotion (model, promotion);

COMMENT ON TABLE lesion_promotion IS 'which version of a model became active when; the latest one is';

CREATE TABLE lesion_epoch (
	run bigint NOT NULL REFERENCES lesion_run ON DELETE CASCADE,
	epoch int NOT NULL CHECK (epoch >= 1),
	train_loss float8 NOT NULL,
	val_loss float8,
	val_dice float8,
	learning_rate float8 NOT NULL,
	images_per_second float8 NOT NULL,
	seconds float8 NOT NULL,
	best boolean NOT NULL,
	at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (run, epoch)
);

COMMENT ON TABLE lesion_epoch IS 'what each epoch of a training run came to';

-- Replaced after each epoch. It is for the machine that wrote it, and a run
-- begins anew without it, so it stays out of dumps.
CREATE TABLE lesion_checkpoint (
	run bigint PRIMARY KEY REFERENCES lesion_run ON DELETE CASCADE,
	epoch int NOT NULL CHECK (epoch >= 1),
	state bytea NOT NULL,
	engine text NOT NULL,
	saved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

ALTER TABLE lesion_checkpoint ALTER COLUMN state SET STORAGE EXTERNAL;

COMMENT ON TABLE lesion_checkpoint IS 'where lesion_retrain goes on with a run that was stopped';
COMMENT ON COLUMN lesion_checkpoint.epoch IS 'the last one that was completed';
COMMENT ON COLUMN lesion_checkpoint.state IS 'weights, best weights and the optimiser''s moments';
COMMENT ON COLUMN lesion_checkpoint.engine IS 'what computed it: where this is the same, so are the weights, bit for bit';

CREATE TABLE lesion_evaluation (
	evaluation bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	model text NOT NULL,
	version int NOT NULL,
	images text NOT NULL,
	subset text NOT NULL CHECK (subset IN ('test', 'train', 'all')),
	split_seed bigint NOT NULL,
	test_fraction float8 NOT NULL,
	threshold float8 NOT NULL,
	n bigint NOT NULL CHECK (n > 0),
	dice float8 NOT NULL,
	iou float8 NOT NULL,
	jaccard float8 NOT NULL,
	f1 float8 NOT NULL,
	threshold_jaccard float8 NOT NULL,
	sensitivity float8 NOT NULL,
	specificity float8 NOT NULL,
	"precision" float8 NOT NULL,
	accuracy float8 NOT NULL,
	skipped int NOT NULL,
	broken int NOT NULL,
	images_per_second float8 NOT NULL,
	seconds float8 NOT NULL,
	evaluated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	evaluated_by text NOT NULL DEFAULT current_user,
	options jsonb NOT NULL DEFAULT '{}'
		CHECK (jsonb_typeof(options) = 'object'),
	FOREIGN KEY (model, version) REFERENCES lesion_version ON DELETE CASCADE
);

CREATE INDEX ON lesion_evaluation (model, version);

COMMENT ON TABLE lesion_evaluation IS 'scores of a version on the rows of a table';
COMMENT ON COLUMN lesion_evaluation.images IS 'the table the images came from';
COMMENT ON COLUMN lesion_evaluation.n IS 'images scored';
COMMENT ON COLUMN lesion_evaluation.skipped IS 'rows left out because id, image or mask is NULL';
COMMENT ON COLUMN lesion_evaluation.broken IS 'rows left out because image or mask cannot be used';
COMMENT ON COLUMN lesion_evaluation.images_per_second IS 'decoding, network and resizing to the mask''s size';
COMMENT ON COLUMN lesion_evaluation.options IS 'how it segmented, where not by default: {"tta": true}';

CREATE TABLE lesion_robustness_score (
	model text NOT NULL,
	version int NOT NULL,
	images text NOT NULL,
	subset text NOT NULL CHECK (subset IN ('test', 'train', 'all')),
	kind text NOT NULL,
	severity int NOT NULL CHECK (severity BETWEEN 0 AND 5),
	enhance text NOT NULL CHECK (enhance IN ('off', 'auto', 'always')),
	dice float8 NOT NULL,
	"drop" float8 NOT NULL,
	n bigint NOT NULL CHECK (n > 0),
	seed bigint NOT NULL,
	threshold float8 NOT NULL,
	tta boolean NOT NULL,
	evaluated_at timestamptz NOT NULL,
	evaluated_by text NOT NULL DEFAULT current_user,
	FOREIGN KEY (model, version) REFERENCES lesion_version ON DELETE CASCADE
);

CREATE INDEX ON lesion_robustness_score (model, version);

COMMENT ON TABLE lesion_robustness_score IS 'what lesion_robustness found';
COMMENT ON COLUMN lesion_robustness_score.kind IS 'of lesion_degradations(), or clean';
COMMENT ON COLUMN lesion_robustness_score.dice IS 'mean over images';
COMMENT ON COLUMN lesion_robustness_score."drop" IS 'Dice of clean images that are not enhanced, less dice';

CREATE TABLE lesion_image_score (
	evaluation bigint NOT NULL REFERENCES lesion_evaluation ON DELETE CASCADE,
	id text NOT NULL,
	dice float8 NOT NULL,
	jaccard float8 NOT NULL,
	sensitivity float8 NOT NULL,
	specificity float8 NOT NULL,
	predicted_dice float8 NOT NULL
);

CREATE INDEX ON lesion_image_score (evaluation, dice);

COMMENT ON TABLE lesion_image_score IS 'what each image of an evaluation came to; ids are the images'' keys, so reading it must be granted';
COMMENT ON COLUMN lesion_image_score.predicted_dice IS 'what the mask was expected to come to, without knowing the truth';

CREATE TABLE lesion_audit (
	entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	event text NOT NULL
		CHECK (event IN ('create', 'train', 'import', 'promote', 'rollback', 'drop version', 'drop')),
	model text NOT NULL,
	version int,
	sha256 bytea,
	detail text,
	role text NOT NULL,
	login text NOT NULL,
	at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE lesion_audit IS
'what was done to models and by whom; written by triggers alone, and only its owner can change it';
COMMENT ON COLUMN lesion_audit.version IS 'NULL where the event is about the whole model';
COMMENT ON COLUMN lesion_audit.sha256 IS 'of the weights that came or went';
COMMENT ON COLUMN lesion_audit.detail IS 'architecture of a model, run of a training, reason of a promotion';
COMMENT ON COLUMN lesion_audit.role IS 'the role in effect';
COMMENT ON COLUMN lesion_audit.login IS 'the role that logged in';

CREATE FUNCTION lesion_audit_write()
RETURNS trigger
AS 'MODULE_PATHNAME', 'lesion_audit_write'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;

COMMENT ON FUNCTION lesion_audit_write() IS 'adds to lesion_audit what is done to models';

CREATE FUNCTION lesion_owner_only()
RETURNS trigger
AS 'MODULE_PATHNAME', 'lesion_owner_only'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_owner_only() IS 'refuses a statement to all but the owner of the table';

CREATE FUNCTION lesion_training_only()
RETURNS trigger
AS 'MODULE_PATHNAME', 'lesion_training_only'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_training_only() IS 'refuses a statement to all but the owner of the table and a training';

CREATE TRIGGER lesion_audit_write AFTER INSERT OR DELETE ON lesion_model
FOR EACH ROW EXECUTE FUNCTION lesion_audit_write();
CREATE TRIGGER lesion_audit_write AFTER INSERT OR DELETE ON lesion_version
FOR EACH ROW EXECUTE FUNCTION lesion_audit_write();
CREATE TRIGGER lesion_audit_write AFTER INSERT ON lesion_promotion
FOR EACH ROW EXECUTE FUNCTION lesion_audit_write();
CREATE TRIGGER lesion_owner_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lesion_promotion
FOR EACH STATEMENT EXECUTE FUNCTION lesion_owner_only();
CREATE TRIGGER lesion_owner_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON lesion_audit
FOR EACH STATEMENT EXECUTE FUNCTION lesion_owner_only();
-- Nothing brings bundled models back but a new CREATE EXTENSION.
CREATE TRIGGER lesion_owner_only BEFORE DELETE ON lesion_model
FOR EACH ROW WHEN (OLD.bundled) EXECUTE FUNCTION lesion_owner_only();
CREATE TRIGGER lesion_owner_only BEFORE DELETE ON lesion_version
FOR EACH ROW WHEN (OLD.number <= 0) EXECUTE FUNCTION lesion_owner_only();
CREATE TRIGGER lesion_training_only BEFORE INSERT OR UPDATE ON lesion_run
FOR EACH STATEMENT EXECUTE FUNCTION lesion_training_only();
CREATE TRIGGER lesion_training_only BEFORE INSERT OR UPDATE ON lesion_epoch
FOR EACH STATEMENT EXECUTE FUNCTION lesion_training_only();
CREATE TRIGGER lesion_training_only BEFORE INSERT OR UPDATE ON lesion_checkpoint
FOR EACH STATEMENT EXECUTE FUNCTION lesion_training_only();

-- Triggers fire without this right; who has it could hang them on tables of
-- their own.
REVOKE EXECUTE ON FUNCTION lesion_audit_write(), lesion_owner_only(), lesion_training_only(), lesion_version_immutable()
	FROM PUBLIC;

-- What users made goes into dumps.
SELECT pg_catalog.pg_extension_config_dump('lesion_model', 'WHERE NOT bundled');
SELECT pg_catalog.pg_extension_config_dump('lesion_run', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_run_run_seq', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_version', 'WHERE number > 0');
SELECT pg_catalog.pg_extension_config_dump('lesion_promotion', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_promotion_promotion_seq', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_epoch', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_evaluation', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_evaluation_evaluation_seq', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_image_score', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_robustness_score', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_audit', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_audit_entry_seq', '');

INSERT INTO lesion_model (name, architecture, bundled) VALUES
	('unet', 'unet', true), ('linknet', 'linknet', true), ('convmixer', 'convmixer', true),
	('maskrcnn', 'maskrcnn', true);

-- Views

CREATE VIEW lesion_robustness_table AS
SELECT DISTINCT ON (model, version, images, subset, n, seed, threshold, tta, kind, severity, enhance)
	model, version, images, subset, kind, severity, enhance, dice, "drop", n, evaluated_at, seed, threshold, tta
FROM lesion_robustness_score
ORDER BY model, version, images, subset, n, seed, threshold, tta, kind, severity, enhance, evaluated_at DESC;

COMMENT ON VIEW lesion_robustness_table IS
'the latest result of lesion_robustness for each version, table, part, number of images, seed, threshold, tta, kind, severity and enhancement';

CREATE VIEW lesion_models AS
SELECT m.name AS model, m.architecture, coalesce(v.config, m.config) AS config,
	a.version, n.versions, v.image_size, v.threshold, pg_catalog.encode(v.sha256, 'hex') AS sha256,
	pg_catalog.octet_length(v.weights) AS bytes, m.bundled, m.created_at, v.created_at AS version_created_at
FROM lesion_model m
CROSS JOIN LATERAL (
	SELECT coalesce(
		(SELECT p.version FROM lesion_promotion p WHERE p.model = m.name ORDER BY p.promotion DESC LIMIT 1),
		(SELECT min(b.number) FROM lesion_version b WHERE b.model = m.name AND b.number <= 0)) AS version) a
CROSS JOIN LATERAL (SELECT count(*) AS versions FROM lesion_version w WHERE w.model = m.name) n
LEFT JOIN lesion_version v ON v.model = m.name AND v.number = a.version;

COMMENT ON VIEW lesion_models IS 'models with their active version (NULL where there is none yet)';

CREATE VIEW lesion_training_log AS
SELECT e.run, r.model, r.version, e.epoch, e.train_loss, e.val_loss, e.val_dice, e.learning_rate,
	e.images_per_second, e.at
FROM lesion_epoch e JOIN lesion_run r USING (run);

COMMENT ON VIEW lesion_training_log IS 'a row per epoch of every training run';

-- A run is running where a process holds its lock (src/pg/work_lock.h),
-- whatever its row says.
CREATE VIEW lesion_runs AS
SELECT r.run, r.model, r.version,
	CASE WHEN r.state = 'finished' THEN r.state WHEN l.pid IS NOT NULL THEN 'running' WHEN r.state = 'running' THEN 'lost'
		ELSE r.state END AS state,
	CASE WHEN l.pid IS NULL THEN r.error END AS error, CASE WHEN l.pid IS NULL THEN r.sqlstate END AS sqlstate,
	r.stopped_by, r.images, r.epochs, e.epoch AS epochs_done, r.best_epoch, e.val_dice, r.resumed,
	l.pid IS NULL AND c.run IS NOT NULL AS resumable,
	r.training_images, r.validation_images, r.test_images, r.skipped, r.broken, r.seconds, r.images_per_second,
	l.pid, r.started_at, CASE WHEN l.pid IS NULL THEN coalesce(r.finished_at, e.at, r.started_at) END AS finished_at,
	r.started_by
FROM lesion_run r
LEFT JOIN LATERAL (
	SELECT max(epoch) AS epoch, max(val_dice) AS val_dice, max(at) AS at FROM lesion_epoch WHERE lesion_epoch.run = r.run) e
	ON true
LEFT JOIN lesion_checkpoint c ON c.run = r.run
LEFT JOIN LATERAL (
	SELECT pid FROM pg_catalog.pg_locks
	WHERE r.state <> 'finished' AND locktype = 'object' AND classid = 'lesion_run'::regclass::oid AND objsubid = 0
		AND objid = (r.run % 4294967296)::oid
		AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
	LIMIT 1) l ON true;

COMMENT ON VIEW lesion_runs IS 'training runs and their state: running, finished, cancelled, failed, or lost (its process is gone)';
COMMENT ON COLUMN lesion_runs.val_dice IS 'the best so far';
COMMENT ON COLUMN lesion_runs.resumable IS 'lesion_retrain with the same arguments goes on with it';
COMMENT ON COLUMN lesion_runs.pid IS 'server process of a run that is running';

CREATE FUNCTION lesion_training_slots(OUT pid int, OUT run bigint, OUT model text, OUT phase text, OUT epoch int,
	OUT epochs int, OUT batch bigint, OUT batches bigint, OUT images_per_second float8, OUT train_loss float8,
	OUT val_dice float8, OUT seconds_left float8, OUT at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_training_slots'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 4;

COMMENT ON FUNCTION lesion_training_slots() IS
'what processes that train say in shared memory; no rows unless lesionseg is in shared_preload_libraries';

CREATE VIEW lesion_training_progress AS
WITH slot AS MATERIALIZED (SELECT * FROM lesion_training_slots())
SELECT run, model, 'running' AS state, phase, epoch, epochs, batch, batches, images_per_second, train_loss, val_dice,
	pg_catalog.make_interval(secs => greatest(0, seconds_left - extract(epoch FROM pg_catalog.clock_timestamp() - at)::float8)) AS eta,
	pid, at, 'memory' AS source
FROM slot
UNION ALL
SELECT r.run, r.model, r.state,
	CASE WHEN w.reading THEN 'reading' WHEN r.epochs_done = r.epochs THEN 'scoring' ELSE 'training' END,
	CASE WHEN NOT w.reading THEN least(coalesce(r.epochs_done, 0) + 1, r.epochs) END,
	r.epochs, NULL, NULL, e.images_per_second, e.train_loss, r.val_dice,
	pg_catalog.make_interval(secs => e.seconds * (r.epochs - r.epochs_done)::float8), r.pid, coalesce(e.at, r.started_at), 'log'
FROM lesion_runs r
JOIN (SELECT run, training_images IS NULL OR state <> 'running' AS reading FROM lesion_run) w ON w.run = r.run
LEFT JOIN lesion_epoch e ON e.run = r.run AND e.epoch = r.epochs_done
WHERE r.state = 'running' AND NOT EXISTS (SELECT FROM slot WHERE slot.pid = r.pid);

COMMENT ON VIEW lesion_training_progress IS 'the trainings that are running now';
COMMENT ON COLUMN lesion_training_progress.epoch IS 'the one at work on';
COMMENT ON COLUMN lesion_training_progress.batch IS 'batches of the epoch that are done; rows, while reading';
COMMENT ON COLUMN lesion_training_progress.val_dice IS 'the best so far';
COMMENT ON COLUMN lesion_training_progress.eta IS 'time left';
COMMENT ON COLUMN lesion_training_progress.at IS 'when this was so';
COMMENT ON COLUMN lesion_training_progress.source IS
'''memory'': shared memory, after every batch; ''log'': what the run has committed, after every epoch, because lesionseg is not in shared_preload_libraries';

CREATE FUNCTION lesion_segmentation_slots(OUT pid int, OUT leader int, OUT model text, OUT version int, OUT images bigint,
	OUT images_per_second float8, OUT began timestamptz, OUT at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_segmentation_slots'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 16;

COMMENT ON FUNCTION lesion_segmentation_slots() IS
'what processes that segment say in shared memory; no rows unless lesionseg is in shared_preload_libraries';

CREATE VIEW lesion_segmentation_progress AS
SELECT leader AS pid, max(model) AS model, max(version) AS version, sum(images)::bigint AS images,
	sum(images_per_second) AS images_per_second, min(began) AS began, max(at) AS at, count(*)::int AS processes
FROM lesion_segmentation_slots()
GROUP BY leader;

COMMENT ON VIEW lesion_segmentation_progress IS
'queries that call lesion_segment now; no rows unless lesionseg is in shared_preload_libraries';
COMMENT ON COLUMN lesion_segmentation_progress.images IS 'done so far';
COMMENT ON COLUMN lesion_segmentation_progress.began IS 'when the first image was done';
COMMENT ON COLUMN lesion_segmentation_progress.at IS 'when the latest image was done';
COMMENT ON COLUMN lesion_segmentation_progress.processes IS 'of a parallel query';

CREATE VIEW lesion_leaderboard AS
SELECT model, version, images, subset, n, dice, iou, jaccard, f1, threshold_jaccard, images_per_second, evaluated_at,
	options
FROM (
	SELECT DISTINCT ON (model, version, images, subset, split_seed, test_fraction, threshold, options) *
	FROM lesion_evaluation
	ORDER BY model, version, images, subset, split_seed, test_fraction, threshold, options, evaluation DESC) latest
ORDER BY images, subset, dice DESC;

COMMENT ON VIEW lesion_leaderboard IS 'the latest scores of each version on each table, the best first';

CREATE VIEW lesion_worst_cases AS
SELECT e.model, e.version, e.images, e.subset, s.id, s.dice, s.jaccard, s.sensitivity, s.specificity, s.predicted_dice,
	pg_catalog.row_number() OVER (PARTITION BY e.evaluation ORDER BY s.dice, s.id) AS rank, e.evaluation, e.evaluated_at
FROM (
	SELECT DISTINCT ON (model, version, images, subset) evaluation, model, version, images, subset, evaluated_at
	FROM lesion_evaluation
	ORDER BY model, version, images, subset, evaluation DESC) e
JOIN lesion_image_score s USING (evaluation);

COMMENT ON VIEW lesion_worst_cases IS
'the images of each version''s latest evaluation on each table and part, the worst of each first by rank';

GRANT SELECT ON lesion_model, lesion_run, lesion_version, lesion_promotion, lesion_epoch, lesion_evaluation, lesion_audit,
	lesion_models, lesion_training_log, lesion_runs, lesion_training_progress,
	lesion_segmentation_progress, lesion_leaderboard, lesion_robustness_score, lesion_robustness_table TO PUBLIC;

-- Training and evaluation

CREATE FUNCTION lesion_split(id text, seed bigint DEFAULT 0, test_fraction float8 DEFAULT 0.2)
RETURNS text
AS 'MODULE_PATHNAME', 'lesion_split'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

COMMENT ON FUNCTION lesion_split(text, bigint, float8) IS
'the part a row belongs to, ''train'' or ''test'': a hash of its id, so it stays the same when other rows come and go';

CREATE FUNCTION lesion_split(id text, seed bigint, test_fraction float8, validation_fraction float8)
RETURNS text
AS 'MODULE_PATHNAME', 'lesion_split_in_three'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

COMMENT ON FUNCTION lesion_split(text, bigint, float8, float8) IS
'the part a row belongs to, ''train'', ''validation'' or ''test'', as a training tells them apart';

CREATE TYPE lesion_training_result AS (
	run bigint,
	model text,
	version int,
	promoted boolean,
	epochs int,
	best_epoch int,
	train_loss float8,
	val_loss float8,
	val_dice float8,
	dice float8,
	iou float8,
	jaccard float8,
	f1 float8,
	threshold_jaccard float8,
	training_images int,
	validation_images int,
	test_images int,
	skipped int,
	broken int,
	seconds float8,
	images_per_second float8,
	sha256 text
);

COMMENT ON TYPE lesion_training_result IS 'what a training run came to';
COMMENT ON COLUMN lesion_training_result.train_loss IS 'at the best epoch, as are val_loss and val_dice';
COMMENT ON COLUMN lesion_training_result.dice IS 'of the test part, as are iou, jaccard, f1 and threshold_jaccard; NULL when it is empty';

CREATE FUNCTION lesion_train(images regclass, model text, epochs int DEFAULT 30,
	image_column text DEFAULT 'image', mask_column text DEFAULT 'mask', id_column text DEFAULT NULL,
	image_size int DEFAULT 256, batch_size int DEFAULT 8, learning_rate float8 DEFAULT NULL,
	test_fraction float8 DEFAULT 0.2, seed bigint DEFAULT 0, augment jsonb DEFAULT '{}',
	promote text DEFAULT 'if_better', config jsonb DEFAULT '{}', architecture text DEFAULT NULL,
	split_seed bigint DEFAULT 0, options jsonb DEFAULT '{}', init text DEFAULT NULL)
RETURNS lesion_training_result
AS 'MODULE_PATHNAME', 'lesion_train'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000000000;

COMMENT ON FUNCTION lesion_train(regclass, text, int, text, text, text, int, int, float8, float8, bigint, jsonb, text, jsonb, text, bigint, jsonb, text) IS
'train a model on the images and masks of a table, score it on the part held back and store the result as a new version';

CREATE PROCEDURE lesion_retrain(images regclass, model text, epochs int DEFAULT 30,
	image_column text DEFAULT 'image', mask_column text DEFAULT 'mask', id_column text DEFAULT NULL,
	image_size int DEFAULT 256, batch_size int DEFAULT 8, learning_rate float8 DEFAULT NULL,
	test_fraction float8 DEFAULT 0.2, seed bigint DEFAULT 0, augment jsonb DEFAULT '{}',
	promote text DEFAULT 'if_better', config jsonb DEFAULT '{}', architecture text DEFAULT NULL,
	split_seed bigint DEFAULT 0, options jsonb DEFAULT '{}', init text DEFAULT NULL,
	resume boolean DEFAULT true, max_minutes float8 DEFAULT NULL, patience int DEFAULT NULL)
AS 'MODULE_PATHNAME', 'lesion_retrain'
LANGUAGE C;

COMMENT ON PROCEDURE lesion_retrain(regclass, text, int, text, text, text, int, int, float8, float8, bigint, jsonb, text, jsonb, text, bigint, jsonb, text, boolean, float8, int) IS
'train like lesion_train, committing after every epoch; a run that was stopped goes on when called again';

CREATE FUNCTION lesion_evaluate(images regclass, model text, subset text DEFAULT 'test',
	image_column text DEFAULT 'image', mask_column text DEFAULT 'mask', id_column text DEFAULT NULL,
	split_seed bigint DEFAULT NULL, test_fraction float8 DEFAULT NULL, threshold float8 DEFAULT NULL,
	version int DEFAULT NULL, tta boolean DEFAULT false, options jsonb DEFAULT '{}', enhance text DEFAULT NULL)
RETURNS lesion_evaluation
AS 'MODULE_PATHNAME', 'lesion_evaluate'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100000000;

COMMENT ON FUNCTION lesion_evaluate(regclass, text, text, text, text, text, bigint, float8, float8, int, boolean, jsonb, text) IS
'score a model on the images and masks of a table, or of its test or training part, and keep the scores';

CREATE FUNCTION lesion_compare(images regclass, model text, version_a int, version_b int DEFAULT NULL,
	subset text DEFAULT 'test', image_column text DEFAULT 'image', mask_column text DEFAULT 'mask',
	id_column text DEFAULT NULL, tta boolean DEFAULT false, draws int DEFAULT 2000, confidence float8 DEFAULT 0.95,
	seed bigint DEFAULT 0,
	OUT first int, OUT second int, OUT n bigint, OUT dice_a float8, OUT dice_b float8,
	OUT dice_difference float8, OUT dice_low float8, OUT dice_high float8,
	OUT jaccard_difference float8, OUT jaccard_low float8, OUT jaccard_high float8, OUT better int)
AS 'MODULE_PATHNAME', 'lesion_compare'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100000000;

COMMENT ON FUNCTION lesion_compare(regclass, text, int, int, text, text, text, text, boolean, int, float8, bigint) IS
'score two versions of a model on the same rows; differences are b less a, with a paired bootstrap interval';

-- Robustness

CREATE FUNCTION lesion_robustness(images regclass, model text, subset text DEFAULT 'test', kinds text[] DEFAULT NULL,
	severities int[] DEFAULT '{1,2,3,4,5}', modes text[] DEFAULT '{off,auto}', max_images int DEFAULT NULL,
	image_column text DEFAULT 'image', mask_column text DEFAULT 'mask', id_column text DEFAULT NULL,
	version int DEFAULT NULL, threshold float8 DEFAULT NULL, tta boolean DEFAULT false, seed bigint DEFAULT 0,
	OUT kind text, OUT severity int, OUT enhance text, OUT dice float8, OUT "drop" float8, OUT n bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_robustness'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000000000 ROWS 132;

COMMENT ON FUNCTION lesion_robustness(regclass, text, text, text[], int[], text[], int, text, text, text, int, float8, boolean, bigint) IS
'score a model on the images of a table made worse in every way, as they are and enhanced, and keep the scores';

CREATE FUNCTION lesion_heat_map(row_names text[], column_names text[], cells float8[], worst float8 DEFAULT NULL)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_heat_map'
LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 10000;

COMMENT ON FUNCTION lesion_heat_map(text[], text[], float8[], float8) IS
'a table of numbers as PNG, row by row, the darker the larger; worst is the number that is darkest, the largest one unless given';

CREATE FUNCTION lesion_robustness_picture(model text, version int DEFAULT NULL, images regclass DEFAULT NULL)
RETURNS bytea
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 20000
BEGIN ATOMIC
	WITH latest AS (
		SELECT t.kind, t.severity, t.enhance, t."drop"
		FROM lesion_robustness_table t
		WHERE t.model = lesion_robustness_picture.model AND (t.version, t.images, t.subset, t.n, t.seed, t.threshold, t.tta) = (
			SELECT s.version, s.images, s.subset, s.n, s.seed, s.threshold, s.tta FROM lesion_robustness_score s
			WHERE s.model = lesion_robustness_picture.model
				AND (lesion_robustness_picture.version IS NULL OR s.version = lesion_robustness_picture.version)
				AND (lesion_robustness_picture.images IS NULL OR pg_catalog.to_regclass(s.images)::oid = lesion_robustness_picture.images::oid)
			ORDER BY s.evaluated_at DESC LIMIT 1)),
	kinds AS (
		SELECT k.kind, k.n FROM (
			SELECT 'clean' AS kind, 0 AS n
			UNION ALL SELECT d.kind, d.number FROM lesion_degradations() WITH ORDINALITY AS d (kind, description, number)) k
		WHERE EXISTS (SELECT FROM latest l WHERE l.kind = k.kind)),
	columns AS (
		SELECT e.enhance, e.n AS mode, s.severity
		FROM (VALUES ('off', 1), ('auto', 2), ('always', 3)) AS e (enhance, n), pg_catalog.generate_series(1, 5) AS s (severity)
		WHERE EXISTS (SELECT FROM latest l WHERE l.enhance = e.enhance AND (l.severity = s.severity)))
	SELECT lesion_heat_map(
		(SELECT pg_catalog.array_agg(k.kind ORDER BY k.n) FROM kinds k),
		(SELECT pg_catalog.array_agg(pg_catalog.format('%s %s', c.enhance, c.severity) ORDER BY c.mode, c.severity) FROM columns c),
		(SELECT pg_catalog.array_agg(100::float8 * l."drop" ORDER BY k.n, c.mode, c.severity)
			FROM kinds k CROSS JOIN columns c
			LEFT JOIN latest l ON l.kind = k.kind AND l.enhance = c.enhance AND (l.severity = c.severity OR k.kind = 'clean')),
		NULL::float8)
	WHERE EXISTS (SELECT FROM latest);
END;

COMMENT ON FUNCTION lesion_robustness_picture(text, int, regclass) IS
'the latest robustness table of a model as PNG: what each kind and severity costs in Dice points; NULL where there is none';

-- Segmentation

CREATE FUNCTION lesion_segment(image bytea, model text DEFAULT NULL, threshold float8 DEFAULT NULL,
	tta boolean DEFAULT false, enhance text DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_segment'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 2000000;

COMMENT ON FUNCTION lesion_segment(bytea, text, float8, boolean, text, jsonb) IS
'the mask of the lesion in an image, PNG of the image''s size; NULL for a NULL image; the model is lesionseg.default_model unless named';

CREATE TYPE lesion_segmentation AS (
	mask bytea,
	probability bytea,
	confidence float8,
	uncertain float8,
	area float8,
	box int[],
	components int,
	model text,
	version int,
	sha256 text,
	disagreement float8,
	predicted_dice float8,
	quality float8,
	needs_review boolean
);

COMMENT ON TYPE lesion_segmentation IS 'a mask and what is known about it';
COMMENT ON COLUMN lesion_segmentation.mask IS 'PNG, 0 or 255, the size of the image';
COMMENT ON COLUMN lesion_segmentation.probability IS 'PNG, 255 times each pixel''s calibrated probability to be lesion';
COMMENT ON COLUMN lesion_segmentation.confidence IS 'mean over pixels of |2p - 1|, 0 to 1';
COMMENT ON COLUMN lesion_segmentation.uncertain IS 'share of pixels with a probability strictly between 0.25 and 0.75';
COMMENT ON COLUMN lesion_segmentation.area IS 'share of pixels that are lesion, 0 to 1';
COMMENT ON COLUMN lesion_segmentation.box IS '{x, y, width, height} of the lesion in pixels from the upper left corner; NULL when there is none';
COMMENT ON COLUMN lesion_segmentation.components IS 'connected parts of the lesion; pixels that touch at a corner are connected';
COMMENT ON COLUMN lesion_segmentation.disagreement IS
'how much the eight views of test-time augmentation differ: 1 - Dice between two of their masks, over all pairs; NULL without tta';
COMMENT ON COLUMN lesion_segmentation.predicted_dice IS
'the Dice that the mask may expect, from its calibrated probabilities';
COMMENT ON COLUMN lesion_segmentation.quality IS 'lesion_quality''s score of the image, 0 to 1';
COMMENT ON COLUMN lesion_segmentation.needs_review IS 'predicted_dice is below the version''s bound: someone should look at the mask';

CREATE FUNCTION lesion_segment_detail(image bytea, model text DEFAULT NULL, threshold float8 DEFAULT NULL,
	tta boolean DEFAULT false, enhance text DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS lesion_segmentation
AS 'MODULE_PATHNAME', 'lesion_segment_detail'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 2500000;

COMMENT ON FUNCTION lesion_segment_detail(bytea, text, float8, boolean, text, jsonb) IS
'like lesion_segment, with the probabilities, how sure the model is, the lesion''s extent, and which weights made it';

-- Predictions

CREATE FUNCTION lesion_segment_version(image bytea, model text, version int, threshold float8 DEFAULT NULL,
	tta boolean DEFAULT false, enhance text DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS lesion_segmentation
AS 'MODULE_PATHNAME', 'lesion_segment_version'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 2500000;

COMMENT ON FUNCTION lesion_segment_version(bytea, text, int, float8, boolean, text, jsonb) IS
'like lesion_segment_detail, with a version that need not be the active one';

CREATE FUNCTION lesion_instances(image bytea, model text DEFAULT 'maskrcnn',
	OUT instance int, OUT score float8, OUT box int[], OUT mask bytea)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_instances'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 2500000 ROWS 1;

COMMENT ON FUNCTION lesion_instances(bytea, text) IS
'the lesions that a model of architecture maskrcnn finds in an image, best first: score 0 to 1, box {x, y, width, height} in pixels, mask (PNG of the image''s size)';

CREATE TYPE lesion_prediction AS (
	images text,
	id text,
	mask bytea,
	area float8,
	confidence float8,
	uncertain float8,
	disagreement float8,
	predicted_dice float8,
	quality float8,
	needs_review boolean,
	error text,
	model text,
	version int,
	weights_sha256 bytea,
	image_sha256 bytea,
	options jsonb,
	extension_version text,
	backend text,
	precision text,
	predicted_at timestamptz,
	predicted_by text
);

COMMENT ON TYPE lesion_prediction IS 'a mask and what made it: CREATE TABLE masks OF lesion_prediction for lesion_predict to write to';
COMMENT ON COLUMN lesion_prediction.images IS 'the table of the image';
COMMENT ON COLUMN lesion_prediction.id IS 'the image''s key there, as text';
COMMENT ON COLUMN lesion_prediction.mask IS 'as lesion_segment_detail gives it, as is what follows; NULL where the image cannot be segmented';
COMMENT ON COLUMN lesion_prediction.error IS 'why there is no mask';
COMMENT ON COLUMN lesion_prediction.weights_sha256 IS 'of the version''s weights';
COMMENT ON COLUMN lesion_prediction.image_sha256 IS 'of the image''s bytes';
COMMENT ON COLUMN lesion_prediction.options IS 'what else the mask depends on: columns, threshold (absent: the version''s own), tta, enhance, the options of lesion_segment as options, threads';
COMMENT ON COLUMN lesion_prediction.backend IS 'what computed it, as is precision';

CREATE PROCEDURE lesion_predict(images regclass, model text, into_table regclass,
	image_column text DEFAULT 'image', id_column text DEFAULT NULL, threshold float8 DEFAULT NULL,
	tta boolean DEFAULT false, enhance text DEFAULT NULL, batch_size int DEFAULT 100, max_minutes float8 DEFAULT NULL,
	options jsonb DEFAULT '{}')
AS 'MODULE_PATHNAME', 'lesion_predict'
LANGUAGE C;

COMMENT ON PROCEDURE lesion_predict(regclass, text, regclass, text, text, float8, boolean, text, int, float8, jsonb) IS
'segment the images that have no mask from the active version yet, committing in batches';

CREATE FUNCTION lesion_reproduce(prediction lesion_prediction, OUT agrees boolean, OUT reason text)
AS 'MODULE_PATHNAME', 'lesion_reproduce'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 2500000;

COMMENT ON FUNCTION lesion_reproduce(lesion_prediction) IS
'make a stored mask again and compare the bytes: agrees is NULL where it cannot be made again, and reason says why';

CREATE FUNCTION lesion_drift(predictions regclass,
	OUT week date, OUT model text, OUT version int, OUT images bigint, OUT errors bigint,
	OUT area float8, OUT confidence float8, OUT quality float8, OUT predicted_dice float8, OUT review float8,
	OUT area_shift float8, OUT confidence_shift float8, OUT quality_shift float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'lesion_drift'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000 ROWS 52;

COMMENT ON FUNCTION lesion_drift(regclass) IS
'predictions by week: means, and how far they are from those of the weeks before, in standard deviations of an image';

CREATE FUNCTION lesion_cache_stats(OUT loads bigint, OUT hits bigint, OUT entries int, OUT bytes bigint)
AS 'MODULE_PATHNAME', 'lesion_cache_stats'
LANGUAGE C VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION lesion_cache_stats() IS
'models this session loaded and found ready since it began, and those it holds now (lesionseg.model_cache)';

-- The registry

CREATE FUNCTION lesion_model_create(name text, architecture text, config jsonb DEFAULT '{}')
RETURNS void
AS 'MODULE_PATHNAME', 'lesion_model_create'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_model_create(text, text, jsonb) IS 'make a model without a version yet';

CREATE FUNCTION lesion_model_import(name text, weights bytea, architecture text DEFAULT NULL,
	config jsonb DEFAULT '{}', image_size int DEFAULT NULL, threshold float8 DEFAULT NULL,
	promote boolean DEFAULT true)
RETURNS int
AS 'MODULE_PATHNAME', 'lesion_model_import'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_model_import(text, bytea, text, jsonb, int, float8, boolean) IS
'add a safetensors file as a version of a model, which is made if need be; returns the version';

CREATE FUNCTION lesion_model_export(name text, version int DEFAULT NULL, dtype text DEFAULT NULL)
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_model_export'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;

COMMENT ON FUNCTION lesion_model_export(text, int, text) IS
'the weights of a version, of the active one unless named, as a safetensors file; dtype f32, bf16 or f16 writes them anew';

CREATE FUNCTION lesion_ensemble_fit(model text, images regclass, image_column text DEFAULT 'image',
	mask_column text DEFAULT 'mask', id_column text DEFAULT NULL, validation_fraction float8 DEFAULT 0.1,
	tta boolean DEFAULT false, promote boolean DEFAULT true,
	OUT version int, OUT members text[], OUT weights float8[], OUT threshold float8, OUT n bigint, OUT jaccard float8,
	OUT equal_jaccard float8)
AS 'MODULE_PATHNAME', 'lesion_ensemble_fit'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100000000;

COMMENT ON FUNCTION lesion_ensemble_fit(text, regclass, text, text, text, float8, boolean, boolean) IS
'find the weights of an ensemble''s members on the validation rows of a table and add a version of their active versions with these';

CREATE FUNCTION lesion_model_promote(name text, version int)
RETURNS void
AS 'MODULE_PATHNAME', 'lesion_model_promote'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_model_promote(text, int) IS 'make a version the one that is used, from the next query on';

CREATE FUNCTION lesion_model_rollback(name text)
RETURNS int
AS 'MODULE_PATHNAME', 'lesion_model_rollback'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_model_rollback(text) IS
'make the version active again that was so before the active one, and return its number';

CREATE FUNCTION lesion_model_drop(name text)
RETURNS void
AS 'MODULE_PATHNAME', 'lesion_model_drop'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_model_drop(text) IS 'remove a model with its versions, runs and scores';

-- Weights that were installed beside this script become version 0 of the model
-- of their architecture. Files are read in C, those of a fixed list and only
-- while a script of the extension runs, and the function is gone when it ends:
-- no SQL function reads server files. A later release that brings other
-- weights numbers them -1 and keeps these, because dumps refer to them.
CREATE FUNCTION lesion_register_bundled()
RETURNS void
AS 'MODULE_PATHNAME', 'lesion_register_bundled'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

SELECT lesion_register_bundled();
DROP FUNCTION lesion_register_bundled();
