-- lesion_segment and lesion_segment_detail, and the cache of models below.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(69);

CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask
FROM generate_series(1, 24) AS seed, lesion_synthetic(seed, 48, 40) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);

SELECT lesion_model_create('untrained', 'unet');
SELECT throws_ok($$SELECT lesion_segment(image, 'untrained') FROM archive$$, '55000',
	'model "untrained" has no version yet', 'a model that has not been trained');

SELECT lesion_train('archive', 'net', epochs => 10, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 32, batch_size => 4, learning_rate => 5e-3, augment => 'false', test_fraction => 0);

-- The mask.
SELECT row_eq($$SELECT i.format, i.width, i.height, i.channels, i.bits
	FROM archive, lesion_image_info(lesion_segment(image, 'net')) i WHERE id = 1$$,
	ROW('png'::text, 48, 40, 1, 8), 'a mask is an 8-bit grey PNG of the image''s size');
SELECT ok(dice > 0.6, 'what it has learnt shows: Dice above 0.6 on its training images')
FROM (SELECT (lesion_score(lesion_segment(image, 'net'), mask)).dice FROM archive) s;
SELECT is(lesion_segment(NULL, 'net'), NULL, 'NULL gives NULL');
SELECT is((lesion_segment_detail(NULL, 'net')).mask, NULL, 'NULL gives NULL in detail');
SELECT is(count(*), 0::bigint, 'the quality is that of lesion_quality') FROM archive
WHERE (lesion_segment_detail(image, 'net')).quality <> (lesion_quality(image)).score;
SELECT is(count(*), 0::bigint, '... of grey images too') FROM archive
WHERE (lesion_segment_detail(mask, 'net')).quality <> (lesion_quality(mask)).score;
SELECT is(count(*), 0::bigint, '... that are in memory as a whole') FROM archive
WHERE (lesion_segment_detail(mask, 'net', tta => true)).quality <> (lesion_quality(mask)).score;
SET LOCAL lesionseg.default_model = 'net';
SELECT is(lesion_segment(image), lesion_segment(image, 'net'), 'without a model the default one is used') FROM archive
WHERE id = 1;
SELECT is(lesion_segment(image, 'net'), lesion_segment(image, 'net', 0.5), 'the threshold is that of the version')
FROM archive WHERE id = 1;

-- The detail.
CREATE TEMP TABLE detail AS
SELECT id, mask AS truth, lesion_segment(image) AS plain, d.*
FROM (SELECT *, lesion_segment_detail(image) AS d FROM archive) a,
	LATERAL (SELECT (d).*) AS d(mask_, probability, confidence, uncertain, area, box, components, model, version,
	sha256);
SELECT is((SELECT count(*) FROM detail WHERE plain <> mask_), 0::bigint, 'the masks are those of lesion_segment');
SELECT is((SELECT count(*) FROM detail WHERE (lesion_image_info(probability)).width <> 48
	OR (lesion_image_info(probability)).height <> 40), 0::bigint,
	'the probabilities have the image''s size');
SELECT ok((SELECT bool_and(confidence BETWEEN 0 AND 1 AND uncertain BETWEEN 0 AND 1) FROM detail),
	'confidence and uncertain are shares');
SELECT ok((SELECT bool_and(abs(area - (m.true_positive + m.false_positive) / 1920.0) < 1e-12)
	FROM detail, lesion_metrics(mask_, truth) m), 'area is the share of lesion pixels');
SELECT ok((SELECT bool_and(box[1] >= 0 AND box[2] >= 0 AND box[1] + box[3] <= 48 AND box[2] + box[4] <= 40
	AND box[3] * box[4] >= area * 1920 - 1e-9) FROM detail WHERE area > 0),
	'the box is inside the image and holds the lesion');
SELECT ok((SELECT bool_and(components >= 1) FROM detail WHERE area > 0), 'a lesion has parts');
SELECT row_eq($$SELECT DISTINCT model, version, sha256 FROM detail$$,
	(SELECT ROW('net'::text, 1, sha256) FROM lesion_models WHERE model = 'net'), 'it says which weights made it');
-- At a threshold above every probability there is no lesion.
SELECT row_eq($$SELECT (d).area, (d).box, (d).components
	FROM (SELECT lesion_segment_detail(image, threshold => 0.999999) AS d FROM archive WHERE id = 1) s$$,
	ROW(0::float8, NULL::int[], 0), 'no lesion: no area, no box, no parts');
-- The mask is the probabilities above the threshold.
SELECT ok((SELECT (d).area >= (e).area FROM (SELECT lesion_segment_detail(image, threshold => 0.2) AS d,
	lesion_segment_detail(image, threshold => 0.8) AS e FROM archive WHERE id = 2) s),
	'a higher threshold gives a smaller lesion');

-- Test-time augmentation.
CREATE TEMP TABLE averaged AS
SELECT id, lesion_segment(image, tta => true) AS plain, (lesion_segment_detail(image, tta => true)).* FROM archive;
SELECT is((SELECT count(*) FROM averaged WHERE plain <> mask), 0::bigint,
	'lesion_segment and the detail average alike');
SELECT ok((SELECT count(*) FROM averaged JOIN detail USING (id) WHERE averaged.probability <> detail.probability) > 20,
	'the mean of eight views differs from one');
SELECT ok((SELECT bool_and(disagreement BETWEEN 0 AND 1) AND max(disagreement) > 0 FROM averaged),
	'views disagree by a share');
SELECT is((lesion_segment_detail(image)).disagreement, NULL, 'one view disagrees with nobody') FROM archive
WHERE id = 1;
SELECT is(lesion_segment(image, tta => NULL), lesion_segment(image), 'tta NULL is its default') FROM archive
WHERE id = 1;
SELECT is((lesion_evaluate('archive', 'net', 'all', tta => true)).options, '{"tta": true}',
	'an evaluation says how it segmented');
SELECT is((lesion_evaluate('archive', 'net', 'all')).options, '{}', '... by default, nothing');
SELECT ok((SELECT abs(dice - s.score) < 1e-12 FROM lesion_leaderboard,
	(SELECT (lesion_score(plain, archive.mask)).dice AS score FROM averaged JOIN archive USING (id)) s
	WHERE options ? 'tta'), 'its score is that of the masks');
SELECT is((SELECT count(*) FROM lesion_leaderboard WHERE model = 'net' AND subset = 'all'), 2::bigint,
	'the leaderboard tells them apart');

-- What is done to masks.
SELECT ok((SELECT (d).components > 1 FROM (SELECT lesion_segment_detail(image, threshold => least(0.99, (
		SELECT threshold FROM lesion_models WHERE model = 'net') + 0.2)) AS d FROM archive) s ORDER BY 1 DESC LIMIT 1),
		'some mask has parts');
SELECT is((SELECT max((d).components) FROM (SELECT lesion_segment_detail(image, threshold => least(0.99, (
		SELECT threshold FROM lesion_models WHERE model = 'net') + 0.2), options => '{"largest_component": true}') AS d
		FROM archive) s), 1, 'the largest is one part');
SELECT is((SELECT count(*) FROM archive,
	lesion_metrics(lesion_segment(image, options => '{"fill_holes": true}'), lesion_segment(image)) m
	WHERE false_negative > 0), 0::bigint, 'filled masks lose nothing');
SELECT is(lesion_segment(image, options => NULL), lesion_segment(image, options => '{"fill_holes": false}'),
	'options off') FROM archive WHERE id = 1;
SELECT is((lesion_evaluate('archive', 'net', 'all',
	options => '{"fill_holes": true, "largest_component": true}')).options,
	'{"fill_holes": true, "largest_component": true}', 'an evaluation tells its options');
SELECT throws_ok($$SELECT lesion_segment(image, options => '{"holes": true}') FROM archive$$, '22023',
	'no key "holes" in options', 'an option that does not exist');
SELECT throws_ok($$SELECT lesion_segment(image, options => '{"fill_holes": 2}') FROM archive$$, '22023', NULL,
	'an option that is neither true nor false');

-- Every accepted kind of image.
SELECT lives_ok($$SELECT lesion_segment(lesion_panel(image, mask, mask)) FROM archive WHERE id = 1$$,
	'an image of another shape');

-- Errors.
SELECT throws_ok($$SELECT lesion_segment('')$$, '22P03', NULL, 'empty bytes');
SELECT throws_ok($$SELECT lesion_segment('no image')$$, '22P03', NULL, 'bytes that are no image');
SELECT throws_ok($$SELECT lesion_segment(substr(image, 1, length(image) / 2)) FROM archive WHERE id = 1$$, '22P03',
	NULL, 'a truncated image');
SELECT lives_ok($$SELECT lesion_segment(image) FROM archive WHERE id = 1$$, 'the model works after an error');
SELECT throws_ok($$SELECT lesion_segment(image, 'nobody') FROM archive$$, '42704', 'model "nobody" does not exist',
	'a model that does not exist');
SELECT throws_ok($$SELECT lesion_segment(image, threshold => 0) FROM archive$$, '22023', NULL, 'threshold 0');
SELECT throws_ok($$SELECT lesion_segment(image, threshold => 1) FROM archive$$, '22023', NULL, 'threshold 1');
SELECT throws_ok($$SELECT lesion_segment(image, threshold => 'NaN') FROM archive$$, '22023', NULL, 'threshold NaN');
SELECT throws_ok($$SELECT lesion_segment(image, enhance => 'a lot') FROM archive$$, '22023', 'enhance is "a lot"',
	'a mode of enhancement that does not exist');
SET LOCAL lesionseg.max_pixels = 1000;
SELECT throws_ok($$SELECT lesion_segment(image) FROM archive WHERE id = 1$$, '54000', NULL,
	'an image above max_pixels');
RESET lesionseg.max_pixels;

-- The cache: a model is loaded once and found from then on.
SET LOCAL lesionseg.backend = 'auto';
SET LOCAL lesionseg.default_model = 'net';
SELECT lesion_segment(image) FROM archive WHERE id = 1;
CREATE TEMP TABLE before AS SELECT * FROM lesion_cache_stats();
SELECT count(lesion_segment(image)) FROM archive;
SELECT is(now.loads, before.loads, 'a loaded model is not loaded again') FROM lesion_cache_stats() now, before;
SELECT is(now.hits, before.hits + 24, 'each image found it ready') FROM lesion_cache_stats() now, before;
SELECT ok(entries >= 1 AND bytes > 0, 'the cache tells what it holds') FROM lesion_cache_stats();

-- Another setting of the engine is another plan.
SET LOCAL lesionseg.precision = 'f32';
CREATE TEMP TABLE exact AS SELECT id, lesion_segment(image) AS mask FROM archive;
SET LOCAL lesionseg.backend = 'openblas';
CREATE TEMP TABLE openblas AS SELECT id, lesion_segment(image) AS mask FROM archive;
SELECT is(now.loads, before.loads + 2, 'another precision, another backend: planned anew')
FROM lesion_cache_stats() now, before;
SELECT ok((SELECT min(lesion_dice(o.mask, e.mask)) > 0.98 FROM openblas o JOIN exact e USING (id)),
	'backends give the same masks, but for single pixels');
RESET lesionseg.backend;
RESET lesionseg.precision;

-- With no room to cache, one model stays.
SET LOCAL lesionseg.model_cache = 0;
SELECT lesion_train('archive', 'other', epochs => 1, architecture => 'unet', config => '{"base": 4, "depth": 1}',
	image_size => 16, test_fraction => 0);
SELECT lesion_segment(image, 'other') FROM archive WHERE id = 1;
SELECT is(entries, 1, 'the model in use is kept, no other') FROM lesion_cache_stats();
UPDATE before SET loads = (SELECT loads FROM lesion_cache_stats());
SELECT lesion_segment(image, 'net'), lesion_segment(image, 'other') FROM archive WHERE id <= 3;
SELECT ok(now.loads >= before.loads + 5, 'two models that do not fit are loaded in turn')
FROM lesion_cache_stats() now, before;
RESET lesionseg.model_cache;

-- A promotion counts from the next statement on.
SELECT lesion_train('archive', 'net', epochs => 1, image_size => 32, promote => 'never');
SELECT is((lesion_segment_detail(image, 'net')).version, 1, 'an unpromoted version is not used') FROM archive
WHERE id = 1;
SELECT lesion_model_promote('net', 2);
SELECT is((lesion_segment_detail(image, 'net')).version, 2, 'a promoted one is') FROM archive WHERE id = 1;
-- ... also where the call is cached beyond a statement, as in a loop of plpgsql.
CREATE FUNCTION versions() RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
	found int[] = '{}';
	picture bytea = (SELECT image FROM archive WHERE id = 1);
BEGIN
	FOR number IN 1..2 LOOP
		PERFORM lesion_model_promote('net', number);
		found = found || (lesion_segment_detail(picture, 'net')).version;
	END LOOP;
	RETURN found;
END $$;
SELECT is(versions(), '{1,2}', 'a loop sees each promotion');
SELECT is((SELECT array_agg(DISTINCT (lesion_segment_detail(image, m)).version
	ORDER BY (lesion_segment_detail(image, m)).version)
	FROM archive, (VALUES ('net'), ('other')) AS models(m)), '{1,2}', 'the model may differ from row to row');

-- Dropped and made again under its name, a model is not mistaken for the old one.
SELECT is(lesion_segment(image, 'net'), lesion_segment(image, 'net'), 'the mask of the old one') FROM archive
WHERE id = 1;
CREATE TEMP TABLE old AS SELECT lesion_segment(image, 'net') AS mask FROM archive WHERE id = 1;
SELECT lesion_model_drop('net');
SELECT throws_ok($$SELECT lesion_segment(image, 'net') FROM archive$$, '42704', NULL, 'a dropped model is gone');
SELECT lesion_train('archive', 'net', epochs => 1, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 32, seed => 77, learning_rate => 1e-9);
SELECT isnt((SELECT lesion_segment(image, 'net') FROM archive WHERE id = 1), (SELECT mask FROM old),
	'the new one gives its own masks');

-- In parallel, with the same result.
SET LOCAL lesionseg.threads = 1;
CREATE TEMP TABLE serial AS SELECT id, md5(lesion_segment(image, 'net')) AS digest FROM archive;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
ALTER TABLE archive SET (parallel_workers = 2);
CREATE FUNCTION plan_of(query text) RETURNS SETOF text
	LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN ' || query; END $$;
SELECT ok((SELECT bool_or(line ~ 'Gather')
	FROM plan_of($$SELECT id, md5(lesion_segment(image, 'net')) FROM archive$$) line),
	'segmenting may run in parallel');
SELECT results_eq($$SELECT id, md5(lesion_segment(image, 'net')) FROM archive ORDER BY id$$,
	$$SELECT id, digest FROM serial ORDER BY id$$, '... with the same masks');
SELECT is((SELECT string_agg(format('%s %s', proname, proparallel), ', ' ORDER BY proname) FROM pg_proc
	WHERE proname IN ('lesion_segment', 'lesion_segment_detail', 'lesion_train')),
	'lesion_segment s, lesion_segment_detail s, lesion_train u', 'parallel labels');
SELECT is((SELECT provolatile FROM pg_proc WHERE proname = 'lesion_segment'), 's',
	'it depends on tables, so it is stable');

-- A large image is not held in memory: its pixels are 17.3 MB.
CREATE TEMP TABLE vast AS SELECT image, mask FROM lesion_synthetic(5, 2400, 2400);
CREATE TEMP TABLE roomy AS SELECT lesion_segment(image, 'net') AS mask, lesion_segment_detail(image, 'net') AS detail,
	lesion_overlay(image, mask, mask) AS overlay, lesion_panel(image, mask, mask) AS panel FROM vast;
SET LOCAL lesionseg.max_memory = '16MB';
SELECT is(lesion_segment(image, 'net'), roomy.mask, 'an image above max_memory is segmented') FROM vast, roomy;
SELECT is(lesion_segment_detail(image, 'net'), detail, '... in detail, too') FROM vast, roomy;
SELECT is(lesion_overlay(image, vast.mask, vast.mask), overlay, '... drawn over') FROM vast, roomy;
SELECT is(lesion_panel(image, vast.mask, vast.mask), panel, '... and beside masks') FROM vast, roomy;
RESET lesionseg.max_memory;

-- Weights that have changed on disk are refused.
ALTER TABLE lesion_version DISABLE TRIGGER lesion_version_immutable;
ALTER TABLE lesion_version DROP CONSTRAINT lesion_version_check;
UPDATE lesion_version SET weights = set_byte(weights, length(weights) - 1, get_byte(weights, length(weights) - 1) # 1),
	threshold = 0.25 WHERE model = 'other';
SET LOCAL lesionseg.threads = 3;
SELECT throws_ok($$SELECT lesion_segment(image, 'other') FROM archive$$, 'XX001', NULL,
	'weights without their SHA-256 are refused');

SELECT * FROM finish();
ROLLBACK;
