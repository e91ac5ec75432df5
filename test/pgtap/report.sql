-- lesion_report: one page, whatever is in the database and whatever its names are.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(55);

-- An empty database.
CREATE TEMP TABLE pages (what text, page text);
INSERT INTO pages VALUES ('empty', lesion_report());
SELECT ok(page LIKE '<!DOCTYPE html>%</html>' || chr(10), 'a whole page') FROM pages;
SELECT is((SELECT count(*) FROM regexp_matches(page, '<h2 id="', 'g')), 13::bigint, 'every section is there')
	FROM pages;
SELECT ok(page LIKE '%No model was trained in this database.%' AND page LIKE '%No active version has been evaluated.%'
	AND page LIKE '%No table of masks was named%', '... and says why it is empty') FROM pages;

-- Names that would be markup.
CREATE TABLE "a </script><script>alert(1)</script>" AS
SELECT CASE seed WHEN 1 THEN '"><img src=x onerror=alert(1)>' WHEN 2 THEN '''; DROP--é' ELSE seed::text END AS id,
	CASE WHEN seed % 2 = 0 THEN '<b>site</b>' ELSE '<!-- other' END AS site, s.image, s.mask
FROM generate_series(1, 12) AS seed, lesion_synthetic(seed, 48, 40) AS s;
ALTER TABLE "a </script><script>alert(1)</script>" ADD PRIMARY KEY (id);
CREATE TABLE masks (LIKE lesion_prediction);
CREATE TABLE "@ver'dicts" (LIKE lesion_verdict);
SELECT lesion_train('"a </script><script>alert(1)</script>"',
	'<script>alert(2)</script>', epochs => 2, architecture => 'unet',
	config => '{"base": 4, "depth": 2}', image_size => 32);
SELECT lesion_evaluate('"a </script><script>alert(1)</script>"', '<script>alert(2)</script>',
	'all', by_column => 'site');
CALL lesion_predict('"a </script><script>alert(1)</script>"', '<script>alert(2)</script>', 'masks');
UPDATE masks SET needs_review = true, error = CASE WHEN id = '3' THEN '<svg onload=alert(3)>' END;
SELECT lesion_verdict_add('"@ver''dicts"', 'masks', '"><img src=x onerror=alert(1)>', 'reject',
	'</td><script>alert(4)</script>');
INSERT INTO pages VALUES ('hostile', lesion_report(predictions => '{masks}', verdicts => '"@ver''dicts"',
	images => ARRAY['"a </script><script>alert(1)</script>"'::regclass],
	title => '</title><script>alert(5)</script>'));
SELECT is((SELECT count(*) FROM regexp_matches(page, '<(script|img src=x|b>|svg on|!--)', 'g')), 0::bigint,
	'no name is markup')
FROM pages WHERE what = 'hostile';
SELECT ok(page LIKE '%&#60;script&#62;alert(2)%' AND page LIKE '%&#34;&#62;&#60;img src&#61;x onerror&#61;alert(1)%'
	AND page LIKE '%DROP--&#233;%' AND page LIKE '%&#60;b&#62;site%' AND page LIKE '%alert(3)%'
	AND page LIKE '%alert(4)%'
	AND page LIKE '%alert(5)%', 'they are all shown') FROM pages WHERE what = 'hostile';
SELECT ok(page !~ '[^\x01-\x7e]', 'the page is ASCII') FROM pages WHERE what = 'hostile';
SELECT is((SELECT count(*) FROM regexp_matches(page, '(href|src)="(?!#|data:)', 'g')), 0::bigint,
	'nothing is asked for')
FROM pages WHERE what = 'hostile';
SELECT ok(page LIKE '%content="default-src ''none'';%', 'and a policy forbids it') FROM pages WHERE what = 'hostile';
SELECT is((SELECT count(*) FROM regexp_matches(page, '<img src="data:image/jpeg;base64,[A-Za-z0-9+/=]+" alt="',
	'g')), 15::bigint,
	'worst, median and best of two evaluations, and nine masks to check') FROM pages WHERE what = 'hostile';
SELECT ok(page LIKE '%<p class="figure">11</p>%'
	AND page LIKE '%Of 12 masks in the period, 12 (100 \%) were flagged; 1 of them have a verdict%',
	'what has a verdict does not wait') FROM pages WHERE what = 'hostile';
SELECT is((SELECT count(*) FROM regexp_matches(page, 'too small to judge', 'g')), 2::bigint, 'groups are judged')
FROM pages WHERE what = 'hostile';
SELECT is((SELECT count(*) FROM regexp_matches(lesion_report(pictures => 0), '<img', 'g')), 0::bigint,
	'without pictures');

SELECT ok(page LIKE '%<figcaption>3: could not be segmented, %' AND page LIKE '%<figcaption>4: predicted Dice 0.%',
	'an image without a mask has no predicted Dice') FROM pages WHERE what = 'hostile';

-- Images of tables that the caller did not name, or that are not those that were segmented, are said.
SELECT ok(page LIKE '%6 not shown: the table%' AND page LIKE '%9 not shown: the table%'
	AND page NOT LIKE '%<img src="data:image/jpeg%', 'without a table of images, no picture')
FROM lesion_report(predictions => '{masks}') AS page;
ALTER TABLE "a </script><script>alert(1)</script>" RENAME TO archive;
SELECT ok(lesion_report(predictions => '{masks}', images => '{archive}') LIKE '%9 not shown: the table%',
	'rows name a table as it was called');
UPDATE masks SET images = CASE WHEN id < '5' THEN 'no "name' WHEN id < '8' THEN 'a.b.c.d' ELSE '' END;
SELECT ok(lesion_report(predictions => '{masks}', images => '{archive}') LIKE '%9 not shown: the table%',
	'names of tables that are none');
UPDATE masks SET images = 'public.archive';
UPDATE masks SET image_sha256 = NULL WHERE id < '11';
UPDATE masks SET image_sha256 = '\x00' WHERE id BETWEEN '11' AND '2';
SELECT is((SELECT count(*) FROM regexp_matches(page, '<img src="data:image/jpeg', 'g')), 6::bigint,
	'an image that is another one is not shown')
FROM lesion_report(predictions => '{masks}', images => '{archive}') AS page;
-- A row with a mask above the reader's limit ends nothing; nor do images above it.
UPDATE masks AS m SET image_sha256 = sha256(a.image) FROM archive AS a WHERE a.id = m.id;
UPDATE masks SET mask = (SELECT mask FROM lesion_synthetic(1, 480, 400)) WHERE id = '9';
SET LOCAL lesionseg.max_pixels = 100000;
SELECT ok(page LIKE '%<img src="data:image/jpeg%' AND page LIKE '%1 cannot be shown: %lesionseg.max_pixels%',
	'a mask above the limit')
FROM lesion_report(predictions => '{masks}', images => '{archive}') AS page;
SET LOCAL lesionseg.max_pixels = 1000;
SELECT ok(page LIKE '%9 cannot be shown: %lesionseg.max_pixels%', 'images above the limit')
FROM lesion_report(predictions => '{masks}', images => '{archive}') AS page;
RESET lesionseg.max_pixels;

-- Nor does a model that needs more memory than the reader may take.
SELECT lesion_model_import('too large', lesion_model_export('<script>alert(2)</script>'), image_size => 2048);
SELECT lesion_evaluate('archive', 'too large', 'all');
SET LOCAL lesionseg.max_memory = '16MB';
SET LOCAL lesionseg.backend = 'openblas';	-- not as it was loaded for the evaluation
SELECT ok(page LIKE '%9 cannot be shown: %the model are above%', 'a model above the reader''s limit')
FROM lesion_report('{too large}', images => '{archive}') AS page;
RESET lesionseg.max_memory;
RESET lesionseg.backend;

-- Nor does one that takes longer than the reader waits.
SET LOCAL lesionseg.remake_timeout = 1;
SELECT ok(page LIKE '%9 cannot be shown: %lesionseg.remake_timeout%', 'a model above the reader''s time')
FROM lesion_report('{too large}', images => '{archive}') AS page;
SET LOCAL lesionseg.remake_timeout = 0;
SELECT is((SELECT count(*) FROM regexp_matches(page, '<img src="data:image/jpeg', 'g')), 9::bigint, '... who has time')
FROM lesion_report('{too large}', images => '{archive}') AS page;
RESET lesionseg.remake_timeout;

-- The page may be made beside parallel workers.
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SELECT ok(length(lesion_report('{too large}', images => '{archive}')) > 1000 AND c.n > 0, 'in a plan with workers')
FROM (SELECT count(*) AS n FROM pg_class AS c, generate_series(1, 100)) AS c;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

INSERT INTO masks (needs_review, predicted_at) SELECT true, now() - i * interval '1 day' FROM generate_series(0, 20) i;
INSERT INTO "@ver'dicts" (decided_at) VALUES (now());
SELECT ok(lesion_report(predictions => '{masks}', verdicts => '"@ver''dicts"') LIKE '<!DOCTYPE html>%</html>%',
	'rows of NULLs');
SELECT ok((SELECT count(*) FROM lesion_review_queue('masks', '"@ver''dicts"')) > 0
	AND (SELECT count(*) FROM lesion_reviewed_masks('masks', '"@ver''dicts"')) = 0,
	'... in the queue and among verdicts');
DELETE FROM masks WHERE id IS NULL;

-- Long texts of rows are cut, so that nobody's rows make the page too large; what the caller names is whole.
SAVEPOINT long_texts;
INSERT INTO masks (images, id, model, version, predicted_by, area, predicted_dice, predicted_at, needs_review, error)
SELECT 'public.archive', repeat(t, 1000), repeat(t, 1000), i, repeat(t, 100), 0.5, 0.5, now() - i * interval '7 days',
	true, repeat(t, 1000000)
FROM generate_series(0, 3) AS i, CAST('é' AS text) AS t;
INSERT INTO "@ver'dicts" (images, id, verdict, reason, model, version, decided_by, decided_at)
SELECT 'public.archive', repeat('é', 1000), 'reject', repeat('é', 1000000), repeat('é', 1000), 0, repeat('é', 100),
	now()
FROM generate_series(1, 50);
INSERT INTO pages VALUES ('long', lesion_report(predictions => '{masks}', verdicts => '"@ver''dicts"'));
SELECT ok(page LIKE '%<td class="words">' || repeat('&#233;', 200) || '&#8230;</td>%',
	'the start of a long text is shown')
FROM pages WHERE what = 'long';
SELECT ok(page NOT LIKE '%' || repeat('&#233;', 201) || '%', '... and no more of it') FROM pages WHERE what = 'long';
SELECT cmp_ok(length(page), '<', 2000000, 'the page is no larger for long texts') FROM pages WHERE what = 'long';
UPDATE masks SET id = repeat(U&'\+01F600', 200) || 'é', error = repeat(U&'\+01F600', 250);
SELECT ok(lesion_report(predictions => '{masks}') LIKE '%' || repeat('&#128512;', 200) || '&#8230;</td>%',
	'nor is a character of four bytes cut into two');
SELECT ok(page LIKE '%Models: ' || repeat('y', 300) || '.%' AND page LIKE '%<h1>' || repeat('x', 300) || '</h1>%',
	'what the caller gives is whole')
FROM lesion_report(ARRAY[repeat('y', 300)], title => repeat('x', 300)) AS page;
ROLLBACK TO long_texts;
SET LOCAL lesionseg.max_memory = '4GB';
SELECT throws_matching($$SELECT lesion_report(title => repeat(chr(1), 70000000))$$,
	'^the page has \d+ bytes, a text holds at most 1073741819$', 'a page that is larger than a text');
RESET lesionseg.max_memory;

-- Twenty models, and one of them.
SELECT lesion_model_import('model ' || i, lesion_model_export('convmixer'), 'convmixer') FROM generate_series(1, 20) i;
INSERT INTO pages VALUES ('twenty', lesion_report()), ('one', lesion_report(ARRAY['model 7']));
SELECT is((SELECT count(*) FROM generate_series(1, 20) i WHERE page LIKE '%>model ' || i || '<%'), 20::bigint,
	'all twenty')
FROM pages WHERE what = 'twenty';
SELECT is((SELECT count(*) FROM generate_series(1, 20) i WHERE page LIKE '%>model ' || i || '<%'), 1::bigint,
	'one alone')
FROM pages WHERE what = 'one';
SELECT ok(lesion_report('{nobody}') LIKE '%No model has a version.%', 'a model that is not there has nothing to show');

-- A training of very many epochs does not fill the page of others.
CREATE TABLE short_page AS SELECT length(lesion_report()) AS characters;
INSERT INTO lesion_epoch SELECT r.run, n, 0.5, 0.5, 0.5, 0.001, 1, 1, false
FROM (SELECT max(run) AS run FROM lesion_epoch) AS r, generate_series(1000, 30999) AS n;
SELECT cmp_ok(length(lesion_report()) - characters, '<', 200000, 'thirty thousand epochs more') FROM short_page;

-- The period.
SELECT ok(lesion_report(since => '2001-01-01', until => '2001-02-01', predictions => '{masks}')
	LIKE '%2001-01-01 00:00 to 2001-02-01 00:00.%Nothing was done to models in the period.%', 'another period');
SELECT throws_ok($$SELECT lesion_report(since => '2001-02-01', until => '2001-01-01')$$, '22023', NULL,
	'a period that is none');
SELECT throws_ok($$SELECT lesion_report(until => 'infinity')$$, '22023', NULL, 'a period without an end');
SELECT throws_ok($$SELECT lesion_report(until => '4714-12-10 BC')$$, '22023', NULL, '... or before all time');
SELECT throws_ok($$SELECT lesion_report(pictures => -1)$$, '22023', NULL, 'less than no pictures');
SELECT throws_ok($$SELECT lesion_report(predictions => '{archive}')$$, '42809',
	'public.archive is not a table of predictions',
	'a table of something else');
SELECT throws_ok($$SELECT lesion_report(images => '{masks}')$$, '42703', NULL, 'a table without images');
SELECT throws_ok($$SELECT lesion_report(images => '{archive}', image_column => 'site')$$, '42804', NULL,
	'a column that holds none');
SELECT throws_ok($$SELECT lesion_report(images => '{archive,NULL}')$$, '22004', NULL, 'a NULL among tables of images');
SELECT throws_ok(format('SELECT lesion_report(%s => array_fill(%s, ARRAY[1001]))', name, value), '54000', NULL,
	'too many ' || name)
FROM (VALUES ('models', '''unet''::text'), ('predictions', '''masks''::regclass'),
	('images', '''archive''::regclass')) AS a (name, value);
SELECT throws_ok($$SELECT lesion_report(predictions => '{masks,NULL}')$$, '22004', NULL, 'a NULL among tables');

-- A role that may see half of the rows, and no scores of single images.
CREATE ROLE lesion_test_reader;
GRANT SELECT ON masks, "@ver'dicts" TO lesion_test_reader;
SELECT throws_ok($$SET LOCAL ROLE lesion_test_reader; SELECT lesion_report(predictions => '{archive}')$$,
	'42809', NULL, 'as anyone');
RESET ROLE;
ALTER TABLE masks ENABLE ROW LEVEL SECURITY;
CREATE POLICY half ON masks TO lesion_test_reader USING (id < '5');
SET LOCAL ROLE lesion_test_reader;
SELECT is((SELECT substring(lesion_report(predictions => '{masks}') FROM 'Of ([0-9]+) masks in the period')),
	(SELECT count(*)::text FROM masks), 'rows that a policy hides are not counted');
SELECT ok(lesion_report() LIKE '%GRANT SELECT ON lesion_image_score%'
	AND lesion_report() LIKE '%GRANT SELECT ON lesion_subgroups%',
	'what was not granted is said');
SELECT throws_ok($$SELECT lesion_report(predictions => '{masks}', images => '{archive}')$$, '42501', NULL,
	'a table of images that it may not read');
RESET ROLE;
REVOKE SELECT ON masks FROM lesion_test_reader;
SET LOCAL ROLE lesion_test_reader;
SELECT throws_ok($$SELECT lesion_report(predictions => '{masks}')$$, '42501', NULL,
	'a table that was named must be readable');
RESET ROLE;
SELECT is((SELECT provolatile::text FROM pg_proc WHERE proname = 'lesion_report'), 's', 'it changes nothing');
SET LOCAL array_nulls = off;
SELECT lives_ok('SELECT lesion_report()', 'it is made with array_nulls = off');

SELECT * FROM finish();
ROLLBACK;
