-- The same rows train the same weights, whatever the settings of the session
-- and the order on disk.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(7);

CREATE FUNCTION train(images regclass, id_column text = NULL) RETURNS text LANGUAGE sql AS $$
	SELECT sha256 FROM lesion_train(images, 'net', 1, id_column => id_column, architecture => 'unet', image_size => 16,
		batch_size => 2, config => '{"base": 4, "depth": 1}', test_fraction => 0.3, promote => 'never')
$$;

-- A key of types whose text is a matter of settings.
CREATE TABLE visits (at timestamptz, dose float8, device bytea, lasted interval, image bytea, mask bytea,
	PRIMARY KEY (at, dose, device, lasted));
INSERT INTO visits
SELECT timestamptz '2024-03-05 06:07:08+00' + seed * interval '33 hours', 1 / (seed + 2.0::float8),
	decode('ff0' || seed % 10, 'hex'), seed * interval '1 day 2 hours', s.image, s.mask
FROM generate_series(1, 16) AS seed, lesion_synthetic(seed, 16, 16) AS s;
CREATE TABLE times AS SELECT at, image, mask FROM visits;
CREATE TABLE seen AS SELECT train('visits') AS key, train('times', 'at') AS time;

SET LOCAL TimeZone = 'Asia/Tokyo';
SET LOCAL DateStyle = 'German';
SET LOCAL IntervalStyle = 'iso_8601';
SET LOCAL extra_float_digits = -10;
SET LOCAL bytea_output = 'escape';
SELECT is(train('visits'), key, 'a primary key of several types') FROM seen;
SELECT is(train('times', 'at'), time, 'an id column that is a time') FROM seen;
SELECT is(concat_ws(' ', current_setting('TimeZone'), current_setting('DateStyle'), current_setting('IntervalStyle'),
	current_setting('extra_float_digits'), current_setting('bytea_output')),
	'Asia/Tokyo German, DMY iso_8601 -10 escape', 'the session has its settings back');
SELECT is(count(DISTINCT (training_images, validation_images, test_images)), 1::bigint, 'every run saw the same parts')
FROM lesion_run WHERE images = 'public.visits';

-- Several images of one lesion share its id.
CREATE TABLE forwards AS SELECT 'lesion-' || seed / 4 AS id, s.image, s.mask
FROM generate_series(1, 24) AS seed, lesion_synthetic(seed, 16, 16) AS s ORDER BY seed;
CREATE TABLE backwards AS SELECT 'lesion-' || seed / 4 AS id, s.image, s.mask
FROM generate_series(1, 24) AS seed, lesion_synthetic(seed, 16, 16) AS s ORDER BY seed DESC;
SELECT is(train('backwards', 'id'), train('forwards', 'id'), 'rows that share an id, in another order on disk');

-- One image with several masks, by the image's hash.
CREATE TABLE readers AS SELECT f.id, f.image, m.mask FROM forwards f, (SELECT mask FROM forwards LIMIT 2) m;
CREATE TABLE readers_backwards AS SELECT * FROM readers ORDER BY ctid DESC;
SELECT is(train('readers_backwards'), train('readers'), 'rows that share an image');

SELECT is((SELECT count(*) FROM lesion_run WHERE state = 'finished'), 8::bigint, 'all of them were trained');

SELECT * FROM finish();
ROLLBACK;
