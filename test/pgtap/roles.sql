-- Who may do what: the three roles of docs/operating.md, a role without
-- grants, row-level security, and names that a caller plants in its search_path.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(119);

CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask
FROM generate_series(1, 24) AS seed, lesion_synthetic(seed, 32, 32) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
SELECT lesion_train('archive', 'net', epochs => 1, architecture => 'unet', config => '{"base": 4, "depth": 1}',
	image_size => 16);
SELECT lesion_train('archive', 'net', epochs => 1, image_size => 16, promote => 'always');
CREATE TABLE masks (LIKE lesion_prediction);

-- As the page has it.
CREATE ROLE lesion_reader;
GRANT SELECT ON archive, masks, lesion_image_score, lesion_worst_cases TO lesion_reader;
CREATE ROLE lesion_operator IN ROLE lesion_reader;
GRANT INSERT ON masks, lesion_promotion, lesion_evaluation, lesion_image_score TO lesion_operator;
GRANT SELECT (image_digests) ON lesion_version TO lesion_operator;
CREATE ROLE lesion_trainer IN ROLE lesion_operator;
GRANT INSERT ON lesion_model, lesion_version, lesion_run, lesion_epoch TO lesion_trainer;
GRANT UPDATE ON lesion_run TO lesion_trainer;
GRANT SELECT, INSERT, UPDATE, DELETE ON lesion_checkpoint TO lesion_trainer;
CREATE ROLE lesion_nobody;

CREATE TEMP TABLE call (what text PRIMARY KEY, sql text, reader boolean, operator boolean, trainer boolean);
INSERT INTO call VALUES
	('segment', $$SELECT lesion_segment((lesion_synthetic(1, 32, 32)).image, 'net')$$, true, true, true),
	('segment the archive', $$SELECT count(lesion_segment(image, 'net')) FROM archive$$, true, true, true),
	('look at scores', $$SELECT count(*) FROM lesion_worst_cases$$, true, true, true),
	('predict', $$CALL lesion_predict('archive', 'net', 'masks')$$, false, true, true),
	('evaluate', $$SELECT lesion_evaluate('archive', 'net')$$, false, true, true),
	('compare', $$SELECT lesion_compare('archive', 'net', 1, 2)$$, true, true, true),
	('promote', $$SELECT lesion_model_promote('net', 1)$$, false, true, true),
	('roll back', $$SELECT lesion_model_rollback('net')$$, false, true, true),
	('train', $$SELECT lesion_train('archive', 'net', epochs => 1, image_size => 16)$$, false, false, true),
	('retrain', $$CALL lesion_retrain('archive', 'net', epochs => 1, image_size => 16)$$, false, false, true),
	('import', $$SELECT lesion_model_import('net', lesion_model_export('net'))$$, false, false, true),
	('create', $$SELECT lesion_model_create('mine', 'unet')$$, false, false, true),
	('drop', $$SELECT lesion_model_drop('net')$$, false, false, false),
	('change the record', $$DELETE FROM lesion_audit$$, false, false, false);
GRANT SELECT ON call TO PUBLIC;

-- The SQLSTATE of a statement, whose effects are undone.
CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RAISE EXCEPTION 'fine' USING ERRCODE = 'P0FIN';
EXCEPTION WHEN OTHERS THEN
	RETURN CASE WHEN SQLSTATE OPERATOR(pg_catalog.=) 'P0FIN' THEN 'fine'
		ELSE pg_catalog.concat(SQLSTATE, ' ', SQLERRM) END;
END
$$;

SET LOCAL ROLE lesion_reader;
SELECT is(left(outcome(sql), 5), CASE WHEN reader THEN 'fine' ELSE '42501' END, 'a reader: ' || what) FROM call
ORDER BY what;
SET LOCAL ROLE lesion_operator;
SELECT is(left(outcome(sql), 5), CASE WHEN operator THEN 'fine' ELSE '42501' END, 'an operator: ' || what) FROM call
ORDER BY what;
SET LOCAL ROLE lesion_trainer;
SELECT is(left(outcome(sql), 5), CASE WHEN trainer THEN 'fine' ELSE '42501' END, 'a trainer: ' || what) FROM call
ORDER BY what;
SET LOCAL ROLE lesion_nobody;
SELECT is(left(outcome(sql), 5), CASE WHEN what = 'segment' THEN 'fine' ELSE '42501' END, 'nobody: ' || what) FROM call
WHERE what NOT IN ('drop', 'change the record', 'create', 'import', 'promote') ORDER BY what;
RESET ROLE;

-- A network that another role has loaded in this session gives no right to run it.
REVOKE SELECT (weights) ON lesion_version FROM PUBLIC;
SELECT is(left(outcome(sql), 5), 'fine', 'the owner loads a network') FROM call WHERE what = 'segment';
SET LOCAL ROLE lesion_trainer;
SELECT is(outcome(sql), '42501 permission denied for table lesion_version', 'without its weights: ' || what) FROM call
WHERE what IN ('segment', 'segment the archive', 'predict', 'evaluate') ORDER BY what;
SET LOCAL statement_timeout = '2min';
SELECT is(outcome($$SELECT lesion_train('archive', 'net', epochs => 10000000, image_size => 16)$$),
	'42501 permission denied for table lesion_version', '... nor is a training begun that could not be scored');
RESET statement_timeout;
RESET ROLE;
GRANT SELECT (weights) ON lesion_version TO PUBLIC;

-- Nor does a lookup in a call that PL/pgSQL keeps: another role looks again, and so does who is under a policy.
CREATE FUNCTION kept_call(image bytea) RETURNS int LANGUAGE plpgsql STABLE AS
	$$DECLARE mask bytea; BEGIN mask := lesion_segment(image, 'net'); RETURN octet_length(mask); END$$;
CREATE FUNCTION kept_call_as_owner(image bytea) RETURNS int LANGUAGE plpgsql STABLE SECURITY DEFINER AS
	$$BEGIN RETURN kept_call(image); END$$;
ALTER TABLE lesion_model ENABLE ROW LEVEL SECURITY;
CREATE POLICY shown ON lesion_model USING (current_setting('lesion_test.show', true) = 'yes');
SET LOCAL ROLE lesion_nobody;
SELECT is(outcome($$SELECT kept_call_as_owner(image) FROM lesion_synthetic(1, 32, 32)$$), 'fine', 'as the owner');
SELECT is(outcome($$SELECT kept_call_as_owner(image), kept_call(image) FROM lesion_synthetic(1, 32, 32)$$),
	'42704 model "net" does not exist', '... and then as a role that does not see the model');
SELECT is(outcome($$SELECT set_config('lesion_test.show', 'yes', true), kept_call(image)
	FROM lesion_synthetic(1, 32, 32)$$), 'fine', 'a policy shows it');
SELECT is(outcome($$SELECT set_config('lesion_test.show', 'yes', true), kept_call(image),
	set_config('lesion_test.show', 'no', true), kept_call(image) FROM lesion_synthetic(1, 32, 32)$$),
	'42704 model "net" does not exist', '... and then does not');
RESET ROLE;
DROP POLICY shown ON lesion_model;
ALTER TABLE lesion_model DISABLE ROW LEVEL SECURITY;

-- What a run came to is written by the training alone.
SET LOCAL ROLE lesion_trainer;
SELECT throws_ok($$UPDATE lesion_run SET best_epoch = 99$$, '42501', 'only a training may write to lesion_run',
	'a trainer does not change what a run came to');
SELECT throws_ok($$INSERT INTO lesion_run (model, state, version, images, epochs, seed, options, finished_at)
	VALUES ('net', 'finished', 9, 'x', 1, 0, '{}', now())$$,
	'42501', NULL, '... nor makes one up');
SELECT throws_ok($$INSERT INTO lesion_epoch (run, epoch, train_loss, learning_rate, images_per_second, seconds, best)
	SELECT min(run), 9, 0, 0, 1, 1, true FROM lesion_run$$,
	'42501', 'only a training may write to lesion_epoch', '... nor an epoch');
SELECT throws_ok($$INSERT INTO lesion_checkpoint SELECT min(run), 1, '', '' FROM lesion_run$$, '42501',
	'only a training may write to lesion_checkpoint', '... nor a checkpoint');
RESET ROLE;
SELECT lives_ok($$UPDATE lesion_run SET best_epoch = best_epoch$$, 'the owner may');

SET LOCAL ROLE lesion_trainer;
SELECT throws_ok($$DELETE FROM lesion_checkpoint$$, '42501', 'only a training may write to lesion_checkpoint',
	'nor does a trainer make the runs of others begin anew');
RESET ROLE;

-- What ended a run may quote what stands in a row: it is for who started it.
INSERT INTO lesion_run (model, state, images, epochs, seed, options, finished_at, error, sqlstate, started_by)
VALUES ('net', 'failed', 'public.failing', 1, 0, '{}', now(), 'Jane Doe', 'P0001', 'lesion_trainer');
SELECT is((SELECT error FROM lesion_runs WHERE images = 'public.failing'), 'Jane Doe',
	'the owner sees what ended a run');
SET LOCAL ROLE lesion_trainer;
SELECT is((SELECT error FROM lesion_runs WHERE images = 'public.failing'), 'Jane Doe', '... and who started it');
SET LOCAL ROLE lesion_nobody;
SELECT is((SELECT error FROM lesion_runs WHERE images = 'public.failing'), NULL, '... but no other');
SELECT is((SELECT sqlstate FROM lesion_runs WHERE images = 'public.failing'), 'P0001',
	'... who sees of which kind it was');
SELECT throws_ok($$SELECT error FROM lesion_run$$, '42501', NULL, '... and no more in the table');
SELECT throws_ok(format('SELECT %I FROM lesion_run', c), '42501', NULL, '... nor what tells which images it saw: ' || c)
FROM unnest('{data_sha256,masks}'::text[]) AS c;
SELECT is((SELECT count(data_sha256) + count(masks) FROM lesion_runs WHERE started_by <> current_user), 0::bigint,
	'... the view shows that of no other role''s runs');
RESET ROLE;
GRANT SELECT (error) ON lesion_run TO lesion_nobody;
SET LOCAL ROLE lesion_nobody;
SELECT is((SELECT error FROM lesion_runs WHERE images = 'public.failing'), 'Jane Doe', '... unless it was granted');
RESET ROLE;
REVOKE SELECT (error) ON lesion_run FROM lesion_nobody;

-- Nor does the right to write make anybody the author of what he likes: rows are written by
-- functions, who and when are true.
GRANT INSERT ON lesion_robustness_score TO lesion_trainer;
SET LOCAL ROLE lesion_trainer;
SELECT throws_ok($$INSERT INTO lesion_model (name, architecture, created_by) VALUES ('theirs', 'unet', 'postgres')$$,
	'42501', 'only the functions of lesionseg may write to lesion_model', 'a model under another name');
SELECT throws_ok($$INSERT INTO lesion_model (name, architecture, bundled) VALUES ('nosuch', 'nosuch', true)$$, '42501',
	NULL, '... or one that came with the extension');
SELECT throws_ok($$INSERT INTO lesion_version SELECT model, 9, config, weights, sha256, image_size, threshold,
	split_seed, test_fraction, run, metadata, extension_version,
	'2020-01-01', 'postgres' FROM lesion_version
	WHERE model = 'net' AND number = 1$$, '42501', 'only the functions of lesionseg may write to lesion_version',
	'a version of another');
SELECT throws_ok($$INSERT INTO lesion_promotion (model, version, reason, promoted_by)
	VALUES ('net', 1, 'better', 'postgres')$$, '42501', 'only the functions of lesionseg may write to lesion_promotion',
		'a promotion by another');
SELECT throws_ok($$INSERT INTO lesion_promotion (promotion, model, version, reason) OVERRIDING SYSTEM VALUE
	VALUES (9223372036854775807, 'net', 1, 'by hand')$$,
	'42501', NULL, '... or one that no other comes after');
SELECT throws_ok($$INSERT INTO lesion_evaluation (model, version, images, subset, split_seed, test_fraction, threshold,
	n, dice, iou, jaccard, f1, threshold_jaccard, sensitivity,
	specificity, "precision", accuracy, skipped, broken, images_per_second, seconds, evaluated_by)
	VALUES ('net', 1, 'public.archive', 'test', 0, 0.2, 0.5, 5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 'postgres')$$,
	'42501', 'only the functions of lesionseg may write to lesion_evaluation', 'scores that nobody measured');
SELECT throws_ok($$INSERT INTO lesion_image_score SELECT min(evaluation), 'x', 1, 1, 1, 1, 1 FROM lesion_evaluation$$,
	'42501', 'only the functions of lesionseg may write to lesion_image_score', '... or of an image');
SELECT throws_ok($$INSERT INTO lesion_robustness_score
	VALUES ('net', 1, 'public.archive', 'test', 'clean', 0, 'off', 1, 0, 5, 0, 0.5, false, now(), 'postgres')$$,
	'42501', 'only the functions of lesionseg may write to lesion_robustness_score', '... or of robustness');
SELECT throws_ok($$MERGE INTO lesion_model AS m USING (SELECT 'theirs' AS name) AS n ON m.name = n.name
	WHEN NOT MATCHED THEN INSERT (name, architecture) VALUES (n.name, 'unet')$$,
	'42501', 'only the functions of lesionseg may write to lesion_model', '... by MERGE');
SELECT throws_ok($$WITH e AS (SELECT lesion_evaluate('archive', 'net', 'all')) INSERT INTO lesion_image_score SELECT 1,
	'x', 1, 1, 1, 1, 1 FROM e$$, '42501', NULL, '... in the same query as an evaluation');
SELECT lesion_model_import('mine', lesion_model_export('net', 1)), lesion_evaluate('archive', 'net', 'all');
SELECT lesion_robustness('archive', 'net', 'all', '{blur}', '{1}', max_images => 1);
RESET ROLE;
SELECT is((SELECT m.created_by || ' ' || v.created_by || ' ' || p.promoted_by
	FROM lesion_model AS m, lesion_version AS v, lesion_promotion AS p
	WHERE m.name = 'mine' AND v.model = 'mine' AND p.model = 'mine'), 'lesion_trainer lesion_trainer lesion_trainer',
	'functions say who');
SELECT is((SELECT evaluated_by FROM lesion_evaluation ORDER BY evaluation DESC LIMIT 1), 'lesion_trainer',
	'... of scores too');
SELECT is((SELECT DISTINCT evaluated_by FROM lesion_robustness_score), 'lesion_trainer', '... and of robustness');
SELECT lives_ok($$INSERT INTO lesion_image_score SELECT min(evaluation), 'x', 1, 1, 1, 1, 1 FROM lesion_evaluation$$,
	'the owner may, as who restores a dump');
SELECT lesion_model_drop('mine');

-- Three triggers work with their owner's rights, after a look at who acts. Names in them are settled.
SELECT is((SELECT string_agg(p.proname, ', ' ORDER BY p.proname) FROM pg_proc p
	JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
	JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'lesionseg' 
	WHERE p.prorettype = 'trigger'::regtype AND p.proconfig = '{"search_path=pg_catalog, pg_temp"}'),
	'lesion_audit_write, lesion_check_references, lesion_keep_references', 'three triggers with settled names');
SELECT is((SELECT count(*) FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
	JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'lesionseg'
	WHERE p.prosecdef), 0::bigint, 'no function is SECURITY DEFINER');
SELECT is((SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc p
	JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
	JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'lesionseg'
	WHERE p.proname ~ 'file|register_bundled' OR p.prosrc ~ 'pg_read|lo_import|lo_export|COPY'), NULL,
	'no function is about files');

-- Which images were trained on is not for everyone.
SET LOCAL ROLE lesion_reader;
SELECT is(left(outcome('SELECT image_digests FROM lesion_version'), 5), '42501', 'a reader may not ask for images');
SELECT is(outcome('SELECT count(sha256) FROM lesion_version'), 'fine', '... but for the rest of a version');
SET LOCAL ROLE lesion_operator;
SELECT ok((lesion_evaluate('archive', 'net', 'all')).seen > 0, 'an operator is told how many images were seen');
RESET ROLE;
REVOKE SELECT (image_digests) ON lesion_version FROM lesion_operator;
SET LOCAL ROLE lesion_operator;
SELECT is((lesion_evaluate('archive', 'net', 'all')).seen, NULL, '... and not without the right');
RESET ROLE;
GRANT SELECT (image_digests) ON lesion_version TO lesion_operator;

-- docs/oversight.md takes the functions that give a mask from roles by their names: all of them have one of these.
SELECT is((SELECT array_agg(p.oid::regprocedure::text ORDER BY 1) FROM pg_proc p
	JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	WHERE p.procost >= 2000000 AND p.proargtypes[0] = 'bytea'::regtype
	AND p.proname !~ '^lesion_(segment|segment_.*|instances)$'), NULL, 'functions that segment an image');

-- Row-level security: each sees its own.
ALTER TABLE archive ENABLE ROW LEVEL SECURITY;
CREATE POLICY half ON archive TO lesion_operator USING (id <= 16);
SET LOCAL ROLE lesion_trainer;
SELECT is((SELECT training_images + validation_images + test_images
	FROM lesion_train('archive', 'net', epochs => 1, image_size => 16)), 16,
	'training sees the rows of the caller');
SELECT is((SELECT n FROM lesion_evaluate('archive', 'net', 'all')), 16::bigint, 'so does evaluation');
SELECT is((SELECT n FROM lesion_compare('archive', 'net', 1, 2, 'all')), 16::bigint, '... and comparison');
CALL lesion_retrain('archive', 'net', epochs => 1, image_size => 16, seed => 9);
SELECT is((SELECT training_images + validation_images + test_images FROM lesion_runs ORDER BY run DESC LIMIT 1), 16,
	'... and lesion_retrain');
CALL lesion_predict('archive', 'net', 'masks');
SELECT is((SELECT count(*) FROM masks), 16::bigint, '... and prediction');
RESET ROLE;
DELETE FROM archive WHERE id = 1;
ALTER POLICY half ON archive USING (id > 16);
SET LOCAL ROLE lesion_operator;
SELECT matches((SELECT r.reason FROM masks AS m, lesion_reproduce(m) AS r WHERE id = '2'),
	'^row-level security .* give the image too', '... and reproduction');
RESET ROLE;
ALTER TABLE archive DISABLE ROW LEVEL SECURITY;

-- Names planted before pg_catalog's, and in it no less.
CREATE SCHEMA evil;
DO $do$
DECLARE
	type text;
BEGIN
	FOREACH type IN ARRAY '{text,name,bytea,smallint,int,bigint,float4,float8,numeric,boolean,oid,date,timestamptz,
		interval,jsonb,uuid}'::text[] LOOP
		EXECUTE format($$CREATE FUNCTION evil.never(l %1$s, r %1$s) RETURNS boolean LANGUAGE plpgsql AS
			'BEGIN RAISE EXCEPTION ''trapped''; END'$$, type);
		EXECUTE string_agg(format($$CREATE FUNCTION evil.%2$I(%1$s) RETURNS %1$s LANGUAGE plpgsql AS
			'BEGIN RAISE EXCEPTION ''trapped''; END'$$, type, name), ';')
		FROM unnest('{max,min,sum,avg,count,array_agg}'::text[]) AS name;
		EXECUTE string_agg(format('CREATE OPERATOR evil.%2$s (LEFTARG = %1$s, RIGHTARG = %1$s, FUNCTION = evil.never)',
			type, name), ';')
		FROM unnest('{=,<>,<,>,<=,>=,+,-,*,/,||}'::text[]) AS name;
	END LOOP;
END
$do$;
CREATE FUNCTION evil.sha256(bytea) RETURNS bytea LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;
CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;
CREATE FUNCTION evil.lesion_segment_version(bytea, text, int, float8, boolean, text, jsonb)
	RETURNS public.lesion_segmentation
	LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;
CREATE FUNCTION evil.unnest(anyarray) RETURNS SETOF anyelement LANGUAGE plpgsql
	AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;
TRUNCATE masks;
CREATE TEMP TABLE trapped (name text, result text);
SET LOCAL search_path = evil, pg_catalog, public;
INSERT INTO trapped SELECT 'traps: predict',
	public.outcome($$CALL public.lesion_predict('public.archive', 'net', 'public.masks')$$);
INSERT INTO trapped SELECT 'traps: reproduce',
	public.outcome($$CALL public.lesion_predict('public.archive', 'net', 'public.masks');
	SELECT 1 / (SELECT pg_catalog.count(*) FROM public.masks AS m, public.lesion_reproduce(m) AS r WHERE r.agrees)$$);
INSERT INTO trapped SELECT 'traps: evaluate',
	public.outcome($$SELECT public.lesion_evaluate('public.archive', 'net')$$);
INSERT INTO trapped SELECT 'traps: train',
	public.outcome($$SELECT public.lesion_train('public.archive', 'net', epochs => 1, image_size => 16)$$);
INSERT INTO trapped SELECT 'traps: retrain',
	public.outcome($$CALL public.lesion_retrain('public.archive', 'net', epochs => 1, image_size => 16)$$);
INSERT INTO trapped SELECT 'traps: compare',
	public.outcome($$SELECT public.lesion_compare('public.archive', 'net', 1, 2)$$);
INSERT INTO trapped SELECT 'traps: promote, roll back',
	public.outcome($$SELECT public.lesion_model_promote('net', 1); SELECT public.lesion_model_rollback('net')$$);
INSERT INTO trapped SELECT 'traps: calibrate, import',
	public.outcome($$SELECT public.lesion_calibrate('net', 'public.archive', 'all');
	SELECT public.lesion_model_import('y', public.lesion_model_export('net'))$$);
INSERT INTO trapped SELECT 'traps: cross-validate',
	public.outcome($$CALL public.lesion_cross_validate('public.archive', 'unet', folds => 2, model => 'cv', epochs => 1,
	image_sizes => '{16}', configs => '[{"base": 4, "depth": 2}]')$$);
INSERT INTO trapped SELECT 'traps: create, drop',
	public.outcome($$SELECT public.lesion_model_create('x', 'unet'); SELECT public.lesion_model_drop('x')$$);
INSERT INTO trapped SELECT 'traps: the views',
	public.outcome($$SELECT * FROM public.lesion_models, public.lesion_runs, public.lesion_leaderboard,
	public.lesion_training_progress, public.lesion_segmentation_progress, public.lesion_training_log,
	public.lesion_worst_cases$$);

-- Types of the session's own come before all others, where a path does not name them.
SET LOCAL search_path = pg_catalog, public;
CREATE FUNCTION evil.no(anyelement) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trapped'; END$$;
SELECT format('CREATE DOMAIN pg_temp.%1$I AS pg_catalog.%1$I CHECK (evil.no(VALUE))', type)
FROM unnest('{text,bytea,float8,int4,int8,bool,jsonb,name,oid,regclass}'::pg_catalog.text[]) AS type \gexec
INSERT INTO trapped SELECT 'types: cross-validate',
	public.outcome($$CALL public.lesion_cross_validate('public.archive', 'unet', folds => 2, model => 'cv', epochs => 1,
	image_sizes => '{16}', configs => '[{"base": 4, "depth": 2}]')$$);
INSERT INTO trapped SELECT 'types: train, promote, roll back',
	public.outcome($$SELECT public.lesion_train('public.archive', 'net', epochs => 1, image_size => 16);
	SELECT public.lesion_model_promote('net', 1); SELECT public.lesion_model_rollback('net')$$);
INSERT INTO trapped SELECT 'types: predict, reproduce, evaluate',
	public.outcome($$CALL public.lesion_predict('public.archive', 'net', 'public.masks');
	SELECT pg_catalog.count(*) FROM public.masks AS m, public.lesion_reproduce(m);
	SELECT public.lesion_evaluate('public.archive', 'net')$$);
INSERT INTO trapped SELECT 'types: calibrate, import, report',
	public.outcome($$SELECT public.lesion_calibrate('net', 'public.archive', 'all');
	SELECT public.lesion_model_import('y', public.lesion_model_export('net'));
	SELECT public.lesion_report('{public.masks}')$$);

SELECT format('DROP DOMAIN pg_temp.%I', typname) FROM pg_type
WHERE typnamespace = pg_my_temp_schema() AND typtype = 'd' \gexec
RESET search_path;
SELECT is(result, 'fine', name) FROM trapped ORDER BY name;

SELECT * FROM finish();
ROLLBACK;
