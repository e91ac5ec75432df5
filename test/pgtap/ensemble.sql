-- Ensembles: made, used wherever a model is, fitted, protected.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(67);

CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask
FROM generate_series(1, 60) AS seed, lesion_synthetic(seed, 48, 48) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);

SELECT lesion_train('archive', 'good', epochs => 6, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 32, batch_size => 4, learning_rate => 5e-3, augment => 'false', seed => 1);
SELECT lesion_train('archive', 'large', epochs => 4, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 48, batch_size => 4, learning_rate => 5e-3, augment => 'false', seed => 2);
SELECT lesion_train('archive', 'poor', epochs => 1, architecture => 'unet', config => '{"base": 2, "depth": 1}',
	image_size => 16, learning_rate => 1e-7);

-- Make.
SELECT lives_ok($$SELECT lesion_model_create('alone', 'ensemble', '{"members": ["good"]}')$$, 'an ensemble of one');
SELECT lives_ok($$SELECT lesion_model_create('all', 'ensemble',
	'{"members": ["good", "large", "poor"], "weights": [2, 1, 1]}')$$, 'an ensemble of three sizes');
SELECT row_eq($$SELECT architecture, version, versions, image_size, threshold FROM lesion_models WHERE model = 'all'$$,
	ROW('ensemble'::text, 1, 1::bigint, 48, 0.5::float8), 'it has a version at once');
SELECT results_eq($$SELECT m ->> 'model', (m ->> 'version')::int, (m ->> 'weight')::float8
	FROM lesion_models, jsonb_array_elements(config -> 'members') m WHERE model = 'all'$$,
	$$VALUES ('good', 1, 0.5::float8), ('large', 1, 0.25), ('poor', 1, 0.25)$$,
	'which names the members'' versions and weights');
SELECT is((SELECT m ->> 'sha256' FROM lesion_models, jsonb_array_elements(config -> 'members') m WHERE model = 'alone'),
	(SELECT sha256 FROM lesion_models WHERE model = 'good'), '... and their SHA-256');

-- Segment: the mean of the members' probabilities.
SELECT is((SELECT count(*) FROM archive
	WHERE lesion_segment(image, 'alone', 0.5) <> lesion_segment(image, 'good', 0.5)), 0::bigint,
	'one member: its masks');
SELECT is((SELECT count(*) FROM archive
	WHERE (lesion_segment_detail(image, 'alone')).probability <> (lesion_segment_detail(image, 'good')).probability),
	0::bigint, '... and probabilities');
SELECT isnt((lesion_segment_detail(image, 'all')).probability, (lesion_segment_detail(image, 'good')).probability,
	'three members: others') FROM archive WHERE id = 1;
SELECT row_eq($$SELECT (d).model, (d).version, (d).sha256
	FROM (SELECT lesion_segment_detail(image, 'all') AS d FROM archive WHERE id = 1) s$$,
	(SELECT ROW(model, version, sha256) FROM lesion_models WHERE model = 'all'),
	'the detail names the ensemble''s version');
SELECT lesion_model_create('weighted', 'ensemble', '{"members": ["poor", "good"], "weights": [0, 3]}');
SELECT is((SELECT count(*) FROM archive
	WHERE (lesion_segment_detail(image, 'weighted')).probability <> (lesion_segment_detail(image, 'good')).probability),
	0::bigint, 'a weight of 0 silences');
SELECT ok(max(d) > 0 AND bool_and(d BETWEEN 0 AND 1), 'members disagree')
FROM archive, LATERAL (SELECT (lesion_segment_detail(image, 'all')).disagreement AS d) s;
SELECT lesion_model_create('pair', 'ensemble', '{"members": ["large", "good"], "weights": [1, 5]}');
SELECT is(round((lesion_segment_detail(image, 'pair')).disagreement::numeric, 9),
	round(1 - lesion_dice(lesion_segment(image, 'large', 0.5), lesion_segment(image, 'good', 0.5))::numeric, 9),
	'... by 1 - Dice of their masks')
FROM archive WHERE id = 1;
SELECT lesion_model_drop('pair');
SELECT is((lesion_segment_detail(image, 'weighted')).disagreement, 0::float8, '... one that is silent does not')
FROM archive WHERE id = 1;
SELECT ok((lesion_segment_detail(image, 'all', tta => true)).disagreement BETWEEN 0 AND 1,
	'with test-time augmentation') FROM archive WHERE id = 1;
SELECT isnt((lesion_segment_detail(image, 'all', tta => true)).probability,
	(lesion_segment_detail(image, 'all')).probability, '... of each member') FROM archive WHERE id = 1;

-- With little room to cache, members are loaded in turn.
SET LOCAL lesionseg.model_cache = 0;
CREATE TEMP TABLE tight AS SELECT id, lesion_segment(image, 'all') AS mask FROM archive;
RESET lesionseg.model_cache;
SELECT is((SELECT count(*) FROM archive JOIN tight USING (id) WHERE tight.mask <> lesion_segment(image, 'all')),
	0::bigint, 'the same masks with no room to cache');

-- Evaluate, leaderboard.
SELECT ok((lesion_evaluate('archive', 'all')).dice > 0, 'it is evaluated');
SELECT is((SELECT count(*) FROM lesion_leaderboard WHERE model = 'all'), 1::bigint, 'and on the leaderboard');

-- A promotion of a member changes no version of an ensemble.
SELECT lesion_train('archive', 'poor', epochs => 1, image_size => 16, learning_rate => 1e-7, seed => 9,
	promote => 'always');
SELECT is((SELECT count(*) FROM archive JOIN tight USING (id) WHERE tight.mask <> lesion_segment(image, 'all')),
	0::bigint, 'a version stays what it is');

-- Versions that were not made by the extension are refused when they are read.
INSERT INTO lesion_version (model, number, config, weights, sha256, image_size, extension_version)
SELECT 'all', number, config::jsonb, '\x7b7d', sha256('\x7b7d'), 32, '0.3' FROM (VALUES
	(101, '{"members": ["good"]}'), (102, '5'), (103, '{"members": []}'),
	(104, '{"members": [{"model": "good", "weight": 1}]}')) AS hand (number, config);
INSERT INTO lesion_version (model, number, config, weights, sha256, image_size, extension_version)
SELECT 'all', hand.number, jsonb_build_object('members',
	(SELECT jsonb_agg(jsonb_build_object('model', v.model, 'version', v.number,
	'sha256', encode(v.sha256, 'hex'), 'weight', hand.weight::jsonb))
	FROM lesion_version v, generate_series(1, hand.members) WHERE v.model = hand.member AND v.number = 1)),
	'\x7b7d', sha256('\x7b7d'), 32, '0.3'
FROM (VALUES (105, 'good', 17, '1'), (106, 'good', 2, '"NaN"'), (107, 'good', 1, '-5'),
	(108, 'all', 1, '1')) AS hand (number, member, members, weight);
SELECT throws_ok(format($$SELECT lesion_segment_version(image, 'all', %s) FROM archive$$, number), 'XX001', NULL,
	format('version %s, made by hand', number))
FROM lesion_version WHERE model = 'all' AND number > 100 AND number <> 102 ORDER BY number;
SELECT throws_ok($$SELECT lesion_segment_version(image, 'all', 102) FROM archive$$, NULL, NULL,
	'version 102, made by hand');
DELETE FROM lesion_version WHERE model = 'all' AND number > 100;
DELETE FROM lesion_audit WHERE model = 'all' AND version > 100;	-- else the next number is above these

-- Fit.
CREATE TEMP TABLE fit AS SELECT * FROM lesion_ensemble_fit('all', 'archive', validation_fraction => 0.5);
SELECT is(version, 2, 'a fit is a new version') FROM fit;
SELECT is(members, '{good,large,poor}', 'of the same members') FROM fit;
SELECT ok(abs((SELECT sum(w) FROM unnest(weights) w) - 1) < 1e-9, 'weights sum to 1') FROM fit;
SELECT ok(weights[3] < weights[1] AND weights[3] < 0.5, 'the poor one gets less than the good one') FROM fit;
SELECT ok(n BETWEEN 20 AND 40, 'validation rows alone') FROM fit;
SELECT ok(jaccard >= equal_jaccard, 'no worse than equal weights') FROM fit;
SELECT row_eq($$SELECT version, threshold FROM lesion_models WHERE model = 'all'$$,
	(SELECT ROW(version, threshold) FROM fit), 'it is active, with its threshold');
SELECT ok(temperature <> 1 AND review_below <> 0.85, 'its probabilities are calibrated, too') FROM lesion_version
WHERE model = 'all' AND number = 2;
SELECT ok(temperature = 1 AND review_below = 0.85, '... which a version that was not fitted has not')
FROM lesion_version WHERE model = 'all' AND number = 1;
SELECT is((SELECT m ->> 'version' FROM lesion_models, jsonb_array_elements(config -> 'members') m
	WHERE model = 'all' AND m ->> 'model' = 'poor'), '2', 'members are those that are active now');
SELECT is((SELECT metadata ->> 'fitted_on' FROM lesion_version WHERE model = 'all' AND number = 2), 'public.archive',
	'how it came about is kept');
SELECT is((lesion_ensemble_fit('all', 'archive', validation_fraction => 0.5, promote => false)).version, 3,
	'a fit that is not promoted');
SELECT is((SELECT version FROM lesion_models WHERE model = 'all'), 2, '... is not');
SELECT is((SELECT count(DISTINCT sha256) FROM lesion_version WHERE model = 'all' AND number IN (2, 3)), 1::bigint,
	'the same rows give the same weights');

-- The maps of all rows stay below lesionseg.max_memory.
CREATE VIEW many AS
SELECT a.id || '-' || n AS id, a.image, a.mask FROM archive AS a, generate_series(1, 3000) AS n;
SET LOCAL lesionseg.max_memory = '16MB';
SELECT throws_ok($$SELECT lesion_ensemble_fit('all', 'many', id_column => 'id', validation_fraction => 0.5)$$, '54000',
	NULL, 'more rows than the memory has room for');
RESET lesionseg.max_memory;

-- Two that say the same cannot be told apart: equal weights stay.
SELECT lesion_model_import('twin', lesion_model_export('good'));
SELECT lesion_model_create('twins', 'ensemble', '{"members": ["good", "twin"], "weights": [3, 1]}');
CREATE TEMP TABLE few AS SELECT * FROM lesion_ensemble_fit('twins', 'archive', validation_fraction => 0.3);
SELECT ok(n < 50, 'few images') FROM few;
SELECT is(weights, '{0.5,0.5}', '... do not tell twins apart') FROM few;
SELECT is(jaccard, equal_jaccard, '... whose equal weights are scored') FROM few;
SELECT row_eq($$SELECT metadata -> 'equal_weights', metadata -> 'helped' FROM lesion_version
	WHERE model = 'twins' AND number = 2$$, ROW('true'::jsonb, '0'::jsonb), '... and it is kept why');
SELECT lesion_model_drop('twins');
SELECT lesion_model_drop('twin');

-- What cannot be.
SELECT throws_ok($$SELECT lesion_model_create('e', 'ensemble')$$, '22023',
	'the config of an ensemble must name 1 to 16 members', 'no members');
SELECT throws_ok($$SELECT lesion_model_create('e', 'ensemble', '{"members": "good"}')$$, '22023', NULL,
	'members that are no array');
SELECT throws_ok($$SELECT lesion_model_create('e', 'ensemble', '{"members": ["good"], "base": 4}')$$, '22023',
	'the config of an ensemble has no key "base"', 'an unknown key');
SELECT throws_ok($$SELECT lesion_model_create('e', 'ensemble', '{"members": ["good", "large"], "weights": [1]}')$$,
	'22023', NULL, 'too few weights');
SELECT throws_ok($$SELECT lesion_model_create('e', 'ensemble', '{"members": ["good"], "weights": [-1]}')$$, '22023',
	NULL, 'a weight below 0');
SELECT throws_ok($$SELECT lesion_model_create('e', 'ensemble', '{"members": ["good", "poor"], "weights": [0, 0]}')$$,
	'22023', NULL, 'no weight above 0');
SELECT throws_ok($$SELECT lesion_model_create('e', 'ensemble', '{"members": ["good", "good"]}')$$, '22023', NULL,
	'a member twice');
SELECT throws_ok($$SELECT lesion_model_create('e', 'ensemble', '{"members": ["nobody"]}')$$, '42704',
	'model "nobody" does not exist', 'a member that does not exist');
SELECT throws_ok($$SELECT lesion_model_create('e', 'ensemble', '{"members": ["all"]}')$$, '0A000',
	'"all" is an ensemble and cannot be a member of one', 'an ensemble of ensembles');
SELECT throws_ok($$SELECT lesion_model_export('all')$$, '0A000', NULL, 'it cannot be exported');
SELECT throws_ok($$SELECT lesion_train('archive', 'all', epochs => 1)$$, '0A000', NULL, '... or trained');
SELECT throws_ok($$SELECT lesion_model_import('all', lesion_model_export('good'))$$, NULL, NULL,
	'... or imported into');
SELECT throws_ok($$SELECT lesion_ensemble_fit('good', 'archive')$$, '42809', 'model "good" is not an ensemble',
	'a fit of what is none');
SELECT throws_ok($$SELECT lesion_model_drop('good')$$, '2BP01',
	'cannot drop model "good", ensembles have it as a member', 'a member cannot be dropped');
SELECT throws_ok($$DELETE FROM lesion_model WHERE name = 'good'$$, '2BP01',
	'cannot drop model "good", ensembles have it as a member', '... nor deleted');
SELECT throws_ok($$DELETE FROM lesion_version WHERE model = 'poor' AND number = 2$$, '2BP01',
	'cannot delete version 2 of model "poor", ensembles have it as a member', '... nor its version');
CREATE TABLE masks (LIKE lesion_prediction);
CALL lesion_predict('archive', 'all', 'masks');
SET LOCAL session_replication_role = replica;
DELETE FROM lesion_version WHERE model = 'poor' AND number = 2;
RESET session_replication_role;
SELECT throws_ok($$SELECT lesion_segment(image, 'all') FROM archive$$, '55000',
	'version 2 of model "poor", a member of version 2 of ensemble "all", is gone',
	'a version that is gone all the same');
SELECT is((SELECT DISTINCT reason FROM masks AS m, lesion_reproduce(m)),
	'it cannot be made again: version 2 of model "poor", a member of version 2 of ensemble "all", is gone',
	'... is a reason for each mask of it');
SELECT is(lesion_model_rollback('all'), 1, '... can be rolled back');
SELECT lives_ok($$SELECT lesion_model_drop(m) FROM unnest('{all,alone,weighted}'::text[]) m$$, 'ensembles are dropped');
SELECT lives_ok($$SELECT lesion_model_drop('good')$$, '... and then their members');

SELECT * FROM finish();
ROLLBACK;
