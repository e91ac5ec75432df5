-- lesion_evaluate: scores of a model on a table, kept.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(33);

CREATE TABLE archive AS
SELECT 'lesion-' || seed AS id, s.image, s.mask
FROM generate_series(1, 30) AS seed, lesion_synthetic(seed, 48, 40) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
SELECT lesion_train('archive', 'net', epochs => 6, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 32, batch_size => 4, learning_rate => 5e-3, augment => 'false', split_seed => 9,
	test_fraction => 0.3);

-- What anyone can compute from the masks.
CREATE FUNCTION scores_of(part text) RETURNS lesion_score_result LANGUAGE sql AS $$
	SELECT lesion_score(lesion_segment(image, 'net'), mask) FROM archive
	WHERE part = 'all' OR lesion_split(id, 9, 0.3) = part
$$;

CREATE TEMP TABLE tested AS SELECT * FROM lesion_evaluate('archive', 'net');
SELECT is(n, (SELECT count(*) FROM archive WHERE lesion_split(id, 9, 0.3) = 'test'),
	'the test part is the one that training kept away') FROM tested;
SELECT ok(abs(t.dice - s.dice) < 1e-9 AND abs(t.iou - s.iou) < 1e-9 AND abs(t.jaccard - s.jaccard) < 1e-9
	AND abs(t.f1 - s.f1) < 1e-9
	AND abs(t.threshold_jaccard - s.threshold_jaccard) < 1e-9 AND abs(t.sensitivity - s.sensitivity) < 1e-9
	AND abs(t.specificity - s.specificity) < 1e-9 AND abs(t.precision - s.precision) < 1e-9
	AND abs(t.accuracy - s.accuracy) < 1e-9, 'all scores are those of lesion_segment and lesion_score')
	FROM tested t, scores_of('test') s;
SELECT is(n, (SELECT n FROM scores_of('train')), 'the training part') FROM lesion_evaluate('archive', 'net', 'train');
SELECT is(dice, (SELECT dice FROM scores_of('all')), 'all rows')
FROM lesion_evaluate('archive', 'net', subset => 'all');
SELECT is(n, (SELECT count(*) FROM archive WHERE lesion_split(id, 1, 0.5) = 'test'), 'another split')
FROM lesion_evaluate('archive', 'net', split_seed => 1, test_fraction => 0.5);
SELECT ok(images_per_second > 0 AND seconds > 0, 'time was measured') FROM tested;
SELECT ok(high.sensitivity < low.sensitivity, 'a higher threshold finds less')
FROM lesion_evaluate('archive', 'net', threshold => 0.9) high, lesion_evaluate('archive', 'net', threshold => 0.1) low;

-- Kept.
SELECT is((SELECT t::text FROM tested t),
	(SELECT e::text FROM lesion_evaluation e WHERE evaluation = (SELECT evaluation FROM tested)),
	'what is returned is what is kept');
SELECT is((SELECT count(*) FROM lesion_leaderboard WHERE model = 'net' AND subset = 'train'), 1::bigint,
	'it is on the leaderboard');
SELECT is((SELECT count(*) FROM lesion_image_score s JOIN tested USING (evaluation) JOIN archive a ON a.id = s.id,
		lesion_metrics(lesion_segment(a.image, 'net'), a.mask) AS m
	WHERE (s.hausdorff95, s.assd, s.surface_dice) IS NOT DISTINCT FROM (m.hausdorff95, m.assd, m.surface_dice)),
	(SELECT n FROM tested), 'outlines of each image are kept');
SELECT ok((SELECT abs(avg(s.hausdorff95) - max(t.hausdorff95)) < 1e-9 AND abs(avg(s.assd) - max(t.assd)) < 1e-9
		AND abs(avg(s.surface_dice) - max(t.surface_dice)) < 1e-9
	FROM lesion_image_score s JOIN tested t USING (evaluation)), '... and their means');
SELECT ok((SELECT count(*) > 0 AND bool_and((w.hausdorff95, w.assd, w.surface_dice) IS NOT DISTINCT FROM
		(s.hausdorff95, s.assd, s.surface_dice))
	FROM lesion_worst_cases w JOIN lesion_image_score s USING (evaluation, id)), '... in the worst cases, too');
CREATE TABLE blank AS SELECT id, image,
	CASE WHEN id = 'lesion-1' THEN lesion_segment(image, 'net', 1 - 1e-9) ELSE mask END AS mask FROM archive;
SELECT is((SELECT (no_distance, n) FROM lesion_evaluate('blank', 'net',
	'all', id_column => 'id')), (1::bigint, 30::bigint),
	'an image without distance is counted');
SELECT lesion_evaluate('archive', 'net', 'train');
SELECT is((SELECT count(*) FROM lesion_leaderboard WHERE model = 'net' AND subset = 'train'), 1::bigint,
	'... once, however often it is computed');
SELECT is((SELECT images FROM tested), 'public.archive', 'the table''s name is complete');

-- Versions.
SELECT lesion_train('archive', 'net', epochs => 1, image_size => 32, split_seed => 9, test_fraction => 0.3,
	promote => 'never');
SELECT is(version, 1, 'the active version') FROM lesion_evaluate('archive', 'net');
SELECT is(version, 2, 'a version by its number') FROM lesion_evaluate('archive', 'net', version => 2);

-- Masks of any size against images of the same.
CREATE TABLE sizes AS SELECT seed AS id, s.*
	FROM generate_series(1, 6) seed, lesion_synthetic(seed, 20 + 13 * seed::int, 90) s;
SELECT is(n, 6::bigint, 'images of many sizes') FROM lesion_evaluate('sizes', 'net', 'all', id_column => 'id');

-- Rows that cannot be scored.
CREATE TABLE flawed AS SELECT * FROM archive;
INSERT INTO flawed VALUES ('a', NULL, 'x'), ('b', 'not an image', (SELECT mask FROM archive LIMIT 1)), (NULL, 'x', 'y');
SELECT row_eq($$SELECT n, skipped, broken FROM lesion_evaluate('flawed', 'net', 'all', id_column => 'id')$$,
	ROW(30::bigint, 2, 1), 'NULL and broken rows are left out and counted');
INSERT INTO flawed SELECT 'c' || g, 'x', 'y' FROM generate_series(1, 5) g;
SELECT throws_ok($$SELECT lesion_evaluate('flawed', 'net', 'all', id_column => 'id')$$, '22000', NULL,
	'more than a tenth broken');

-- Errors.
SELECT throws_ok($$SELECT lesion_evaluate('archive', 'net', 'some')$$, '22023', 'subset "some" does not exist',
	'a subset that does not exist');
SELECT throws_ok($$SELECT lesion_evaluate('archive', 'nobody')$$, '42704', NULL, 'a model that does not exist');
SELECT lesion_model_create('untrained', 'unet');
SELECT throws_ok($$SELECT lesion_evaluate('archive', 'untrained')$$, '55000', 'model "untrained" has no version yet',
	'a model that was never trained');
SELECT throws_ok($$SELECT lesion_evaluate('archive', 'net', version => 99)$$, '42704', 'model "net" has no version 99',
	'a version that does not exist');
SELECT throws_ok($$SELECT lesion_evaluate('archive', 'net', test_fraction => 0)$$, '55000', NULL, 'an empty test part');
SELECT throws_ok($$SELECT lesion_evaluate('archive', 'net', threshold => 2)$$, '22023', NULL,
	'a threshold out of range');
SELECT throws_ok($$SELECT lesion_evaluate('archive', 'net', image_column => 'photo')$$, '42703', NULL,
	'a column that does not exist');

-- Ids and groups of megabytes, which take little room in a table, are kept for no row.
CREATE TABLE long_texts AS SELECT id || repeat('x', n * 8192) AS id, image, mask, id || repeat('y', m * 8192) AS place
FROM archive, (VALUES (0, 0), (0, 1), (1, 0)) AS times (n, m);
SELECT results_eq($$SELECT n, skipped FROM lesion_evaluate('long_texts', 'net', 'all', id_column => 'id')$$,
	'VALUES (60::bigint, 30)', 'ids that are too long');
SELECT results_eq($$SELECT n, skipped
	FROM lesion_evaluate('long_texts', 'net', 'all', id_column => 'id', by_column => 'place')$$,
	'VALUES (60::bigint, 30)', '... what scores are grouped by does not choose the rows');
SELECT results_eq('SELECT count(subgroup), count(*) FROM lesion_image_score
	WHERE evaluation = (SELECT max(evaluation) FROM lesion_evaluation)', 'VALUES (30::bigint, 60::bigint)',
	'... where it is too long, it is none');
SELECT results_eq($$SELECT n, skipped FROM lesion_evaluate('long_texts', 'net', id_column => 'id',
	group_column => 'place', test_fraction => 0.999999)$$, 'VALUES (30::bigint, 60)', 'groups that are too long');

-- Privileges are the caller's, and row-level security holds.
CREATE ROLE lesion_test_user;
GRANT SELECT ON archive TO lesion_test_user;
SET LOCAL ROLE lesion_test_user;
SELECT throws_ok($$SELECT lesion_evaluate('archive', 'net', 'all')$$, '42501',
	'permission denied for table lesion_evaluation', 'a role that may not keep scores');
RESET ROLE;
GRANT INSERT ON lesion_evaluation, lesion_image_score TO lesion_test_user;
GRANT SELECT ON lesion_evaluation TO lesion_test_user;
ALTER TABLE archive ENABLE ROW LEVEL SECURITY;
CREATE POLICY early ON archive TO lesion_test_user USING (id < 'lesion-2');
SET LOCAL ROLE lesion_test_user;
SELECT is(n, (SELECT count(*) FROM archive), 'only rows the caller may see are scored')
FROM lesion_evaluate('archive', 'net', 'all');

SELECT * FROM finish();
ROLLBACK;
