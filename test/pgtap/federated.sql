-- What hospitals exchange while they train one network together: the mean of weights, and what
-- stays with them.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(53);

CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask
FROM generate_series(1, 12) AS seed, lesion_synthetic(seed, 32, 32) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);

-- Three hospitals' versions of one network, and what does not fit them.
SELECT lesion_train('archive', 'a', architecture => 'unet', config => '{"base": 1, "depth": 1}', epochs => 1,
	image_size => 16, seed => 1);
SELECT lesion_train('archive', 'b', init => 'a', epochs => 2, image_size => 16, seed => 2, learning_rate => 0.01);
SELECT lesion_train('archive', 'c', init => 'a', epochs => 2, image_size => 16, seed => 3, learning_rate => 0.01);
SELECT lesion_train('archive', 'wide', architecture => 'unet', config => '{"base": 2, "depth": 1}', epochs => 1,
	image_size => 16);
SELECT lesion_train('archive', 'deep', architecture => 'unet', config => '{"base": 1, "depth": 2}', epochs => 1,
	image_size => 16);
SELECT lesion_train('archive', 'mixer', architecture => 'convmixer', config => '{"dim": 8, "depth": 1}', epochs => 1,
	image_size => 16);
SELECT lesion_train('archive', 'large', init => 'a', epochs => 1, image_size => 32);
CREATE TABLE file AS
SELECT model, lesion_model_export(model) AS weights
FROM unnest(ARRAY['a', 'b', 'c', 'wide', 'deep', 'mixer', 'large']) AS model;

-- The data of a file as numbers, exactly.
CREATE FUNCTION data_of(file bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS
$$SELECT substr(file, 9 + get_byte(file, 0) + 256 * get_byte(file, 1) + 65536 * get_byte(file, 2))$$;
CREATE FUNCTION number_at(data bytea, i int) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
SELECT CASE WHEN bits < 0 THEN -1 ELSE 1 END * CASE WHEN (bits >> 23) & 255 = 0
		THEN (bits & 8388607) * 2::float8 ^ -149
		ELSE ((bits & 8388607) + 8388608) * 2::float8 ^ (((bits >> 23) & 255) - 150) END
FROM (SELECT ((get_byte(data, 4 * i + 3)::bit(8) || get_byte(data, 4 * i + 2)::bit(8)
	|| get_byte(data, 4 * i + 1)::bit(8) || get_byte(data, 4 * i)::bit(8))::bit(32))::int AS bits) AS element
$$;
CREATE FUNCTION numbers(file bytea) RETURNS TABLE (i int, number float8) LANGUAGE sql IMMUTABLE AS
$$SELECT i, number_at(data_of(file), i) FROM generate_series(0, length(data_of(file)) / 4 - 1) AS i$$;

CREATE TABLE mean AS
SELECT lesion_weights_mean(weights, n ORDER BY model) AS weights
FROM file JOIN (VALUES ('a', 10), ('b', 3.5), ('c', 100)) AS size (model, n) USING (model);
SELECT ok(count(*) > 100, 'weights of the mean') FROM mean, numbers(weights);
SELECT is((SELECT array_agg(number::float4 ORDER BY i) FROM mean, numbers(weights)),
	(SELECT array_agg(((10 * a.number + 3.5 * b.number + 100 * c.number) / 113.5)::float4 ORDER BY i)
	FROM numbers((SELECT weights FROM file WHERE model = 'a')) AS a
	JOIN numbers((SELECT weights FROM file WHERE model = 'b')) AS b USING (i)
	JOIN numbers((SELECT weights FROM file WHERE model = 'c')) AS c USING (i)), '... are those computed by hand');
SELECT isnt((SELECT array_agg(number ORDER BY i) FROM mean, numbers(weights)),
	(SELECT array_agg(number ORDER BY i) FROM file, numbers(weights) WHERE model = 'c'), '... and no file''s own');
SELECT is(lesion_weights_mean(weights, 7), (SELECT weights FROM file WHERE model = 'b'),
	'the mean of one file is that file, byte for byte') FROM file WHERE model = 'b';
SELECT is(lesion_weights_mean(weights, 0.1), (SELECT weights FROM file WHERE model = 'b'), '... as often as it counts')
FROM file, generate_series(1, 1000) WHERE model = 'b';

-- Import.
SELECT is(lesion_model_import('joined', weights), 1, 'the mean can be imported') FROM mean;
SELECT row_eq($$SELECT architecture, config, image_size FROM lesion_models WHERE model = 'joined'$$,
	(SELECT ROW(architecture, config, image_size) FROM lesion_models WHERE model = 'a'), '... and says what it is');
SELECT is(lesion_model_export('joined'), weights, '... and exported as it came') FROM mean;
SELECT is((SELECT count(*) FROM archive WHERE lesion_segment(image, 'joined') IS NOT NULL), 12::bigint,
	'... and segments');

-- NULLs and no rows.
SELECT is(lesion_weights_mean(NULL, 1), NULL, 'no file has no mean');
SELECT is(lesion_weights_mean(weights, 1), NULL, 'nor have no rows') FROM file WHERE false;
SELECT is(lesion_weights_mean(w, n ORDER BY i), weights, 'a row without weights is left out')
FROM mean, LATERAL (SELECT 1, weights, 2::float8 UNION ALL SELECT 2, NULL, NULL UNION ALL SELECT 3, NULL, 5)
	AS hospital (i, w, n) GROUP BY weights;
SELECT throws_ok($$SELECT lesion_weights_mean(weights, NULL) FROM file$$, '22004', 'n of row 1 is NULL',
	'how much a file counts must be known');
SELECT throws_ok(format('SELECT lesion_weights_mean(weights, %L) FROM file', n), '22023', NULL, 'n is ' || n)
FROM unnest('{0,-1,NaN,Infinity,1e101}'::text[]) AS n;

-- Files that do not fit are named by their place.
CREATE FUNCTION mean_with(model text) RETURNS text LANGUAGE sql AS $$SELECT format(
'SELECT lesion_weights_mean(weights, 1 ORDER BY model = %L, model) FROM file
WHERE model IN (''a'', ''b'', %1$L)', model)$$;
SELECT throws_ok(mean_with('wide'), '22P03', 'weights of row 3: tensor "down.0.0.weight" has shape (2, 3, 3, 3), '
	'the network needs (1, 3, 3, 3)', 'another shape');
SELECT throws_ok(mean_with('deep'), '22P03',
	'weights of row 3: tensor "down.2.0.weight": the network has no such tensor', 'another config');
SELECT throws_ok(mean_with('mixer'), '22P03', 'weights of row 3: the weights are for "convmixer", not for "unet"',
	'another architecture');
SELECT throws_ok(mean_with('large'), '22P03', 'weights of row 3: the weights are for images of 32 pixels, '
	'those of the first file of 16', 'another image size');
SELECT throws_ok($$SELECT lesion_weights_mean(w, 1) FROM file, LATERAL (VALUES (weights), ('\x00')) AS v (w)
	WHERE model = 'a'$$, '22P03', 'weights of row 2: a weight file of 1 bytes is too short', 'no weights');
SELECT throws_ok($$SELECT lesion_weights_mean_final(NULL)$$, NULL, NULL, 'a part of the aggregate by itself');

-- A limit that the network keeps and the sums, which take twice as much, do not.
SELECT lesion_train('archive', 'huge', architecture => 'unet', config => '{"base": 40, "depth": 3}', epochs => 1,
	image_size => 16);
SELECT lives_ok($$SELECT lesion_weights_mean(lesion_model_export('huge'), 1)$$, 'a network of 12 MB');
SET LOCAL lesionseg.max_memory = '16MB';
SELECT throws_ok($$SELECT lesion_weights_mean(lesion_model_export('huge'), 1)$$, '54000', NULL,
	'... needs more than 16 MB');
RESET lesionseg.max_memory;

-- Each window is computed from the same state, which stays as it is.
SELECT is((SELECT array_agg(mean ORDER BY model) FROM (
	SELECT model, lesion_weights_mean(weights, 2) OVER (ORDER BY model) AS mean
	FROM file WHERE model IN ('a', 'b', 'c')) AS w),
	(SELECT array_agg((SELECT lesion_weights_mean(weights, 2 ORDER BY model) FROM file WHERE model <= outer_file.model)
	ORDER BY model) FROM file AS outer_file WHERE model IN ('a', 'b', 'c')), 'over windows');

-- Batch norms that stay with a hospital: which elements come from which file, the header says.
CREATE FUNCTION header_of(file bytea) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$SELECT convert_from(substr(file, 9, length(file) - 8 - length(data_of(file))), 'UTF8')::jsonb$$;
CREATE FUNCTION said_by(file bytea) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$SELECT (header_of(file) -> '__metadata__') - 'crc32'$$;
CREATE FUNCTION tensors(file bytea) RETURNS TABLE (name text, data bytea) LANGUAGE sql IMMUTABLE AS $$
SELECT key, substr(data_of(file), 1 + (value #>> '{data_offsets,0}')::int,
	(value #>> '{data_offsets,1}')::int - (value #>> '{data_offsets,0}')::int)
FROM jsonb_each(header_of(file)) WHERE key <> '__metadata__'$$;
CREATE FUNCTION equal_tensors(a bytea, b bytea) RETURNS text[] LANGUAGE sql IMMUTABLE AS
$$SELECT array_agg(name ORDER BY name) FROM tensors(a) AS a JOIN tensors(b) AS b USING (name) WHERE a.data = b.data$$;
CREATE TEMP TABLE a AS SELECT weights FROM file WHERE model = 'a';
CREATE TEMP TABLE b AS SELECT weights FROM file WHERE model = 'b';
SELECT ok(equal_tensors(a.weights, b.weights) IS NULL, 'two files differ in every tensor') FROM a, b;
SELECT is(equal_tensors(lesion_weights_keep_norms(a.weights, b.weights), b.weights),
	(SELECT array_agg(name ORDER BY name) FROM tensors(a.weights) WHERE name LIKE '%.running\_%'),
	'keep_norms takes the running statistics of the second file') FROM a, b;
SELECT is(equal_tensors(lesion_weights_keep_norms(a.weights, b.weights), a.weights),
	(SELECT array_agg(name ORDER BY name) FROM tensors(a.weights) WHERE name NOT LIKE '%.running\_%'),
	'... and all else of the first') FROM a, b;
SELECT is(equal_tensors(lesion_weights_keep_norms(a.weights, b.weights, scales => true), b.weights),
	(SELECT array_agg(t.name ORDER BY t.name) FROM tensors(a.weights) AS t
	WHERE EXISTS (SELECT FROM tensors(a.weights) AS s
		WHERE s.name = regexp_replace(t.name, '[a-z_]+$', 'running_var'))),
	'... with scales whole batch norms') FROM a, b;
SELECT is(lesion_weights_keep_norms(weights, weights, true), weights, '... of itself: the file') FROM a;
SELECT is(said_by(lesion_weights_keep_norms(a.weights, b.weights)), said_by(a.weights),
	'what the file says is the first one''s') FROM a, b;
SELECT is(lesion_weights_keep_norms(NULL, weights), NULL, 'NULL has none') FROM a;
SELECT throws_ok($$SELECT lesion_weights_keep_norms(a.weights, f.weights) FROM a, file AS f WHERE model = 'wide'$$,
	'22P03', 'own: tensor "down.0.0.weight" has shape (2, 3, 3, 3), the network needs (1, 3, 3, 3)',
	'of another network');
SELECT throws_ok($$SELECT lesion_weights_keep_norms('\x00', weights) FROM a$$, '22P03',
	'weights: a weight file of 1 bytes is too short', 'of no weights');

-- Updates: their norm, its limit, and noise.
CREATE TEMP TABLE trained AS
SELECT array_agg(name) AS names, sqrt(sum((b - a) ^ 2)) AS norm, count(*) AS elements
FROM (SELECT t.name, number_at(t.data, i) AS a, number_at(u.data, i) AS b
	FROM a, b, tensors(a.weights) AS t JOIN tensors(b.weights) AS u USING (name),
		generate_series(0, length(t.data) / 4 - 1) AS i
	WHERE name NOT LIKE '%.running\_%') AS element;
SELECT ok(abs(lesion_weights_distance(b.weights, a.weights) / norm - 1) < 1e-12,
	'the distance is the norm of the update') FROM a, b, trained;
SELECT is(lesion_weights_distance(weights, weights), 0::float8, '... of itself 0') FROM a;
SELECT ok(abs(lesion_weights_distance(lesion_weights_clip(b.weights, a.weights, norm / 4), a.weights) / (norm / 4) - 1)
	< 1e-5, 'a long update is cut to the limit') FROM a, b, trained;
SELECT is(equal_tensors(lesion_weights_clip(b.weights, a.weights, 2 * norm), b.weights),
	(SELECT array_agg(name ORDER BY name) FROM tensors(b.weights) WHERE name NOT LIKE '%.running\_%'),
	'one within it stays as it is') FROM a, b, trained;
SELECT is(equal_tensors(lesion_weights_clip(b.weights, a.weights, 2 * norm), a.weights),
	(SELECT array_agg(name ORDER BY name) FROM tensors(b.weights) WHERE name LIKE '%.running\_%'),
	'... but running statistics do not leave') FROM a, b, trained;
SELECT is(said_by(lesion_weights_clip(b.weights, a.weights, 1)),
	said_by(b.weights) - '{threshold,temperature,review_below}'::text[],
	'... nor what was fitted to local rows') FROM a, b;
SELECT isnt(lesion_weights_clip(b.weights, a.weights, 1, 0.1), lesion_weights_clip(b.weights, a.weights, 1, 0.1),
	'noise is new each time') FROM a, b;
-- The sum of squares of so many normal numbers; six deviations of it either way.
SELECT ok(abs(lesion_weights_distance(lesion_weights_clip(weights, weights, 0.5, 0.2), weights) ^ 2 / 0.01 - elements)
	< 6 * sqrt(2.0 * elements), 'noise has the deviation noise_multiplier * clip_norm') FROM a, trained;
SELECT is(count(DISTINCT lesion_weights_clip(weights, weights, 0.5, 0.2)), 5::bigint, '... and new in every row')
FROM a, generate_series(1, 5);
SELECT is(lesion_model_import('guarded', lesion_weights_clip(b.weights, a.weights, 1, 0.001)), 1, 'it can be imported')
FROM a, b;
SELECT row_eq($$SELECT threshold, temperature, review_below FROM lesion_version WHERE model = 'guarded'$$,
	ROW(0.5::float8, 1::float8, 0.85::float8), '... with what stands for not known');
SELECT is(lesion_weights_clip(weights, weights, NULL), NULL, 'without a limit nothing leaves') FROM a;
SELECT throws_ok(format('SELECT lesion_weights_clip(weights, weights, %L) FROM a', n), '22023', NULL, 'clip_norm ' || n)
FROM unnest('{0,-1,NaN}'::text[]) AS n;
SELECT throws_ok($$SELECT lesion_weights_clip(weights, weights, 1, -0.1) FROM a$$, '22023', NULL, 'less than no noise');
SELECT throws_ok($$SELECT lesion_weights_clip(weights, (SELECT weights FROM file WHERE model = 'deep'), 1) FROM a$$,
	'22P03', NULL, 'another start');

SELECT * FROM finish();
ROLLBACK;
