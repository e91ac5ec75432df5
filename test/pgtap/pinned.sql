-- Masks by weights that are named by their SHA-256, and states of scores.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(48);

CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask FROM generate_series(1, 12) AS seed, lesion_synthetic(seed, 48, 40) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
SELECT lesion_train('archive', 'net', epochs => 2, architecture => 'unet', config => '{"base": 4, "depth": 1}',
	image_size => 32, batch_size => 4);
SELECT encode(sha256, 'hex') AS sha, threshold FROM lesion_version WHERE model = 'net' \gset

-- The mask is that of lesion_segment with the same weights and arguments.
SET LOCAL lesionseg.precision = 'f32';
SET LOCAL lesionseg.threads = 1;
CREATE TABLE expected AS SELECT id, lesion_segment(image, 'net', 0.4, true, 'auto', '{"fill_holes": true}') AS mask,
	lesion_segment(image, 'net', 0.5) AS plain FROM archive;
SELECT is((SELECT count(*) FROM archive AS a JOIN expected AS e USING (id)
	WHERE lesion_segment_pinned(a.image, :'sha', 0.4, 32, 'f32', true, 'auto', '{"fill_holes": true}') = e.mask),
	12::bigint, 'as lesion_segment with the same weights and arguments');
SELECT is((SELECT count(*) FROM archive AS a JOIN expected AS e USING (id)
	WHERE lesion_segment_pinned(a.image, :'sha', image_size => 32) = e.plain), 12::bigint, 'by default: 0.5, f32');
SELECT is((SELECT count(*) FROM archive AS a JOIN expected AS e USING (id)
	WHERE lesion_segment_pinned(a.image, upper(:'sha'), image_size => 32) = e.plain), 12::bigint,
	'digits of either case');
SELECT isnt((SELECT string_agg(lesion_segment_pinned(image, :'sha', image_size => 64), '' ORDER BY id) FROM archive),
	(SELECT string_agg(plain, '' ORDER BY id) FROM expected), 'another image size is another mask');
SELECT is((SELECT string_agg(lesion_segment_pinned(image, :'sha', image_size => 32), '' ORDER BY id) FROM archive),
	(SELECT string_agg(plain, '' ORDER BY id) FROM expected), '... and leaves the first as it was');
SELECT is(lesion_segment_pinned(NULL, :'sha'), NULL, 'no image, no mask');

-- No setting, name or promotion counts.
CREATE FUNCTION masks(sha text) RETURNS text LANGUAGE sql AS
$$SELECT md5(string_agg(lesion_segment_pinned(image, sha, image_size => 32), '' ORDER BY id)) FROM archive$$;
SELECT masks(:'sha') AS masks \gset
SET LOCAL lesionseg.backend = 'openblas';
SELECT is(masks(:'sha'), :'masks', 'whatever lesionseg.backend is');
SELECT is(current_setting('lesionseg.backend'), 'openblas', '... which stays');
RESET lesionseg.backend;
SET LOCAL lesionseg.precision = 'auto';
SET LOCAL lesionseg.threads = 2;
SELECT is(masks(:'sha'), :'masks', 'whatever precision and threads are');
SET LOCAL lesionseg.default_model = 'nobody';
SET LOCAL lesionseg.model_cache = 0;
SELECT is(masks(:'sha'), :'masks', 'whatever the default model and the cache are');
SELECT lesion_model_import('net', lesion_model_export('net', dtype => 'bf16'), threshold => 0.9);
SELECT is((SELECT count(DISTINCT sha256) FROM lesion_version WHERE model = 'net'), 2::bigint,
	'other weights are active');
SELECT is(masks(:'sha'), :'masks', '... which does not count');
SELECT lesion_model_import('copy', lesion_model_export('net', 1), threshold => 0.9, image_size => 48);
DELETE FROM lesion_promotion WHERE model = 'net';
DELETE FROM lesion_version WHERE model = 'net' AND number = 1;
SELECT is(encode(sha256, 'hex'), :'sha', 'an export is the same bytes under another name')
FROM lesion_version WHERE model = 'copy';
SELECT is(masks(:'sha'), :'masks', '... with another threshold and size, which do not count');
SET LOCAL lesionseg.max_pixels = 1000;
SELECT throws_ok(format('SELECT lesion_segment_pinned(image, %L, image_size => 32) FROM archive', :'sha'), '54000',
	NULL, 'a limit is an error, no other mask');
RESET lesionseg.max_pixels;

-- What is missing or wrong.
SELECT throws_ok(format('SELECT lesion_segment_pinned(image, %L) FROM archive', repeat('0', 64)), '42704',
	'no version in this database has the weights ' || repeat('0', 64), 'weights that are not here');
SELECT throws_ok(format('SELECT lesion_segment_pinned(image, %L) FROM archive', wrong), '22023', NULL, 'no SHA-256')
FROM unnest(ARRAY['', 'net', repeat('0', 63), repeat('0', 65), repeat('g', 64)]) AS wrong;
SELECT throws_ok(format('SELECT lesion_segment_pinned(image, %L, %s) FROM archive', :'sha', wrong), state, NULL, wrong)
FROM (VALUES ('threshold => 0', '22023'), ('threshold => 1', '22023'), ('threshold => NULL', '22004'),
	('image_size => 0', '22023'), ('image_size => 33', '22023'), ($$"precision" => 'auto'$$, '22023'),
	('tta => NULL', '22004'), ($$enhance => 'never'$$, '22023'), ($$options => '{"x": 1}'$$, '22023'),
	('options => NULL', '22004')) AS w (wrong, state);
SELECT throws_ok(format('SELECT lesion_segment_by_pin(image, %L) FROM archive', wrong), '22023', NULL,
	'no pin: ' || wrong::text)
FROM unnest(ARRAY['{}'::jsonb, '[]', '3', '{"weights_sha256": 1}', lesion_pin(:'sha') || '{"threshold": 2}',
	lesion_pin(:'sha') - 'tta']) AS wrong;
SELECT is((lesion_pin(:'sha', threshold => 0.1 + 0.2::float8) ->> 'threshold')::float8, 0.1 + 0.2::float8,
	'a pin has the threshold to the last bit');

-- Where only IMMUTABLE functions may stand.
CREATE TABLE stored (id int, image bytea);
SELECT lives_ok(format('ALTER TABLE stored ADD COLUMN mask bytea GENERATED ALWAYS AS (
	lesion_segment_pinned(image, %L, image_size => 32)) STORED', :'sha'), 'a generated column');
INSERT INTO stored SELECT id, image FROM archive;
SELECT is((SELECT count(*) FROM stored JOIN expected USING (id) WHERE stored.mask = expected.plain), 12::bigint,
	'... has the masks');
SELECT lives_ok(format('CREATE INDEX mask_of ON archive (md5(lesion_segment_pinned(image, %L, image_size => 32)))',
	:'sha'), 'an index');
SET LOCAL enable_seqscan = off;
SELECT is((SELECT id FROM archive WHERE md5(lesion_segment_pinned(image, :'sha', image_size => 32)) =
	(SELECT md5(plain) FROM expected WHERE id = 7) ORDER BY id LIMIT 1), 7, '... finds a row by its mask');
SELECT lives_ok('ANALYZE archive', '... and is analysed');

-- States of scores add up to what one server finds.
CREATE TABLE pairs AS SELECT id, plain AS predicted, CASE WHEN id <> 5 THEN mask END AS truth, id % 3 AS server
FROM (SELECT e.id, e.plain, a.mask FROM expected AS e JOIN archive AS a USING (id)) AS p;
SELECT is((SELECT lesion_score_merge(state) FROM (SELECT lesion_score_state(predicted, truth) AS state FROM pairs
	GROUP BY server) AS s), (SELECT lesion_score(predicted, truth) FROM pairs), 'states of three servers');
SELECT is((SELECT lesion_score_merge(state) FROM (SELECT lesion_score_state(predicted, truth) AS state FROM pairs
	WHERE false UNION ALL SELECT NULL UNION ALL SELECT lesion_score_state(predicted, truth) FROM pairs) AS s),
	(SELECT lesion_score(predicted, truth) FROM pairs), 'a server without rows');
SELECT is((SELECT lesion_score_final(lesion_score_state(predicted, truth)) FROM pairs),
	(SELECT lesion_score(predicted, truth) FROM pairs), 'a state alone');
SELECT is((SELECT (lesion_score_merge(state)).n FROM (SELECT NULL::bigint[]) AS s (state)), 0::bigint, 'no state');
SELECT throws_ok($$SELECT lesion_score_merge('{1,2}'::bigint[])$$, '22023', NULL, 'what is no state');
SELECT * FROM finish();
ROLLBACK;
