-- Scores by group: kept with each image, compared by the view, with the bootstrap's interval.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(25);

-- A model that is worse for one group: the masks of site b are those of other images.
CREATE TABLE archive AS
SELECT seed AS id, CASE WHEN seed <= 40 THEN 'a' WHEN seed <= 80 THEN 'b' WHEN seed <= 120 THEN 'c'
		WHEN seed <= 125 THEN 'few' END AS site,
	s.image, CASE WHEN seed BETWEEN 41 AND 80 THEN (lesion_synthetic(seed + 1000, 48, 40)).mask ELSE s.mask END AS mask
FROM generate_series(1, 128) AS seed, lesion_synthetic(seed, 48, 40) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
CREATE VIEW fair AS SELECT id, site, s.image, s.mask FROM archive, lesion_synthetic(id, 48, 40) AS s;
SELECT lesion_train('fair', 'net', epochs => 6, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 32, batch_size => 4, learning_rate => 5e-3, augment => 'false', id_column => 'id');

CREATE TEMP TABLE unfair AS SELECT * FROM lesion_evaluate('archive', 'net', 'all', by_column => 'site');
SELECT is(by_column, 'site', 'the column is kept') FROM unfair;
SELECT results_eq($$SELECT subgroup, count(*) FROM lesion_image_score JOIN unfair USING (evaluation) GROUP BY 1
	ORDER BY 1$$,
	$$SELECT site, count(*) FROM archive GROUP BY 1 ORDER BY 1$$, 'and the group of each image, NULL too');
SELECT is((SELECT count(*) FROM lesion_image_score s JOIN unfair USING (evaluation) JOIN archive a ON a.id::text = s.id
	WHERE a.site IS NOT DISTINCT FROM s.subgroup), 128::bigint, '... of its own row');

SELECT results_eq($$SELECT subgroup, n, finding FROM lesion_subgroups WHERE images = 'public.archive'
	AND subgroup <> 'a' AND subgroup <> 'c'
	ORDER BY subgroup$$, $$VALUES ('b', 40::bigint, 'worse'), ('few', 5::bigint, 'too small to judge')$$,
	'the group that the model is worse for is found, and one too small is not judged');
SELECT results_eq($$SELECT finding FROM lesion_subgroups WHERE images = 'public.archive' AND subgroup IN ('a',
	'c') ORDER BY dice DESC$$,
	$$VALUES ('best'), ('as good as the best')$$, 'the others are as good as each other');
SELECT is((SELECT finding FROM lesion_subgroups WHERE images = 'public.archive' AND subgroup IS NULL),
	'too small to judge',
	'images of no known group are a group');
SELECT ok((SELECT bool_and(abs(g.dice - s.dice) < 1e-12 AND abs(g.threshold_jaccard - s.tj) < 1e-12)
	FROM lesion_subgroups g JOIN (
		SELECT i.subgroup, avg(i.dice) AS dice, avg(CASE WHEN i.jaccard >= 0.65 THEN i.jaccard ELSE 0 END) AS tj
		FROM lesion_image_score i JOIN unfair USING (evaluation) GROUP BY 1) s
	ON s.subgroup IS NOT DISTINCT FROM g.subgroup WHERE g.images = 'public.archive'),
	'figures are means over the group');
SELECT ok(bool_and(dice_low <= dice AND dice <= dice_high AND dice_low < dice_high), 'intervals hold their mean')
FROM lesion_subgroups WHERE n > 5;
SELECT ok((SELECT abs(gap - (SELECT max(dice) FILTER (WHERE n >= 30) FROM lesion_subgroups
	WHERE images = 'public.archive') + dice) < 1e-12
	FROM lesion_subgroups WHERE images = 'public.archive' AND subgroup = 'b'),
	'the gap is to the best group that can be judged');
SELECT is((SELECT count(gap) FROM lesion_subgroups WHERE n < 30), 0::bigint, 'no gap where nothing can be judged');

-- A fair one, and the latest evaluation counts.
SELECT lesion_evaluate('fair', 'net', 'all', id_column => 'id', by_column => 'site');
SELECT is((SELECT count(*) FROM lesion_subgroups WHERE images = 'public.fair' AND finding = 'worse'), 0::bigint,
	'no group is worse where the model is as good for all');
SELECT lesion_evaluate('archive', 'net', 'all', by_column => 'site');
SELECT is((SELECT count(DISTINCT evaluation) FROM lesion_subgroups WHERE images = 'public.archive'), 1::bigint,
	'the latest alone');
-- One that was begun before another counts as the earlier one, whenever it ended.
CREATE TEMP TABLE latest AS SELECT DISTINCT evaluation, evaluated_at FROM lesion_subgroups
	WHERE images = 'public.archive';
UPDATE lesion_evaluation SET evaluated_at = '2001-01-01' WHERE evaluation = (SELECT evaluation FROM latest);
SELECT is((SELECT count(*) FROM latest JOIN lesion_subgroups USING (evaluation)), 0::bigint, 'by when it was begun');
UPDATE lesion_evaluation e SET evaluated_at = l.evaluated_at FROM latest l WHERE l.evaluation = e.evaluation;
SELECT lesion_evaluate('archive', 'net', 'all');
SELECT is((SELECT count(*) FROM lesion_subgroups WHERE images = 'public.archive'), 5::bigint,
	'an evaluation without groups does not hide them');
CREATE VIEW one_site AS SELECT * FROM archive WHERE site = 'a';
SELECT lesion_evaluate('one_site', 'net', 'all', id_column => 'id', by_column => 'site');
SELECT is((SELECT finding FROM lesion_subgroups WHERE images = 'public.one_site'), 'nothing to compare with',
	'one group alone');

SELECT throws_ok($$SELECT lesion_evaluate('archive', 'net', 'all', by_column => 'sex')$$, '42703', NULL,
	'a column that is not there');

-- A condition on the model reaches the table of evaluations: others' groups cost nothing.
CREATE FUNCTION steps(query text) RETURNS SETOF text LANGUAGE plpgsql AS
$$BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query; END$$;
SELECT is((SELECT string_agg(step, E'\n') FROM steps($$SELECT * FROM lesion_subgroups WHERE model = 'net'$$) AS step
	WHERE step ~ 'compared.model'), NULL, 'a condition on the model is one of the evaluations');

-- A column that tells each image apart.
CREATE TABLE each AS SELECT n AS id, 'g' || least(n, 203) AS g, image, mask FROM generate_series(1, 205) AS n,
	lesion_synthetic(1, 16, 16);
ALTER TABLE each ADD PRIMARY KEY (id);
SELECT lesion_evaluate('each', 'classical:otsu', 'all', by_column => 'g');
SELECT results_eq($$SELECT count(*), max(n), count(*) FILTER (WHERE subgroup = 'g203') FROM lesion_subgroups
	WHERE images = 'public.each'$$, 'VALUES (200::bigint, 3::bigint, 1::bigint)', 'the largest 200 groups are shown');

-- The interval.
SELECT is((SELECT b::text FROM lesion_bootstrap(ARRAY[1, 1, 1]) b), '(1,1,1)',
	'figures that do not differ leave no doubt');
SELECT ok(mean = 0.5 AND low BETWEEN 0.35 AND 0.45 AND high BETWEEN 0.55 AND 0.65, 'a coin thrown a hundred times')
FROM (SELECT array_agg((i % 2)::float8) AS figures FROM generate_series(1, 100) i) f, lesion_bootstrap(f.figures) b;
SELECT is((SELECT b::text FROM lesion_bootstrap('{}') b), '(,,)', 'nothing has no mean');
SELECT throws_ok($$SELECT lesion_bootstrap('{1,NULL}')$$, '22023', 'element 2 of figures is not a number',
	'a NULL among figures');
SELECT throws_ok($$SELECT lesion_bootstrap('{1e308, -1e308}')$$, '22003', NULL,
	'... nor has what is too large to be added up');
SELECT throws_ok($$SELECT lesion_bootstrap('{1}', 0)$$, '22023', NULL, 'no draws');

-- An evaluation of no day, which the owner of the table or replication can bring.
UPDATE lesion_evaluation SET evaluated_at = '-infinity';
SELECT ok(lesion_report(images => '{archive}', pictures => 0) LIKE '%Not of the period: evaluated -infinity%',
	'an evaluation without a day in a report');

SELECT * FROM finish();
ROLLBACK;
