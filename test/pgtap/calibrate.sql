-- lesion_calibrate: threshold, temperature and review threshold of a version that came from elsewhere.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(54);

CREATE TABLE archive AS
SELECT seed AS id, seed / 2 AS patient, s.image, s.mask
FROM generate_series(1, 160) AS seed, lesion_synthetic(seed, 32, 32) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
SELECT lesion_train('archive', 'net', architecture => 'unet', config => '{"base": 4, "depth": 1}', epochs => 6,
	image_size => 16, learning_rate => 0.02, group_column => 'patient', options => '{"validation_fraction": 0.4}');
SELECT lesion_train('archive', 'bad', architecture => 'unet', config => '{"base": 4, "depth": 1}', epochs => 1,
	image_size => 16, learning_rate => 1e-6, group_column => 'patient', options => '{"validation_fraction": 0.4}');

-- What comes from elsewhere: the same weights, and nothing that was fitted to rows.
CREATE TEMP TABLE file AS
SELECT lesion_weights_clip(weights, weights, 1) AS weights FROM (SELECT lesion_model_export('net') AS weights) AS net;
SELECT lesion_model_import('elsewhere', weights) FROM file;
SELECT row_eq($$SELECT threshold, temperature, review_below FROM lesion_version WHERE model = 'elsewhere'$$,
	ROW(0.5::float8, 1::float8, 0.85::float8), 'a version without calibration');
SELECT ok(temperature <> 1 AND review_below <> 0.85, 'training has fitted its own')
FROM lesion_version WHERE model = 'net';
CREATE TEMP TABLE made AS SELECT * FROM lesion_calibrate('elsewhere', 'archive');
SELECT row_eq($$SELECT threshold, temperature, review_below FROM made$$,
	(SELECT ROW(threshold, temperature, review_below) FROM lesion_version WHERE model = 'net'),
	'on the same validation rows it is what the training has fitted, to the last digit');
SELECT is(n, (SELECT validation_images::bigint FROM lesion_run WHERE model = 'net'), '... on as many images') FROM made;
SELECT is(new_version, 2, 'a new version') FROM made;
SELECT ok(promoted, '... that is active, since its masks are not worse') FROM made;
SELECT row_eq($$SELECT threshold, temperature, review_below FROM lesion_version
	WHERE model = 'elsewhere' AND number = 2$$,
	(SELECT ROW(threshold, temperature, review_below) FROM made), '... and has what was fitted');
SELECT is(b.sha256, a.sha256, '... and the same weights') FROM lesion_version AS a, lesion_version AS b
WHERE a.model = 'elsewhere' AND b.model = 'elsewhere' AND a.number = 1 AND b.number = 2;
SELECT row_eq($$SELECT image_size, config, enhance, run, split_columns, split_seed, test_fraction, validation_fraction
	FROM lesion_version WHERE model = 'elsewhere' AND number = 2$$,
	(SELECT ROW(image_size, config, enhance, NULL::bigint, '{patient}'::text[], split_seed, test_fraction,
	validation_fraction) FROM lesion_version WHERE model = 'net'), '... all else is as it was');
SELECT is(metadata, '{"calibrated_version": 1, "calibrated_on": "public.archive", "subset": "validation"}'::jsonb
	|| jsonb_build_object('images', (SELECT n FROM made)), '... and says where it comes from')
FROM lesion_version WHERE model = 'elsewhere' AND number = 2;
SELECT row_eq($$SELECT event, version, detail FROM lesion_audit WHERE model = 'elsewhere' AND event = 'calibrate'$$,
	ROW('calibrate'::text, 2, 'version 1'::text), 'the audit names it');
SELECT is((SELECT reason FROM lesion_promotion WHERE model = 'elsewhere' AND version = 2), 'better',
	'... the promotion');
SELECT set_eq($$SELECT version, subset, threshold FROM lesion_evaluation WHERE model = 'elsewhere'$$,
	$$SELECT number, 'test', threshold FROM lesion_version WHERE model = 'elsewhere'$$,
	'both were scored on test rows');
SELECT lesion_model_import('plain', weights) FROM file;
SELECT ok(bool_and(a.predicted_dice = b.predicted_dice) AND bool_and(a.predicted_dice <> c.predicted_dice),
	'images are segmented with the new calibration')
FROM archive, lesion_segment_detail(image, 'elsewhere') AS a, lesion_segment_detail(image, 'net') AS b,
	lesion_segment_detail(image, 'plain') AS c;

-- Another version than the active one, and promotion.
SELECT lesion_model_import('elsewhere', lesion_weights_clip(weights, weights, 1), promote => false)
FROM (SELECT lesion_model_export('bad') AS weights) AS bad;
SELECT row_eq($$SELECT new_version, promoted FROM lesion_calibrate('elsewhere', 'archive', version => 3)$$,
	ROW(4, false), 'a version that is worse than the active one does not become active');
SELECT is((SELECT version FROM lesion_models WHERE model = 'elsewhere'), 2, '... which stays so');
SELECT row_eq($$SELECT new_version, promoted FROM lesion_calibrate('elsewhere', 'archive', promote => 'never')$$,
	ROW(5, false), 'promote never');
SELECT row_eq($$SELECT new_version, promoted FROM lesion_calibrate('elsewhere', 'archive', promote => 'always')$$,
	ROW(6, true), 'promote always');
SELECT lesion_model_import('fresh', weights, promote => false) FROM file;
SELECT throws_ok($$SELECT lesion_calibrate('fresh', 'archive')$$, '55000', NULL, 'without an active version name one');
SELECT row_eq($$SELECT new_version, promoted FROM lesion_calibrate('fresh', 'archive', version => 1)$$,
	ROW(2, true), 'the first active version');

-- A threshold to keep.
SELECT is((SELECT threshold FROM lesion_calibrate('elsewhere', 'archive', version => 1, promote => 'never',
	threshold => 0.35)), 0.35::float8, 'a threshold that is given is kept');
SELECT ok(v.temperature = made.temperature AND v.review_below <> made.review_below,
	'... and the rest fitted to its masks') FROM made, lesion_version AS v
WHERE v.model = 'elsewhere' AND v.number = 7 AND v.threshold = 0.35;
SELECT throws_ok($$SELECT lesion_calibrate('elsewhere', 'archive', threshold => 1)$$, '22023', NULL, 'no threshold');

-- Rows.
SELECT row_eq($$SELECT n, promoted FROM lesion_calibrate('elsewhere', 'archive', 'all')$$,
	ROW(160::bigint, false), 'all rows leave none to compare on');
SELECT is((SELECT split_columns FROM lesion_version WHERE model = 'elsewhere' AND number = 8), '{patient}'::text[],
	'... the split stays as it is known');
SELECT is((SELECT n FROM lesion_calibrate('elsewhere', 'archive', 'train', promote => 'never')),
	(SELECT count(*) FROM archive WHERE lesion_split(patient::text) <> 'test'), 'all but test rows');
SELECT is((SELECT n FROM lesion_calibrate('elsewhere', 'archive', group_column => 'id', split_seed => 3,
	test_fraction => 0.3, validation_fraction => 0.5, promote => 'never')),
	(SELECT count(*) FROM archive WHERE lesion_split(id::text, 3, 0.3, 0.5) = 'validation'), 'another split');
SELECT row_eq($$SELECT split_columns, split_seed, test_fraction, validation_fraction FROM lesion_version
	WHERE model = 'elsewhere' ORDER BY number DESC LIMIT 1$$, ROW('{id}'::text[], 3::bigint, 0.3::float8, 0.5::float8),
	'... is the version''s');
CREATE VIEW renamed AS SELECT id, image AS picture, mask AS truth, patient FROM archive;
SELECT is((SELECT n FROM lesion_calibrate('elsewhere', 'renamed', image_column => 'picture', mask_column => 'truth',
	id_column => 'id', version => 1, promote => 'never')), (SELECT n FROM made), 'other names of columns');
SELECT lesion_calibrate('net', 'archive');
SELECT is((SELECT image_digests FROM lesion_version WHERE model = 'net' AND number = 2),
	(SELECT image_digests FROM lesion_version WHERE model = 'net' AND number = 1),
	'what is known of the images it was trained on is kept');
SELECT ok(image_digests IS NOT NULL, '... that is some') FROM lesion_version WHERE model = 'net' AND number = 2;

-- A role that may not read it cannot pass it on; but then the weights are known.
CREATE TABLE known AS SELECT seen FROM lesion_evaluate('archive', 'net', 'all');
CREATE ROLE lesion_calibrator;
GRANT SELECT ON archive TO lesion_calibrator;
GRANT INSERT ON lesion_model, lesion_version, lesion_promotion TO lesion_calibrator;
SET LOCAL ROLE lesion_calibrator;
SELECT lesion_calibrate('net', 'archive', promote => 'always');
SELECT lesion_model_import('brought', lesion_model_export('net', 1));
RESET ROLE;
SELECT is((SELECT count(*) FROM lesion_models JOIN lesion_version v USING (model) WHERE v.number = version
	AND model IN ('net', 'brought') AND image_digests IS NULL), 2::bigint, 'rows that do not say it');
SELECT is(seen, (SELECT seen FROM known), 'calibrated without the right, a version is known by its weights')
FROM lesion_evaluate('archive', 'net', 'all');
SELECT is(seen, (SELECT seen FROM known), '... and so is one that was imported')
FROM lesion_evaluate('archive', 'brought', 'all');
SELECT cmp_ok(seen, '>', 0::bigint, '... by many images') FROM known;
SELECT lesion_calibrate('net', 'archive');
SELECT is((SELECT image_digests FROM lesion_version WHERE model = 'net' ORDER BY number DESC LIMIT 1),
	(SELECT image_digests FROM lesion_version WHERE model = 'net' AND number = 1),
	'... a calibration by who may read it says it again');

-- What cannot be.
SELECT throws_ok($$SELECT lesion_calibrate('elsewhere', 'archive', validation_fraction => 0.1)$$, '55000', NULL,
	'too few images');
SELECT throws_matching($$SELECT lesion_calibrate('elsewhere', 'archive', validation_fraction => 0)$$,
	'0 images of public.archive in subset "validation" are too few to calibrate on, 20 are needed', '... none');
SELECT throws_ok($$SELECT lesion_calibrate('elsewhere', 'archive', 'test')$$, '22023',
	'test rows are not for calibration', 'test rows');
SELECT throws_ok($$SELECT lesion_calibrate('elsewhere', 'archive', 'half')$$, '22023', NULL, 'no such subset');
SELECT throws_ok($$SELECT lesion_calibrate('elsewhere', 'archive', promote => 'maybe')$$, '22023', NULL,
	'no such rule');
SELECT throws_ok($$SELECT lesion_calibrate('elsewhere', 'archive', version => 99)$$, '42704', NULL, 'no such version');
SELECT throws_ok($$SELECT lesion_calibrate('nobody', 'archive')$$, '42704', NULL, 'no such model');
SELECT throws_ok($$SELECT lesion_calibrate('elsewhere', 'archive', validation_fraction => 1)$$, '22023', NULL,
	'nothing but validation rows');
SELECT throws_ok($$SELECT lesion_calibrate('elsewhere', 'archive', mask_column => 'truth')$$, '42703', NULL,
	'no such column');
SELECT throws_ok($$SELECT lesion_calibrate(NULL, 'archive')$$, '22004', NULL, 'no model');
SELECT throws_ok($$SELECT lesion_calibrate('elsewhere', NULL)$$, '22004', NULL, 'no table');
SELECT lesion_model_create('both', 'ensemble', '{"members": ["elsewhere", "net"]}');
SELECT throws_ok($$SELECT lesion_calibrate('both', 'archive')$$, '42809', 'model "both" is an ensemble', 'an ensemble');

-- Privileges: the caller's.
CREATE ROLE tap_calibrator;
GRANT SELECT ON archive TO tap_calibrator;
SET LOCAL ROLE tap_calibrator;
SELECT throws_ok($$SELECT lesion_calibrate('elsewhere', 'archive')$$, '42501', NULL, 'it needs a right');
RESET ROLE;
GRANT INSERT ON lesion_version TO tap_calibrator;
SET LOCAL ROLE tap_calibrator;
SELECT throws_ok($$SELECT lesion_calibrate('elsewhere', 'archive')$$, '42501', NULL, '... one more to promote');
SELECT lives_ok($$SELECT lesion_calibrate('elsewhere', 'archive', promote => 'never')$$, '... but not without');
RESET ROLE;

-- A row that passes for a calibrated one but has other weights is an import.
INSERT INTO lesion_version (model, number, config, weights, sha256, image_size, extension_version, metadata)
SELECT model, 77, config, weights || '\x00', sha256(weights || '\x00'), image_size, extension_version,
	'{"calibrated_version": 1}' FROM lesion_version WHERE model = 'elsewhere' AND number = 1;
SELECT row_eq($$SELECT event, detail FROM lesion_audit WHERE model = 'elsewhere' AND version = 77$$,
	ROW('import'::text, NULL::text), 'the audit looks at the weights');

-- A model that is dropped and made anew while its images are read is not the one that was fitted.
SELECT lesion_model_import('swapped', weights) FROM file;
CREATE FUNCTION swap(image bytea) RETURNS bytea LANGUAGE plpgsql AS $$
BEGIN
	IF (SELECT sha256 FROM lesion_version WHERE model = 'swapped') = (SELECT sha256(weights) FROM file) THEN
		PERFORM lesion_model_drop('swapped');
		DELETE FROM lesion_audit WHERE model = 'swapped';	-- else the other one has the next number
		PERFORM lesion_model_import('swapped', lesion_model_export('bad'));
	END IF;
	RETURN image;
END
$$;
CREATE VIEW swapping AS SELECT id, patient, swap(image) AS image, mask FROM archive;
SELECT throws_ok($$SELECT lesion_calibrate('swapped', 'swapping', 'all', id_column => 'id')$$, '55000',
	'version 1 of model "swapped" was dropped and made anew meanwhile',
	'no weights are taken for those that were fitted');

-- What finds a lesion in each black image foretells a Dice of 0; a review threshold of 0 would stand for none.
CREATE TABLE dark AS SELECT n AS id, image, image AS mask FROM generate_series(1, 60) AS n, (SELECT '\x
89504e470d0a1a0a0000000d49484452000000100000001008000000003a98a0bd0000000d4944415478da63601805c80000011000017f
cd03b50000000049454e44ae426082'::bytea AS image) AS s;
SELECT lesion_train('dark', 'dim', epochs => 1, architecture => 'unet', config => '{"base": 2, "depth": 1}',
	image_size => 16);
CREATE TEMP TABLE told AS SELECT * FROM lesion_calibrate('dim', 'dark', 'all', promote => 'never');
SELECT is((SELECT ARRAY[t.review_below, v.review_below] FROM told AS t JOIN lesion_version AS v
	ON v.model = 'dim' AND v.number = t.new_version), ARRAY[0.0001, 0.0001]::float8[],
	'the review threshold that is told is the one that is stored');

SELECT * FROM finish();
ROLLBACK;
