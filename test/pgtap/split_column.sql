-- What decides a row's part: kept with the version, used by whatever scores it, and counted where
-- images were seen all the same.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(65);

-- Forty patients with three photographs each; half of the photographs' ids are not in the part of their patient.
CREATE TABLE pat AS
SELECT (3 * p + k)::int AS id, 'patient-' || p AS patient, lesion_degrade(s.image, 'noise', 1, k) AS image, s.mask
FROM generate_series(1, 40) AS p, generate_series(1, 3) AS k, lesion_synthetic(p, 32, 32) AS s;
ALTER TABLE pat ADD PRIMARY KEY (id);
CREATE FUNCTION net(name text, args text, images text DEFAULT 'pat') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format($f$SELECT lesion_train(%L, %L, 1, architecture => 'unet', config => '{"base": 2, "depth": 1}',
		image_size => 16, %s)$f$, images, name, args);
END $$;
CREATE FUNCTION rows_in(part text, VARIADIC columns text[]) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM pat WHERE lesion_split(to_jsonb(pat) ->> columns[1], 0, 0.2, 0.1) = part
$$;

-- By patient, as id or as group.
SELECT net('by_id', $$id_column => 'patient'$$);
SELECT net('by_group', $$group_column => 'patient'$$);
SELECT is(split_columns, '{patient}', 'id_column decides the parts: ' || model) FROM lesion_version
WHERE model = 'by_id';
SELECT is(split_columns, '{patient}', 'group_column does') FROM lesion_version WHERE model = 'by_group';
SELECT is(image_digests, (SELECT image_digests FROM lesion_version WHERE model = 'by_id'),
	'both train on the same images') FROM lesion_version WHERE model = 'by_group';
SELECT is(image_digests, (SELECT decode(string_agg(digest, '' ORDER BY digest), 'hex')
	FROM pat, left(encode(sha256(image), 'hex'), 16) AS digest
	WHERE lesion_split(patient, 0, 0.2, 0.1) = 'train'), '... whose digests are kept') FROM lesion_version
	WHERE model = 'by_group';
SELECT is(count(DISTINCT (training_images, validation_images, test_images)), 1::bigint, '... and have equal parts')
FROM lesion_run WHERE model LIKE 'by%';
SELECT is(training_images + validation_images + test_images, 120, 'all of them') FROM lesion_run
WHERE model = 'by_group';
SELECT is(count(DISTINCT id), (SELECT test_images FROM lesion_run WHERE model = 'by_group')::bigint,
	'scores of a group''s images keep their ids')
FROM lesion_image_score JOIN lesion_evaluation USING (evaluation) WHERE model = 'by_group';

-- Whatever scores it uses the same column, without being told.
CREATE TEMP TABLE e AS SELECT * FROM lesion_evaluate('pat', 'by_id');
SELECT is(n, rows_in('test', 'patient'), 'evaluation by itself takes the test part of the training') FROM e;
SELECT is(split_columns, '{patient}', '... and keeps what the rows were split by') FROM e;
SELECT is(seen, 0::bigint, '... none of which was trained on') FROM e;
SELECT is(dice, (SELECT dice FROM lesion_evaluate('pat', 'by_id', id_column => 'patient')),
	'... the same as with the column') FROM e;
SELECT is(n, rows_in('test', 'patient'), 'another id does not change the parts')
FROM lesion_evaluate('pat', 'by_id', id_column => 'id');
SELECT is(n, rows_in('test', 'patient'), 'lesion_compare') FROM lesion_compare('pat', 'by_id', 1, draws => 10);
SELECT is(n, rows_in('test', 'patient'), 'lesion_robustness')
FROM lesion_robustness('pat', 'by_id', kinds => '{noise}', severities => '{1}', modes => '{off}') WHERE kind = 'clean';
SELECT is(count(*), 2::bigint, '... keeps it') FROM lesion_robustness_score WHERE split_columns = '{patient}';
SELECT lesion_model_create('both', 'ensemble', '{"members": ["by_id", "by_group"]}');
SELECT is(split_columns, '{patient}', 'an ensemble has its members'' split') FROM lesion_version WHERE model = 'both';
SELECT is(n, rows_in('validation', 'patient'), 'lesion_ensemble_fit takes the validation rows of the members')
FROM lesion_ensemble_fit('both', 'pat');
SELECT is(seen, 0::bigint, 'an ensemble knows what its members saw') FROM lesion_evaluate('pat', 'both');
SELECT lesion_train('pat', 'by_id', 1, image_size => 16, seed => 2);
SELECT is(split_columns, '{patient}', 'the next training keeps the split') FROM lesion_version
WHERE model = 'by_id' AND number = 2;

-- Another column: how many of the rows were seen.
CREATE TEMP TABLE other AS SELECT * FROM lesion_evaluate('pat', 'by_id', group_column => 'id', version => 1);
SELECT is(n, rows_in('test', 'id'), 'another column, given explicitly, is taken') FROM other;
SELECT is(seen, (SELECT count(*) FROM pat
	WHERE lesion_split(id::text) = 'test' AND lesion_split(patient, 0, 0.2, 0.1) = 'train'),
	'... and rows that were trained on are counted') FROM other;
SELECT ok(seen > n / 2, '... which are most') FROM other;
SELECT is(seen, (SELECT seen FROM other), 'the leaderboard says so') FROM lesion_leaderboard
WHERE model = 'by_id' AND split_columns = '{id}';
SELECT is((SELECT seen FROM lesion_evaluate('pat', 'both', group_column => 'id')), (SELECT seen FROM other),
	'of an ensemble, too');
SELECT is(seen, (SELECT count(*) FROM pat WHERE lesion_split(patient, 0, 0.2, 0.1) = 'train'), 'all rows')
FROM lesion_evaluate('pat', 'by_id', 'all', version => 1);
CREATE VIEW without AS SELECT id, image, mask FROM pat;
SELECT throws_ok($$SELECT lesion_evaluate('without', 'by_id')$$, '42703', '"without" has no column "patient"',
	'a table without the column cannot be split');
SELECT lives_ok($$SELECT lesion_evaluate('without', 'by_id', 'all')$$, '... but all of it be scored');
SELECT lives_ok($$SELECT lesion_evaluate('without', 'by_id', group_column => 'id')$$,
	'... or be split by another column');

-- A key: the view has none, and is split by the same column all the same.
SELECT net('by_key', $$seed => 0$$);
SELECT is(split_columns, '{id}', 'without a column the primary key decides') FROM lesion_version WHERE model = 'by_key';
SELECT row_eq($$SELECT n, seen FROM lesion_evaluate('without', 'by_key')$$, ROW(rows_in('test', 'id'), 0::bigint),
	'a view of the table has the same test part');
CREATE TABLE two_keys AS SELECT id % 2 AS "Site", id / 2 AS "no", image, mask FROM pat;
ALTER TABLE two_keys ADD PRIMARY KEY ("Site", "no");
SELECT net('by_keys', $$seed => 0$$, 'two_keys');
SELECT is(split_columns, '{Site,no}', 'a key of two columns') FROM lesion_version WHERE model = 'by_keys';
SELECT is(n, count(*) FILTER (WHERE lesion_split(ROW("Site", "no")::text) = 'test'), '... decides together')
FROM two_keys, lesion_evaluate('two_keys', 'by_keys') GROUP BY n;
SELECT net('by_image', $$seed => 0$$, 'without');
SELECT is(split_columns, '{}', 'without a key the image itself') FROM lesion_version WHERE model = 'by_image';
SELECT row_eq($$SELECT n, seen FROM lesion_evaluate('pat', 'by_image')$$,
	(SELECT ROW(count(*), 0::bigint) FROM pat WHERE lesion_split(encode(sha256(image), 'hex')) = 'test'),
	'... also where there is a key');

-- The validation part.
SELECT is(n, rows_in('validation', 'id'), 'the validation part') FROM lesion_evaluate('pat', 'by_key', 'validation');
SELECT is(n, (SELECT count(*) FROM pat WHERE lesion_split(id::text, 0, 0.2, 0.5) = 'validation'),
	'... of another fraction') FROM lesion_evaluate('pat', 'by_key', 'validation', validation_fraction => 0.5);
SELECT is(n, rows_in('validation', 'id'), '... in lesion_robustness')
FROM lesion_robustness('pat', 'by_key', 'validation', kinds => '{noise}', severities => '{1}', modes => '{off}')
WHERE kind = 'clean';
SELECT net('half', $$options => '{"validation_fraction": 0.5}'$$);
SELECT row_eq($$SELECT n, seen FROM lesion_evaluate('pat', 'half', 'validation')$$,
	(SELECT ROW(count(*), 0::bigint) FROM pat WHERE lesion_split(id::text, 0, 0.2, 0.5) = 'validation'),
	'the version knows its fraction');

-- Copies under other ids are seen, whatever their ids and table.
CREATE TABLE copies AS SELECT 'copy-' || id AS id, image, mask FROM pat;
SELECT is(seen, (SELECT count(*) FROM pat
	WHERE lesion_split(id::text, 0, 0.2, 0.1) = 'train' AND lesion_split('copy-' || id) = 'test'),
	'copies in another table')
FROM lesion_evaluate('copies', 'by_key');

-- Weight files carry the split, and no images.
SELECT is(lesion_model_import('moved', lesion_model_export('by_keys')), 1, 'a version that moves to another database');
SELECT row_eq($$SELECT split_columns, split_seed, test_fraction, validation_fraction, image_digests FROM lesion_version
	WHERE model = 'moved'$$, ROW('{Site,no}'::text[], 0::bigint, 0.2::float8, 0.1::float8, NULL::bytea),
		'... takes its split along');
ALTER TABLE two_keys RENAME COLUMN "no" TO "größe ""🙂";
SELECT net('named', $$split_seed => -9007199254740993, test_fraction => 0.3, group_column => 'größe "🙂'$$, 'two_keys');
SELECT lesion_model_import('named2', lesion_model_export('named', dtype => 'bf16'));
SELECT row_eq($$SELECT split_columns, split_seed, test_fraction FROM lesion_version WHERE model = 'named2'$$,
	ROW(ARRAY['größe "🙂'], -9007199254740993, 0.3::float8), '... whatever the column''s name, also rounded');
SELECT throws_ok($$SELECT lesion_evaluate('pat', 'moved')$$, '42703', '"pat" has no column "Site"',
	'another hospital''s column cannot split this table');
SELECT throws_ok($$SELECT lesion_model_import('forged',
	overlay(w PLACING 'COLUMNS'::bytea FROM position('columns'::bytea IN w)))
	FROM lesion_model_export('by_keys') AS w$$, '22P03', 'weights: metadata "split" is not what this extension writes',
		'a file with another "split" is refused');
SELECT throws_ok(format($$SELECT lesion_model_import('forged',
	overlay(w PLACING %L::bytea FROM position('-9007199254740993'::bytea IN w)))
	FROM lesion_model_export('named') AS w$$, rpad(seed, 17)), '22P03',
	'weights: metadata "split" is not what this extension writes', '... or with a seed of ' || seed)
FROM unnest('{1e300,1e19,-0.5}'::text[]) AS seed;
SELECT row_eq($$SELECT split_columns, seen FROM lesion_evaluate('pat', 'unet')$$, ROW('{id}'::text[], NULL::bigint),
	'of bundled weights nothing is known: by the key');

-- A text that the session's search_path decides is no name: a row's part would be chosen by who evaluates.
CREATE DOMAIN place AS regclass[];
CREATE TABLE placed AS
SELECT id, image, mask, 'pat'::regclass AS class, ARRAY['pat'::regclass]::place AS places FROM pat LIMIT 4;
SELECT throws_ok(format('SELECT lesion_evaluate(%L, %L, %L, %s)', 'placed', 'by_id', part, argument), '0A000',
	format('rows cannot be told apart by column "%s" of "placed": it has type %s', field, of_type),
	format('%s is no name of a row: %s', of_type, argument))
FROM (VALUES ('all', 'id_column => ''class''', 'class', 'regclass'),
	('test', 'id_column => ''id'', group_column => ''places''', 'places', 'place'))
	AS c (part, argument, field, of_type);
CREATE TYPE thing AS (n int, class regclass);
CREATE DOMAIN named AS regclass;
ALTER TABLE placed ADD thing thing, ADD names named[], ADD plain int4range[];
SELECT throws_like(format('SELECT lesion_evaluate(%L, %L, group_column => %L, id_column => %L)', 'placed', 'by_id',
	field, 'id'), 'rows cannot be told apart by column %', 'nor is what has it within: ' || field)
FROM unnest('{thing,names}'::text[]) AS field;
SELECT throws_like($$SELECT lesion_evaluate('placed', 'by_id', group_column => 'plain', id_column => 'id')$$,
	'no row of %', '... but one without is');
-- Types that name each other in 2^30 ways are looked into once each.
DO $$BEGIN
	CREATE TYPE nested0 AS (n int);
	FOR k IN 1..30 LOOP
		EXECUTE format('CREATE TYPE nested%s AS (a nested%s)', k, k - 1);
	END LOOP;
	CREATE VIEW nesting AS SELECT NULL::nested30 AS id, image, mask FROM pat;
	FOR k IN REVERSE 30..1 LOOP
		EXECUTE format('ALTER TYPE nested%s ADD ATTRIBUTE b nested%s', k, k - 1);
	END LOOP;
END$$;
SET LOCAL statement_timeout = '20s';
SELECT throws_like($$SELECT lesion_evaluate('nesting', 'by_id', 'all', id_column => 'id')$$, 'no row of %',
	'a type of many types');
RESET statement_timeout;
ALTER TABLE placed ADD PRIMARY KEY (id, class);
CREATE TABLE placed_masks (LIKE lesion_prediction);
SELECT throws_ok($$CALL lesion_predict('placed', 'by_id', 'placed_masks')$$, '0A000', NULL, '... nor a part of a key');

-- Where a member's images are not known, none that is found is no 0, and those that are found are said.
SELECT lesion_model_create('partly', 'ensemble', '{"members": ["by_id", "moved_by_id"]}')
FROM lesion_model_import('moved_by_id', lesion_model_export('by_id', dtype => 'bf16'));
SELECT is(seen, NULL, 'of an ensemble with a member whose images are not known, 0 is not known')
FROM lesion_evaluate('pat', 'partly');
SELECT is((SELECT seen FROM lesion_evaluate('pat', 'partly', group_column => 'id')), (SELECT seen FROM other),
	'... and those that are known are counted');
SELECT row_eq($$SELECT images_unknown FROM lesion_version WHERE model = 'by_id' AND number = 1$$, ROW(false),
	'of a training from nothing all images are known');
SELECT lesion_train('pat', 'from_moved', 1, image_size => 16, init => 'moved_by_id', group_column => 'patient');
SELECT row_eq($$SELECT images_unknown, image_digests IS NOT NULL FROM lesion_version WHERE model = 'from_moved'$$,
	ROW(true, true), '... of one from an imported version its own');
SELECT is(seen, NULL, '... so that 0 is not known') FROM lesion_evaluate('pat', 'from_moved');

-- What a training starts from, or is compared with, has seen other rows.
SELECT lesion_train('pat', 'tuned', 1, image_size => 16, init => 'by_id', group_column => 'id', promote => 'always');
SELECT is(seen, (SELECT count(*) FROM pat
	WHERE lesion_split(id::text) = 'test' AND lesion_split(patient, 0, 0.2, 0.1) = 'train'),
	'a version has seen what the one it started from had') FROM lesion_evaluate('pat', 'tuned');
SELECT lesion_train('pat', 'all_seen', 1, architecture => 'unet', config => '{"base": 4, "depth": 2}', image_size => 32,
	learning_rate => 1e-9, test_fraction => 0, options => '{"validation_fraction": 0}');
SELECT lesion_train('pat', 'all_seen', 8, image_size => 32, learning_rate => 5e-3, batch_size => 4, augment => 'false');
SELECT row_eq($$SELECT count(*), max(seen) = max(n),
	max(dice) FILTER (WHERE version = 2) > max(dice) FILTER (WHERE version = 1) FROM lesion_evaluation
	WHERE model = 'all_seen'$$, ROW(2::bigint, true, true), 'a version that has seen every test row, and is worse');
SELECT is(version, 1, '... is no measure to promote by') FROM lesion_models WHERE model = 'all_seen';

-- Rows without a group are left out; a group that is no column is an error.
UPDATE pat SET patient = NULL WHERE id = 10;
SELECT net('gaps', $$group_column => 'patient'$$);
SELECT is(skipped, 1, 'a row without a group is left out') FROM lesion_run WHERE model = 'gaps';
SELECT throws_ok($$SELECT lesion_train('pat', 'gaps', 1, group_column => 'nobody')$$, '42703',
	'"pat" has no column "nobody"', 'a column that does not exist');

SELECT * FROM finish();
ROLLBACK;
