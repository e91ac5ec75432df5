-- lesion_retrain inside a transaction, its arguments, and the views on runs.
-- What it commits, and what it goes on with, is in test/t/retrain.pl.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(27);

CREATE TABLE archive AS
SELECT 'lesion-' || seed AS id, s.image, s.mask
FROM generate_series(1, 40) AS seed, lesion_synthetic(seed, 48, 40) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);

SELECT has_view('lesion_runs');
SELECT has_view('lesion_training_progress');
SELECT columns_are('lesion_training_progress',
	ARRAY['run', 'model', 'state', 'phase', 'epoch', 'epochs', 'batch', 'batches',
	'images_per_second', 'train_loss', 'val_dice', 'eta', 'pid', 'at', 'source']);
SELECT is((SELECT attstorage FROM pg_attribute WHERE attrelid = 'lesion_checkpoint'::regclass AND attname = 'state'),
	'e', 'checkpoints are stored without compression');

-- The same as lesion_train.
SELECT lesion_train('archive', 'trained', 2, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 32, seed => 3);
SELECT lives_ok($$CALL lesion_retrain('archive', 'retrained', 2, architecture => 'unet',
	config => '{"base": 4, "depth": 2}', image_size => 32, seed => 3)$$, 'lesion_retrain runs inside a transaction');
SELECT is((SELECT sha256 FROM lesion_models WHERE model = 'retrained'),
	(SELECT sha256 FROM lesion_models WHERE model = 'trained'),
	'... and makes the weights that lesion_train makes');
SELECT row_eq($$SELECT version, state, epochs, epochs_done, resumed, resumable, stopped_by, pid, error FROM lesion_runs
	WHERE model = 'retrained'$$, ROW(1, 'finished'::text, 2, 2, 0, false, NULL::text, NULL::int, NULL::text),
	'lesion_runs shows its run');
SELECT is((SELECT data_sha256 FROM lesion_run WHERE model = 'retrained'),
	(SELECT data_sha256 FROM lesion_run WHERE model = 'trained'),
	'both saw the same data');
SELECT is((SELECT count(*) FROM lesion_checkpoint), 0::bigint, 'no checkpoint is left');
SELECT is((SELECT count(*) FROM lesion_training_progress), 0::bigint, 'nothing is running');

-- Ends before the last epoch. At this learning rate little gets better.
CALL lesion_retrain('archive', 'patient', 300, architecture => 'unet', config => '{"base": 4, "depth": 1}',
	image_size => 32, learning_rate => 1e-12, augment => 'false', patience => 2,
	options => '{"validation_fraction": 0.3}');
SELECT row_eq($$SELECT state, stopped_by, epochs, epochs_done - best_epoch, epochs_done < epochs FROM lesion_runs
	WHERE model = 'patient'$$, ROW('finished'::text, 'patience'::text, 300, 2, true),
	'patience => 2 ends a run two epochs after the best');
SELECT ok((SELECT images_per_second BETWEEN (SELECT min(images_per_second) FROM lesion_training_log
	WHERE model = 'patient')
	AND (SELECT max(images_per_second) FROM lesion_training_log WHERE model = 'patient') FROM lesion_runs
	WHERE model = 'patient'), 'its speed is that of the epochs it ran');
CALL lesion_retrain('archive', 'hasty', 100000, architecture => 'unet', config => '{"base": 4, "depth": 1}',
	image_size => 32, max_minutes => 0.005);
SELECT ok(state = 'finished' AND stopped_by = 'max_minutes' AND epochs_done BETWEEN 1 AND 99999 AND version = 1,
	'max_minutes ends a run in time, with a version') FROM lesion_runs WHERE model = 'hasty';

-- A row that says running without a process is lost.
INSERT INTO lesion_run (model, state, images, epochs, seed, options, pid)
VALUES ('hasty', 'running', 'public.archive', 5, 0, '{}', pg_backend_pid());
SELECT is((SELECT state FROM lesion_runs WHERE model = 'hasty' ORDER BY run DESC LIMIT 1), 'lost',
	'a stale "running" is shown as lost');
SELECT is((SELECT count(*) FROM lesion_training_progress), 0::bigint, '... and not as running');
CREATE ROLE lesion_test_impostor;
SET LOCAL ROLE lesion_test_impostor;
SELECT lives_ok($$SELECT pg_advisory_xact_lock('lesion_run'::regclass::oid::int,
	(SELECT max(run)::int FROM lesion_runs)),
	pg_advisory_xact_lock(('lesion_run'::regclass::oid::bigint << 32) + (SELECT max(run) FROM lesion_runs))$$,
	'locks that anybody can take');
SELECT is((SELECT state FROM lesion_runs WHERE model = 'hasty' ORDER BY run DESC LIMIT 1), 'lost',
	'... do not make it look alive');
RESET ROLE;
CALL lesion_retrain('archive', 'hasty', 1, image_size => 32);
SELECT is((SELECT string_agg(state, ',' ORDER BY run) FROM lesion_run WHERE model = 'hasty'), 'finished,lost,finished',
	'... and written as lost by the next run');

-- Arguments.
SELECT throws_ok($$CALL lesion_retrain('archive', 'a', architecture => 'unet', max_minutes => 0)$$, '22023',
	'max_minutes 0 is not above 0');
SELECT throws_ok($$CALL lesion_retrain('archive', 'a', architecture => 'unet', max_minutes => 'NaN')$$, '22023',
	'max_minutes NaN is not above 0');
SELECT throws_ok($$CALL lesion_retrain('archive', 'a', architecture => 'unet', patience => 0)$$, '22023',
	'patience 0 is below 1');
SELECT throws_ok($$CALL lesion_retrain('archive', 'a', architecture => 'unet', resume => NULL)$$, '22004', NULL,
	'resume must not be NULL');
SELECT throws_ok($$CALL lesion_retrain('archive', 'a', 0, architecture => 'unet')$$, '22023', NULL,
	'lesion_train''s arguments are checked as there');
SELECT throws_ok($$CALL lesion_retrain('archive', 'nothing')$$, '42704', NULL, 'and a model must exist');
SELECT is((SELECT count(*) FROM lesion_run WHERE model IN ('a', 'nothing')), 0::bigint,
	'a call that cannot begin leaves no run');

-- Rights: those of lesion_train, and lesion_checkpoint.
CREATE ROLE lesion_test_trainer;
GRANT SELECT ON archive TO lesion_test_trainer;
GRANT INSERT ON lesion_model, lesion_version, lesion_promotion, lesion_run, lesion_epoch, lesion_evaluation,
	lesion_image_score TO lesion_test_trainer;
GRANT UPDATE ON lesion_run TO lesion_test_trainer;
SET LOCAL ROLE lesion_test_trainer;
SELECT throws_ok($$CALL lesion_retrain('archive', 'hasty', 1, image_size => 32)$$, '42501',
	'permission denied for table lesion_checkpoint');
RESET ROLE;
GRANT SELECT, INSERT, UPDATE, DELETE ON lesion_checkpoint TO lesion_test_trainer;
SET LOCAL ROLE lesion_test_trainer;
SELECT lives_ok($$CALL lesion_retrain('archive', 'hasty', 1, image_size => 32)$$, 'a trainer may');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
