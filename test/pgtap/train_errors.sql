-- lesion_train and bad input: a clear error, and nothing is written.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(57);

CREATE TABLE archive AS
SELECT 'lesion-' || seed AS id, s.image, s.mask
FROM generate_series(1, 12) AS seed, lesion_synthetic(seed, 32, 32) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
CREATE TABLE empty (id int, image bytea, mask bytea);
CREATE TABLE one AS SELECT * FROM archive LIMIT 1;
CREATE TABLE unmasked AS SELECT id, image, NULL::bytea AS mask FROM archive;
CREATE TABLE texts AS SELECT id, 'x'::text AS image, 'y'::text AS mask FROM archive;
CREATE TABLE broken AS SELECT id, CASE WHEN id < 'lesion-2' THEN '\x00'::bytea ELSE image END AS image, mask
	FROM archive;
CREATE SEQUENCE counter;

-- Train a tiny network with other arguments; 'images' and 'model' first.
CREATE FUNCTION train(images text, arguments text = '') RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT lesion_train(%L, ''net'', architecture => ''unet'', image_size => 32%s)', images, arguments)
$$;

-- The error of a statement: sqlstate, message, detail, hint.
CREATE FUNCTION error_of(statement text, OUT state text, OUT message text, OUT detail text, OUT hint text)
	LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
	hint = PG_EXCEPTION_HINT;
END $$;

-- Tables.
SELECT throws_ok(train('empty'), '55000', 'public.empty has no rows', 'a table without rows');
SELECT throws_ok(train('one'), '55000', 'public.one has 1 row with an image and a mask, training needs at least 2',
	'a table with one row');
SELECT throws_ok(train('unmasked'), '55000', NULL, 'a table whose masks are all NULL');
SELECT throws_ok(train('texts'), '42804', 'column "image" of "texts" is of type text, not bytea',
	'columns of another type');
SELECT throws_ok(train('archive', $$, image_column => 'photo'$$), '42703', '"archive" has no column "photo"',
	'no such image column');
SELECT throws_ok(train('archive', $$, mask_column => 'truth'$$), '42703', '"archive" has no column "truth"',
	'no such mask column');
SELECT throws_ok(train('archive', $$, id_column => 'key'$$), '42703', '"archive" has no column "key"',
	'no such id column');
SELECT is((error_of(train('archive', $$, id_column => 'key'$$))).hint,
	'Name one of its columns with id_column => ''...'': id, image, mask.', '... and the hint lists the columns');
SELECT throws_ok(train('counter'), '42809', NULL, 'a sequence is no table');
SELECT throws_ok(train('nothing'), '42P01', NULL, 'a table that does not exist');
SELECT throws_ok(train('broken'), '22000', NULL, 'more than a tenth broken');
SELECT ok((error_of(train('broken'))).hint <> '', '... with a hint');
SELECT throws_ok(train('archive', ', test_fraction => 0.9999999'), '55000', NULL, 'nothing left to train on');

-- Numbers.
SELECT throws_ok(train('archive', ', epochs => 0'), '22023', NULL, 'epochs 0');
SELECT ok((error_of(train('archive', ', epochs => 0'))).hint ~ 'epochs', '... with a hint');
SELECT throws_ok(train('archive', ', epochs => -1'), '22023', NULL, 'negative epochs');
SELECT throws_ok(train('archive', $$, learning_rate => 'NaN'$$), '22023', NULL, 'learning rate NaN');
SELECT throws_ok(train('archive', $$, learning_rate => 'Infinity'$$), '22023', NULL, 'learning rate infinity');
SELECT throws_ok(train('archive', ', learning_rate => 0'), '22023', NULL, 'learning rate 0');
SELECT throws_ok(train('archive', ', batch_size => 0'), '22023', NULL, 'batch size 0');
SELECT throws_ok(train('archive', ', test_fraction => 1'), '22023', NULL, 'test fraction 1');
SELECT throws_ok(train('archive', $$, test_fraction => 'NaN'$$), '22023', NULL, 'test fraction NaN');
SELECT throws_ok('SELECT lesion_train(''archive'', ''net'', architecture => ''unet'', image_size => 33)', '22023', NULL,
	'a size the network cannot halve');
SELECT throws_ok('SELECT lesion_train(''archive'', ''net'', architecture => ''unet'', image_size => 0)', '22023', NULL,
	'size 0');
SELECT throws_ok(train('archive', ', epochs => NULL'), '22004', 'epochs must not be NULL',
	'NULL where a value is needed');
SELECT throws_ok('SELECT lesion_train(NULL, ''net'')', '22004', 'images must not be NULL', 'no table');

-- Names and keys.
SELECT throws_ok($$SELECT lesion_train('archive', 'nobody')$$, '42704', 'model "nobody" does not exist',
	'a model that does not exist, of no known architecture');
SELECT is((error_of($$SELECT lesion_train('archive', 'nobody')$$)).detail,
	'Models that exist: convmixer, lesion, linknet, maskrcnn, unet.', '... lists those that do');
SELECT throws_ok($$SELECT lesion_train('archive', 'net', architecture => 'vgg')$$, '42704',
	'architecture "vgg" does not exist', 'an architecture that does not exist');
SELECT ok((error_of($$SELECT lesion_train('archive', 'net', architecture => 'vgg')$$)).hint ~ 'unet',
	'... lists those that do');
SELECT throws_ok($$SELECT lesion_train('archive', 'linknet', architecture => 'unet')$$, NULL, NULL,
	'the name of another architecture');
SELECT throws_ok(train('archive', $$, promote => 'sometimes'$$), '22023', NULL, 'a promotion rule that does not exist');
SELECT throws_ok(train('archive', $$, options => '{"wheight_decay": 1}'$$), '22023',
	'no key "wheight_decay" in options', 'an unknown option');
SELECT ok((error_of(train('archive', $$, options => '{"wheight_decay": 1}'$$))).hint ~ 'weight_decay',
	'... lists those that exist');
SELECT throws_ok(train('archive', $$, options => '{"weight_decay": "much"}'$$), '22023', NULL,
	'an option that is no number');
SELECT throws_ok(train('archive', $$, options => '{"threshold": 1.5}'$$), '22023', NULL, 'an option out of its range');
SELECT throws_ok(train('archive', $$, options => '[]'$$), '22023', NULL, 'options that are no object');
SELECT throws_ok(train('archive', $$, augment => '{"weight_decay": 1}'$$), '22023', 'no key "weight_decay" in augment',
	'an unknown augmentation');
SELECT ok((error_of(train('archive', $$, augment => '{"rain": 1}'$$))).hint ~ 'flip, rotate, .*bubbles',
	'... lists those that exist');
SELECT throws_ok(train('archive', $$, augment => '{"degrade": 1.5}'$$), '22023', 'degrade 1.5 is out of range',
	'more than all images degraded');
SELECT throws_ok(train('archive', $$, augment => '{"degrade_severity": 6}'$$), '22023', NULL,
	'a severity that does not exist');
SELECT throws_ok(train('archive', $$, augment => '{"hair": -1}'$$), '22023', 'hair -1 is out of range',
	'a kind that comes less than never');
SELECT throws_ok(train('archive', $$, augment => (SELECT jsonb_object_agg(kind, 0) FROM lesion_degradations())$$),
	'22023', 'degrade is 0.5, but every kind''s weight is 0', 'degradations of no kind');
SELECT throws_ok(train('archive', $$, augment => '[]'$$), '22023', NULL, 'an augmentation that is a list');
SELECT throws_ok(train('archive', $$, augment => '7'$$), '22023', NULL, '... or a number');
SELECT throws_ok(train('archive', $$, config => '{"bass": 4}'$$), '22023', NULL, 'an unknown config key');
SELECT ok((error_of(train('archive', $$, config => '{"bass": 4}'$$))).hint ~ 'base', '... lists those that exist');
SELECT throws_ok(train('archive', $$, config => '{"base": 1e9}'$$), '22023', NULL, 'a config value out of its range');

SELECT is((SELECT count(*) FROM lesion_models WHERE NOT bundled), 0::bigint, 'no failed call left a model');
SELECT is((SELECT count(*) FROM lesion_run), 0::bigint, '... or a run');

-- An existing model keeps what it is.
SELECT lesion_model_create('small', 'unet', '{"base": 4, "depth": 1}');
SELECT throws_ok($$SELECT lesion_train('archive', 'small', image_size => 32, config => '{"base": 8}')$$, '22023',
	'model "small" has another config', 'another config');
SELECT lives_ok($$SELECT lesion_train('archive', 'small', 1, image_size => 32, config => '{"base": 4}')$$,
	'the same config');

-- Privileges are the caller's.
CREATE ROLE lesion_test_user;
GRANT INSERT ON lesion_model, lesion_version, lesion_promotion, lesion_run, lesion_epoch, lesion_evaluation,
	lesion_image_score TO lesion_test_user;
SET LOCAL ROLE lesion_test_user;
SELECT throws_ok(train('archive'), '42501', NULL, 'a role that may not write the run''s row');
RESET ROLE;
GRANT UPDATE ON lesion_run TO lesion_test_user;
SET LOCAL ROLE lesion_test_user;
SELECT throws_ok(train('archive'), '42501', 'permission denied for column "image" of "archive"',
	'a table the caller may not read');

RESET ROLE;

-- What is on or off is nothing else, and what is stored is JSON.
SELECT throws_ok(train('archive', $$, options => '{"keep_last": 1e400}'$$), '22023', NULL,
	'keep_last beyond all numbers');
SELECT throws_ok(train('archive', $$, options => '{"freeze_encoder": 0.5}'$$), '22023',
	'freeze_encoder is not true or false', 'freeze_encoder half');

-- A trigger that drops the row is an error, not the end of the process.
CREATE FUNCTION drop_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER drop_row BEFORE INSERT ON lesion_run FOR EACH ROW EXECUTE FUNCTION drop_row();
SELECT throws_ok(train('archive', ', epochs => 1'), '09000', 'a trigger kept a row from being stored',
	'a trigger that keeps the run from being stored');

SELECT * FROM finish();
ROLLBACK;
