-- Classical methods scored as models are, on one leaderboard with networks.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(31);

CREATE TABLE archive AS
SELECT 'lesion-' || seed AS id, CASE WHEN seed % 2 = 0 THEN 'even' ELSE 'odd' END AS site, s.image, s.mask
FROM generate_series(1, 20) AS seed, lesion_synthetic(seed, 96, 72) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);

-- What anyone can compute from the masks.
CREATE TEMP TABLE tested AS SELECT * FROM lesion_evaluate('archive', 'classical:otsu', 'all', by_column => 'site');
SELECT row_eq($$SELECT model, version, threshold, n, seen, options FROM tested$$,
	ROW('classical:otsu'::text, NULL::int, NULL::float8, 20::bigint, 0::bigint, '{}'::jsonb),
	'a method has a name, no version and no threshold, and has seen nothing');
SELECT ok(abs(t.dice - s.dice) < 1e-9 AND abs(t.iou - s.iou) < 1e-9 AND abs(t.jaccard - s.jaccard) < 1e-9
	AND abs(t.threshold_jaccard - s.threshold_jaccard) < 1e-9 AND abs(t.specificity - s.specificity) < 1e-9,
	'its scores are those of lesion_segment_classical and lesion_score')
FROM tested t, (SELECT (lesion_score(lesion_segment_classical(image), mask)).* FROM archive) s;
SELECT ok(images_per_second > 0 AND seconds > 0, 'time was measured') FROM tested;
SELECT is((SELECT t::text FROM tested t), (SELECT e::text FROM lesion_evaluation e JOIN tested USING (evaluation)),
	'what is returned is what is kept');
SELECT is((SELECT count(*) FROM lesion_image_score s JOIN tested USING (evaluation) JOIN archive a ON a.id = s.id,
		lesion_metrics(lesion_segment_classical(a.image), a.mask) AS m
	WHERE (s.dice, s.jaccard, s.hausdorff95, s.assd, s.surface_dice) IS NOT DISTINCT FROM
		(m.dice, m.jaccard, m.hausdorff95, m.assd, m.surface_dice) AND s.predicted_dice IS NULL), 20::bigint,
	'so are the scores of each image, which foretell nothing');
SELECT is((SELECT id FROM lesion_worst_cases WHERE model = 'classical:otsu' AND rank = 1),
	(SELECT id FROM archive ORDER BY lesion_dice(lesion_segment_classical(image), mask), id LIMIT 1),
	'the worst case is found');
SELECT is((SELECT bool_or(active) FROM lesion_worst_cases), false, 'no method is an active version');
SELECT is((SELECT sum(n) FROM lesion_subgroups WHERE model = 'classical:otsu' AND by_column = 'site'), 20::numeric,
	'groups are compared');

-- Its place among networks: one query.
SELECT lesion_train('archive', 'net', epochs => 12, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 48, batch_size => 4, learning_rate => 5e-3, augment => 'false');
SELECT lesion_evaluate('archive', 'net', 'all');
SELECT lesion_evaluate('archive', 'classical:kmeans', 'all');
SELECT is((SELECT array_agg(model || coalesce(' ' || version, '') ORDER BY model) FROM lesion_leaderboard
	WHERE images = 'public.archive' AND subset = 'all'), '{classical:kmeans,classical:otsu,net 1}'::text[],
	'networks and methods stand on one leaderboard');
SELECT lesion_evaluate('archive', 'classical:kmeans', 'all');
SELECT is((SELECT count(*) FROM lesion_leaderboard WHERE model = 'classical:kmeans'), 1::bigint,
	'... once, however often it is computed');
SELECT is((SELECT count(*) FROM lesion_worst_cases WHERE model = 'classical:kmeans'), 20::bigint,
	'... and so are the worst cases');
SELECT ok((SELECT b.low IS NOT NULL FROM (
		SELECT array_agg(net.dice - old.dice) AS differences FROM lesion_worst_cases net
		JOIN lesion_worst_cases old USING (images, subset, id)
		WHERE net.model = 'net' AND old.model = 'classical:otsu' AND subset = 'all') AS d,
	lesion_bootstrap(d.differences) AS b), 'pairs of images bound the difference');

-- The same part of the table, by the same split.
SELECT is((SELECT n FROM lesion_evaluate('archive', 'classical:otsu')),
	(SELECT count(*) FROM archive WHERE lesion_split(id) = 'test'), 'the test part, by the id');
SELECT is((SELECT n FROM lesion_evaluate('archive', 'classical:otsu', split_seed => 3, test_fraction => 0.5)),
	(SELECT count(*) FROM archive WHERE lesion_split(id, 3, 0.5) = 'test'), 'another split');
SELECT is((SELECT split_columns FROM lesion_evaluate('archive', 'classical:otsu', 'train', group_column => 'site')),
	'{site}'::text[], 'or by what images share');

-- Options of lesion_segment_classical.
SELECT is((SELECT options FROM lesion_evaluate('archive', 'classical:otsu', 'all', options => '{"blur": 6}')),
	'{"blur": 6}'::jsonb, 'options are kept where they are not the defaults');
SELECT is((SELECT count(*) FROM lesion_leaderboard WHERE model = 'classical:otsu' AND subset = 'all'), 2::bigint,
	'each set of options has its place');
SELECT throws_ok($$SELECT lesion_evaluate('archive', 'classical:otsu', options => '{"blurr": 1}')$$, '22023', NULL,
	'an option that does not exist');
SELECT throws_ok($$SELECT lesion_evaluate('archive', 'classical:watershed')$$, '22023',
	'method "watershed" does not exist', 'a method that does not exist');
SELECT throws_ok($$SELECT lesion_evaluate('archive', 'classical:otsu', threshold => 0.5)$$, '22023',
	'"classical:otsu" is a classical method and has no threshold', 'no threshold');
SELECT throws_ok($$SELECT lesion_evaluate('archive', 'classical:otsu', version => 1)$$, '22023',
	'"classical:otsu" is a classical method and has no version', 'no version');
SELECT throws_ok($$SELECT lesion_evaluate('archive', 'classical:otsu', tta => true)$$, '22023', NULL, 'no views');
SELECT throws_ok($$SELECT lesion_evaluate('archive', 'classical:otsu', enhance => 'auto')$$, '22023', NULL,
	'no enhancement');

-- It is no model.
SELECT throws_ok($$SELECT lesion_segment(image, 'classical:otsu') FROM archive$$, '42809',
	'"classical:otsu" is a classical method, no model', 'lesion_segment takes models alone');
SELECT throws_ok($$SELECT lesion_compare('archive', 'classical:otsu', 1)$$, '42809', NULL, 'so does lesion_compare');
SELECT throws_ok($$SELECT lesion_model_promote('classical:otsu', 1)$$, '42809', NULL, 'it cannot be promoted');
SELECT throws_ok($$SELECT lesion_model_drop('classical:otsu')$$, '42809', NULL, '... nor dropped');
SELECT throws_ok($$SELECT lesion_model_create('classical:otsu', 'unet')$$, '42939',
	'names that begin with "classical:" are reserved', '... nor made');
SELECT throws_ok($$SELECT lesion_train('archive', 'classical:mine', architecture => 'unet')$$, '42939', NULL,
	'... nor trained');
SELECT throws_ok($$SELECT lesion_model_import('classical:mine', lesion_model_export('net'))$$, '42939', NULL,
	'... nor imported');

-- What changes while it goes on is newer than it.
SELECT ok(evaluated_at + seconds * interval '1 second' <= clock_timestamp(),
	'the time of an evaluation is its beginning')
FROM lesion_evaluate('archive', 'classical:otsu', 'all');
SELECT * FROM finish();
ROLLBACK;
