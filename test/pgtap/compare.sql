-- Scores of each image, the worst cases, comparison of versions, drift, trust
-- in a mask.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(44);

CREATE TABLE archive AS
SELECT seed AS id, s.image, s.mask
FROM generate_series(1, 40) AS seed, lesion_synthetic(seed, 32, 32) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
SELECT lesion_train('archive', 'net', epochs => 10, architecture => 'unet', config => '{"base": 4, "depth": 1}',
	image_size => 16, learning_rate => 0.02, test_fraction => 0.3);
SELECT lesion_train('archive', 'net', epochs => 1, image_size => 16, test_fraction => 0.3, promote => 'always',
	seed => 3);

-- Each image of an evaluation.
CREATE TEMP TABLE one AS SELECT * FROM lesion_evaluate('archive', 'net', 'all', version => 1);
SELECT is((SELECT count(*) FROM lesion_image_score JOIN one USING (evaluation)), 40::bigint, 'a row for each image');
SELECT is((SELECT count(*) FROM lesion_image_score s JOIN one USING (evaluation) JOIN archive a ON a.id::text = s.id,
	LATERAL (SELECT (lesion_segment_version(a.image, 'net', 1)).mask AS m) AS p,
	LATERAL lesion_metrics(p.m, a.mask) AS t
	WHERE s.dice = t.dice AND s.jaccard = t.jaccard AND s.sensitivity = t.sensitivity
	AND s.specificity = t.specificity), 40::bigint, '... with its scores');
SELECT ok((SELECT abs(avg(s.dice) - max(one.dice)) < 1e-12 FROM lesion_image_score s JOIN one USING (evaluation)),
	'... whose mean is that of the set');
SELECT is((SELECT count(*) FROM lesion_image_score s JOIN one USING (evaluation) JOIN archive a ON a.id::text = s.id
	WHERE s.predicted_dice = (lesion_segment_version(a.image, 'net', 1)).predicted_dice), 40::bigint,
	'... and the Dice that was foreseen');
SELECT is((SELECT count(DISTINCT evaluation) FROM lesion_image_score JOIN lesion_evaluation USING (evaluation)
	WHERE subset = 'test'), 2::bigint, 'training keeps those of the test part');
SELECT results_eq($$SELECT id, rank FROM lesion_worst_cases WHERE version = 1 AND subset = 'all'
	ORDER BY rank LIMIT 3$$, $$SELECT s.id, row_number() OVER (ORDER BY s.dice, s.id) FROM lesion_image_score s
	JOIN one USING (evaluation) ORDER BY s.dice, s.id LIMIT 3$$,
	'the worst cases');
SELECT lesion_evaluate('archive', 'net', 'all', version => 1);
SELECT is((SELECT count(*) FROM lesion_worst_cases WHERE version = 1 AND subset = 'all'), 40::bigint,
	'... of the latest evaluation alone');
SELECT is(has_table_privilege('public', 'lesion_image_score', 'SELECT')
	OR has_table_privilege('public', 'lesion_worst_cases', 'SELECT'), false,
	'keys of images are not everyone''s to read');

-- Two versions on the same rows.
CREATE TEMP TABLE compared AS SELECT * FROM lesion_compare('archive', 'net', 1, 2, 'all');
SELECT row_eq($$SELECT first, second, n FROM compared$$, ROW(1, 2, 40::bigint), 'which, and on how many');
SELECT is((SELECT dice_a FROM compared), (SELECT dice FROM one), 'the first''s score is that of lesion_evaluate');
SELECT ok((SELECT abs(dice_difference - (dice_b - dice_a)) < 1e-12 FROM compared), 'the difference is b less a');
SELECT ok((SELECT dice_low < dice_difference AND dice_difference < dice_high AND jaccard_low < jaccard_difference
	AND jaccard_difference < jaccard_high
	FROM compared), 'it lies in its interval');
SELECT is((SELECT better FROM compared), 1, 'the one that was trained is better, for certain');
SELECT results_eq($$SELECT * FROM lesion_compare('archive', 'net', 1, 2, 'all')$$, $$SELECT * FROM compared$$,
	'the same seed, the same interval');
SELECT isnt((SELECT dice_low FROM lesion_compare('archive', 'net', 1, 2, 'all', seed => 1)),
	(SELECT dice_low FROM compared), 'another seed, another draw');
SELECT ok((SELECT c.dice_high - c.dice_low < compared.dice_high - compared.dice_low
	FROM compared, lesion_compare('archive', 'net', 1, 2, 'all', confidence => 0.5) AS c),
	'less confidence, a narrower interval');
SELECT results_eq($$SELECT second, dice_difference, dice_low, dice_high, better
	FROM lesion_compare('archive', 'net', 2, subset => 'test')$$,
	$$VALUES (2, 0::float8, 0::float8, 0::float8, NULL::int)$$,
	'a version and itself, which is the active one: no difference, and none is better');
SELECT is((SELECT n FROM lesion_compare('archive', 'net', 1, 2)),
	(SELECT count(*) FROM archive WHERE lesion_split(id::text, 0, 0.3) = 'test'), 'the test part');
-- A view whose rows change between the two passes: the scores, too, are of the rows that both saw.
SELECT setseed(0.3);
CREATE VIEW restless AS SELECT * FROM archive WHERE random() < 0.5;
SELECT results_eq($$SELECT n BETWEEN 1 AND 39, dice_a = dice_b, dice_difference
	FROM lesion_compare('restless', 'net', 1, 1, 'all', id_column => 'id')$$, $$VALUES (true, true, 0::float8)$$,
	'a version and itself, on rows that come and go');
SELECT throws_ok($$SELECT lesion_compare('archive', 'net', 1, 9)$$, '42704', NULL, 'a version that does not exist');
SELECT throws_ok($$SELECT lesion_compare('archive', 'net', 1, 2, 'some')$$, '22023', NULL,
	'a subset that does not exist');
SELECT throws_ok($$SELECT lesion_compare('archive', 'net', 1, 2, draws => 0)$$, '22023', NULL, 'no draws');
SELECT throws_ok($$SELECT lesion_compare('archive', 'net', 1, 2, confidence => 1)$$, '22023', NULL, 'certainty');
SELECT throws_ok($$SELECT lesion_compare('archive', 'net', NULL)$$, '22004', NULL, 'no version');

-- Trust. With 20 validation images and more a version is calibrated.
SELECT is((SELECT count(*) FROM lesion_version WHERE model = 'net' AND temperature = 1 AND review_below = 0.85),
	2::bigint, 'few validation images: no calibration');
SELECT lesion_train('archive', 'sure', epochs => 10, architecture => 'unet', config => '{"base": 4, "depth": 1}',
	image_size => 16, learning_rate => 0.02, test_fraction => 0.1, options => '{"validation_fraction": 0.6}');
SELECT ok((SELECT temperature <> 1 AND temperature BETWEEN 0.2 AND 5 FROM lesion_version WHERE model = 'sure'),
	'a temperature is fitted');
SELECT ok((SELECT review_below <> 0.85 AND review_below BETWEEN 0 AND 1 FROM lesion_version WHERE model = 'sure'),
	'... and a bound for review');
SELECT lesion_model_import('again', lesion_model_export('sure'));
SELECT results_eq($$SELECT v.temperature, v.review_below FROM lesion_version v WHERE model = 'again'$$,
	$$SELECT temperature, review_below FROM lesion_version WHERE model = 'sure'$$, 'a weight file carries both');
SELECT is((SELECT count(*) FROM archive, LATERAL lesion_segment_detail(image, 'sure') AS d
	JOIN lesion_version v ON v.model = 'sure'
	WHERE d.needs_review = (d.predicted_dice < v.review_below)), 40::bigint, 'needs_review follows from the bound');
SELECT is((SELECT count(*) FROM archive, LATERAL lesion_segment_detail(image, 'sure') AS d
	WHERE d.quality = (lesion_quality(image)).score), 40::bigint,
	'quality is lesion_quality''s');
SELECT ok((SELECT bool_and(predicted_dice BETWEEN 0 AND 1) AND count(DISTINCT predicted_dice) > 20
	FROM archive, LATERAL lesion_segment_detail(image, 'sure') AS d),
	'a Dice is foreseen for each mask');

-- Drift.
CREATE TABLE masks (LIKE lesion_prediction);
INSERT INTO masks (id, model, version, area, confidence, quality, predicted_dice, needs_review, predicted_at)
SELECT w || '-' || i, 'net', 1, 0.2 + 0.1 * (i % 2), 0.9, 0.8, 0.9, i % 4 = 0,
	'2026-01-05 12:00 UTC'::timestamptz + make_interval(weeks => w)
FROM generate_series(0, 2) AS w, generate_series(1, 8) AS i;
INSERT INTO masks (id, model, version, area, confidence, quality, predicted_dice, needs_review, predicted_at)
SELECT '3-' || i, 'net', 1, 0.35, 0.9, 0.4, 0.6, true, '2026-01-26 12:00 UTC' FROM generate_series(1, 4) AS i;
INSERT INTO masks (id, model, version, error, needs_review, predicted_at)
	VALUES ('3-5', 'net', 1, 'broken', true, '2026-01-27 12:00 UTC'),
		('3-6', 'net', 2, NULL, false, '2026-01-27 12:00 UTC');
SELECT results_eq($$SELECT week, model, version, images, errors FROM lesion_drift('masks', true)$$,
	$$VALUES ('2026-01-05'::date, 'net', 1, 8::bigint, 0::bigint), ('2026-01-12', 'net', 1, 8, 0),
		('2026-01-19', 'net', 1, 8, 0), ('2026-01-26', 'net', 1, 5, 1),
	('2026-01-26', 'net', 2, 1, 0)$$, 'a row for each week and version');
SELECT results_eq($$SELECT round(area::numeric, 6), round(review::numeric, 6) FROM lesion_drift('masks', true)
	WHERE version = 1$$, $$VALUES (0.25, 0.25), (0.25, 0.25), (0.25, 0.25), (0.35, 1.0)$$, 'means');
SELECT results_eq($$SELECT round(area_shift::numeric, 6) FROM lesion_drift('masks', true) WHERE version = 1$$,
	$$VALUES (NULL::numeric), (0), (0), (2)$$, 'the shift, in standard deviations of the weeks before');
SELECT is((SELECT confidence_shift FROM lesion_drift('masks', true) WHERE week = '2026-01-26' AND version = 1), NULL,
	'none where nothing ever differed');
SELECT is((SELECT area FROM lesion_drift('masks', true) WHERE version = 2), NULL, 'nor means of nothing');
SELECT results_eq($$SELECT DISTINCT version FROM lesion_drift('masks')$$,
	$$SELECT version FROM lesion_models WHERE model = 'net'$$, 'unless asked otherwise, of the active version alone');
-- After a promotion the new version makes all masks anew, in one week.
INSERT INTO masks (id, model, version, area, confidence, quality, predicted_dice, needs_review, predicted_at)
SELECT id, model, 2, 2 * area, confidence, quality, predicted_dice, needs_review, '2026-02-02 06:00 UTC'
FROM masks WHERE version = 1 AND error IS NULL;
SELECT results_eq($$SELECT week, images, round(area_shift::numeric, 6) FROM lesion_drift('masks', true)
	WHERE version = 2$$,
	$$VALUES ('2026-01-05'::date, 8::bigint, NULL::numeric), ('2026-01-12', 8, 0), ('2026-01-19', 8, 0),
		('2026-01-26', 5, 2)$$, 'an image counts in the week of its first mask by the model: the weeks before stay');
SELECT results_eq($$SELECT DISTINCT version, active FROM lesion_worst_cases WHERE model = 'net' ORDER BY version$$,
	$$SELECT DISTINCT v.number, v.number = m.version FROM lesion_version v JOIN lesion_models m ON m.model = v.model
	JOIN lesion_evaluation e ON (e.model, e.version) = (v.model, v.number) WHERE v.model = 'net' ORDER BY 1$$,
	'worst cases say which version is active');
SELECT throws_ok($$SELECT lesion_drift('archive')$$, '42809', NULL, 'a table of another type');
CREATE ROLE lesion_test_drifter;
SET LOCAL ROLE lesion_test_drifter;
SELECT throws_ok($$SELECT lesion_drift('masks', true)$$, '42501', NULL, 'a table one may not read');
SELECT throws_ok($$SELECT * FROM lesion_worst_cases$$, '42501', NULL, 'worst cases one may not read');
SELECT throws_ok($$SELECT lesion_compare('archive', 'net', 1, 2)$$, '42501', NULL, 'images one may not read');
RESET ROLE;
CREATE SCHEMA evil;
CREATE FUNCTION evil.date_trunc(text, timestamptz, text) RETURNS timestamptz LANGUAGE sql
	AS $$SELECT NULL::timestamptz$$;
SET LOCAL search_path = evil, pg_catalog, public;
SELECT public.is((SELECT count(*) FROM public.lesion_drift('public.masks') WHERE week IS NULL), 0::bigint,
	'no search_path changes what a query means');

SELECT * FROM public.finish();
ROLLBACK;
