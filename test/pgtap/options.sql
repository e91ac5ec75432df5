-- Options: what lesion_options() lists is what the functions take. What the settings stand for.
BEGIN;
SELECT plan(10);

SELECT ok((SELECT count(*) > 40 AND bool_and(meaning <> '' AND takes <> '') FROM lesion_options()),
	'every option has a meaning');
SELECT is((SELECT count(*) FROM lesion_options()), (SELECT count(DISTINCT (argument, key)) FROM lesion_options()),
	'no key stands twice');
SELECT is((SELECT count(*) FROM lesion_options()
	WHERE argument = 'augment of lesion_train' AND key IN (SELECT kind FROM lesion_degradations())),
	(SELECT count(*) FROM lesion_degradations()), 'augment has a key for each kind of degradation');
SELECT lives_ok(format($$SELECT lesion_enhance(image, '{}', %L) FROM lesion_synthetic(1, 32, 32)$$,
	(SELECT jsonb_object_agg(key, default_value::jsonb) FROM lesion_options()
		WHERE argument = 'options of lesion_enhance')), 'lesion_enhance takes its keys and their defaults');
SELECT lives_ok(format($$SELECT lesion_model_create('of_' || %L, %L, %L)$$, architecture, architecture, config),
	'config of ' || architecture)
FROM (SELECT split_part(argument, ' of ', 2) AS architecture, jsonb_object_agg(key, default_value::jsonb) AS config
	FROM lesion_options() WHERE argument = 'config of convmixer' GROUP BY 1) AS c;

-- A number with thousands of zeros takes a few bytes until it is dumped.
SELECT throws_ok(format($$SELECT lesion_model_create('zeros', 'unet', '{"base": 4.%s}')$$, repeat('0', 100)), '22023',
	'a number of 102 characters is too long, the limit is 100', 'config has no number of more than 100 characters');
SELECT throws_ok(format($$SELECT lesion_enhance(image, '{}', '{"gamma": 1.%s}') FROM lesion_synthetic(1, 32, 32)$$,
	repeat('0', 9999)), '22023', NULL, '... nor have options');

-- What auto stands for is what rows of masks say.
CREATE TABLE pictures AS SELECT 1 AS id, image FROM lesion_synthetic(1, 32, 32);
CREATE TABLE masks (LIKE lesion_prediction);
SET LOCAL client_min_messages = warning;
CALL lesion_predict('pictures', 'linknet', 'masks', id_column => 'id');
SELECT is((SELECT ROW(backend, precision, instructions = ANY ('{none,avx2,avx512,avx512_bf16,amx_bf16}'), threads > 0)
	FROM lesion_engine()), (SELECT ROW(backend, precision, true, true) FROM masks),
	'lesion_engine says what a network is computed by');
SET LOCAL lesionseg.backend = 'builtin';
SET LOCAL lesionseg.precision = 'f32';
SET LOCAL lesionseg.threads = 1;
SELECT is((SELECT ROW(backend, precision, threads, instructions LIKE '%bf16') FROM lesion_engine()),
	ROW('builtin'::text, 'f32'::text, 1, false), '... and follows the settings');
SET LOCAL lesionseg.backend = 'openblas';
SELECT is((SELECT instructions FROM lesion_engine()), 'none', '... with plain loops beside OpenBLAS');

SELECT * FROM finish();
ROLLBACK;
