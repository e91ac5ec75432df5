-- What lesion_report counts: images once, whatever segmented them, to check the masks that are in use and that nobody
-- looked at; and of the period alone.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(36);

CREATE TABLE masks (LIKE lesion_prediction);
-- Ten images of today, which three models segmented; four of last week, which a second model segmented today.
INSERT INTO masks (images, id, model, version, predicted_at)
SELECT 'x', n::text, m, 0, '2026-03-18 12:00 UTC' FROM generate_series(1, 10) AS n,
	unnest('{unet,linknet,convmixer}'::text[]) AS m;
INSERT INTO masks (images, id, model, version, predicted_at)
SELECT 'x', n::text, m, 0, CASE m WHEN 'unet' THEN '2026-03-09 12:00 UTC' ELSE '2026-03-18 12:00 UTC' END::timestamptz
FROM generate_series(11, 14) AS n, unnest('{unet,linknet}'::text[]) AS m;
-- One that two models cannot segment.
INSERT INTO masks (images, id, model, version, predicted_at, error)
SELECT 'x', '15', m, 0, '2026-03-18 12:00 UTC', 'broken' FROM unnest('{unet,linknet}'::text[]) AS m;
-- Another version of a model flags five of the images later, and one that the active version has not seen.
INSERT INTO masks (images, id, model, version, needs_review, predicted_at)
SELECT 'x', n, 'unet', 7, true, '2026-03-18 13:00 UTC' FROM unnest('{1,2,3,4,5,20}'::text[]) AS n;
-- A second model flags one.
UPDATE masks SET needs_review = true WHERE id = '1' AND model = 'convmixer';

CREATE TEMP TABLE page AS SELECT lesion_report(predictions => '{masks}', until => '2026-03-19 00:00 UTC') AS page;
SELECT is((regexp_match(page, 'Images this week</a></h2>\s*<p class="figure">(\d+)<'))[1], '12', 'images of the week')
FROM page;
SELECT ok(page LIKE '%in the 7 before: 4. Could not be segmented: 1.%',
	'... and of the week before, once each') FROM page;
SELECT matches(page, 'Images a week, public.masks[^"<]*03-09: 4[^"<]*03-16: 12', '... in the chart, too') FROM page;
SELECT is((regexp_match(page, 'To check</a></h2>\s*<p class="figure">(\d+)<'))[1], '4',
	'masks to check are those of active versions, and of others where there is none') FROM page;
SELECT ok(page LIKE '%Of 41 masks in the period, 4 (10 \%) were flagged%', '... of as many') FROM page;
SELECT is((SELECT string_agg(m[1] || ' ' || m[2] || ' ' || m[3], ', ' ORDER BY m) FROM regexp_matches(
	substring(page FROM 'The first 100 masks to check.*?</table>'),
	'>(\d+)</th><td[^>]*>x</td><td[^>]*>(\w+)</td><td[^>]*>(\d)</td>', 'g') AS m),
	'1 convmixer 0, 15 linknet 0, 15 unet 0, 20 unet 7', '... and stand in the table') FROM page;
SELECT is((regexp_match(page, 'Images this week</a></h2>\s*<p class="figure">(\d+)<'))[1], '10', 'of one model alone')
FROM lesion_report('{convmixer}', predictions => '{masks}', until => '2026-03-19 00:00 UTC') AS page;

-- When the other version becomes the active one, its masks are those to check.
SELECT lesion_model_import('net', lesion_model_export('convmixer')), lesion_model_import('net',
	lesion_model_export('convmixer'));
UPDATE masks SET model = 'net', version = CASE version WHEN 7 THEN 1 ELSE 2 END WHERE model = 'unet';
SELECT lesion_model_promote('net', 1);
SELECT is((regexp_match(page, 'To check</a></h2>\s*<p class="figure">(\d+)<'))[1], '9', 'what is active decides')
FROM lesion_report(predictions => '{masks}', until => '2026-03-19 00:00 UTC') AS page;

-- Who has gone through the queue has nothing to check: a verdict is on the latest mask of an image, so the earlier mask
-- of another model, flagged as it is, was looked at, too. A mask that is made afterwards was not.
CREATE TABLE masks_two (LIKE lesion_prediction);
CREATE TABLE verdicts (LIKE lesion_verdict);
INSERT INTO masks_two (images, id, model, version, mask, needs_review, predicted_dice, predicted_at)
SELECT 'x', n::text, m, 0, (SELECT mask FROM lesion_synthetic(n, 32, 32)), m = 'unet', NULL,
	CASE m WHEN 'unet' THEN now() - interval '3 hours' ELSE now() - interval '2 hours' END
FROM generate_series(1, 5) AS n, unnest('{unet,linknet}'::text[]) AS m;
CREATE FUNCTION to_check() RETURNS text LANGUAGE sql AS $$
	SELECT (regexp_match(lesion_report(predictions => '{masks_two}', verdicts => 'verdicts',
		until => now() + interval '1 hour'), 'To check</a></h2>\s*<p class="figure">(\d+)<'))[1] $$;
SELECT is(to_check(), '5', 'flagged masks of the first model wait');
UPDATE masks_two SET mask = (SELECT mask FROM lesion_synthetic(9, 32, 32)) WHERE model = 'linknet';
SELECT is((SELECT count(lesion_verdict_add('verdicts', 'masks_two', id, 'accept'))
	FROM lesion_review_queue('masks_two', 'verdicts')), 5::bigint, 'somebody looks at the image, with the latest mask');
SELECT is((SELECT count(*) FROM verdicts AS v JOIN masks_two AS m ON m.id = v.id AND sha256(m.mask) = v.mask_sha256
	AND m.model = 'unet'), 0::bigint, '... which is of the other model');
SELECT is(to_check(), '0', '... and nothing waits any more');
UPDATE verdicts SET decided_at = 'infinity' WHERE id = '1';
SELECT is(to_check(), '1', 'a verdict of a time to come counts for no other mask');
UPDATE masks_two SET predicted_at = clock_timestamp() WHERE model = 'unet' AND id IN ('2', '3');
SELECT is(to_check(), '3', 'masks that were made after the verdict wait');
UPDATE verdicts SET decided_at = clock_timestamp() WHERE id IN ('2', '3');
SELECT is(to_check(), '3', '... also where a verdict on another mask came after them, as they were not to be seen yet');
INSERT INTO verdicts (images, id, model, version, verdict, mask_sha256, decided_by, decided_at)
SELECT 'x', id, 'unet', 0, verdict, CASE verdict WHEN 'accept' THEN '\x01' ELSE sha256(mask) END, current_user,
	clock_timestamp()
FROM masks_two, unnest('{accept,whatever}'::text[]) AS verdict WHERE model = 'unet';
SELECT is(to_check(), '3', '... and where one by hand is on a mask that there is not, or none of the three');
SELECT is((SELECT count(*) FROM lesion_review_queue('masks_two', 'verdicts')), 2::bigint,
	'... which the queue shows, too');
DELETE FROM verdicts WHERE mask_sha256 = '\x01' OR verdict = 'whatever';

-- The verdicts of other models are not counted where models are named.
UPDATE verdicts SET decided_at = now();
SELECT is((SELECT array_agg((regexp_match(page, 'Verdicts</a></h2>\s*<p class="figure">(\d+)<'))[1] ORDER BY model)
	FROM unnest('{linknet,unet}'::text[]) AS model, lesion_report(ARRAY[model], verdicts => 'verdicts') AS page),
	'{5,0}', 'verdicts by model');
SELECT is((SELECT array_agg(page LIKE '%Who looked%' ORDER BY model) FROM unnest('{linknet,unet}'::text[]) AS model,
	lesion_report(ARRAY[model], verdicts => 'verdicts') AS page), '{t,f}', '... and who gave them');

-- What was measured before the period is not news of it.
CREATE TABLE archive AS SELECT seed AS id, s.* FROM generate_series(1, 4) AS seed, lesion_synthetic(seed, 64, 64) AS s;
ALTER TABLE archive ADD PRIMARY KEY (id);
SELECT lesion_evaluate('archive', 'unet', 'all');
UPDATE lesion_evaluation SET evaluated_at = '2026-01-20 12:00 UTC';
CREATE FUNCTION tile(period_start timestamptz, period_end timestamptz, name text) RETURNS text LANGUAGE sql AS $$
	SELECT (regexp_match(lesion_report(since => period_start, until => period_end, predictions => '{masks}'),
		'<li class="(\w+)">(?:<span[^<]*</span>)?<h2><a href="#\w+">' || name))[1] $$;
SELECT ok(lesion_report(since => '2026-02-01', until => '2026-03-01') LIKE
	'%public.archive (all), of 2026-01-20. Not evaluated in the period.%', 'an evaluation before the period is old');
SELECT is(tile('2026-02-01', '2026-03-01', 'Quality'), 'unknown', '... and not called good');
SELECT is(tile('2026-01-01', '2026-02-01', 'Quality'), 'plain', 'one of the period has nothing to be compared with');
SELECT is(tile('2026-04-01', '2026-05-01', 'Change') || tile('2026-04-01', '2026-05-01', 'To check'), 'unknownunknown',
	'nor are masks of before the period');

-- Nor are its groups, two of which are as good.
CREATE VIEW twice AS SELECT n AS id, CASE WHEN n % 2 = 0 THEN 'arm' ELSE 'leg' END AS site, a.image, a.mask
FROM generate_series(0, 79) AS n JOIN archive AS a ON a.id = 1 + n / 2 % 4;
SELECT lesion_evaluate('twice', 'unet', 'all', id_column => 'id', by_column => 'site');
UPDATE lesion_evaluation SET evaluated_at = '2026-01-20 12:00 UTC';
SELECT is(tile('2026-01-01', '2026-02-01', 'Worst'), 'good', 'groups that were measured in the period');
SELECT is(tile('2026-02-01', '2026-03-01', 'Worst') || ' ' || (lesion_report(since => '2026-02-01',
	until => '2026-03-01') LIKE '%chance may explain it. Not of the period: evaluated 2026-01-20.%'), 'unknown true',
	'... and before it');

-- Whoever may evaluate may score any version: the page compares with the one that was active.
SELECT lesion_model_import('work', lesion_model_export('linknet'));
SELECT lesion_evaluate('archive', 'work', 'all');
SELECT lesion_model_import('work', lesion_model_export('linknet', dtype => 'f16'), promote => false);
UPDATE lesion_promotion SET promoted_at = '2026-01-02 UTC' WHERE model = 'work';
UPDATE lesion_evaluation SET evaluated_at = '2026-01-03 UTC' WHERE model = 'work';
SELECT lesion_evaluate('archive', 'work', 'all');
UPDATE lesion_evaluation SET evaluated_at = '2026-01-20 UTC' WHERE model = 'work' AND evaluated_at > '2026-02-01';
CREATE FUNCTION compared() RETURNS text LANGUAGE sql AS $$
	SELECT (regexp_match(lesion_report('{work}', since => '2026-01-10', until => '2026-02-01'),
		'Before the period: [0-9.]*|No evaluation before the period'))[1] $$;
CREATE TEMP TABLE compared_with AS SELECT compared() AS before;
SELECT alike(before, 'Before the period: %', 'an evaluation of the version that was active') FROM compared_with;
SELECT lesion_evaluate('archive', 'work', 'all', version => 2);
UPDATE lesion_evaluation SET evaluated_at = '2026-01-05 UTC', dice = 0.001 WHERE model = 'work' AND version = 2;
SELECT is(compared(), before, '... and no other') FROM compared_with;

-- Many promotions do not push other events off the log.
SELECT lesion_model_import('copy', lesion_model_export('unet'), 'unet');
SELECT count(lesion_model_promote(m, 0)) FROM generate_series(1, 250), unnest('{unet,linknet}'::text[]) AS m;
CREATE TEMP TABLE log AS
SELECT regexp_replace((regexp_match(lesion_report(), 'Log of models.*?</table>'))[1], '<[^>]*>', ' ', 'g') AS log;
SELECT ok(log ~ ' import +copy +1 ', 'an import before 500 promotions is in the log') FROM log;
SELECT is((SELECT count(*) FROM regexp_matches(log, ' 250 +promote +(unet|linknet) +0 ', 'g')), 2::bigint,
	'... and these are two rows') FROM log;

-- Nor do made-up names that sort first push others off the log of use.
INSERT INTO masks_two (images, id, model, version, predicted_by, predicted_at)
SELECT 'x', 'y' || n, 'a' || n, 0, '!' || n, now() FROM generate_series(1, 300) AS n;
INSERT INTO verdicts (images, id, model, version, verdict, decided_by, decided_at)
SELECT 'x', 'y' || n, 'a' || n, 0, 'accept', '!' || n, now() FROM generate_series(1, 300) AS n;
UPDATE masks_two SET predicted_by = 'true_job' WHERE predicted_by IS NULL;
SELECT matches((regexp_match(page, '<caption>' || caption || '.*?</table></div>\s*<p>[^<]*</p>'))[1],
	row || '.*<p>These are the first 200 of 30\d rows', 'made-up names hide nobody: ' || caption)
FROM lesion_report(predictions => '{masks_two}', verdicts => 'verdicts', until => now() + interval '1 hour') AS page,
	(VALUES ('Masks by who made them', '>true_job<'), ('Who looked', format('>%s<', current_user)),
		('Verdicts by version', '>linknet<')) AS t (caption, row);

-- Verdicts and masks without a key are joined: the time is not that of their product.
CREATE TABLE many (LIKE lesion_prediction);
CREATE TABLE said (LIKE lesion_verdict);
INSERT INTO many (images, id, model, version, mask, predicted_at)
SELECT 'x', n::text, 'unet', 0, mask || int4send(n), now()
FROM generate_series(1, 10000) AS n, archive WHERE archive.id = 1;
INSERT INTO said (images, id, model, version, verdict, mask_sha256, corrected_mask, decided_at)
SELECT images, id, model, version, 'correct', sha256(mask),
	CASE WHEN id::int > 9990 OR again = 2 THEN mask ELSE '\x00' END, clock_timestamp() - again * interval '1 minute'
FROM many, generate_series(1, 2) AS again;
SET LOCAL statement_timeout = '40s';
SELECT is((SELECT count(*) FROM lesion_reviewed_masks('many', 'said')), 10000::bigint, 'many reviewed masks');
CREATE TEMP TABLE table_of_verdicts AS
SELECT regexp_replace((regexp_match(lesion_report(since => now() - interval '1 hour',
	until => clock_timestamp(), predictions => '{many}', verdicts => 'said'), 'Verdicts by version.*?</table>'))[1],
	'<[^>]*>', ' ', 'g') AS words;
SELECT alike(words, '% 20000 %', 'many verdicts') FROM table_of_verdicts;
SELECT matches(words, ' 1\.000\s*$', '... of which the latest of an image is compared') FROM table_of_verdicts;
-- Each of many verdicts on equal masks of one image, of as many versions, counts once.
TRUNCATE many, said;
INSERT INTO many (images, id, mask, model, version, predicted_at)
SELECT 'public.many', 'one', '\x01', 'net', version, now() - interval '1 hour'
FROM generate_series(1, 10000) AS version;
INSERT INTO said (images, id, verdict, mask_sha256, decided_at)
SELECT 'public.many', 'one', 'accept', sha256('\x01'), now() FROM generate_series(1, 10000);
SELECT lives_ok($$SELECT lesion_report(predictions => '{many}', verdicts => 'said', pictures => 0)$$,
	'many verdicts on many equal masks');
RESET statement_timeout;

SELECT * FROM finish();
ROLLBACK;
