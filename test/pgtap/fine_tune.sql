-- Training that starts from a trained model.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(28);

CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask
FROM generate_series(1, 40) AS seed, lesion_synthetic(seed, 48, 48) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);

SELECT lesion_train('archive', 'first', epochs => 6, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 32, batch_size => 4, learning_rate => 5e-3, augment => 'false');

-- A new model takes architecture and config from the one that it starts from.
CREATE TEMP TABLE tuned AS SELECT * FROM lesion_train('archive', 'tuned', epochs => 1, image_size => 32,
	init => 'first');
SELECT row_eq($$SELECT architecture, config FROM lesion_models WHERE model = 'tuned'$$,
	(SELECT ROW(architecture, config) FROM lesion_models WHERE model = 'first'),
	'architecture and config are those of the first');
SELECT ok((SELECT train_loss FROM tuned)
	< (SELECT train_loss FROM lesion_training_log WHERE model = 'first' ORDER BY epoch LIMIT 1),
	'it begins where the first has arrived');
SELECT ok((options ->> 'learning_rate')::float8 BETWEEN 1.49e-4 AND 1.51e-4, 'with a tenth of the learning rate')
FROM lesion_run WHERE model = 'tuned';
SELECT row_eq($$SELECT options ->> 'init', options ->> 'init_version' FROM lesion_run WHERE model = 'tuned'$$,
	ROW('first'::text, '1'::text), 'the run tells from what');
SELECT ok(NOT options ? 'init', 'a run from scratch does not') FROM lesion_run WHERE model = 'first';
SELECT lesion_train('archive', 'tuned', epochs => 1, image_size => 32, init => 'first', learning_rate => 0.01);
SELECT is((SELECT (options ->> 'learning_rate')::float8 FROM lesion_run ORDER BY run DESC LIMIT 1),
	0.01::float8, 'a learning rate that is given is taken');

-- Another size, another model of the architecture, the model itself.
SELECT lives_ok($$SELECT lesion_train('archive', 'larger', epochs => 1, image_size => 48, init => 'first')$$,
	'another image size');
SELECT is((lesion_train('archive', 'first', epochs => 1, image_size => 32, init => 'first')).version, 2,
	'the model itself goes on');

-- A frozen encoder: with a rate that moves nothing else, the masks are those of the first but for
-- running statistics of the decoder.
SELECT lives_ok($$SELECT lesion_train('archive', 'frozen', epochs => 1, image_size => 32, init => 'first',
	options => '{"freeze_encoder": true}')$$, 'a frozen encoder');
SELECT is((SELECT (options ->> 'freeze_encoder')::boolean FROM lesion_run WHERE model = 'frozen'), true,
	'the run tells');

-- The last epoch's weights rather than the best's. At this rate training is so restless that the
-- last is hardly the best for all seeds.
SELECT is((SELECT array_agg(DISTINCT (lesion_train('archive', 'last', epochs => 4, image_size => 32, init => 'first',
	learning_rate => 0.3, seed => seed, options => '{"keep_last": true}')).best_epoch)
	FROM generate_series(1, 5) AS seed), '{4}', 'keep_last: the last epoch is kept');
SELECT isnt((SELECT array_agg(DISTINCT (lesion_train('archive', 'best', epochs => 4, image_size => 32, init => 'first',
	learning_rate => 0.3, seed => seed)).best_epoch) FROM generate_series(1, 12) AS seed), '{4}',
	'... where without it others are');
SELECT throws_ok($$CALL lesion_retrain('archive', 'last', epochs => 4, image_size => 32, init => 'first', patience => 2,
	options => '{"keep_last": true}')$$, '22023', 'patience waits for a better epoch, and keep_last keeps the last',
	'patience has nothing to wait for then');

-- A constant rate, without warm-up and end.
SELECT lesion_train('archive', 'round', epochs => 2, image_size => 32, init => 'first', learning_rate => 0.003,
	options => '{"schedule": "constant"}');
SELECT is((SELECT array_agg(learning_rate ORDER BY epoch) FROM lesion_training_log WHERE model = 'round'),
	'{0.003,0.003}'::float8[], 'schedule constant: each epoch ends at the rate that is given');
SELECT is((SELECT options ->> 'schedule' FROM lesion_run WHERE model = 'round'), 'constant', '... the run tells');
SELECT ok((SELECT min(learning_rate) < 1e-6 FROM lesion_training_log WHERE model = 'larger'),
	'... where a cycle ends near nothing');
SELECT throws_ok($$SELECT lesion_train('archive', 'round', options => '{"schedule": "cosine"}')$$, '22023', NULL,
	'... another schedule');

-- What cannot be.
SELECT throws_matching($$SELECT lesion_train('archive', 'wide', epochs => 1, image_size => 32, architecture => 'unet',
	config => '{"base": 8, "depth": 2}', init => 'first')$$,
	'init, version [0-9]+ of model "first": tensor "down.0.0.weight" has shape \(4, 3, 3, 3\), '
	'the network needs \(8, 3, 3, 3\)', 'another width: the tensor is named');
SELECT throws_ok($$SELECT lesion_train('archive', 'wide', epochs => 1, image_size => 32, architecture => 'unet',
	config => '{"base": 8, "depth": 2}', init => 'first')$$, '22P03', NULL, '... with SQLSTATE');
SELECT throws_matching($$SELECT lesion_train('archive', 'mixer', epochs => 1, image_size => 32,
	architecture => 'convmixer', init => 'first')$$, 'the weights are for "unet", not for "convmixer"',
	'another architecture');
SELECT throws_ok($$SELECT lesion_train('archive', 'new', epochs => 1, image_size => 32, init => 'nobody')$$, '42704',
	'model "nobody" does not exist', 'a model that does not exist');
SELECT lesion_model_create('empty', 'unet');
SELECT throws_ok($$SELECT lesion_train('archive', 'new', epochs => 1, image_size => 32, init => 'empty')$$, '55000',
	'model "empty" has no version yet', 'a model without a version');
SELECT lesion_model_create('pair', 'ensemble', '{"members": ["first", "tuned"]}');
SELECT throws_ok($$SELECT lesion_train('archive', 'new', epochs => 1, image_size => 32, init => 'pair')$$, '0A000',
	NULL, 'an ensemble');
SELECT throws_ok($$SELECT lesion_train('archive', 'first', epochs => 1, image_size => 32,
	options => '{"freeze_encoder": true}')$$, '22023', NULL, 'nothing to freeze');
SELECT is((SELECT count(*) FROM lesion_models WHERE model IN ('wide', 'mixer', 'new')), 0::bigint,
	'nothing was left by any of these');

-- Config that no tensor depends on may differ.
SELECT lesion_train('archive', 'boxes', epochs => 1, image_size => 32, architecture => 'maskrcnn',
	config => '{"base": 4, "pyramid": 4, "box_units": 4, "mask_depth": 0, "rois": 4}');
SELECT lives_ok($$SELECT lesion_train('archive', 'boxes64', epochs => 1, image_size => 64, init => 'boxes',
	config => '{"anchor": 12, "score": 0.5}')$$, 'larger anchors for larger images');
SELECT is((SELECT config @> '{"anchor": 12, "score": 0.5, "rois": 4}' FROM lesion_models WHERE model = 'boxes64'), true,
	'... stand in the config');

-- lesion_retrain takes it too.
CALL lesion_retrain('archive', 'again', epochs => 1, image_size => 32, init => 'first');
SELECT is((SELECT options ->> 'init' FROM lesion_run WHERE model = 'again'), 'first', 'lesion_retrain starts from it');

SELECT * FROM finish();
ROLLBACK;
