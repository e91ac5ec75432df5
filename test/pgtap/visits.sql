-- The photographs of lesions by date.
BEGIN;
\ir ../data/drawn_mask.sql
SET LOCAL client_min_messages = error;
SELECT plan(25);

-- Lesion a is photographed four times: it stays, is photographed under another light, then is cut closer; the last
-- time with a mask that is larger. Lesion b is seen once.
-- The table has a column no more, as many have.
CREATE TABLE visits (id text PRIMARY KEY, lesion text, gone int, visited_on date, image bytea, mask bytea);
ALTER TABLE visits DROP COLUMN gone;
INSERT INTO visits SELECT 'a1', 'a', '2024-01-01', image, mask FROM lesion_synthetic(3, 320, 240);
INSERT INTO visits SELECT 'a2', 'a', '2024-03-01', lesion_degrade(image, 'uneven_light', 2), mask FROM visits
	WHERE id = 'a1';
INSERT INTO visits SELECT 'a3', 'a', '2024-03-31', lesion_crop(image, mask, 0.3), lesion_crop(mask, mask, 0.3)
	FROM visits WHERE id = 'a1';
INSERT INTO visits SELECT 'b1', 'b', '2024-02-01', image, mask FROM lesion_synthetic(8, 200, 150);
INSERT INTO visits VALUES ('n1', 'n', '2024-02-01', NULL, NULL), ('n2', NULL, '2024-02-01', 'x', 'y'),
	('n3', 'n', NULL, 'x', 'y');
CREATE TEMP TABLE seen AS SELECT * FROM lesion_visits('visits', 'lesion', 'visited_on');

SELECT is((SELECT array_agg(lesion || visit || id ORDER BY lesion, visit) FROM seen), '{a1a1,a2a2,a3a3,b1b1}'::text[],
	'visits of each lesion by date, rows with a NULL left out');
SELECT is((SELECT array_agg(visited ORDER BY visited) FROM seen WHERE lesion = 'a'),
	'{2024-01-01 00:00:00,2024-03-01 00:00:00,2024-03-31 00:00:00}'::timestamp[], 'and their dates');
SELECT ok((SELECT bool_and(s.area = (lesion_measure(v.mask)).area) FROM seen s JOIN visits v USING (id)),
	'areas are those of lesion_measure');
SELECT is((SELECT count(*) FROM seen WHERE area_mm2 IS NOT NULL OR change_mm2 IS NOT NULL), 0::bigint,
	'no spacing, no mm');
SELECT is((SELECT (sure, confidence, change_percent, growth_per_month, first_sure, first_change_percent)::text FROM seen
	WHERE id = 'a1'), '(,,,,,)', 'the first visit has none before it');
SELECT ok((SELECT s.sure = f.sure AND s.confidence = f.confidence AND s.change_percent = f.change_percent
	FROM seen s, visits a, visits b, lesion_follow(a.image, a.mask, b.image, b.mask) AS f
	WHERE s.id = 'a2' AND a.id = 'a1' AND b.id = 'a2'), 'the second is compared with the first by lesion_follow');
SELECT is((SELECT (first_sure, first_confidence, first_change_percent, first_growth_per_month) FROM seen
	WHERE id = 'a2'),
	(SELECT (sure, confidence, change_percent, growth_per_month) FROM seen WHERE id = 'a2'),
	'of the second visit both comparisons are one');
SELECT ok((SELECT s.change_percent = p.change_percent AND s.first_change_percent = f.change_percent
		AND s.confidence = p.confidence AND s.first_confidence = f.confidence AND s.first_sure = f.sure
	FROM seen s, visits a, visits b, visits c, lesion_follow(b.image, b.mask, c.image, c.mask) AS p,
		lesion_follow(a.image, a.mask, c.image, c.mask) AS f
	WHERE s.id = 'a3' AND a.id = 'a1' AND b.id = 'a2' AND c.id = 'a3'), 'the third with the second and with the first');
SELECT ok((SELECT abs(growth_per_month - change_percent / (30 / 30.4375)) < 1e-9
	AND abs(first_growth_per_month - first_change_percent / (90 / 30.4375)) < 1e-9 FROM seen WHERE id = 'a3'),
	'growth is the change for a month of 30.4375 days');

-- A lesion that grows by a known share.
CREATE TABLE grown AS SELECT 1 AS id, 'g' AS lesion, '2024-01-01 10:00+00'::timestamptz AS at, image, mask
	FROM lesion_synthetic(3, 320, 240);
INSERT INTO grown SELECT 2, 'g', '2024-01-31 10:00+00', v.image, l.mask
	FROM visits v, (SELECT lesion_segment_classical(image) AS mask FROM visits WHERE id = 'a1') l WHERE v.id = 'a1';
SELECT ok((SELECT abs(s.change_percent - 100 * (b.area / a.area - 1)) < 1
	FROM lesion_visits('grown', 'lesion', 'at', id_column => 'id', pixel_spacing => '{0.1}') s,
		(SELECT (lesion_measure(mask)).area FROM grown WHERE id = 1) a,
		(SELECT (lesion_measure(mask)).area FROM grown WHERE id = 2) b WHERE s.visit = 2),
	'the change is that of the masks');
SELECT ok((SELECT abs(area_mm2 - area * 0.01) < 1e-9 AND change_mm2 IS NOT NULL AND first_change_mm2 = change_mm2
	FROM lesion_visits('grown', 'lesion', 'at', id_column => 'id', pixel_spacing => '{0.1}') WHERE visit = 2),
	'in mm2 where a spacing is given');
SET LOCAL timezone = 'Asia/Tokyo';
SELECT is((SELECT visited FROM lesion_visits('grown', 'lesion', 'at', id_column => 'id') WHERE visit = 1),
	'2024-01-01 10:00'::timestamp, 'times are those of UTC, wherever the session is');
UPDATE grown SET at = '2024-01-31';
SELECT is((SELECT (visit, id, growth_per_month)::text FROM lesion_visits('grown', 'lesion', 'at', id_column => 'id')
	WHERE visit = 2), '(2,2,)', 'two photographs of one moment are in the order of their ids, without a growth');

-- One lesion, views, masks that a model makes.
SELECT is((SELECT array_agg(id) FROM lesion_visits('visits', 'lesion', 'visited_on', one_lesion => 'b')),
	'{b1}'::text[], 'one lesion alone');
CREATE VIEW history AS SELECT * FROM lesion_visits('visits', 'lesion', 'visited_on');
SELECT is((SELECT count(*) FROM history), 4::bigint, 'a view of it');
CREATE VIEW photographs AS SELECT id, lesion, visited_on, image FROM visits WHERE image IS NOT NULL AND id < 'n';
SELECT ok((SELECT s.area = (lesion_measure(lesion_segment(v.image, 'linknet'))).area
	FROM lesion_visits('photographs', 'lesion', 'visited_on', id_column => 'id', model => 'linknet',
		one_lesion => 'b') s JOIN visits v USING (id)), 'a model makes masks where there are none');

-- Dates that no timestamp holds, or that are not finite, are left out; all others count.
INSERT INTO visits SELECT 'f' || n, 'f', day, image, mask
FROM visits, unnest('{infinity,-infinity,294277-01-01,5874897-12-31,4713-01-01 BC,0999-01-01,294276-12-31}'::date[])
	WITH ORDINALITY AS d (day, n) WHERE id = 'b1';
SELECT is((SELECT array_agg(id ORDER BY visit) FROM lesion_visits('visits', 'lesion', 'visited_on', one_lesion => 'f')),
	'{f5,f6,f7}'::text[], 'dates that are no timestamp are left out');
UPDATE grown SET at = CASE id WHEN 1 THEN '4713-01-01 00:00+00 BC'::timestamptz ELSE '294276-12-31 00:00+00' END;
SELECT is((SELECT round((change_percent / growth_per_month / 12)::numeric, -2)
	FROM lesion_visits('grown', 'lesion', 'at', id_column => 'id') WHERE visit = 2), 299000::numeric,
	'the months between dates that are as far from another as can be');
UPDATE grown SET at = CASE id WHEN 1 THEN '-infinity'::timestamptz ELSE '294276-12-31 23:59:59.999999+00' END;
SELECT is((SELECT array_agg(visit || ' ' || id) FROM lesion_visits('grown', 'lesion', 'at', id_column => 'id')),
	'{"1 2"}'::text[], 'and times without an end');
DELETE FROM visits WHERE lesion = 'f';

-- Errors.
SELECT throws_ok($$SELECT lesion_visits('visits', 'patient', 'visited_on')$$, '42703',
	'"visits" has no column "patient"', 'a column that does not exist');
SELECT throws_ok($$SELECT lesion_visits('visits', 'lesion', 'day')$$, '42703', '"visits" has no column "day"',
	'a date that does not exist');
SELECT throws_ok($$SELECT lesion_visits('visits', 'lesion', 'image')$$, '42804',
	'column "image" of public.visits is of type bytea, not a date', 'no date');
SELECT throws_ok($$SELECT lesion_visits('visits', 'lesion', NULL)$$, '22004', NULL, 'nothing to order by');
INSERT INTO visits VALUES ('c1', 'c', '2024-02-01', 'no image', drawn_mask('#..'));
SELECT throws_ok($$SELECT lesion_visits('visits', 'lesion', 'visited_on', one_lesion => 'c')$$, '22P03', NULL,
	'a photograph that cannot be read');
CREATE ROLE lesion_test_user;
SET LOCAL ROLE lesion_test_user;
SELECT throws_ok($$SELECT lesion_visits('visits', 'lesion', 'visited_on')$$, '42501', NULL,
	'the rights are the caller''s');

SELECT * FROM finish();
ROLLBACK;
