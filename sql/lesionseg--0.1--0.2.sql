-- lesionseg 0.1 to 0.2. What this makes of 0.1's objects is what
-- lesionseg--0.2.sql makes from nothing: test/t/upgrade.pl compares the two.

\echo Use "ALTER EXTENSION lesionseg UPDATE" to load this file. \quit

-- ==== Rows ====

-- Versions below 1 are those of the release, and 0.1 has none: one that a role with INSERT wrote would be taken for it.
DO $$
DECLARE
	written text;
BEGIN
	SELECT pg_catalog.format('lesion_version (%s, %s)', model, number) INTO written FROM lesion_version
	WHERE number OPERATOR(pg_catalog.<) 1 LIMIT 1;
	IF written IS NULL THEN
		SELECT pg_catalog.format('lesion_model %s', name) INTO written FROM lesion_model
		WHERE bundled AND name OPERATOR(pg_catalog.<>) ALL ('{unet,linknet,convmixer}'::pg_catalog.text[]) LIMIT 1;
	END IF;
	IF written IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = pg_catalog.format('the row %s was written by hand', written),
			DETAIL = 'No function of lesionseg writes such a row: versions of 0.1 begin at 1, and three models of it are '
				'bundled.',
			HINT = 'Delete it, then update. Look at who has INSERT on the tables of lesionseg.';
	END IF;
	DELETE FROM lesion_checkpoint;
	IF FOUND THEN
		RAISE WARNING 'trainings that were stopped begin anew: in 0.1 others could write their checkpoints';
	END IF;
END
$$;

-- ==== Rights ====

-- What is dropped and made again with other arguments has the rights of a new function.
DO $$
DECLARE
	revoked pg_catalog.regprocedure;
BEGIN
	FOR revoked IN SELECT p.oid FROM pg_catalog.pg_proc AS p
		WHERE p.pronamespace OPERATOR(pg_catalog.=) (SELECT c.relnamespace FROM pg_catalog.pg_class AS c
			WHERE c.oid OPERATOR(pg_catalog.=) 'lesion_model'::pg_catalog.regclass)
		AND p.proname OPERATOR(pg_catalog.=) ANY ('{lesion_train,lesion_retrain,lesion_evaluate,
			lesion_segment,lesion_segment_detail,lesion_model_import,lesion_model_export}'::pg_catalog.name[])
		AND NOT pg_catalog.has_function_privilege('public'::name, p.oid, 'EXECUTE'::text) LOOP
		RAISE WARNING USING
			MESSAGE = pg_catalog.format('%s is replaced, and EXECUTE is granted to PUBLIC again', revoked),
			HINT = 'Revoke it again of the function that takes its place.';
	END LOOP;
END
$$;

-- ==== Enhancement ====

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

-- ==== Models ====

-- 0.1 compared with numbers of other types: where another role had made an operator for these in the schema, the
-- checks held it, and it ran as whoever wrote a version.
ALTER TABLE lesion_version
	DROP CONSTRAINT IF EXISTS lesion_version_threshold_check,
	DROP CONSTRAINT IF EXISTS lesion_version_test_fraction_check,
	ADD CONSTRAINT lesion_version_threshold_check CHECK (threshold > 0::float8 AND threshold < 1::float8),
	ADD CONSTRAINT lesion_version_test_fraction_check CHECK (test_fraction >= 0::float8 AND test_fraction < 1::float8),
	ADD COLUMN temperature float8 NOT NULL DEFAULT 1 CHECK (temperature > 0::float8 AND temperature < 'infinity'),
	ADD COLUMN review_below float8 NOT NULL DEFAULT 0.85 CHECK (review_below >= 0::float8 AND review_below <= 1::float8),
	ADD COLUMN enhance text NOT NULL DEFAULT 'off' CHECK (enhance IN ('off', 'auto', 'always'));

COMMENT ON COLUMN lesion_version.temperature IS 'logits are divided by it to get calibrated probabilities; 1 where it is not known';
COMMENT ON COLUMN lesion_version.review_below IS 'a mask needs review where its predicted Dice is below';
COMMENT ON COLUMN lesion_version.enhance IS 'how training enhanced its images, and segmentation does unless it is told otherwise: off, auto or always';

INSERT INTO lesion_model (name, architecture, bundled) VALUES ('maskrcnn', 'maskrcnn', true);

ALTER TABLE lesion_evaluation ADD COLUMN options jsonb NOT NULL DEFAULT '{}'
	CHECK (jsonb_typeof(options) = 'object');

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

-- Who could evaluate can go on to.
DO $$
DECLARE grantee regrole;
BEGIN
	FOR grantee IN
		SELECT a.grantee FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
		WHERE c.oid = 'lesion_evaluation'::regclass::oid AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner AND a.grantee <> 0::oid
	LOOP
		EXECUTE pg_catalog.format('GRANT INSERT ON lesion_image_score TO %s', grantee);
	END LOOP;
END
$$;

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

SELECT pg_catalog.pg_extension_config_dump('lesion_robustness_score', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_image_score', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_audit', '');
SELECT pg_catalog.pg_extension_config_dump('lesion_audit_entry_seq', '');

-- A run is running where a process holds its lock (src/pg/work_lock.h),
-- whatever its row says.
CREATE OR REPLACE VIEW lesion_runs AS
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

CREATE OR REPLACE VIEW lesion_leaderboard AS
SELECT model, version, images, subset, n, dice, iou, jaccard, f1, threshold_jaccard, images_per_second, evaluated_at,
	options
FROM (
	SELECT DISTINCT ON (model, version, images, subset, split_seed, test_fraction, threshold, options) *
	FROM lesion_evaluation
	ORDER BY model, version, images, subset, split_seed, test_fraction, threshold, options, evaluation DESC) latest
ORDER BY images, subset, dice DESC;

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

GRANT SELECT ON lesion_audit TO PUBLIC;

-- Training and evaluation

CREATE FUNCTION lesion_split(id text, seed bigint, test_fraction float8, validation_fraction float8)
RETURNS text
AS 'MODULE_PATHNAME', 'lesion_split_in_three'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;

COMMENT ON FUNCTION lesion_split(text, bigint, float8, float8) IS
'the part a row belongs to, ''train'', ''validation'' or ''test'', as a training tells them apart';

DROP FUNCTION lesion_train(regclass, text, int, text, text, text, int, int, float8, float8, bigint, boolean, text, jsonb, text, bigint, jsonb);

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

DROP PROCEDURE lesion_retrain(regclass, text, int, text, text, text, int, int, float8, float8, bigint, boolean, text, jsonb, text, bigint, jsonb, boolean, float8, int);

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

DROP FUNCTION lesion_evaluate(regclass, text, text, text, text, text, bigint, float8, float8, int);

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

CREATE VIEW lesion_robustness_table AS
SELECT DISTINCT ON (model, version, images, subset, n, seed, threshold, tta, kind, severity, enhance)
	model, version, images, subset, kind, severity, enhance, dice, "drop", n, evaluated_at, seed, threshold, tta
FROM lesion_robustness_score
ORDER BY model, version, images, subset, n, seed, threshold, tta, kind, severity, enhance, evaluated_at DESC;

COMMENT ON VIEW lesion_robustness_table IS
'the latest result of lesion_robustness for each version, table, part, number of images, seed, threshold, tta, kind, severity and enhancement';

GRANT SELECT ON lesion_robustness_score, lesion_robustness_table TO PUBLIC;

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

ALTER TYPE lesion_segmentation ADD ATTRIBUTE disagreement float8, ADD ATTRIBUTE predicted_dice float8,
	ADD ATTRIBUTE quality float8, ADD ATTRIBUTE needs_review boolean;

COMMENT ON COLUMN lesion_segmentation.disagreement IS
'how much the eight views of test-time augmentation differ: 1 - Dice between two of their masks, over all pairs; NULL without tta';
COMMENT ON COLUMN lesion_segmentation.predicted_dice IS
'the Dice that the mask may expect, from its calibrated probabilities';
COMMENT ON COLUMN lesion_segmentation.quality IS 'lesion_quality''s score of the image, 0 to 1';
COMMENT ON COLUMN lesion_segmentation.needs_review IS 'predicted_dice is below the version''s bound: someone should look at the mask';
COMMENT ON COLUMN lesion_segmentation.probability IS 'PNG, 255 times each pixel''s calibrated probability to be lesion';

DROP FUNCTION lesion_segment(bytea, text, float8, boolean, text);

CREATE FUNCTION lesion_segment(image bytea, model text DEFAULT NULL, threshold float8 DEFAULT NULL,
	tta boolean DEFAULT false, enhance text DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS bytea
AS 'MODULE_PATHNAME', 'lesion_segment'
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 2000000;

COMMENT ON FUNCTION lesion_segment(bytea, text, float8, boolean, text, jsonb) IS
'the mask of the lesion in an image, PNG of the image''s size; NULL for a NULL image; the model is lesionseg.default_model unless named';

DROP FUNCTION lesion_segment_detail(bytea, text, float8, boolean, text);

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

-- The registry

DROP FUNCTION lesion_model_import(text, bytea, text, jsonb, int, float8, boolean);

CREATE FUNCTION lesion_model_import(name text, weights bytea, architecture text DEFAULT NULL,
	config jsonb DEFAULT '{}', image_size int DEFAULT NULL, threshold float8 DEFAULT NULL,
	promote boolean DEFAULT true)
RETURNS int
AS 'MODULE_PATHNAME', 'lesion_model_import'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_model_import(text, bytea, text, jsonb, int, float8, boolean) IS
'add a safetensors file as a version of a model, which is made if need be; returns the version';

DROP FUNCTION lesion_model_export(text, int);

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

CREATE FUNCTION lesion_model_rollback(name text)
RETURNS int
AS 'MODULE_PATHNAME', 'lesion_model_rollback'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION lesion_model_rollback(text) IS
'make the version active again that was so before the active one, and return its number';

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
