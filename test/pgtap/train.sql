-- lesion_train: what a run stores and returns.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(54);

CREATE TABLE archive AS
SELECT 'lesion-' || seed AS id, s.image, s.mask
FROM generate_series(1, 40) AS seed, lesion_synthetic(seed, 48, 40) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);

CREATE TEMP TABLE first AS
SELECT * FROM lesion_train('archive', 'net', epochs => 2, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 32, batch_size => 8, seed => 3);

-- The result.
SELECT is(version, 1, 'the first version is number 1') FROM first;
SELECT ok(promoted, 'the first version is promoted') FROM first;
SELECT is(epochs, 2, 'epochs as asked for') FROM first;
SELECT ok(best_epoch BETWEEN 1 AND 2, 'the best epoch is one of them') FROM first;
SELECT is(test_images::bigint, (SELECT count(*) FROM archive WHERE lesion_split(id) = 'test'),
	'the test part is that of lesion_split') FROM first;
SELECT is(validation_images::bigint, (SELECT count(*) FROM archive WHERE lesion_split(id, 0, 0.2, 0.1) = 'validation'),
	'... and so is the validation part') FROM first;
SELECT is(training_images + validation_images + test_images, 40, 'every row is in one part') FROM first;
SELECT ok(train_loss > 0 AND train_loss < 10, 'a loss') FROM first;
SELECT ok(dice BETWEEN 0 AND 1 AND f1 BETWEEN 0 AND 1, 'scores are shares') FROM first;
SELECT ok(abs(f1 - 2 * iou / (1 + iou)) < 1e-12, 'pooled F1 follows from pooled IoU') FROM first;
SELECT ok(seconds > 0 AND images_per_second > 0, 'time was measured') FROM first;

-- What is stored.
SELECT is((SELECT encode(sha256(weights), 'hex') FROM lesion_version WHERE model = 'net' AND number = 1), sha256,
	'the SHA-256 is that of the weights') FROM first;
SELECT is(lesion_model_export('net'), (SELECT weights FROM lesion_version WHERE model = 'net' AND number = 1),
	'export gives the weights');
SELECT results_eq($$SELECT model, version, epoch FROM lesion_training_log WHERE run = (SELECT run FROM first)
	ORDER BY epoch$$, $$VALUES ('net', 1, 1), ('net', 1, 2)$$, 'a log row per epoch');
SELECT is((SELECT count(*) FROM lesion_epoch
	WHERE run = (SELECT run FROM first) AND learning_rate > 0 AND images_per_second > 0), 2::bigint,
	'log rows are filled in');
SELECT row_eq($$SELECT state, version, epochs, seed, skipped, broken FROM lesion_run
	WHERE run = (SELECT run FROM first)$$, ROW('finished'::text, 1, 2, 3::bigint, 0, 0), 'the run''s row is complete');
SELECT row_eq($$SELECT model, version, subset, n FROM lesion_leaderboard WHERE model = 'net'$$,
	ROW('net'::text, 1, 'test'::text, (SELECT test_images::bigint FROM first)),
	'the test scores are on the leaderboard');
SELECT is((SELECT dice FROM lesion_leaderboard WHERE model = 'net'), (SELECT dice FROM first),
	'... and the same as returned');
SELECT row_eq($$SELECT model, architecture, version, versions, image_size, bundled FROM lesion_models
	WHERE model = 'net'$$, ROW('net'::text, 'unet'::text, 1, 1::bigint, 32, false), 'lesion_models shows it');
SELECT is((SELECT config -> 'base' FROM lesion_models WHERE model = 'net'), '4', '... with its config');
SELECT is((SELECT attstorage FROM pg_attribute WHERE attrelid = 'lesion_version'::regclass AND attname = 'weights'),
	'e', 'weights are stored without compression');

-- The threshold: one half with few validation images, else chosen in steps of 0.05, or what was asked for.
SELECT is((SELECT threshold FROM lesion_models WHERE model = 'net'), 0.5::float8,
	'few validation images choose no threshold');
SELECT lesion_train('archive', 'chosen', epochs => 1, architecture => 'unet', config => '{"base": 2, "depth": 1}',
	image_size => 32, learning_rate => 1e-7, options => '{"validation_fraction": 0.8}', test_fraction => 0);
SELECT ok(threshold <> 0.5 AND abs(20 * threshold - round(20 * threshold)) < 1e-9,
	'one of an untrained network is chosen')
FROM lesion_models WHERE model = 'chosen';
SELECT ok((SELECT jaccard FROM lesion_evaluate('archive', 'chosen', 'all'))
	> (SELECT jaccard FROM lesion_evaluate('archive', 'chosen', 'all', threshold => 0.5)),
	'... and its masks are better');
SELECT lesion_model_import('chosen too', lesion_model_export('chosen'));
SELECT is((SELECT threshold FROM lesion_models WHERE model = 'chosen too'),
	(SELECT threshold FROM lesion_models WHERE model = 'chosen'), 'the weight file carries it');
SELECT lesion_train('archive', 'given', epochs => 1, architecture => 'unet', config => '{"base": 2, "depth": 1}',
	image_size => 32, options => '{"threshold": 0.33}');
SELECT is((SELECT threshold FROM lesion_models WHERE model = 'given'), 0.33::float8,
	'a threshold that was given is kept');

-- The scores are those that anyone can compute.
SELECT ok(abs((SELECT (lesion_score(lesion_segment(image, 'net'), mask)).dice FROM archive
	WHERE lesion_split(id) = 'test') - dice) < 1e-9, 'lesion_segment and lesion_score give the same Dice') FROM first;

-- The same seed gives the same weights; the order of rows on disk does not count.
UPDATE archive SET id = id WHERE id < 'lesion-2';
CREATE TEMP TABLE again AS
SELECT * FROM lesion_train('archive', 'twin', epochs => 2, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 32, batch_size => 8, seed => 3);
SELECT is((SELECT sha256 FROM again), (SELECT sha256 FROM first), 'same seed, same weights, bit for bit');

-- Promotion: equal is not better.
CREATE TEMP TABLE second AS
SELECT * FROM lesion_train('archive', 'net', epochs => 2, image_size => 32, batch_size => 8, seed => 3);
SELECT is(version, 2, 'training again adds a version') FROM second;
SELECT ok(NOT promoted, 'one that is not better is not promoted') FROM second;
SELECT is((SELECT version FROM lesion_models WHERE model = 'net'), 1, 'the first stays active');
SELECT ok(promoted, 'promote => always promotes')
FROM lesion_train('archive', 'net', epochs => 1, image_size => 32, promote => 'always');
SELECT is((SELECT version FROM lesion_models WHERE model = 'net'), 3, '... and it is active');
SELECT ok(NOT promoted, 'promote => never does not')
FROM lesion_train('archive', 'net', epochs => 1, image_size => 32, promote => 'never');
SELECT ok(NOT promoted AND (SELECT version FROM lesion_models WHERE model = 'shy') IS NULL,
	'... not even the first version')
FROM lesion_train('archive', 'shy', epochs => 1, architecture => 'unet', config => '{"base": 4, "depth": 1}',
	image_size => 32, promote => 'never');

-- A better version is promoted: one that has learnt against one that has not.
SELECT lesion_train('archive', 'learner', epochs => 1, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 32, learning_rate => 1e-9);
SELECT ok(promoted AND dice > (SELECT dice FROM lesion_leaderboard WHERE model = 'learner' AND version = 1),
	'a better version is promoted')
FROM lesion_train('archive', 'learner', epochs => 12, image_size => 32, batch_size => 4, learning_rate => 5e-3,
	augment => 'false');
SELECT is((SELECT reason FROM lesion_promotion WHERE model = 'learner' ORDER BY promotion DESC LIMIT 1), 'better',
	'... and the reason kept');

-- A model named after its architecture takes a config with each version.
SELECT lives_ok($$SELECT lesion_train('archive', 'unet', epochs => 1, image_size => 32,
	config => '{"base": 4, "depth": 1}')$$, 'a model named after its architecture can be trained at once');
SELECT lives_ok($$SELECT lesion_train('archive', 'unet', epochs => 1, image_size => 32,
	config => '{"base": 5, "depth": 1}')$$, '... and again with another config');
SELECT is((SELECT config -> 'base' FROM lesion_version WHERE model = 'unet' AND number = 2), '5',
	'... which its version keeps');

-- What the images were put through is kept with the run, as `augment` takes it.
SELECT lives_ok($$SELECT lesion_train('archive', 'net', epochs => 1, image_size => 32,
	augment => '{"degrade": 1, "degrade_severity": 2, "hair": 0}')$$,
	'degradations are part of a training');
SELECT ok(options -> 'augment'
	@> '{"flip": true, "rotate": 180, "degrade": 1, "degrade_severity": 2, "hair": 0, "blur": 1}',
	'... and of its record')
FROM lesion_run ORDER BY run DESC LIMIT 1;
SELECT lives_ok(format($$SELECT lesion_train('archive', 'net', epochs => 1, image_size => 32, augment => %L)$$,
	options -> 'augment'), '... which trains again')
FROM lesion_run ORDER BY run DESC LIMIT 1;

-- No test part, no validation part.
SELECT ok(dice IS NULL AND val_dice IS NULL AND test_images = 0 AND validation_images = 0 AND training_images = 40
	AND promoted, 'everything can be trained on')
FROM lesion_train('archive', 'all', epochs => 1, architecture => 'unet', config => '{"base": 4, "depth": 1}',
	image_size => 32, test_fraction => 0, options => '{"validation_fraction": 0}');

-- NULLs and broken rows are left out and counted.
CREATE TABLE flawed AS SELECT * FROM archive;
INSERT INTO flawed VALUES ('no image', NULL, (SELECT mask FROM archive LIMIT 1)),
	('no mask', (SELECT image FROM archive LIMIT 1), NULL);
INSERT INTO flawed VALUES ('broken-1', 'not an image', (SELECT mask FROM archive LIMIT 1));
INSERT INTO flawed SELECT 'broken-2', image, (lesion_synthetic(1, 20, 20)).mask FROM archive LIMIT 1;
INSERT INTO flawed SELECT 'broken-3', substr(image, 1, length(image) / 2), mask FROM archive LIMIT 1;
SELECT row_eq($$SELECT skipped, broken, training_images + validation_images + test_images
	FROM lesion_train('flawed', 'flawed', epochs => 1,
	architecture => 'unet', config => '{"base": 4, "depth": 1}', image_size => 32, id_column => 'id')$$,
	ROW(2, 3, 40), 'NULL rows are skipped, broken rows too, both are counted');

-- Ids: the primary key, a named column, else a hash of the image.
ALTER TABLE flawed ADD COLUMN patient int;
UPDATE flawed SET patient = length(id) % 3;
SELECT is(test_images, 0, 'rows that share an id stay together')
FROM lesion_train('flawed', 'ids', epochs => 1, architecture => 'unet', config => '{"base": 4, "depth": 1}',
	image_size => 32, id_column => 'patient', test_fraction => 1e-9);
SELECT is(test_images::bigint, (SELECT count(*) FROM archive WHERE lesion_split(encode(sha256(image), 'hex')) = 'test'),
	'without a primary key rows are told apart by the SHA-256 of the image')
FROM lesion_train('flawed', 'hashes', epochs => 1, architecture => 'unet', config => '{"base": 4, "depth": 1}',
	image_size => 32);
CREATE TABLE pairs (a int, b text, image bytea, mask bytea, PRIMARY KEY (a, b));
INSERT INTO pairs SELECT 1, id, image, mask FROM archive;
SELECT is(test_images::bigint, (SELECT count(*) FROM pairs WHERE lesion_split(ROW(a, b)::text) = 'test'),
	'a key of two columns counts as a row')
FROM lesion_train('pairs', 'ids', epochs => 1, image_size => 32);

-- Anything that can be selected from will do.
CREATE VIEW seen AS SELECT id AS key, image AS photo, mask AS truth FROM archive;
SELECT is(training_images + validation_images + test_images, 40, 'a view')
FROM lesion_train('seen', 'ids', epochs => 1, image_size => 32, image_column => 'photo', mask_column => 'truth',
	id_column => 'key');
CREATE MATERIALIZED VIEW kept AS SELECT * FROM archive;
SELECT is(training_images + validation_images + test_images, 40, 'a materialised view')
FROM lesion_train('kept', 'ids', epochs => 1, image_size => 32, id_column => 'id');
CREATE TABLE parted (id text, image bytea, mask bytea, PRIMARY KEY (id)) PARTITION BY HASH (id);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parted SELECT * FROM archive;
SELECT is((SELECT sha256 FROM lesion_train('parted', 'parted', epochs => 2, architecture => 'unet',
	config => '{"base": 4, "depth": 2}', image_size => 32, batch_size => 8, seed => 3)), (SELECT sha256 FROM first),
	'a partitioned table, with the weights of the plain one');

-- Two data sets of one seed share their test rows whatever the training seed.
SELECT is(test_images, (SELECT test_images FROM first), 'the training seed does not move the test part')
FROM lesion_train('archive', 'ids', epochs => 1, image_size => 32, seed => 99);
SELECT is(test_images::bigint, (SELECT count(*) FROM archive WHERE lesion_split(id, 5, 0.4) = 'test'),
	'split_seed and test_fraction do')
FROM lesion_train('archive', 'ids', epochs => 1, image_size => 32, split_seed => 5, test_fraction => 0.4,
	promote => 'never');

-- Versions are never changed.
SELECT throws_ok($$UPDATE lesion_version SET threshold = 0.4 WHERE model = 'net'$$, '55000', NULL,
	'a version cannot be changed');

SELECT * FROM finish();
ROLLBACK;
