-- lesion_robustness, what it keeps, and its picture.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(52);

CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask
FROM generate_series(1, 20) AS seed, lesion_synthetic(seed, 64, 48) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
SELECT lesion_train('archive', 'net', epochs => 6, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 64, batch_size => 4, learning_rate => 5e-3, augment => 'false', test_fraction => 0.3);

CREATE TEMP TABLE result AS
SELECT * FROM lesion_robustness('archive', 'net', kinds => '{darkness,noise}', severities => '{5,1}',
	modes => '{auto}');
SELECT is((SELECT count(*) FROM result), 10::bigint, 'clean and two kinds of two severities, as they are and enhanced');
SELECT is((SELECT array_agg(DISTINCT n) FROM result),
	ARRAY[(SELECT count(*) FROM archive WHERE lesion_split(id::text, 0, 0.3) = 'test')], 'over the test part');
SELECT is((SELECT "drop" FROM result WHERE kind = 'clean' AND enhance = 'off'), 0::float8, 'clean images lose nothing');
SELECT is((SELECT max(abs(c.dice - r.dice - r."drop")) < 1e-12 FROM result r, result c
	WHERE c.kind = 'clean' AND c.enhance = 'off'), true, 'the drop is what is lost against them');
SELECT ok(abs((SELECT dice FROM result WHERE kind = 'clean' AND enhance = 'off')
	- (lesion_evaluate('archive', 'net')).dice) < 1e-12, 'the figure of lesion_evaluate');
SELECT ok(abs((SELECT dice FROM result WHERE kind = 'clean' AND enhance = 'auto')
	- (lesion_evaluate('archive', 'net', enhance => 'auto')).dice) < 1e-12, 'enhanced too');
SELECT ok((SELECT "drop" FROM result WHERE kind = 'darkness' AND severity = 5 AND enhance = 'off') >
	(SELECT "drop" FROM result WHERE kind = 'darkness' AND severity = 5 AND enhance = 'auto') - 1e-9,
	'enhancement does not cost on dark images');
SELECT is(count(*), 10::bigint, 'the same again: nothing is random but the seed')
FROM lesion_robustness('archive', 'net', kinds => '{darkness,noise}', severities => '{5,1}', modes => '{auto}') AS again
JOIN result USING (kind, severity, enhance, dice, "drop", n);

-- The same as degrading and enhancing each image, storing it, and evaluating that, where images
-- have the network's size.
CREATE TABLE square AS
SELECT seed AS id, s.image, s.mask
FROM generate_series(1, 5) AS seed, lesion_synthetic(seed, 64, 64) AS s;
ALTER TABLE square ADD PRIMARY KEY (id);
CREATE FUNCTION row_seed(id text, seed bigint) RETURNS bigint LANGUAGE sql AS
$$SELECT ('x' || string_agg(lpad(to_hex(get_byte(digest, 7 - i)), 2, '0'), '' ORDER BY i))::bit(64)::bigint # seed
FROM sha256(id::bytea) AS digest, generate_series(0, 7) AS i$$;
CREATE FUNCTION plain_way(kind text, severity int, enhance text) RETURNS float8 LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMP TABLE worse AS
	SELECT id, lesion_degrade(image, kind, severity, row_seed(id::text, 7)) AS image, mask FROM square;
	ALTER TABLE worse ADD PRIMARY KEY (id);
	kind := (lesion_evaluate('worse', 'net', subset => 'all', enhance => enhance)).dice::text;
	DROP TABLE worse;
	RETURN kind::float8;
END
$$;
SELECT set_eq($$SELECT kind, severity, enhance, dice
	FROM lesion_robustness('square', 'net', subset => 'all', severities => '{4}',
	modes => '{off,auto,always}', seed => 7) WHERE kind <> 'clean'$$,
	$$SELECT kind, severity, enhance, plain_way(kind, severity, enhance) FROM lesion_degradations(),
	unnest('{4}'::int[]) AS severity, unnest('{off,auto,always}'::text[]) AS enhance$$,
		'every figure is that of lesion_evaluate on stored images');
SET LOCAL lesionseg.threads = 1;
CREATE TEMP TABLE alone AS
SELECT * FROM lesion_robustness('square', 'net', subset => 'all', severities => '{5}', modes => '{auto}', seed => 7);
SET LOCAL lesionseg.threads = 3;
SELECT set_eq($$SELECT * FROM lesion_robustness('square', 'net', subset => 'all', severities => '{5}',
	modes => '{auto}', seed => 7)$$, 'TABLE alone', 'the number of threads makes no difference');
RESET lesionseg.threads;

-- All kinds, and a sample.
SELECT is(count(*), 1 + 13 * 5::bigint, 'all kinds and severities')
FROM lesion_robustness('archive', 'net', modes => '{off}', max_images => 1);
SELECT is((SELECT max(n) FROM lesion_robustness('archive', 'net', subset => 'all', kinds => '{blur}',
	severities => '{3}', max_images => 3)), 3::bigint, 'max_images');
SELECT isnt(array_agg(a.dice), array_agg(b.dice), 'which images those are depends on the seed')
FROM lesion_robustness('archive', 'net', subset => 'all', kinds => '{jpeg}', severities => '{1}', max_images => 3) AS a
JOIN lesion_robustness('archive', 'net', subset => 'all', kinds => '{jpeg}', severities => '{1}', max_images => 3,
	seed => 1) AS b
	USING (kind, severity, enhance);

-- What is kept.
SELECT is((SELECT array_agg(rows ORDER BY n)
	FROM (SELECT n, count(*) AS rows FROM lesion_robustness_table WHERE model = 'net' AND subset = 'test'
	GROUP BY n) t), '{66,10}', 'each row is in the view once, those of other images apart');
SELECT is((SELECT count(DISTINCT (t.dice + t."drop")::numeric(12, 9)) FROM lesion_robustness_table t
	WHERE model = 'net' AND subset = 'test' AND n = 1), 1::bigint,
	'what is lost there is lost against the same images');
SELECT isnt(max(evaluated_at), min(evaluated_at), 'the latest indeed') FROM (
	SELECT (SELECT t.evaluated_at FROM lesion_robustness_table t
		WHERE subset = 'test' AND n <> 1 AND kind = 'noise' AND severity = 1 AND enhance = 'off')
	UNION ALL SELECT min(s.evaluated_at) FROM lesion_robustness_score s
	WHERE subset = 'test' AND n <> 1 AND kind = 'noise') times;
SELECT row_eq($$SELECT format FROM lesion_image_info(lesion_robustness_picture('net'))$$, ROW('png'::text),
	'a picture');
SELECT is(lesion_robustness_picture('unet'), NULL, 'none where nothing was measured');
SELECT row_eq($$SELECT i.width, i.height
	FROM lesion_image_info(lesion_heat_map('{a,b}', '{x,y,z}', '{1,2,3,4,NULL,6}')) AS i$$,
	ROW(240, 112), 'a heat map has the size of its table and of its scale');
SELECT row_eq($$SELECT i.width, i.height
	FROM lesion_image_info(lesion_heat_map('{a}', '{x}', '{0}', title => 'a title of twenty-four')) AS i$$,
	ROW(198, 82), '... and of its title; where nothing is dark there is no scale');
SELECT isnt(lesion_heat_map('{a}', '{b}', '{1}'), lesion_heat_map('{a}', '{b}', '{1}', 100),
	'worst changes the shades');

-- One measurement speaks for a version: with its own settings, of the whole part, of the most images, the latest.
CREATE TEMP TABLE spoken AS SELECT c::text AS cells FROM lesion_robustness_cells('net', images => 'archive') AS c;
CREATE FUNCTION pg_temp.otherwise(arguments text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT FROM public.lesion_robustness(''archive'', ''net'', ' || arguments || ')';
	RETURN NEXT is((SELECT c::text FROM lesion_robustness_cells('net', images => 'archive') AS c),
		(SELECT cells FROM spoken), arguments || ' does not decide what is shown');
END$$;
SELECT pg_temp.otherwise(arguments || $$, kinds => '{blur}', severities => '{1}'$$)
FROM unnest('{"threshold => 0.9999", "tta => true", "seed => 3", "max_images => 2", "image_column => ''mask''",
	"subset => ''all''", "subset => ''all'', max_images => 1, image_column => ''mask''"}'::text[]) AS arguments;
-- A row of 0.2 by hand: clean images have one severity.
SET LOCAL session_replication_role = replica;
CREATE TEMP TABLE by_hand AS SELECT * FROM lesion_robustness_score WHERE kind = 'clean';
UPDATE by_hand SET severity = 3, score = score + 1000;
INSERT INTO lesion_robustness_score OVERRIDING SYSTEM VALUE TABLE by_hand;
SET LOCAL session_replication_role = origin;
SELECT is((SELECT c::text FROM lesion_robustness_cells('net', images => 'archive') AS c), (SELECT cells FROM spoken),
	'clean images of another severity are no cells');
-- A bundled network's split is not known: the id is its own, and another column does not choose the images.
ALTER TABLE archive ADD camera text;
UPDATE archive SET camera = id || 'x' WHERE lesion_split(id || 'x') = 'test' OR id % 2 = 0;
SELECT count(*) FROM lesion_robustness('archive', 'linknet', 'test', '{noise}', '{5}', '{off}');
SELECT count(*) FROM lesion_robustness('archive', 'linknet', 'train', '{noise}', '{5}', '{off}',
	group_column => 'camera');
SELECT count(*) FROM lesion_robustness('archive', 'linknet', 'test', '{noise}', '{5}', '{off}',
	group_column => 'camera');
SELECT is((SELECT measured_how FROM lesion_robustness_cells('linknet', images => 'archive')),
	format('test, %s images', (SELECT count(*) FROM archive WHERE lesion_split(id::text) = 'test')),
	'another column of groups is not shown for a bundled network');
SELECT is((SELECT array_agg(DISTINCT coalesce(differs, 'own')) FROM lesion_robustness_table
	WHERE model = 'linknet'), '{own,"split by camera"}', '... and is said');
SELECT row_eq($$SELECT row_names, measured_how FROM lesion_robustness_cells('net', images => 'archive')$$,
	ROW('{clean,noise,darkness}'::text[], format('test, %s images', (SELECT max(n) FROM result))),
	'how it was measured');
SELECT count(*) FROM lesion_robustness('archive', 'net', kinds => '{blur}', severities => '{1}');
SELECT row_eq($$SELECT row_names FROM lesion_robustness_cells('net', images => 'archive')$$,
	ROW('{clean,noise,blur,darkness}'::text[]), 'a later one of its own joins it');
SELECT row_eq($$SELECT measured_how FROM lesion_robustness_cells('net', images => 'square')$$,
	ROW('all, 5 images, seed 7'::text), 'where there is no other, one that differs is shown');
SELECT count(*) FROM lesion_robustness('square', 'net', 'all', '{blur}', '{1}', max_images => 2);
SELECT row_eq($$SELECT measured_how FROM lesion_robustness_cells('net', images => 'square')$$,
	ROW('all, a sample of 2 images'::text), '... and a sample');
SELECT count(*) FROM lesion_robustness('square', 'net', 'all', '{blur}', '{1}', max_images => 3);
SELECT count(*) FROM lesion_robustness('square', 'net', 'all', '{blur}', '{1}', max_images => 1);
SELECT row_eq($$SELECT measured_how FROM lesion_robustness_cells('net', images => 'square')$$,
	ROW('all, a sample of 3 images'::text), '... the larger one');
-- What is refused.
SELECT throws_ok($$SELECT lesion_robustness('archive', 'net', kinds => '{rain}')$$, '22023',
	'there is no degradation "rain"', 'a kind that does not exist');
SELECT throws_ok($$SELECT lesion_robustness('archive', 'net', severities => '{6}')$$, '22023', 'the severity is 6',
	'a severity');
SELECT throws_ok($$SELECT lesion_robustness('archive', 'net', modes => '{some}')$$, '22023', 'enhance is "some"',
	'a mode');
SELECT throws_ok($$SELECT lesion_robustness('archive', 'net', subset => 'half')$$, '22023', NULL, 'a subset');
SELECT throws_ok($$SELECT lesion_robustness('archive', 'net', max_images => 0)$$, '22023', NULL, 'no images');
SELECT throws_ok($$SELECT lesion_robustness('archive', 'nobody')$$, '42704', NULL, 'a model');
SELECT throws_ok($$SELECT lesion_heat_map('{a,b}', '{x}', '{1}')$$, '22023', '1 cells do not fill 2 rows of 1 columns',
	'cells that do not fill the table');

-- What is drawn is of the active version, on the table it was trained on; a measurement of others does not take its
-- place, however many images it has, and the title names both.
CREATE TABLE easy AS SELECT g AS id, s.image, lesion_segment(s.image, 'net') AS mask
FROM generate_series(1, 90) AS g, lesion_synthetic(7, 16, 16) AS s;
ALTER TABLE easy ADD PRIMARY KEY (id);
CREATE TEMP TABLE drawn AS SELECT measured_on, measured_version, cells FROM lesion_robustness_cells('net');
SELECT lesion_robustness('easy', 'net', kinds => '{darkness}', severities => '{5}');
SELECT lesion_model_import('net', lesion_model_export('net', dtype => 'bf16'), promote => false);
SELECT lesion_robustness('archive', 'net', kinds => '{darkness}', severities => '{5}', version => (
	SELECT max(number) FROM lesion_version WHERE model = 'net'));
SELECT results_eq($$SELECT measured_on, measured_version, cells FROM lesion_robustness_cells('net')$$, 'TABLE drawn',
	'another table and another version are not drawn for it');
SELECT is((SELECT measured_version FROM drawn), (SELECT version FROM lesion_models WHERE model = 'net'),
	'... the active one is');

-- A measurement on a table that others may not look up.
CREATE ROLE lesion_test_closed;
CREATE SCHEMA closed;
CREATE TABLE closed.priv AS SELECT * FROM archive;
SELECT count(*) FROM lesion_robustness('closed.priv', 'net', 'test', '{blur}', '{1}', id_column => 'id');
SET LOCAL ROLE lesion_test_closed;
SELECT row_eq($$SELECT measured_on FROM lesion_robustness_cells('net', images => 'archive')$$,
	ROW('public.archive'::text),
	'one of a closed schema is in nobody''s way');
SELECT row_eq($$SELECT measured_on, row_names FROM lesion_robustness_cells('net')$$,
	ROW('public.archive'::text, (SELECT row_names FROM lesion_robustness_cells('net', images => 'archive'))),
	'... nor does it take the place of that on the table of the training');
SELECT ok(page LIKE '%Dice points lost, net%, public.archive (test, % images)%'
	AND page !~ 'points lost, net[^<]*, closed.priv',
	'the report says what was measured') FROM lesion_report() AS page;
RESET ROLE;
SELECT ok(page LIKE '%Dice points lost, net%, public.archive%' AND page NOT LIKE '%, closed.priv%',
	'... and takes the table that its caller named')
FROM lesion_report(images => '{archive}') AS page;

-- Images above a limit of the session: how many are left out is said.
CREATE TABLE mixed_sizes AS SELECT seed AS id, s.* FROM generate_series(1, 12) AS seed,
	lesion_synthetic(seed, CASE WHEN seed = 4 THEN 200 ELSE 48 END, 48) AS s;
ALTER TABLE mixed_sizes ADD PRIMARY KEY (id);
SET LOCAL lesionseg.max_pixels = 9000;
SELECT is((SELECT max(n) FROM lesion_robustness('mixed_sizes', 'net', 'all', '{blur}', '{1}', '{off}')), 11::bigint,
	'an image above max_pixels is not scored');
RESET lesionseg.max_pixels;
SELECT is((SELECT string_agg(DISTINCT differs, ';') FROM lesion_robustness_table WHERE images LIKE '%.mixed_sizes'),
	'1 left out as too large', '... and told');

SELECT throws_ok($$SELECT lesion_robustness('pg_class', 'unet', kinds => array_fill('blur'::text, ARRAY[1000000]))$$,
	'54000', 'kinds has 1000000 elements, the limit is 1000', 'too many kinds, before they are looked at');

SELECT * FROM finish();
ROLLBACK;
