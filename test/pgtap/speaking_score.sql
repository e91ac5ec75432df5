-- Which evaluation speaks for a version: whoever may evaluate cannot choose, by a threshold, a split, options or many
-- evaluations, what the report and the views show to all.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(69);

CREATE TABLE archive AS
SELECT 'lesion-' || seed AS id, CASE WHEN seed % 2 = 0 THEN 'even' ELSE 'odd' END AS site, s.image, s.mask
FROM generate_series(1, 40) AS seed, lesion_synthetic(seed, 48, 40) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id), ADD easy bytea, ADD number text;
UPDATE archive SET easy = mask, number = id;
SELECT lesion_train('archive', 'honest', epochs => 4, architecture => 'unet', config => '{"base": 4, "depth": 2}',
	image_size => 32, learning_rate => 5e-3, test_fraction => 0.4, options => '{"validation_fraction": 0.3}');
SELECT is((SELECT string_agg(subset || coalesce(differs, ''), ' ' ORDER BY subset) FROM lesion_evaluations), 'test',
	'a training evaluates with its own split and threshold');
SELECT lesion_evaluate('archive', 'honest', by_column => 'site');
SELECT lesion_evaluate('archive', 'honest', 'validation');

-- What the report shows of a part: the table's name, part, number of images, Dice.
CREATE FUNCTION pg_temp.shown(part text, images regclass[] DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
SELECT array_to_string(regexp_match(public.lesion_report('{honest}', images => shown.images, pictures => 0),
	'public.archive</td><td[^>]*>' || part || '</td><td[^>]*>(\d+)</td><td[^>]*>([0-9.]+)'), ' ')$$;
CREATE TEMP TABLE seen AS SELECT part, pg_temp.shown(part) AS shown,
	(SELECT array_agg(w.id || w.dice ORDER BY w.id) FROM lesion_worst_cases w WHERE w.subset = part) AS worst
FROM unnest('{test,validation}'::text[]) AS part;
CREATE TEMP TABLE groups AS SELECT subgroup, n, dice FROM lesion_subgroups;
SELECT ok(bool_and(shown ~ '^\d+ 0\.\d\d\d$' AND worst IS NOT NULL), 'scores are shown') FROM seen;

-- Evaluations that are made otherwise, each of them the latest.
CREATE TEMP TABLE tried (name text, call text, differs text);
INSERT INTO tried VALUES
	('a threshold', $$'archive', 'honest', threshold => 0.9999, by_column => 'site'$$, '^threshold 0.9999$'),
	('a seed', $$'archive', 'honest', split_seed => 4242, by_column => 'site'$$, '^split by id, split_seed 4242,'),
	('a fraction', $$'archive', 'honest', test_fraction => 0.15$$, 'test_fraction 0.15'),
	('columns', $$'archive', 'honest', group_column => 'site', split_seed => 5$$, '^split by site'),
	('tta', $$'archive', 'honest', tta => true$$, '^options {"tta": true}$'),
	('enhancement', $$'archive', 'honest', enhance => 'always', by_column => 'site'$$, '^options {"enhance"'),
	('validation rows', $$'archive', 'honest', 'validation', validation_fraction => 0.5$$, 'validation_fraction 0.5'),
	('masks as images', $$'archive', 'honest', image_column => 'mask', by_column => 'site'$$, '^image_column mask$'),
	('other masks', $$'archive', 'honest', mask_column => 'easy', by_column => 'site'$$, '^mask_column easy$'),
	('other ids', $$'archive', 'honest', group_column => 'id', id_column => 'number'$$, '^id_column number$'),
	('all of it', $$'archive', 'honest', split_seed => 3, threshold => 0.9$$, '^split by id, .*, threshold 0.9$');
CREATE FUNCTION pg_temp.evaluate(call text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE made bigint;
BEGIN
	EXECUTE 'SELECT evaluation FROM public.lesion_evaluate(' || call || ')' INTO made;
	RETURN made;
END$$;
CREATE TEMP TABLE made AS SELECT name, differs AS wanted, pg_temp.evaluate(call) AS evaluation FROM tried;
SELECT matches(e.differs, m.wanted, m.name || ': differs says so')
FROM made m LEFT JOIN lesion_evaluations e USING (evaluation);
SELECT is(pg_temp.shown(part), shown, part || ': the report shows the version''s own') FROM seen;
SELECT is((SELECT array_agg(w.id || w.dice ORDER BY w.id) FROM lesion_worst_cases w WHERE w.subset = part), worst,
	'... and so do the worst cases') FROM seen;
SELECT results_eq('SELECT subgroup, n, dice FROM lesion_subgroups ORDER BY 1', 'SELECT * FROM groups ORDER BY 1',
	'... and the groups');
SELECT is((SELECT count(*) FROM (SELECT differs FROM lesion_worst_cases UNION ALL
		SELECT differs FROM lesion_subgroups) v
	WHERE differs IS NOT NULL), 0::bigint, '... which say that nothing differs');

-- The latest of those is shown; where there is none, another, and how it was made.
SELECT lesion_evaluate('archive', 'honest', 'test', by_column => 'site');
SELECT is((SELECT DISTINCT evaluation FROM lesion_worst_cases WHERE subset = 'test'),
	(SELECT max(evaluation) FROM lesion_evaluation), 'the latest with the version''s own settings');
SELECT lesion_evaluate('archive', 'honest', 'all', split_seed => 99);
SELECT is((SELECT DISTINCT differs FROM lesion_worst_cases WHERE subset = 'all'), NULL,
	'the split does not matter where all rows are scored');
CREATE VIEW others AS SELECT * FROM archive WHERE id < 'lesion-2';
SELECT lesion_evaluate('others', 'honest', 'all', id_column => 'id', threshold => 0.99, by_column => 'site');
SELECT is((SELECT DISTINCT differs FROM lesion_worst_cases WHERE images = 'public.others'), 'threshold 0.99',
	'where there is no other, one that differs is shown');
SELECT is((SELECT DISTINCT differs FROM lesion_subgroups WHERE images = 'public.others'), 'threshold 0.99',
	'... by group, too');
SELECT ok(page ~ 'public.others</td>.*<td[^>]*>threshold 0.99</td>'
	AND page LIKE '%honest 1, public.others (all, threshold 0.99)%', '... and the report says how it was made')
FROM lesion_report('{honest}', pictures => 0) AS page;

-- Versions with settings of their own: a fold, and an enhancement.
SELECT lesion_train('archive', 'fold', 1, architecture => 'unet', config => '{"base": 2, "depth": 1}', image_size => 16,
	test_fraction => 0.25, options => '{"fold": 2, "enhance": "auto"}');
SELECT lesion_evaluate('archive', 'fold');
SELECT is((SELECT array_agg(DISTINCT coalesce(differs, 'own')) FROM lesion_evaluations WHERE model = 'fold'), '{own}',
	'a fold and an enhancement of the version are its own');
SELECT lesion_evaluate('archive', 'fold', test_fraction => 0.25, enhance => 'off');
SELECT matches((SELECT differs FROM lesion_evaluations ORDER BY evaluation DESC LIMIT 1),
	'^split by id, .*, fold 0, \d+ that it was trained on, options {"enhance": "off"}$',
	'... and what takes neither is not');

-- A version that was trained with other columns has these.
SELECT lesion_train('archive', 'easy', 1, architecture => 'unet', config => '{"base": 2, "depth": 1}', image_size => 16,
	mask_column => 'easy', id_column => 'number');
SELECT lesion_evaluate('archive', 'easy', id_column => 'number', mask_column => 'easy');
SELECT lesion_evaluate('archive', 'easy', id_column => 'number');
SELECT is((SELECT array_agg(coalesce(differs, 'own') ORDER BY evaluation) FROM lesion_evaluations WHERE model = 'easy'),
	'{own,own,mask_column mask}', 'columns of the training are the version''s own');

-- Images that a limit leaves out.
CREATE TABLE large AS SELECT seed AS id, s.image, s.mask
FROM generate_series(1, 11) AS seed, lesion_synthetic(seed, CASE seed WHEN 1 THEN 128 ELSE 32 END, 32) AS s;
SELECT lesion_evaluate('large', 'honest', 'all', id_column => 'id');
SET LOCAL lesionseg.max_pixels = 2048;
SELECT lesion_evaluate('large', 'honest', 'all', id_column => 'id');
RESET lesionseg.max_pixels;
SELECT is((SELECT array_agg(n || coalesce(', ' || differs, '') ORDER BY evaluation) FROM lesion_evaluations
	WHERE images = 'public.large'), '{11,"10, 1 left out as too large"}', 'images that a limit leaves out are said');
SELECT is((SELECT count(*) FROM lesion_worst_cases WHERE images = 'public.large'), 11::bigint,
	'... and do not go from the worst cases');

-- The leaderboard tells them apart.
SELECT is((SELECT array_agg(n || coalesce(', ' || differs, '') ORDER BY n) FROM lesion_leaderboard
	WHERE images = 'public.large'), '{"10, 1 left out as too large",11}', 'the leaderboard says so, too');
SELECT is((SELECT array_agg(differs ORDER BY differs) FROM lesion_leaderboard
	WHERE images = 'public.archive' AND model = 'easy'), '{mask_column mask,NULL}', '... and keeps columns apart');

-- Classical methods have the defaults.
SELECT lesion_evaluate('archive', 'classical:otsu');
SELECT lesion_evaluate('archive', 'classical:otsu', options => '{"blur": 6}');
SELECT is((SELECT DISTINCT differs FROM lesion_worst_cases WHERE model = 'classical:otsu'), NULL,
	'options of a classical method differ');
SELECT is((SELECT array_agg(coalesce(differs, 'own') ORDER BY evaluation) FROM lesion_evaluations
	WHERE model = 'classical:otsu'), '{own,"options {\"blur\": 6}"}', '... and are said');

-- Many evaluations on tables whose names come first.
CREATE TEMP TABLE before AS SELECT (SELECT count(*) FROM regexp_matches(page, '<img src="data:image/jpeg', 'g')) AS n
FROM lesion_report('{honest}', images => '{archive}') AS page;
CREATE SCHEMA aaa;
DO $$BEGIN
	FOR i IN 1..60 LOOP
		EXECUTE format($v$CREATE VIEW aaa.v%s AS SELECT id, site, image, mask FROM public.archive
			WHERE id = 'lesion-1'$v$, i);
		PERFORM lesion_evaluate(('aaa.v' || i)::regclass, 'honest', 'all', id_column => 'id', by_column => 'site');
	END LOOP;
END$$;
CREATE TEMP TABLE page AS SELECT lesion_report('{honest}', images => '{archive}') AS page;
SELECT is((SELECT count(*) FROM regexp_matches(page, '<img src="data:image/jpeg', 'g')), n,
	'pictures are those of the named table') FROM page, before;
SELECT ok(n > 0 AND page !~ 'not shown: the table', '... and all of them are shown') FROM page, before;
SELECT is((regexp_match(page, 'id="models".*?<td[^>]*>(public\.archive|aaa\.v\d+)</td>'))[1], 'public.archive',
	'its scores come first') FROM page;
SELECT ok(page LIKE '%These are the first 50 of 65 evaluations.%'
	AND page LIKE '%These are the first 50 of 62 evaluations with groups.%', 'what is left out is said') FROM page;
SELECT ok((SELECT count(*) FROM regexp_matches(page, '<svg', 'g')) < 120, 'there is no chart for each') FROM page;
SELECT matches(page, 'Quality of the masks</a></h2>.{0,120}images: honest 1, public.archive',
	'the first screen is about the named table') FROM page;

SELECT lesion_evaluate('archive', 'honest', 'train');
SELECT matches(lesion_report('{honest}', images => '{archive}', pictures => 0),
	'Quality of the masks</a></h2>.{0,120}images: honest 1, public.archive \(test\)',
	'... and about what was held back, not about the rows it was trained on');

-- A version whose split is not known, and a classical method, are split by the id; which part a
-- row is in is not for the caller to choose.
CREATE FUNCTION pg_temp.differing(of_model text, table_name text) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(coalesce(substring(differs FROM '^(split by [^,]*|id_column .*)'), differs, 'own'), '; '
	ORDER BY evaluation) FROM public.lesion_evaluations WHERE model = of_model AND images = table_name$$;
ALTER TABLE archive ADD camera text;
UPDATE archive SET camera = id WHERE site = 'even';
SELECT lesion_evaluate('archive', model, group_column => column_name, by_column => by)
FROM unnest('{linknet,classical:otsu}'::text[]) AS model,
	(VALUES (NULL, NULL), ('id', 'site'), ('camera', 'site')) AS c (column_name, by);
SELECT is(pg_temp.differing('linknet', 'public.archive'), 'own; own; split by camera',
	'of a version whose split is not known, the id is its own');
SELECT is((SELECT DISTINCT evaluation FROM lesion_worst_cases WHERE model = 'linknet'),
	(SELECT max(evaluation) FROM lesion_evaluation WHERE model = 'linknet' AND split_columns = '{id}'),
	'... and another column chooses nothing that is shown');
SELECT is(pg_temp.differing('classical:otsu', 'public.archive'),
	'own; options {"blur": 6}; own; own; split by camera', '... of a classical method, too');

-- A table without a primary key: rows with a NULL in the column that is named for ids are not scored.
CREATE TABLE keyless AS TABLE archive;
SELECT lesion_evaluate('keyless', model, 'all', id_column => column_name)
FROM unnest('{honest,linknet}'::text[]) AS model, unnest('{NULL,id,camera}'::text[]) AS column_name;
SELECT is(pg_temp.differing('honest', 'public.keyless'), 'own; own; id_column camera',
	'without a primary key, the ids of the training are the version''s own, and no other column');
SELECT is(pg_temp.differing('linknet', 'public.keyless'), 'own; id_column id; id_column camera',
	'... and where they are not known, the images'' digests');
SELECT lesion_train('archive', 'by_camera', 1, architecture => 'unet', config => '{"base": 2, "depth": 1}',
	image_size => 16, group_column => 'camera');
SELECT lesion_evaluate('archive', 'by_camera', 'all', id_column => 'camera');
SELECT is((SELECT differs FROM lesion_evaluations WHERE model = 'by_camera' AND subset = 'all'), 'id_column camera',
	'... nor is what a training was grouped by');

UPDATE keyless SET id = NULL WHERE site = 'odd';
SELECT lesion_evaluate('keyless', 'honest', 'all', id_column => column_name)
FROM unnest('{NULL,id}'::text[]) AS column_name;
SELECT is(pg_temp.differing('honest', 'public.keyless'), 'own; own; id_column camera; own; id_column id',
	'... and these are not where they leave rows out');
SELECT lesion_robustness('keyless', 'honest', 'all', id_column => 'id', kinds => '{noise}', severities => '{1}',
	modes => '{off}');
SELECT is((SELECT string_agg(DISTINCT differs, '') FROM lesion_robustness_table WHERE images = 'public.keyless'),
	'id_column id', '... in robustness, too');

-- An ensemble whose members enhance each as it was trained: "off" is another way than theirs.
SELECT lesion_train('archive', 'enhanced', 1, architecture => 'unet', config => '{"base": 2, "depth": 1}',
	image_size => 16, options => '{"enhance": "always"}');
SELECT lesion_model_create('enhancing', 'ensemble', '{"members": ["enhanced", "by_camera"]}');
SELECT lesion_evaluate('archive', model, 'all', enhance => mode)
FROM unnest('{enhancing,enhanced,by_camera}'::text[]) AS model, unnest('{NULL,off,always}'::text[]) AS mode;
SELECT is((SELECT string_agg(model || ': ' || coalesce(differs, 'own'), '; ' ORDER BY evaluation)
	FROM lesion_evaluations WHERE subset = 'all' AND images = 'public.archive' AND model IN ('enhancing', 'enhanced')),
	'enhancing: own; enhancing: options {"enhance": "off"}; enhancing: options {"enhance": "always"}; '
	'enhanced: own; enhanced: options {"enhance": "off"}; enhanced: own', 'off is said where training did otherwise');
SELECT is((SELECT string_agg(coalesce(differs, 'own'), '; ' ORDER BY evaluation) FROM lesion_evaluations
	WHERE subset = 'all' AND images = 'public.archive' AND model = 'by_camera' AND differs IS DISTINCT FROM
	'id_column camera'), 'own; own; options {"enhance": "always"}', '... and is nothing where it did so');

-- Scores of other masks: of the version's own if it was trained on these, and said for each.
SELECT lesion_train('archive', 'easily', 1, architecture => 'unet', config => '{"base": 2, "depth": 1}',
	image_size => 16, mask_column => 'easy');
SELECT is((SELECT string_agg(DISTINCT image_column || ' ' || mask_column || coalesce(' ' || differs, ''), '; ')
	FROM lesion_leaderboard WHERE model = 'easily'), 'image easy', 'the leaderboard says which masks were scored');

-- Rows that depend on who looks: the role is said, and one whose rows are everybody's is shown before it.
CREATE ROLE speaking_guest;
GRANT SELECT ON archive, lesion_image_score, lesion_robustness_score TO speaking_guest;
GRANT INSERT ON lesion_evaluation, lesion_image_score, lesion_robustness_score TO speaking_guest;
CREATE FUNCTION truth_of(text) RETURNS bytea LANGUAGE sql STABLE AS 'SELECT mask FROM archive WHERE id = $1';
CREATE VIEW gold AS SELECT id, image, truth_of(id) AS mask FROM archive;
CREATE TABLE tenants AS SELECT * FROM archive;
ALTER TABLE tenants ADD PRIMARY KEY (id), ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tenants USING (site = current_setting('speaking.site', true));
CREATE TABLE parts (LIKE archive) PARTITION BY LIST (site);
CREATE TABLE part_here PARTITION OF parts DEFAULT;
GRANT INSERT ON lesion_version, lesion_promotion TO speaking_guest;
GRANT SELECT ON gold, tenants, parts TO speaking_guest;
SELECT lesion_model_create('pair', 'ensemble', '{"members": ["honest", "fold"]}');
CREATE TEMP TABLE own AS SELECT dice FROM lesion_evaluate('gold', 'honest', 'all', id_column => 'id');
GRANT SELECT ON own TO speaking_guest;
SELECT lesion_evaluate('tenants', 'honest', 'all');
SELECT count(*) FROM lesion_robustness('tenants', 'honest', 'all', '{blur}', '{1}', '{off}');
INSERT INTO parts SELECT * FROM archive;
SET LOCAL ROLE speaking_guest;
SET LOCAL speaking.site = 'even';
SELECT lesion_evaluate('tenants', 'honest', 'all');
SELECT count(*) FROM lesion_robustness('tenants', 'honest', 'all', '{blur}', '{1}', '{off}');
SELECT lesion_evaluate('archive', 'honest', 'all', id_column => 'id');
SELECT lesion_evaluate('parts', 'honest', 'all', id_column => 'id');
SELECT lesion_calibrate('honest', 'gold', 'all', id_column => 'id', promote => 'never');
SELECT lesion_ensemble_fit('pair', 'gold', id_column => 'id', validation_fraction => 0.5);
-- A table of the session in the place of the view's own: the truths of another image.
CREATE TEMP TABLE archive AS SELECT id, (SELECT mask FROM public.archive WHERE id = 'lesion-1') AS mask
FROM public.archive;
SELECT is((SELECT dice FROM lesion_evaluate('gold', 'honest', 'all', id_column => 'id')), (SELECT dice FROM own),
	'a temporary table does not stand in for one that a view''s function names');
SET LOCAL search_path = pg_temp, public;
SELECT is((SELECT dice FROM public.lesion_evaluate('gold', 'honest', 'all', id_column => 'id')),
	(SELECT dice FROM own), '... wherever the search_path has it');
SELECT is(current_setting('search_path'), 'pg_temp, public', '... which is the session''s own again');
RESET search_path;
DROP TABLE pg_temp.archive;
RESET ROLE;
SELECT is((SELECT array_agg(n || coalesce(', ' || differs, '') ORDER BY evaluation) FROM lesion_evaluations
	WHERE images = 'public.gold'), '{40,"40, as speaking_guest sees it","40, as speaking_guest sees it"}',
	'of a view of another role, the role that evaluated is said');
SELECT is((SELECT array_agg(n || coalesce(', ' || differs, '') ORDER BY evaluation) FROM lesion_evaluations
	WHERE images = 'public.tenants'), '{40,"20, as speaking_guest sees it"}', '... and behind policies');
SELECT is((SELECT array_agg(n || coalesce(', ' || differs, '') ORDER BY n) FROM lesion_leaderboard
	WHERE images = 'public.tenants'), '{"20, as speaking_guest sees it",40}', '... in the leaderboard, too');
SELECT is((SELECT count(*) FROM lesion_worst_cases WHERE images = 'public.tenants'), 40::bigint,
	'... and they do not go from the worst cases');
SELECT is((SELECT array_agg(l.images || coalesce(', ' || l.differs, '') ORDER BY evaluation) FROM lesion_evaluations l
	JOIN lesion_evaluation e USING (evaluation) WHERE e.evaluated_by = 'speaking_guest'
	AND l.images IN ('public.archive', 'public.parts')), '{public.archive,public.parts}',
	'of a table nothing is said');
SELECT is((SELECT array_agg(measured_how) FROM lesion_robustness_cells('honest', images => 'tenants')),
	'{"all, 40 images"}', 'a measurement of robustness by a guest is not shown for that of all rows');
SELECT is((SELECT array_agg(DISTINCT n || coalesce(', ' || differs, '')) FROM lesion_robustness_table
	WHERE images = 'public.tenants'),
	'{"20, as speaking_guest sees it",40}', '... and stands apart, with who measured');
SELECT is((SELECT array_agg(metadata ->> 'viewed_as') FROM lesion_version WHERE created_by = 'speaking_guest'),
	'{speaking_guest,speaking_guest}', 'versions fitted to such rows say so, too');
CREATE EXTENSION IF NOT EXISTS file_fdw;
CREATE SERVER speaking_server FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE part_there PARTITION OF parts FOR VALUES IN ('there') SERVER speaking_server
	OPTIONS (filename '/dev/null');
SET LOCAL ROLE speaking_guest;
SELECT lesion_evaluate('parts', 'honest', 'all', id_column => 'id');
RESET ROLE;
SELECT is((SELECT array_agg(coalesce(differs, 'own') ORDER BY evaluation) FROM lesion_evaluations
	WHERE images = 'public.parts'), '{own,"as speaking_guest sees it"}', 'a partition that is elsewhere counts');

-- A view that looks with the rights of whoever asks, be it his own.
CREATE VIEW asking WITH (security_invoker) AS SELECT * FROM tenants;
ALTER VIEW asking OWNER TO speaking_guest;
SELECT lesion_evaluate('asking', 'honest', 'all', id_column => 'id');
SET LOCAL ROLE speaking_guest;
SELECT lesion_evaluate('asking', 'honest', 'all', id_column => 'id');
RESET ROLE;
SELECT is((SELECT array_agg(n || ' as ' || e.viewed_as ORDER BY evaluation) FROM lesion_evaluation e
	WHERE images = 'public.asking'), array['40 as ' || current_user, '20 as speaking_guest'],
	'of a view with security_invoker, who evaluated is said, its owner too');

-- A view of another role shows a superuser what that role likes, too; one of his own shows all the same.
CREATE VIEW shown AS SELECT * FROM tenants;
SELECT lesion_evaluate('shown', 'honest', 'all', id_column => 'id');
ALTER VIEW shown OWNER TO speaking_guest;
SELECT lesion_evaluate('shown', 'honest', 'all', id_column => 'id');
SELECT is((SELECT array_agg(coalesce(viewed_as, 'all') ORDER BY evaluation) FROM lesion_evaluation
	WHERE images = 'public.shown'), array['all', current_user::text],
	'of a view of another role a superuser says that it was he');

-- Temporary tables of two sessions may have one name.
CREATE TEMPORARY TABLE passing AS SELECT * FROM tenants;
SELECT lesion_evaluate('passing', 'honest', 'all', id_column => 'id');
SELECT is((SELECT array_agg(DISTINCT differs) FROM lesion_leaderboard WHERE images LIKE '%.passing'),
	array['as ' || current_user || ' sees it'], 'of a temporary table, who evaluated is said');

-- A relation has one name, however a session quotes.
SET LOCAL quote_all_identifiers = on;
SELECT lesion_evaluate('tenants', 'honest', 'all');
SELECT is((SELECT count(DISTINCT images) FROM lesion_evaluation WHERE images LIKE '%tenants%'), 1::bigint,
	'a session that quotes all identifiers names a table as others do');
SELECT is((SELECT array_agg(measured_how) FROM lesion_robustness_cells('honest', images => 'tenants')),
	'{"all, 40 images"}', '... and finds what was measured on it');
SELECT is(current_setting('quote_all_identifiers'), 'on', '... and goes on quoting');

SELECT * FROM finish();
ROLLBACK;
