-- What lesion_report counts: images once, whatever segmented them, and to check the masks that are in use.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(8);

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
SELECT ok(page LIKE '%The week before: 4. Could not be segmented: 1.%',
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

SELECT * FROM finish();
ROLLBACK;
